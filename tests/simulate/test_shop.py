"""The whole shop, in this process and as the child process that a run knows by its site file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posdiag.simulate.card import SimulatedCard
from posdiag.simulate.scenario import Scenario, load_scenario, scenario_ids
from posdiag.simulate.shop import HOST_NAME, SimulatedShop
from posdiag.simulate.ups import SimulatedUps
from posdiag.site.facts import canonical
from posdiag.site.site_file import load_site

POSIX = os.name == "posix"
posix_only = pytest.mark.skipif(not POSIX, reason="other system: no sessions or pseudo terminals")


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@pytest.mark.parametrize("pty", [pytest.param(True, marks=posix_only), False])
@pytest.mark.parametrize("name", scenario_ids())
def test_every_scenario_opens_and_closes_cleanly(name: str, tmp_path: Path, *, pty: bool) -> None:
    scenario = load_scenario(name)
    threads, files = threading.active_count(), open_files()
    with SimulatedShop(scenario, pty=pty) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        site = load_site(path)
        certificates = Path(shop.host.ca_file).parent
    assert threading.active_count() <= threads
    assert open_files() <= files
    assert not (shop.host.ca_file and certificates.exists())
    assert site.simulated
    told = {name: canonical(name, value) for name, value in scenario.facts.items()}
    assert site.facts == told
    assert site.acquirer is not None
    assert [host.address for host in site.acquirer.hosts] == [HOST_NAME]
    ports = [device.port for device in site.devices if device.kind in ("printer", "serial")]
    assert all(port.startswith("socket://") is not pty for port in ports)


def test_a_shop_without_devices(tmp_path: Path) -> None:
    scenario = Scenario(without=["printer", "pin_pad", "ups", "card"])
    with SimulatedShop(scenario, pty=False) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        assert load_site(path).devices == []


def test_a_part_that_cannot_start_takes_the_others_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_part: SimulatedCard) -> None:
        raise OSError("no port left")

    monkeypatch.setattr(SimulatedCard, "start", start)
    threads, files = threading.active_count(), open_files()
    shop = SimulatedShop(Scenario(), pty=False)
    with pytest.raises(OSError, match="no port left"), shop:
        pytest.fail("it opened")
    assert threading.active_count() <= threads
    assert open_files() <= files


@pytest.mark.parametrize("kind", ["card", "ups"])
def test_an_open_connection_does_not_outlive_its_part(kind: str) -> None:
    import socket

    with SimulatedShop(Scenario(), pty=False) as shop:
        part = shop.card if kind == "card" else shop.ups
        assert isinstance(part, SimulatedCard | SimulatedUps)
        port = part.port if isinstance(part, SimulatedUps) else int(part.path.rpartition(":")[2])
        link = socket.create_connection(("127.0.0.1", port), timeout=10)
        time.sleep(0.2)
    with link:
        assert link.recv(1) == b""


Child = subprocess.Popen[str]


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Start shops in child processes."""
    started: list[Child] = []

    def begin(*arguments: str, code: str = "") -> Child:
        program = ["-c", code] if code else ["-m", "posdiag.simulate"]
        process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        # Its standard input ends here, so it removes its folders; killing is the last resort.
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def site_of(process: Child) -> Path:
    assert process.stdout is not None
    return Path(json.loads(process.stdout.readline())["site"])


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not collected yet does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path("/proc/self/stat").exists()


def wait_until(condition: Callable[[], bool], within_s: float = 20) -> bool:
    end_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


def test_the_child_ends_with_its_standard_input(child: Callable[..., Child]) -> None:
    process = child("healthy")
    site = site_of(process)
    shown = load_site(site)
    assert shown.simulated
    assert process.poll() is None
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert not site.parent.exists()
    assert shown.acquirer is not None
    assert not Path(shown.acquirer.hosts[0].ca_file or "").exists()


@posix_only
def test_the_child_takes_sigterm_and_ignores_sigint(child: Callable[..., Child]) -> None:
    process = child("host_silent")
    site = site_of(process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert not site.parent.exists()


@posix_only
def test_the_child_leads_a_session(child: Callable[..., Child]) -> None:
    process = child("healthy")
    site_of(process)
    assert os.getsid(process.pid) == process.pid


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "posdiag.simulate", "healthy"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(child.pid, flush=True)
print(child.stdout.readline(), end="", flush=True)
time.sleep(60)
"""


@posix_only
def test_the_child_dies_with_a_parent_that_is_killed(child: Callable[..., Child]) -> None:
    parent = child(code=PARENT)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    site = site_of(parent)
    device = Path(load_site(site).devices[0].port)
    opened = device.stat().st_ctime_ns
    assert is_alive(pid)
    parent.kill()
    assert wait_until(lambda: not is_alive(pid))
    assert not site.parent.exists()
    # The number may be another program's by now: then it was opened later.
    assert not device.exists() or device.stat().st_ctime_ns > opened


def test_no_pty_needs_no_module_of_unix(child: Callable[..., Child]) -> None:
    code = """
import sys
for name in ("fcntl", "termios", "pty", "tty"):
    sys.modules[name] = None
from posdiag.simulate.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    process = child("healthy", "--no-pty", code=code)
    site = load_site(site_of(process))
    assert [one.port.startswith("socket://") for one in site.devices if one.kind != "ups"] == [
        True
    ] * 3
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 64, "usage"),
        (["healthy", "dns_dead"], 64, "usage"),
        (["--odd"], 64, "usage"),
        (["no_such_scenario"], 65, "dns_dead"),
        (["missing.toml"], 65, "missing.toml"),
    ],
)
def test_wrong_arguments(
    child: Callable[..., Child], arguments: list[str], code: int, said: str
) -> None:
    process = child(*arguments)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="other system: no /dev/full")
def test_a_line_that_nobody_can_read() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "posdiag.simulate", "healthy"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=20,
        )
    assert done.returncode == 74
    assert "Traceback" not in done.stderr
