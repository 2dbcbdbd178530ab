"""The android probe against a simulated adb server, and against the real one."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from posdiag.link import adb_server
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part, Vantage
from posdiag.model.site import Device, DeviceKind, HostEndpoint, Site
from posdiag.probes.android import PROBE
from posdiag.simulate.android import SERIAL, AndroidFaults, SimulatedAndroid
from tests.probes.adb_daemon import AdbDaemon
from tests.probes.device_runs import Yielded, at_site
from tests.probes.host_runs import NAME, site

Start = Callable[..., SimulatedAndroid]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated adb servers."""
    started: list[SimulatedAndroid] = []

    def begin(**faults: object) -> SimulatedAndroid:
        terminal = SimulatedAndroid(AndroidFaults(**faults))  # type: ignore[arg-type]
        terminal.start()
        started.append(terminal)
        return terminal

    yield begin
    for terminal in started:
        terminal.stop()


def _device(terminal: SimulatedAndroid, app: str = "") -> Device:
    return Device(kind=DeviceKind.ANDROID, port=terminal.path, app=app)


def test_a_healthy_terminal(start: Start) -> None:
    terminal = start()
    yielded = at_site(PROBE, _device(terminal, "com.example.pay"))
    assert yielded.value("android.answers") is True
    assert (yielded.value("android.model"), yielded.value("android.version")) == ("SIM-A1", "10")
    assert yielded.value("android.battery_level") == pytest.approx(0.84)
    assert yielded.value("android.battery_voltage") == pytest.approx(4.063)
    assert yielded.value("android.battery_temperature") == pytest.approx(32.6)
    assert yielded.value("android.supply") == "charger"
    assert yielded.value("android.wifi_joined") is True
    assert yielded.value("android.wifi_rssi") == -52.0
    assert yielded.value("android.cell_service") == "in_service"
    assert yielded.value("android.rsrp") == -92.0
    assert yielded.value("android.airplane_mode") is False
    assert float(str(yielded.value("android.clock_off"))) < 5
    assert yielded.value("android.storage_free") == pytest.approx(0.59)
    assert yielded.value("android.app_version") == "3.2.1"
    assert yielded.value("android.uptime") == pytest.approx(88211.52, abs=60)
    lost = yielded.observation("android.gateway_lost")
    assert (lost.vantage, lost.subject) == (Vantage.TERMINAL, "192.168.1.1")
    assert yielded.value("android.gateway_lost") == 0
    assert len(yielded.value("android.gateway_round_trip")) == 5  # type: ignore[arg-type]
    answers = yielded.observation("android.answers")
    assert (answers.part, answers.vantage) == (Part.TERMINAL, Vantage.TERMINAL)


@pytest.mark.parametrize(
    ("faults", "name", "value"),
    [
        ({"level": 7}, "android.battery_level", 0.07),
        ({"status": 3}, "android.supply", "too_weak"),
        ({"status": 3, "powered": False}, "android.supply", "battery"),
        ({"health": 3}, "android.battery_health", "overheat"),
        ({"wifi_joined": False}, "android.wifi_joined", False),
        ({"airplane": True}, "android.airplane_mode", True),
        ({"airplane": True}, "android.cell_service", "power_off"),
        ({"airplane": True}, "android.wifi_enabled", False),
        ({"service": 1}, "android.cell_service", "out_of_service"),
        ({"data": True}, "android.cell_data", True),
        ({"storage_used": 100}, "android.storage_free", 0.0),
        ({"ping_lost": 3}, "android.gateway_lost", 3),
        ({"clock_off_s": -90000.0}, "android.clock_off", 90000.0),
    ],
)
def test_what_it_tells(start: Start, faults: dict[str, object], name: str, value: object) -> None:
    found = at_site(PROBE, _device(start(**faults))).value(name)
    is_clock = name.endswith("clock_off")
    assert found == (pytest.approx(value, abs=5) if is_clock else value)


def test_names_of_networks_and_addresses_are_not_kept(start: Start) -> None:
    told = str(at_site(PROBE, _device(start())).items)
    assert "02:00:00" not in told
    assert '"shop"' not in told


def test_without_a_way_out_the_router_is_out_of_reach(start: Start) -> None:
    failed = at_site(PROBE, _device(start(airplane=True))).failed("android.gateway_round_trip")
    assert (failed.failure, failed.operation) == (FailureKind.UNREACHABLE, Operation.PING)


@pytest.mark.parametrize("dead", [True, False])
def test_the_terminal_looks_up_the_hosts_name(start: Start, *, dead: bool) -> None:
    terminal = start(names_dead=dead)
    shop = msgspec.structs.replace(
        site(HostEndpoint(address=NAME, port=8583)), devices=[_device(terminal)], simulated=True
    )
    yielded = Yielded(PROBE, shop)
    assert yielded.value("android.name_found", NAME) is not dead
    scripts = [line for line in terminal.journal if line.startswith("shell:ping")]
    assert [script.split()[2] for script in scripts] == ["5", "1"]


def test_only_reading_commands_are_sent(start: Start) -> None:
    terminal = start()
    at_site(PROBE, _device(terminal, "com.example.pay"))
    for request in terminal.journal:
        for word in ("reboot", " put ", "svc ", "install", "root:", "am ", "input ", "tcpip"):
            assert word not in request
    assert {request.split(":")[0] for request in terminal.journal} == {"host", "shell"}


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"state": "unauthorized"}, FailureKind.PERMISSION),
        ({"state": "offline"}, FailureKind.GONE),
        ({"state": ""}, FailureKind.NOT_FOUND),
        ({"garbage": True}, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_failures(start: Start, faults: dict[str, object], kind: FailureKind) -> None:
    yielded = at_site(PROBE, _device(start(**faults)))
    assert yielded.kind("android.answers") is kind
    assert yielded.names() == {"android.answers"}


def test_a_silent_server_is_silent_and_a_cut_wait_is_cut(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posdiag.probes import android as probe

    cut = at_site(PROBE, _device(start(silent=True)), budget_s=0.5)
    assert cut.kind("android.answers") is FailureKind.CENSORED
    monkeypatch.setattr(probe, "SCRIPT_LIMIT_S", 0.5)
    silent = at_site(PROBE, _device(start(silent=True)))
    assert silent.kind("android.answers") is FailureKind.SILENT
    spent = at_site(PROBE, _device(start()), budget_s=0.0)
    assert spent.unmeasured("android.*").reason is NotRunReason.BUDGET_SPENT


def test_what_was_told_before_it_stopped_is_kept(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from posdiag.probes import android as probe

    monkeypatch.setattr(probe, "SCRIPT_LIMIT_S", 0.5)
    monkeypatch.setattr(probe, "PING_LIMIT_S", 0.5)
    yielded = at_site(PROBE, _device(start(stops_at="telephony")))
    assert yielded.kind("android.answers") is FailureKind.SILENT
    assert yielded.value("android.battery_level") == pytest.approx(0.84)
    assert "android.clock_off" not in yielded.names()


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_no_server_is_started_without_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        pytest.fail("it started one")

    monkeypatch.setattr("posdiag.probes.android.start_adb_server", start)
    device = Device(kind=DeviceKind.ANDROID, port=f"{SERIAL}@127.0.0.1:{_closed_port()}")
    gap = at_site(PROBE, device).unmeasured("android.*")
    assert (gap.reason, "--allow adb-server" in gap.detail) == (
        NotRunReason.CONSENT_REQUIRED,
        True,
    )
    with pytest.raises(pytest.fail.Exception):
        Yielded(PROBE, Site(devices=[device]), consents=frozenset({"adb-server"}))


def test_without_adb_there_is_none_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from posdiag.link.deadline import Deadline

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setitem(sys.modules, "adbutils", None)
    with pytest.raises(CannotRun) as raised:
        adb_server.start_adb_server(_closed_port(), Deadline.after(5))
    assert raised.value.reason is NotRunReason.PACKAGE_MISSING
    assert "posdiag[android]" in raised.value.detail


@pytest.mark.parametrize("port", ["a b@127.0.0.1:1", "x;reboot@127.0.0.1:1", "X@nowhere"])
def test_ports_that_cannot_be_one(port: str) -> None:
    gap = at_site(PROBE, Device(kind=DeviceKind.ANDROID, port=port)).unmeasured("android.*")
    assert gap.reason is NotRunReason.UNSUPPORTED


def test_without_a_terminal_it_does_not_run() -> None:
    with pytest.raises(CannotRun) as raised:
        PROBE.targets(Site())
    assert raised.value.reason is NotRunReason.NOT_DECLARED


needs_adb = pytest.mark.skipif(shutil.which("adb") is None, reason="adb is not installed")


@pytest.fixture
def real_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give a port for a real adb server, and end that server afterwards."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # its log
    monkeypatch.setenv("ADB_LIBUSB", "0")
    port = _closed_port()
    yield port
    subprocess.run(
        ["adb", "-P", str(port), "kill-server"], check=False, capture_output=True, timeout=20
    )


@needs_adb
def test_the_real_adb_server_is_started_with_consent_and_knows_no_such_terminal(
    real_server: int,
) -> None:
    device = Device(kind=DeviceKind.ANDROID, port=f"{SERIAL}@127.0.0.1:{real_server}")
    shop = Site(devices=[device], simulated=True)
    assert Yielded(PROBE, shop).unmeasured("android.*").reason is NotRunReason.CONSENT_REQUIRED
    yielded = Yielded(PROBE, shop, consents=frozenset({"adb-server"}))
    assert yielded.kind("android.answers") is FailureKind.NOT_FOUND
    # It is there now, so no consent is needed any more.
    assert Yielded(PROBE, shop).kind("android.answers") is FailureKind.NOT_FOUND


@needs_adb
def test_a_terminal_through_the_real_adb_server(real_server: int) -> None:
    daemon = AdbDaemon(AndroidFaults(level=9, powered=False, status=3, ping_lost=1))
    try:
        adb = ["adb", "-P", str(real_server)]
        serial = f"127.0.0.1:{daemon.port}"
        done = subprocess.run(
            [*adb, "connect", serial], capture_output=True, text=True, check=True, timeout=20
        )
        assert "connected" in done.stdout
        device = Device(
            kind=DeviceKind.ANDROID, port=f"{serial}@127.0.0.1:{real_server}", app="com.example.pay"
        )
        yielded = at_site(PROBE, device)
        assert yielded.value("android.answers") is True
        assert yielded.value("android.battery_level") == pytest.approx(0.09)
        assert yielded.value("android.supply") == "battery"
        assert yielded.value("android.gateway_lost") == 1
        assert yielded.value("android.app_version") == "3.2.1"
        assert all(service.startswith("shell:") for service in daemon.services)
        assert len(daemon.services) == 2
    finally:
        daemon.stop()
