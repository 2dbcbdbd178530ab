"""The laptop's own power: battery and mains, read from the system."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

SUPPLIES = Path("/sys/class/power_supply")
_PERIPHERALS = ("hid", "wacom", "wiimote", "ps-controller", "sony_controller", "nintendo", "apple_")
"""Batteries of mice, pens and game pads, where a driver forgets to say ``scope``: Device."""
_MAINS = ("Mains", "USB")


class Supply(NamedTuple):
    """One power supply as Linux lists it; empty or None where it does not say.

    Attributes:
        kind: Battery, Mains, USB or UPS.
        online: for Mains and USB.
        status: of a battery: Charging, Discharging, Not charging, Full, Unknown.
        level: 0 to 1.
    """

    name: str
    kind: str
    online: bool | None
    status: str
    level: float | None


class LaptopPower(NamedTuple):
    """What the laptop runs on.

    Attributes:
        battery: 0 to 1; None: no battery, or it does not say.
        plugged: None: the system does not say.
    """

    battery: float | None
    plugged: bool | None


def laptop_power() -> LaptopPower:
    """Return the state of the laptop's own power.

    Raises:
        CannotRun: unsupported, where the system does not tell; package_missing (psutil).
    """
    if SUPPLIES.is_dir():
        return summary(read_supplies(SUPPLIES))
    return _by_psutil()


def read_supplies(root: Path) -> list[Supply]:
    """Return the supplies of the machine itself: not those of mice, phones and other devices.

    Source: Linux ``power_supply.h`` and the ABI of ``/sys/class/power_supply``. psutil takes the
    first battery by name, which on a desktop is the mouse's.

    Args:
        root: ``/sys/class/power_supply`` or a recorded copy.
    """
    supplies: list[Supply] = []
    for folder in sorted(root.iterdir()):
        # A laptop lends power to what hangs on it: scope Device.
        if _text(folder / "scope") == "Device" or folder.name.lower().startswith(_PERIPHERALS):
            continue
        if _text(folder / "present") == "0":
            continue
        online = _number(folder / "online")
        supplies.append(
            Supply(
                name=folder.name,
                kind=_text(folder / "type"),
                online=None if online is None else online > 0,
                status=_text(folder / "status"),
                level=_level(folder),
            )
        )
    return supplies


def summary(supplies: Sequence[Supply]) -> LaptopPower:
    """Return what several supplies say together."""
    batteries = [supply for supply in supplies if supply.kind == "Battery"]
    levels = [supply.level for supply in batteries if supply.level is not None]
    return LaptopPower(
        battery=sum(levels) / len(levels) if levels else None,
        plugged=_plugged(supplies, {battery.status for battery in batteries}),
    )


def _plugged(supplies: Sequence[Supply], statuses: set[str]) -> bool | None:
    online = [supply.online for supply in supplies if supply.kind in _MAINS]
    if any(online):
        return True
    if "Discharging" in statuses:
        return False
    if statuses & {"Charging", "Full", "Not charging"}:
        # Adapters that no driver lists: the battery knows better than an empty list.
        return True
    return False if online and None not in online else None


def _level(folder: Path) -> float | None:
    for quantity in ("energy", "charge"):
        now, full = (_number(folder / f"{quantity}_{which}") for which in ("now", "full"))
        if now is not None and full:
            return min(1.0, max(0.0, now / full))
    percent = _number(folder / "capacity")
    return None if percent is None else min(1.0, max(0.0, percent / 100))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        # Not every driver has every file, and reading one may fail with ENODEV.
        return ""


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _by_psutil() -> LaptopPower:
    try:
        import psutil
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "psutil") from error
    # Not every system's psutil has it.
    read = getattr(psutil, "sensors_battery", None)
    if read is None:
        raise CannotRun(NotRunReason.UNSUPPORTED, "this system does not tell about its battery")
    battery = read()
    if battery is None:
        return LaptopPower(None, None)
    return LaptopPower(min(1.0, max(0.0, battery.percent / 100)), battery.power_plugged)
