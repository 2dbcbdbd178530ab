"""The power probe against the real upsd: every change is seen, and how soon."""

from __future__ import annotations

import dataclasses
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from posdiag.model.observation import FailureKind, Part
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.power import PROBE
from posdiag.probes.probe import ProbeContext, ProbeYield
from tests.probes.device_runs import Yielded, at_site
from tests.probes.real_upsd import MAXAGE_S, RealUps, programs, real_ups

FOUND = programs()
pytestmark = pytest.mark.skipif(FOUND is None, reason="nut-server is not installed")


@pytest.fixture(scope="module")
def ups() -> Iterator[RealUps]:
    """One server for all tests of this file: it needs two seconds to start."""
    assert FOUND is not None
    with real_ups(FOUND) as started:
        _until(started, lambda seen: seen.value("ups.status") == "CHRG OL", 20.0)
        yield started


def _ask(ups: RealUps) -> Yielded:
    where = f"127.0.0.1:{ups.port}"
    return at_site(
        PROBE, Device(kind=DeviceKind.UPS, port=where, part=Part.COUNTER_UPS, shared=True)
    )


def _until(ups: RealUps, holds: Callable[[Yielded], bool], most_s: float) -> Yielded:
    """Ask until something holds; fail after ``most_s``."""
    begun_s = time.monotonic()
    while True:
        seen = _ask(ups)
        took_s = time.monotonic() - begun_s
        if _holds(seen, holds):
            assert took_s <= most_s
            return seen
        assert took_s < most_s, seen.items
        time.sleep(0.1)


def _holds(seen: Yielded, holds: Callable[[Yielded], bool]) -> bool:
    try:
        return holds(seen)
    except AssertionError:
        return False


def _fails_with(kind: FailureKind) -> Callable[[Yielded], bool]:
    return lambda seen: seen.kind("ups.status") is kind


def test_on_line_then_on_battery_then_low_each_within_five_seconds(ups: RealUps) -> None:
    seen = _ask(ups)
    assert seen.value("ups.status") == "CHRG OL"
    assert seen.value("ups.on_battery") is False
    assert seen.value("ups.load") == pytest.approx(0.21)
    assert seen.value("ups.input_margin") == pytest.approx(23.4)
    ups.say({"ups.status": "OB DISCHRG", "input.voltage": "0.0", "battery.charge": "64"})
    seen = _until(ups, lambda seen: seen.value("ups.on_battery") is True, 5.0)
    assert seen.value("ups.low_battery") is False
    ups.say({"ups.status": "OB LB DISCHRG", "input.voltage": "0.0", "battery.charge": "9"})
    seen = _until(ups, lambda seen: seen.value("ups.low_battery") is True, 5.0)
    assert seen.value("ups.battery_charge") == pytest.approx(0.09)
    ups.say({"ups.status": "OL CHRG", "input.voltage": "230.1", "battery.charge": "11"})
    _until(ups, lambda seen: seen.value("ups.on_battery") is False, 5.0)


def test_a_watch_catches_a_power_cut(ups: RealUps) -> None:
    assert PROBE.watch is not None
    cut = threading.Timer(1.5, ups.say, [{"ups.status": "OB DISCHRG", "input.voltage": "0.0"}])
    back = threading.Timer(5.5, ups.say, [{"ups.status": "OL CHRG", "input.voltage": "229.0"}])
    cut.start()
    back.start()
    watching = dataclasses.replace(PROBE, run=lambda context: _watched(context, 9.0))
    device = Device(kind=DeviceKind.UPS, port=f"127.0.0.1:{ups.port}")
    yielded = Yielded(watching, Site(devices=[device], simulated=True))
    assert yielded.value("power_watch.on_battery") == 1
    assert yielded.value("power_watch.lowest_input") == 0.0
    assert yielded.value("power_watch.sags") == 1


def _watched(context: ProbeContext, seconds: float) -> Iterator[ProbeYield]:
    assert PROBE.watch is not None
    return PROBE.watch(context, seconds)


def test_a_frozen_driver_is_stale_and_a_killed_one_not_connected(ups: RealUps) -> None:
    ups.signal_driver(signal.SIGSTOP)
    _until(ups, _fails_with(FailureKind.STALE), MAXAGE_S + 2.0)
    ups.signal_driver(signal.SIGCONT)
    _until(ups, lambda seen: "ups.on_battery" in seen.names(), 5.0)
    ups.signal_driver(signal.SIGKILL)
    seen = _until(ups, _fails_with(FailureKind.DRIVER_NOT_CONNECTED), 3.0)
    # Unknown is never fine, nor is it a fault of the power.
    assert seen.names() == {"ups.status"}
