"""Packets of full size: over a line that carries them, one that says no, one that swallows them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from posdiag.link import long_hello, path_mtu
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.site import HostEndpoint, NetworkSettings, Politeness, Reach, Site
from posdiag.probes import mtu
from posdiag.probes.probe import ProbeContext
from tests.conditions.shop_line import REFERENCE, ShopLine
from tests.probes.device_runs import Yielded
from tests.probes.host_runs import HOME, QUICK, StartHost, connects, endpoint
from tests.probes.host_runs import site as host_site
from tests.probes.line_runs import shop_line, site_of
from tests.testbed.needs import needs_links
from tests.testbed.seen import probe_in

WITHOUT_RAW = ("setpriv", "--bounding-set=-net_raw")
"""As an ordinary user where ``net.ipv4.ping_group_range`` is empty, as it is in a new namespace."""
NAMES = ("path_mtu.large_packets", "path_mtu.largest")


@pytest.fixture(scope="module")
def line() -> Iterator[ShopLine]:
    with shop_line("mt") as found:
        yield found


@needs_links
def test_answered(line: ShopLine) -> None:
    line.links["core"].reset()
    seen = probe_in(line.links["lan"], "mtu", site_of(line))
    assert [seen.values(name) for name in NAMES] == [["answered"], [1500]]


@needs_links
def test_a_black_hole(line: ShopLine) -> None:
    line.links["core"].set(mtu_blackhole=1400)
    seen = probe_in(line.links["lan"], "mtu", site_of(line))
    line.links["core"].reset()
    assert seen.values("path_mtu.large_packets") == ["lost"]
    assert 1392 <= seen.values("path_mtu.largest")[0] <= 1400


@needs_links
def test_a_router_that_says_so(line: ShopLine) -> None:
    line.links["core"].run("a", ["ip", "link", "set", "core0", "mtu", "1300"])
    seen = probe_in(line.links["lan"], "mtu", site_of(line))
    line.links["core"].run("a", ["ip", "link", "set", "core0", "mtu", "1500"])
    assert seen.values("path_mtu.large_packets") == ["told"]
    assert 1292 <= seen.values("path_mtu.largest")[0] <= 1300


@needs_links
def test_nobody_there_and_a_budget_that_ends(line: ShopLine) -> None:
    line.links["core"].set(down=True)
    seen = probe_in(line.links["lan"], "mtu", site_of(line), "--budget", "2")
    line.links["core"].reset()
    assert seen.outcome["status"] == "not_run"
    assert seen.outcome["reason"] == "earlier_step_failed"
    assert "censored" in seen.outcome["detail"]


def context(**network: object) -> ProbeContext:
    site = Site(network=NetworkSettings(**network))  # type: ignore[arg-type]
    return ProbeContext(site, Deadline.after(5), HostAllowance())


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ({}, NotRunReason.NOT_DECLARED),
        ({"reference": "127.0.0.1", "method": "dns"}, NotRunReason.NOT_APPLICABLE),
    ],
)
def test_cannot_run(network: dict[str, object], reason: NotRunReason) -> None:
    with pytest.raises(CannotRun) as caught:
        list(mtu.PROBE.run(context(**network)))
    assert caught.value.reason is reason


def test_small_packets_are_the_affair_of_another_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_args: object, **_kwargs: object) -> None:
        raise LinkError(FailureKind.SILENT, Operation.PING)

    monkeypatch.setattr(mtu, "path_mtu", silent)
    with pytest.raises(CannotRun) as caught:
        list(mtu.PROBE.run(context(reference="127.0.0.1")))
    assert caught.value.reason is NotRunReason.EARLIER_STEP_FAILED
    assert path_mtu.FULL_BYTES == 1500


@needs_links
@pytest.mark.parametrize("hole", [0, 1300, 1490])
def test_without_icmp_two_hellos_tell(line: ShopLine, hole: int) -> None:
    line.links["core"].set(mtu_blackhole=hole)
    seen = probe_in(line.links["lan"], "mtu", site_of(line), by=WITHOUT_RAW)
    line.links["core"].reset()
    assert seen.values(NAMES[0]) == ["lost" if hole else "answered"]
    assert seen.gaps() == {NAMES[1]: "no_permission"}


@needs_links
@pytest.mark.parametrize("hole", [0, 1300])
def test_without_a_reference_two_hellos_tell(line: ShopLine, hole: int) -> None:
    line.links["core"].set(mtu_blackhole=hole)
    text = site_of(line).replace(f'reference = "{REFERENCE}"\n', "")
    seen = probe_in(line.links["lan"], "mtu", text)
    line.links["core"].reset()
    assert seen.values(NAMES[0]) == ["lost" if hole else "answered"]
    assert seen.gaps() == {NAMES[1]: "not_declared"}


@needs_links
def test_a_router_that_says_so_without_icmp(line: ShopLine) -> None:
    line.links["core"].run("a", ["ip", "link", "set", "core0", "mtu", "1300"])
    seen = probe_in(line.links["lan"], "mtu", site_of(line), by=WITHOUT_RAW)
    line.links["core"].run("a", ["ip", "link", "set", "core0", "mtu", "1500"])
    assert seen.values(NAMES[0]) == ["answered"], "TCP adapts, so nothing is lost"


def refused(shop: Site, **settings: object) -> CannotRun:
    with pytest.raises(CannotRun) as caught:
        Yielded(mtu.PROBE, shop, **settings)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("newest", ["1.3", "1.2"])
def test_both_sizes_answered_by_a_host(start_host: StartHost, newest: str) -> None:
    host = start_host(tls=True, tls_maximum=newest)
    shop = host_site(endpoint(host))
    assert mtu.PROBE.targets(shop) == [f"{HOME}:{host.port}"]
    yielded = Yielded(mtu.PROBE, shop)
    assert yielded.value(NAMES[0]) == "answered"
    assert yielded.observation(NAMES[0]).subject == f"{HOME}:{host.port}"
    assert yielded.unmeasured(NAMES[1]).reason is NotRunReason.NOT_DECLARED
    assert connects(host, 2) == 2


@pytest.mark.parametrize(
    "faults",
    [
        {"tls": True, "tls_silent": True},
        {"tls": True, "reset_at_once": True},
        {"tls": True, "close_at_once": True},
        {"tls": True, "refuse": True},
        {"garbage": True},
    ],
)
def test_a_short_hello_without_answer(start_host: StartHost, faults: dict[str, object]) -> None:
    host = start_host(**faults)
    shop = host_site(endpoint(host, tls=True), limits=QUICK)
    cannot = refused(shop)
    assert cannot.reason is NotRunReason.NOT_DECLARED
    assert "network.reference; " in cannot.detail
    with pytest.raises(CannotRun) as caught:
        long_hello.long_hello(shop, HostAllowance(), Deadline.after(5))
    assert caught.value.reason is NotRunReason.EARLIER_STEP_FAILED
    once_each = 0 if faults.get("refuse") else 2
    assert connects(host, once_each) == once_each


@contextmanager
def hello_host(*, long: bytes | None, short: bytes) -> Iterator[tuple[int, list[int]]]:
    """Answer short hellos and long ones each in one way; None: not at all. Give port and sizes."""
    sizes: list[int] = []
    over = threading.Event()

    def serve(server: socket.socket) -> None:
        while True:
            try:
                link, _ = server.accept()
            except OSError:
                return
            with link:
                link.settimeout(5)
                sizes.append(len(link.recv(4096)))
                answer = short if sizes[-1] == long_hello.SHORT_BYTES else long
                if answer is None:
                    over.wait(10)
                else:
                    link.sendall(answer)

    with socket.create_server((HOME, 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1], sizes
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


ALERT = bytes.fromhex("15030300020246")


@pytest.mark.parametrize(
    ("long", "kind"),
    [
        (None, None),
        (b"", FailureKind.CLOSED),
        (b"HTTP/1.1 400 Bad Request", FailureKind.PROTOCOL_ERROR),
    ],
)
def test_the_long_one_alone(
    long: bytes | None, kind: FailureKind | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_hello, "_LEAST_WAIT_S", 0.3)
    with hello_host(long=long, short=ALERT) as (port, sizes):
        yielded = Yielded(mtu.PROBE, host_site(HostEndpoint(address=HOME, port=port, tls=True)))
    assert sizes == [250, 1460]
    if kind is None:
        assert yielded.value(NAMES[0]) == "lost"
    else:
        assert yielded.kind(NAMES[0]) is kind, "a length has nothing to do with that"


def test_the_budget_censors_the_long_one() -> None:
    with hello_host(long=None, short=ALERT) as (port, _):
        shop = host_site(HostEndpoint(address=HOME, port=port, tls=True))
        yielded = Yielded(mtu.PROBE, shop, budget_s=0.5)
    assert yielded.kind(NAMES[0]) is FailureKind.CENSORED


def test_politeness_binds_both_hellos(start_host: StartHost) -> None:
    host = start_host(tls=True)
    allowance = HostAllowance(Politeness(connects=1))
    cannot = refused(host_site(endpoint(host)), allowance=allowance)
    assert "1 connects" in cannot.detail
    assert connects(host, 1) == 1


def test_whom_hellos_are_not_said_to(start_host: StartHost) -> None:
    host = start_host(tls=True)
    plain = host_site(endpoint(host, tls=False))
    apn = host_site(endpoint(host), reached=Reach.PRIVATE_APN)
    nobody = host_site()
    odd = host_site(endpoint(host, server_name="a..b"))
    for shop in (plain, apn, nobody, odd):
        assert refused(shop).reason is NotRunReason.NOT_DECLARED
    for shop in (plain, apn, nobody):
        with pytest.raises(CannotRun):
            mtu.PROBE.targets(shop)
    assert connects(host, 0) == 0


def test_a_system_that_reserves_icmp(
    start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reserved(*_args: object, **_kwargs: object) -> None:
        raise CannotRun(NotRunReason.NO_PERMISSION, "ICMP echo (net.ipv4.ping_group_range)")

    monkeypatch.setattr(path_mtu, "Pinger", reserved)
    shop = host_site(endpoint(start_host(tls=True)))
    network = msgspec.structs.replace(shop.network, reference="127.0.0.2")
    shop = msgspec.structs.replace(shop, network=network)
    assert mtu.PROBE.targets(shop)[0] == "127.0.0.2"
    yielded = Yielded(mtu.PROBE, shop)
    assert yielded.value(NAMES[0]) == "answered"
    assert yielded.unmeasured(NAMES[1]).reason is NotRunReason.NO_PERMISSION


def test_a_reference_that_answers_no_echo(
    start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_args: object, **_kwargs: object) -> None:
        raise LinkError(FailureKind.SILENT, Operation.PING)

    monkeypatch.setattr(mtu, "path_mtu", silent)
    shop = host_site(endpoint(start_host(tls=True)))
    network = msgspec.structs.replace(shop.network, reference="127.0.0.2")
    yielded = Yielded(mtu.PROBE, msgspec.structs.replace(shop, network=network))
    assert yielded.value(NAMES[0]) == "answered"
    assert yielded.unmeasured(NAMES[1]).reason is NotRunReason.EARLIER_STEP_FAILED


def test_nothing_is_said_once_the_budget_is_over(start_host: StartHost) -> None:
    host = start_host(tls=True)
    assert refused(host_site(endpoint(host)), budget_s=0.0).detail == "network.reference"
    assert connects(host, 0) == 0
