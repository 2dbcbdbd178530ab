"""What the system knows of a port beyond its USB id: driver, latency, USB printers, clones.

Linux's sysfs; each reader takes its root. Has not met every driver: what a file does not say is
empty.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_SYS = Path("/sys")
_PRINTER = re.compile(r"(?:^|/)usb/lp\d+$|^/dev/(?:usb)?lp\d+$")


class UsbPrinter(NamedTuple):
    """A USB printer without a serial port of its own.

    Attributes:
        port: ``/dev/usb/lp0``.
        product: the device's own words, empty where it has none.
    """

    port: str
    vendor: int | None
    product_id: int | None
    serial_number: str
    product: str


def driver_of(port: str, *, sys: Path = _SYS) -> str:
    """Return the kernel's driver of a serial port (``ftdi_sio``), empty where it does not say."""
    name = os.path.basename(os.path.realpath(port))  # noqa: PTH119  (a device file, not opened)
    try:
        return (sys / "class" / "tty" / name / "device" / "driver").resolve(strict=True).name
    except (OSError, RuntimeError):
        return ""


def latency_s(port: str, *, sys: Path = _SYS) -> float | None:
    """Return how long an FTDI adapter keeps short answers back, None where it has no such timer.

    Source: Linux ``drivers/usb/serial/ftdi_sio.c``, attribute ``latency_timer``, milliseconds.
    """
    name = os.path.basename(os.path.realpath(port))  # noqa: PTH119  (a device file, not opened)
    text = _text(sys / "bus" / "usb-serial" / "devices" / name / "latency_timer")
    return int(text) / 1000 if text.isdigit() and len(text) <= 3 else None


def is_usb_printer(port: str) -> bool:
    """Return whether a port is a USB printer's device file (Linux ``usblp``)."""
    return bool(_PRINTER.search(port))


def usb_printers(*, sys: Path = _SYS) -> list[UsbPrinter]:
    """Return the USB printers that Linux lists, by name."""
    folder = sys / "class" / "usbmisc"
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("lp"))
    except OSError:
        return []
    return [_usb_printer(folder / name, name) for name in names]


def _usb_printer(entry: Path, name: str) -> UsbPrinter:
    try:
        # device is the interface; the USB device is the folder above it.
        device = (entry / "device").resolve(strict=True).parent
    except (OSError, RuntimeError):
        return UsbPrinter(f"/dev/usb/{name}", None, None, "", "")
    return UsbPrinter(
        port=f"/dev/usb/{name}",
        vendor=_hex(_text(device / "idVendor")),
        product_id=_hex(_text(device / "idProduct")),
        serial_number=_text(device / "serial"),
        product=_text(device / "product"),
    )


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return "".join(sign for sign in text if sign.isprintable())[:80]


def _hex(text: str) -> int | None:
    return int(text, 16) if re.fullmatch("[0-9a-fA-F]{4}", text) else None


def clone_symptom(vendor: int | None, product: int | None, description: str) -> str:
    """Return what speaks for a counterfeit chip, empty where nothing does.

    Source: usb.ids for the zeroed FTDI id; computer.rip 2023-10-09 and johnstevenson/pl2303-legacy
    for what Prolific's driver for Windows writes into the device's name.
    """
    if vendor == 0x0403 and product == 0x0000:
        return "id zeroed by a vendor's driver: a counterfeit FTDI chip"
    told = description.upper()
    if "NOT PROLIFIC" in told:
        return "the driver says that the chip is not Prolific's: a counterfeit"
    if "PHASED OUT" in told or "PLEASE CONTACT YOUR SUPPLIER" in told:
        return "the driver refuses this chip as phased out: use another adapter or an older driver"
    if "WINDOWS 11" in told and ("NOT SUPPORT" in told or "NOT SUPPORTED" in told):
        return "the driver refuses this chip on Windows 11: use another adapter"
    return ""
