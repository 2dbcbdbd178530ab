"""The laptop's own power, read from recorded trees."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil  # noqa: TID253  (its late import is the code's business)
import pytest

from posdiag.link import power_supply
from posdiag.link.power_supply import LaptopPower, laptop_power, read_supplies, summary
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

BAT0 = {
    "type": "Battery",
    "present": "1",
    "status": "Discharging",
    "energy_now": "12480000",
    "energy_full": "48000000",
    "capacity": "26",
}
BAT1 = {
    "type": "Battery",
    "status": "Unknown",
    "charge_now": "3000000",
    "charge_full": "4000000",
}
AC = {"type": "Mains", "online": "0"}
USB_C = {"type": "USB", "online": "1", "scope": "System"}
MOUSE = {"type": "Battery", "scope": "Device", "capacity": "5", "status": "Discharging"}
PEN = {"type": "Battery", "capacity": "1", "status": "Discharging"}
EMPTY_BAY = {"type": "Battery", "present": "0", "status": "Unknown"}
FULL = {**BAT0, "status": "Full", "energy_now": "48100000"}
NO_LEVEL = {"type": "Battery", "status": "Charging"}

# folder -> files; (battery, plugged), what it was
TREES = [
    ({"BAT0": BAT0, "AC": AC}, (0.26, False), "on battery"),
    ({"BAT0": {**BAT0, "status": "Charging"}, "ADP1": {**AC, "online": "1"}}, (0.26, True), "ADP1"),
    ({"BAT0": BAT0, "ucsi-source-psy-USBC000:001": USB_C}, (0.26, True), "weak charger"),
    ({"BAT0": BAT0, "BAT1": BAT1}, ((0.26 + 0.75) / 2, False), "two batteries"),
    ({"BAT0": BAT0, "hidpp_battery_0": MOUSE}, (0.26, False), "a mouse"),
    ({"AC": {**AC, "online": "1"}, "hidpp_battery_0": MOUSE}, (None, True), "desktop, mouse"),
    ({"hidpp_battery_0": MOUSE}, (None, None), "desktop, mouse, no mains"),
    ({"wacom_battery_0": PEN}, (None, None), "a pen without scope"),
    ({"AC": AC, "BAT0": BAT0, "BAT1": EMPTY_BAY}, (0.26, False), "an empty bay"),
    ({"BAT0": FULL}, (1.0, True), "no adapter listed, more than full"),
    ({"BAT0": {**BAT0, "energy_full": "0"}}, (0.26, False), "a driver that knows no capacity"),
    ({"BAT0": NO_LEVEL}, (None, True), "no level"),
    ({"BAT0": {"type": "Battery", "capacity": "abc", "status": "Unknown"}}, (None, None), "junk"),
    ({"AC": AC}, (None, False), "a mains adapter that is off"),
    ({}, (None, None), "a virtual machine"),
]


def _record(root: Path, tree: dict[str, dict[str, str]]) -> Path:
    for name, files in tree.items():
        (root / name).mkdir(parents=True)
        for file, text in files.items():
            (root / name / file).write_text(f"{text}\n", encoding="ascii")
    return root


@pytest.mark.parametrize(("tree", "expected", "what"), TREES)
def test_recorded_trees(
    tree: dict[str, dict[str, str]],
    expected: tuple[float | None, bool | None],
    what: str,
    tmp_path: Path,
) -> None:
    found = summary(read_supplies(_record(tmp_path, tree)))
    assert found.battery == (None if expected[0] is None else pytest.approx(expected[0])), what
    assert found.plugged is expected[1], what


def test_the_system_is_read_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_supply, "SUPPLIES", _record(tmp_path, {"BAT0": BAT0, "AC": AC}))
    monkeypatch.setattr(psutil, "sensors_battery", None, raising=False)
    assert laptop_power() == LaptopPower(0.26, plugged=False)


@pytest.mark.parametrize(
    ("battery", "expected"),
    [
        (SimpleNamespace(percent=81, power_plugged=True), LaptopPower(0.81, plugged=True)),
        (SimpleNamespace(percent=102, power_plugged=None), LaptopPower(1.0, plugged=None)),
        (None, LaptopPower(None, None)),
    ],
)
def test_other_systems_are_asked_through_psutil(
    battery: object, expected: LaptopPower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power_supply, "SUPPLIES", tmp_path / "none")
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert laptop_power() == expected


def test_systems_that_do_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_supply, "SUPPLIES", tmp_path / "none")
    monkeypatch.delattr(psutil, "sensors_battery", raising=False)
    with pytest.raises(CannotRun) as unsupported:
        laptop_power()
    assert unsupported.value.reason is NotRunReason.UNSUPPORTED
