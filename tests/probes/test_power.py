"""The power probe against simulated UPS servers and recorded laptops."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from posdiag.link.power_supply import LaptopPower
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import power as power_probe
from posdiag.probes.power import PROBE
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
    import threading

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
