"""The power probe against simulated UPS servers and recorded laptops."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posdiag.link.power_supply import LaptopPower
from posdiag.link.usb_power import UsbState
from posdiag.model.errors import CannotRun
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Observation,
    Operation,
    Part,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import power as power_probe
from posdiag.probes.power import PROBE
from posdiag.probes.probe import ProbeContext, ProbeYield
from posdiag.simulate.android import AndroidFaults, SimulatedAndroid
from posdiag.simulate.ups import SimulatedUps, UpsFaults
from tests.probes.device_runs import Yielded, at_site

Start = Callable[..., SimulatedUps]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated UPS servers."""
    started: list[SimulatedUps] = []

    def begin(**faults: object) -> SimulatedUps:
        ups = SimulatedUps(UpsFaults(**faults))  # type: ignore[arg-type]
        ups.start()
        started.append(ups)
        return ups

    yield begin
    for ups in started:
        ups.stop()


def _device(ups: SimulatedUps, name: str = "") -> Device:
    where = f"{ups.address}:{ups.port}"
    return Device(kind=DeviceKind.UPS, port=where, part=Part.COUNTER_UPS, shared=True, ups=name)


def test_a_healthy_ups(start: Start) -> None:
    ups = start()
    yielded = at_site(PROBE, _device(ups))
    assert yielded.value("ups.status") == "CHRG OL"
    for flag in ("on_battery", "low_battery", "overload", "replace_battery"):
        assert yielded.value(f"ups.{flag}") is False
    assert yielded.value("ups.load") == pytest.approx(0.21)
    assert yielded.value("ups.battery_charge") == pytest.approx(1.0)
    assert yielded.value("ups.input_voltage") == pytest.approx(230.4)
    assert yielded.value("ups.input_voltage_low") == pytest.approx(170.0)
    assert yielded.value("ups.input_voltage_high") == pytest.approx(264.0)
    assert yielded.value("ups.input_margin") == pytest.approx(60.4)
    status = yielded.observation("ups.status")
    assert (status.part, status.subject) == (Part.COUNTER_UPS, f"127.0.0.1:{ups.port}")
    assert ups.journal == ["LIST UPS", "LIST VAR shop"]


@pytest.mark.parametrize(
    ("faults", "name", "value"),
    [
        ({"status": "OB DISCHRG"}, "ups.on_battery", True),
        ({"status": "OB LB"}, "ups.low_battery", True),
        ({"status": "FSD"}, "ups.low_battery", True),
        ({"status": "OL OVER"}, "ups.overload", True),
        ({"status": "RB OL"}, "ups.replace_battery", True),
        ({"status": "OL OFF"}, "ups.status", "OFF OL"),
        ({"variables": {"input.voltage": "158.0"}}, "ups.input_margin", -12.0),
        ({"variables": {"ups.load": "104"}}, "ups.load", 1.04),
    ],
)
def test_what_it_says(start: Start, faults: dict[str, object], name: str, value: object) -> None:
    yielded = at_site(PROBE, _device(start(**faults), "shop"))
    found = yielded.value(name)
    assert found == (pytest.approx(value) if isinstance(value, float) else value)


def test_what_it_does_not_say_is_left_out(start: Start) -> None:
    nothing = dict.fromkeys(("input.voltage", "ups.load", "battery.charge"), "")
    yielded = at_site(PROBE, _device(start(variables=nothing)))
    assert yielded.names().isdisjoint(
        {"ups.input_voltage", "ups.input_margin", "ups.load", "ups.battery_charge"}
    )
    assert yielded.value("ups.on_battery") is False


def test_a_server_without_data_yet_is_neither_good_nor_bad(start: Start) -> None:
    yielded = at_site(PROBE, _device(start(status="WAIT")), budget_s=1.0)
    assert yielded.value("ups.status") == "WAIT"
    assert yielded.names() == {"ups.status"}


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"stale": True}, FailureKind.STALE),
        ({"driver_dead": True}, FailureKind.DRIVER_NOT_CONNECTED),
        ({"garbage": True}, FailureKind.PROTOCOL_ERROR),
        ({"silent": True}, FailureKind.SILENT),
    ],
)
def test_failures(start: Start, faults: dict[str, object], kind: FailureKind) -> None:
    yielded = at_site(PROBE, _device(start(**faults)))
    assert yielded.kind("ups.status") is kind
    assert yielded.failed("ups.status").operation is Operation.READ_STATUS
    assert yielded.names() == {"ups.status"}


def test_another_service_on_that_port_is_a_protocol_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            link, _ = listener.accept()
            with link:
                link.sendall(b"220 mail.example ESMTP\r\n")
                link.recv(100)

        threading.Thread(target=serve, daemon=True).start()
        device = Device(kind=DeviceKind.UPS, port=f"127.0.0.1:{listener.getsockname()[1]}")
        yielded = at_site(PROBE, device)
    assert yielded.kind("ups.status") is FailureKind.PROTOCOL_ERROR


def test_a_ups_of_another_name_says_nothing_about_power(start: Start) -> None:
    yielded = at_site(PROBE, _device(start(), "other"))
    assert yielded.kind("ups.status") is FailureKind.NOT_FOUND


def test_a_name_that_cannot_be_one_is_not_sent(start: Start) -> None:
    ups = start()
    yielded = at_site(PROBE, _device(ups, "a\nSET VAR shop x 1"))
    assert yielded.unmeasured("ups.*").reason is NotRunReason.UNSUPPORTED
    assert ups.journal == []


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yielded = at_site(PROBE, Device(kind=DeviceKind.UPS, port=f"127.0.0.1:{port}"))
    assert yielded.kind("ups.status") is FailureKind.REFUSED
    assert yielded.failed("ups.status").operation is Operation.CONNECT


def test_the_deadline_censors_and_is_kept(start: Start) -> None:
    ups = start(silent=True)
    begun = time.monotonic()
    failed = at_site(PROBE, _device(ups), budget_s=0.3).failed("ups.status")
    assert failed.failure is FailureKind.CENSORED
    assert failed.waited_s == pytest.approx(0.3, abs=0.1)
    assert time.monotonic() - begun < 1.0
    spent = at_site(PROBE, _device(ups), budget_s=-1.0)
    assert spent.unmeasured("ups.*").reason is NotRunReason.BUDGET_SPENT


def test_all_declared_upses_are_asked(start: Start) -> None:
    good, bad = _device(start()), _device(start(stale=True))
    yielded = at_site(PROBE, good, bad, Device(kind=DeviceKind.UPS, port="nonsense"))
    assert yielded.value("ups.status", good.port) == "CHRG OL"
    assert yielded.failed("ups.status", bad.port).failure is FailureKind.STALE
    assert yielded.unmeasured("ups.*").reason is NotRunReason.UNSUPPORTED


@pytest.mark.parametrize(
    ("power", "names"),
    [
        (LaptopPower(0.04, plugged=False), {"laptop_power.battery", "laptop_power.plugged"}),
        (LaptopPower(None, plugged=True), {"laptop_power.plugged"}),
        (LaptopPower(None, None), set()),
    ],
)
def test_the_laptop(power: LaptopPower, names: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_probe, "laptop_power", lambda: power)
    yielded = Yielded(PROBE, Site())
    assert yielded.names() == names
    assert yielded.unmeasured("ups.*").reason is NotRunReason.NOT_DECLARED
    for name in names:
        assert yielded.observation(name).part is Part.LAPTOP
        assert yielded.value(name) == getattr(power, name.rpartition(".")[2])


def test_a_laptop_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported() -> LaptopPower:
        raise CannotRun(NotRunReason.UNSUPPORTED)

    monkeypatch.setattr(power_probe, "laptop_power", unsupported)
    yielded = Yielded(PROBE, Site())
    assert yielded.unmeasured("laptop_power.*").reason is NotRunReason.UNSUPPORTED


def test_the_laptop_is_no_part_of_a_simulated_site(start: Start) -> None:
    yielded = at_site(PROBE, _device(start()))
    assert yielded.unmeasured("laptop_power.*").reason is NotRunReason.SIMULATED_SITE
    assert not any(name.startswith("laptop") for name in yielded.names())


def test_targets_and_resources(start: Start) -> None:
    device = _device(start())
    assert PROBE.targets(Site(devices=[device])) == [device.port, "this laptop"]
    assert PROBE.targets(Site(devices=[device], simulated=True)) == [device.port]
    assert PROBE.resources(Site(devices=[device])) == [f"ups:{device.port}"]
    for call in (PROBE.targets, lambda site: Yielded(PROBE, site)):
        with pytest.raises(CannotRun) as undeclared:
            call(Site(simulated=True))
        assert undeclared.value.reason is NotRunReason.NOT_DECLARED


def _watch(site: Site, seconds: float, budget_s: float = 30.0) -> Yielded:
    assert PROBE.watch is not None
    probe = dataclasses.replace(PROBE, run=lambda context: _watched(context, seconds))
    return Yielded(probe, site, budget_s=budget_s)


def _watched(context: ProbeContext, seconds: float) -> Iterator[ProbeYield]:
    assert PROBE.watch is not None
    return PROBE.watch(context, seconds)


def test_a_quiet_watch_says_what_it_is_worth(start: Start, tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    ups = start()
    serial = Device(kind=DeviceKind.SERIAL, port=str(port))
    yielded = _watch(Site(devices=[_device(ups), serial], simulated=True), 3.0)
    where = f"127.0.0.1:{ups.port}"
    for name, subject in (
        ("on_battery", where),
        ("sags", where),
        ("device_lost", str(port)),
    ):
        assert yielded.value(f"power_watch.{name}", subject) == 0
    lasted = float(str(yielded.value("power_watch.duration", str(port))))
    assert lasted == pytest.approx(3.0, abs=0.5)
    # 95 %: 1 - exp(-rate * T); here T is three seconds.
    assert yielded.value("power_watch.rate_below", str(port)) == pytest.approx(
        2.9957 * 3600 / lasted, rel=0.001
    )
    assert yielded.value("power_watch.shortest_seen", str(port)) == 0.0
    gaps = [one.result.value for one in yielded.observations("power_watch.shortest_seen", where)]  # type: ignore[union-attr]
    assert all(0.4 <= float(str(gap)) <= 1.5 for gap in gaps)
    assert yielded.observation("power_watch.device_lost").part is Part.TERMINAL


def test_a_watch_sees_a_device_that_is_enumerated_anew(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()

    def pull() -> None:
        time.sleep(0.7)
        port.rename(tmp_path / "old")
        port.touch()

    thread = threading.Thread(target=pull)
    thread.start()
    site = Site(devices=[Device(kind=DeviceKind.PRINTER, port=str(port))], simulated=True)
    yielded = _watch(site, 2.0)
    thread.join()
    assert yielded.value("power_watch.device_lost") == 1
    # Where events were seen there is no bound on their rate.
    assert "power_watch.rate_below" not in yielded.names()


@pytest.mark.parametrize("restarts", [True, False])
def test_a_watch_sees_a_terminal_that_starts_anew(*, restarts: bool) -> None:
    terminal = SimulatedAndroid(AndroidFaults(restarts=restarts))
    terminal.start()
    try:
        device = Device(kind=DeviceKind.ANDROID, port=terminal.path)
        yielded = _watch(Site(devices=[device], simulated=True), 2.5)
        assert yielded.value("power_watch.restarts") == int(restarts)
    finally:
        terminal.stop()
    gone = _watch(Site(devices=[device], simulated=True), 0.2)
    assert gone.unmeasured("power_watch.restarts").reason is NotRunReason.EARLIER_STEP_FAILED


def test_a_watch_of_failing_servers_says_so(start: Start) -> None:
    yielded = _watch(Site(devices=[_device(start(stale=True))], simulated=True), 1.2)
    assert yielded.kind("ups.status") is FailureKind.STALE
    away = Device(kind=DeviceKind.UPS, port="127.0.0.1:9", part=Part.COUNTER_UPS)
    assert _watch(Site(devices=[away], simulated=True), 0.2).kind("ups.status") is (
        FailureKind.REFUSED
    )
    named = Device(kind=DeviceKind.UPS, port="127.0.0.1:9", ups="a b")
    gap = _watch(Site(devices=[named], simulated=True), 0.2).unmeasured("ups.*")
    assert gap.reason is NotRunReason.UNSUPPORTED


def test_a_watch_of_the_laptop_itself_is_the_laptops() -> None:
    yielded = _watch(Site(), 0.5)
    for item in yielded.items:
        if isinstance(item, Observation):
            assert item.part is Part.LAPTOP
    # The budget ends a watch, too.
    begun_s = time.monotonic()
    _watch(Site(), 30.0, budget_s=0.5)
    assert time.monotonic() - begun_s < 5.0


@pytest.mark.parametrize("counts", [{"1-0-port1": 2, "1-0-port2": 1}, {}])
def test_ports_that_were_cut_off_are_counted(
    monkeypatch: pytest.MonkeyPatch, counts: dict[str, int]
) -> None:
    """The tree itself is read in tests/link; here the count stands in."""
    monkeypatch.setattr(power_probe, "usb_state", lambda: UsbState({}, counts))
    yielded = Yielded(PROBE, Site())
    if counts:
        seen = yielded.observation("laptop_power.over_currents")
        assert (seen.part, yielded.value("laptop_power.over_currents")) == (Part.LAPTOP, 3)
    else:
        gap = yielded.unmeasured("laptop_power.over_currents")
        assert gap.reason is NotRunReason.UNSUPPORTED
