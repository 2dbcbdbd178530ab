"""What Linux tells of the power on its USB ports: devices that come anew, ports that were cut off.

A device whose supply fails for a moment is enumerated anew, under another number. A hub that sees
too much current cuts the port off and counts that. Both counts only grow, so that nothing is
missed between two looks.

Source: Linux ABI ``sysfs-bus-usb`` (``devnum``; ``over_current_count`` since 4.17, 32 bits),
``drivers/usb/core/hub.c``. Tested on constructed trees; never met a real over-current.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

DEVICES = Path("/sys/bus/usb/devices")
_WRAP = 1 << 32


class UsbDevice(NamedTuple):
    """A device as it was enumerated.

    Attributes:
        number: grows with every enumeration on its bus.
        ids: ``vvvv:pppp``.
    """

    number: int
    ids: str


class UsbState(NamedTuple):
    """What is plugged in at one moment.

    Attributes:
        devices: by place (``1-1.2``).
        over_currents: by port; how often it was cut off since its driver started.
    """

    devices: dict[str, UsbDevice]
    over_currents: dict[str, int]


def usb_state(root: Path = DEVICES) -> UsbState:
    """Return what is plugged in now.

    Args:
        root: ``/sys/bus/usb/devices`` or a recorded copy.

    Raises:
        CannotRun: unsupported, where the system does not tell.
    """
    if not root.is_dir():
        raise CannotRun(NotRunReason.UNSUPPORTED, "USB is looked at on Linux only")
    devices: dict[str, UsbDevice] = {}
    over_currents: dict[str, int] = {}
    for folder in sorted(root.iterdir()):
        if ":" in folder.name:
            # An interface; a hub's has its ports below.
            for port in sorted(folder.glob("*-port*")):
                count = _number(port / "over_current_count")
                if count is not None:
                    over_currents[port.name] = count
            continue
        number = _number(folder / "devnum")
        if number is not None:
            ids = f"{_text(folder / 'idVendor')}:{_text(folder / 'idProduct')}"
            devices[folder.name] = UsbDevice(number, ids)
    return UsbState(devices, over_currents)


def enumerated_anew(before: UsbState, now: UsbState) -> list[str]:
    """Return the ids of devices that went away, or came back under another number."""
    return [
        device.ids for place, device in before.devices.items() if now.devices.get(place) != device
    ]


def grown_over_currents(before: UsbState, now: UsbState) -> dict[str, int]:
    """Return by port how often it was cut off in between; the count wraps at 32 bits."""
    return {
        port: (count - before.over_currents[port]) % _WRAP
        for port, count in now.over_currents.items()
        if count != before.over_currents.get(port, count)
    }


def node_of(port: str) -> tuple[int, int] | None:
    """Return what tells one making of a device file from the next; None where there is none."""
    try:
        found = os.stat(port)  # noqa: PTH116  (a COM port is no path)
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_ctime_ns


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isascii() and text.isdigit() else None
