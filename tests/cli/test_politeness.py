"""What a host sees of each command, counted at the host itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from posdiag.link import framing_search
from posdiag.probes import discover
from posdiag.simulate.host import DEFAULT_ECHO, HostFaults, SimulatedHost
from tests.cli.typed import typed

MOST_CONNECTS, MOST_ECHOES, MOST_TRIES = 20, 3, 8


class Shop:
    """A host with a site file that names it as every host of an acquirer."""

    def __init__(self, folder: Path, **faults: object) -> None:
        self.host = SimulatedHost(HostFaults(**faults), DEFAULT_ECHO)  # type: ignore[arg-type]
        self.host.start()
        self.path = folder / "site.toml"
        self.write()

    def write(self, **settings: object) -> None:
        port = self.host.port
        roles = ("primary", "backup", "tms")
        hosts = ", ".join(
            f'{{ role = "{role}", address = "127.0.0.1", port = {port}, tls = false }}'
            for role in roles
        )
        lines = [
            'acquirer = "unionpay_tcp_private_apn"',
            'laptop_at = "same_lan"',
            'tid = "87654321"',
            'mid = "543210987654321"',
            "simulated = true",
            "[set]",
            f'"acquirer.hosts" = [{hosts}]',
            '"acquirer.reach" = "public"',
            '"acquirer.limits.echo_s" = 0.5',
            *(f'"{key}" = "{value}"' for key, value in settings.items()),
        ]
        self.path.write_text("\n".join(lines), encoding="utf-8")

    def counts(self) -> tuple[int, int]:
        """Return connects and requests, once its threads have written them down."""
        time.sleep(0.2)
        return self.host.connects, self.host.requests


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.host.stop()


@pytest.mark.parametrize("probe", sorted(discover()))
def test_each_probe_alone(shop: Shop, capfd: pytest.CaptureFixture[str], probe: str) -> None:
    typed(capfd, "probe", probe, str(shop.path), "--budget", "5", "--json")
    connects, requests = shop.counts()
    assert connects <= MOST_CONNECTS
    assert requests <= MOST_ECHOES
    if probe == "host":
        assert (connects, requests) == (1, 3)
    if probe == "sign_on":
        assert (connects, requests) == (0, 0)


@pytest.mark.parametrize("more", [[], ["--allow", "echo-live-tid"], ["--allow", "sign-on"]])
def test_a_run(shop: Shop, capfd: pytest.CaptureFixture[str], more: list[str]) -> None:
    typed(capfd, "run", str(shop.path), "--budget", "8", "--no-save", "--json", *more)
    connects, requests = shop.counts()
    sign_ons = shop.host.journal.count("request 0800")
    assert connects <= MOST_CONNECTS
    assert sign_ons == (1 if "sign-on" in more else 0)
    assert requests - sign_ons <= MOST_ECHOES


@pytest.mark.parametrize("command", [["run", "--plan"], ["profile", "list"], ["explain"]])
def test_commands_that_send_nothing(
    shop: Shop, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    arguments = [*command, str(shop.path)] if command[0] == "run" else command
    typed(capfd, *arguments)
    assert shop.counts() == (0, 0)


def test_a_search(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(framing_search, "_pause", lambda _deadline: pauses.append(5.0))
    shop.write(**{"acquirer.echo.framing": "binary3"})
    done = typed(capfd, "probe", "host", str(shop.path), "--try-framings", "--json")
    connects, requests = shop.counts()
    assert done.code == 0
    assert 'echo.framing = \\"binary2\\"' in done.out
    assert connects <= MOST_TRIES
    assert len(pauses) == connects - 1
    assert not [line for line in shop.host.journal if "0800" in line]
    assert requests <= MOST_TRIES


def test_a_search_that_finds_nothing_stops_at_eight(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing_search, "PAUSE_S", 0.01)
    shop.write(**{"acquirer.echo.header": "602200000001", "acquirer.echo.tpdu": "7000030000"})
    shop.host.stop()
    silent = SimulatedHost(HostFaults(accept_silent=True), DEFAULT_ECHO)
    silent.start()
    try:
        shop.host = silent
        shop.write()
        typed(capfd, "probe", "host", str(shop.path), "--try-framings")
        time.sleep(0.2)
        assert 5 <= silent.connects <= MOST_TRIES
    finally:
        silent.stop()


def test_a_search_is_the_host_probes(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    assert typed(capfd, "probe", "dns", str(shop.path), "--try-framings").code == 64
    assert shop.counts() == (0, 0)


@pytest.mark.parametrize("command", [["run", "--no-save"], ["probe", "sign_on"]])
def test_a_live_sign_on_without_a_terminal_is_refused_before_a_socket_opens(
    shop: Shop, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    done = typed(capfd, *command, str(shop.path), "--allow", "sign-on-live")
    assert done.code == 64
    assert "typed again" in done.err
    assert shop.counts() == (0, 0)


def test_a_live_number_and_only_the_consent_for_a_test_number(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    shop.write(**{"acquirer.echo.test_tid": "", "acquirer.echo.test_mid": ""})
    done = typed(capfd, "probe", "sign_on", str(shop.path), "--allow", "sign-on", "--json")
    assert done.code == 3
    assert "sign-on-live" in done.out
    assert shop.counts() == (0, 0)


@pytest.mark.parametrize(("line", "code"), [("87654321\n", 0), ("12345678\n", 64), ("", 64)])
def test_the_number_is_typed_again(
    shop: Shop,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    code: int,
) -> None:
    import io

    monkeypatch.setattr("posdiag.cli.questions.can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(line))
    done = typed(capfd, "probe", "sign_on", str(shop.path), "--allow", "sign-on-live")
    assert done.code == code
    assert shop.counts()[0] == (0 if code else 1)
    if not code:
        assert done.out.rstrip().endswith("has made new working keys for it.")
        assert "Now sign on at the terminal" in done.out


def test_a_test_number_leaves_the_terminal_alone(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    done = typed(capfd, "probe", "sign_on", str(shop.path), "--allow", "sign-on")
    assert done.code == 0
    assert "Now sign on" not in done.out


def test_no_key_is_taken_as_a_fact(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    key = "0123456789ABCDEF0123456789ABCDEF"
    done = typed(capfd, "run", str(shop.path), "--no-save", "--fact", f"pik_check_value={key}")
    assert done.code == 65
    assert shop.counts() == (0, 0)
