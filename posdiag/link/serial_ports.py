"""What is plugged in, by what the system knows of it. Never opens a port."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from posdiag.link.port_details import clone_symptom, driver_of, usb_printers
from posdiag.link.port_holders import holder_words
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

if TYPE_CHECKING:
    from threading import Event


class ChipGuess(NamedTuple):
    """What a USB id most likely is.

    Attributes:
        product: None: every product of that vendor.
        basis: ``registered`` id, or only a ``community`` list or a vendor's number.
    """

    vendor: int
    product: int | None
    text: str
    basis: Literal["registered", "community"]


_ID: Final = "registered"
_LIST: Final = "community"


# Source: usb.ids 2025.07.26 where sure, else public PIN-pad vendor lists. 1234:0101 is left out:
# PAX terminals use it, and so does a cash counter.
CHIPS: Final = (
    *(ChipGuess(0x0403, p, "FTDI adapter", _ID) for p in (0x6001, 0x6010, 0x6011, 0x6014, 0x6015)),
    ChipGuess(0x0403, 0x0000, "FTDI clone, its id zeroed by a vendor's driver", _ID),
    ChipGuess(0x067B, 0x2303, "Prolific PL2303 adapter", _ID),
    *(ChipGuess(0x067B, p, "Prolific PL2303 G adapter", _LIST) for p in (0x23A3, 0x23C3, 0x23D3)),
    *(ChipGuess(0x10C4, p, "Silicon Labs CP210x adapter", _ID) for p in (0xEA60, 0xEA70, 0xEA71)),
    *(ChipGuess(0x1A86, p, "WCH CH340 adapter", _ID) for p in (0x7523, 0x7522, 0x5523)),
    *(ChipGuess(0x1A86, p, "WCH CH343 adapter", _LIST) for p in (0x55D3, 0x55D4)),
    ChipGuess(0x04E2, 0x1410, "Exar adapter", _ID),
    ChipGuess(0x110A, 0x1110, "Moxa UPort adapter", _ID),
    ChipGuess(0x0483, 0x5740, "ST virtual serial port", _ID),
    ChipGuess(0x04D8, 0x000A, "Microchip virtual serial port", _ID),
    ChipGuess(0x0B00, None, "Ingenico terminal", _LIST),
    ChipGuess(0x079B, 0x0028, "Ingenico iPP320 class PIN pad", _LIST),
    ChipGuess(0x0F14, 0x0038, "Ingenico health-card terminal", _ID),
    ChipGuess(0x0780, None, "Sagem Monetel terminal", _ID),
    ChipGuess(0x11CA, 0x0201, "Verifone Mx8xx", _ID),
    ChipGuess(0x11CA, 0x0207, "Verifone VX810", _ID),
    ChipGuess(0x11CA, 0x0220, "Verifone VX805", _ID),
    ChipGuess(0x11CA, 0x0219, "Verifone VX820 class", _LIST),
    ChipGuess(0x11CA, 0x0300, "Verifone P200", _LIST),
    ChipGuess(0x9908, 0x9030, "PAX terminal", _LIST),
    ChipGuess(0x2FB8, None, "PAX terminal", _LIST),
    ChipGuess(0x0CA6, None, "Castles Technology terminal", _LIST),
    ChipGuess(0x1EAB, None, "Fujian Newland device", _LIST),
    ChipGuess(0x04B8, 0x0202, "Epson receipt printer", _ID),
    ChipGuess(0x04B8, 0x0E03, "Epson TM-T20 printer", _ID),
    ChipGuess(0x04B8, 0x0E27, "Epson TM printer", _LIST),
    ChipGuess(0x0519, 0x0003, "Star TSP100 printer", _ID),
    ChipGuess(0x1504, 0x001F, "Bixolon SRP-350II printer", _ID),
    ChipGuess(0x0DD4, 0x0237, "Custom K80 printer", _ID),
    *(ChipGuess(v, p, "Citizen CT printer", _ID) for v, p in ((0x2730, 0x2002), (0x1D90, 0x20F0))),
    ChipGuess(0x2C7C, 0x0125, "Quectel EC25 cellular modem", _ID),
    ChipGuess(0x2C7C, 0x0121, "Quectel EC21 cellular modem", _ID),
    ChipGuess(0x2C7C, 0x0296, "Quectel BG96 cellular modem", _ID),
    ChipGuess(0x1199, 0x9071, "Sierra MC7455 cellular modem", _ID),
)


class PortFound(NamedTuple):
    """A port as the system lists it.

    Attributes:
        port: what a site file calls it.
        description: the system's words, empty where it has none.
        usb_id: ``0403:6001``, empty where it is not on USB.
        serial_number: of the USB device, empty if unknown.
        guess: what the USB id most likely is, empty if unknown.
        sure: whether the guess rests on the registered id.
        kind: a serial port, or a USB printer without one.
        driver: of the kernel, empty where the system does not say.
        held_by: programs that have it open, empty: none, or this user may not see them.
        symptom: what speaks for a counterfeit chip, empty where nothing does.
    """

    port: str
    description: str
    usb_id: str
    serial_number: str
    guess: str
    sure: bool
    kind: Literal["serial", "usb_printer"] = "serial"
    driver: str = ""
    held_by: str = ""
    symptom: str = ""


def chip_guess(vendor: int | None, product: int | None) -> ChipGuess | None:
    """Return what a USB id most likely is, the whole id before the vendor alone."""
    matching = [chip for chip in CHIPS if chip.vendor == vendor and chip.product in (product, None)]
    return min(matching, key=lambda chip: chip.product is None, default=None)


def list_ports() -> list[PortFound]:
    """Return the serial ports and USB printers of this machine, by name.

    Pseudo terminals and links are not listed.

    Raises:
        CannotRun: package_missing, where pyserial is not installed.
    """
    try:
        from serial.tools import list_ports as system
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "pyserial") from error
    found = [
        _found(
            port.device,
            "" if port.description in (None, "n/a") else port.description,
            (port.vid, port.pid),
            port.serial_number or "",
            "serial",
        )
        for port in system.comports()
    ]
    for printer in usb_printers():
        ids = (printer.vendor, printer.product_id)
        found.append(
            _found(printer.port, printer.product, ids, printer.serial_number, "usb_printer")
        )
    return sorted(found, key=lambda port: port.port)


def _found(
    port: str,
    description: str,
    ids: tuple[int | None, int | None],
    serial_number: str,
    kind: Literal["serial", "usb_printer"],
) -> PortFound:
    vendor, product = ids
    guess = chip_guess(vendor, product)
    return PortFound(
        port=port,
        description=description,
        usb_id="" if vendor is None or product is None else f"{vendor:04x}:{product:04x}",
        serial_number=serial_number,
        guess=guess.text if guess else "",
        sure=guess is not None and guess.basis == _ID,
        kind=kind,
        driver="usblp" if kind == "usb_printer" else driver_of(port),
        held_by=holder_words(port),
        symptom=clone_symptom(vendor, product, description),
    )


def would_appear(platform: str = sys.platform) -> list[tuple[str, str]]:
    """Return what a port would be called here, and what it would be, for a machine with none."""
    if platform == "win32":
        adapter, built_in, terminal, printer = "COM3", "COM1", "COM4", "COM5"
    elif platform == "darwin":
        adapter, terminal = "/dev/cu.usbserial-0001", "/dev/cu.usbmodem0001"
        built_in, printer = "", ""
    else:
        adapter, built_in, terminal = "/dev/ttyUSB0", "/dev/ttyS0", "/dev/ttyACM0"
        printer = "/dev/usb/lp0"
    names = {
        adapter: "a USB serial adapter (FTDI, CP210x, CH340, PL2303)",
        terminal: "a terminal, PIN pad or modem on USB",
        printer: "a receipt printer on USB",
        built_in: "a serial port of the machine itself",
    }
    return [(port, what) for port, what in names.items() if port]


class PortEvent(NamedTuple):
    """A port came or went.

    Attributes:
        at_s: seconds since the watch began.
    """

    at_s: float
    event: Literal["appeared", "gone"]
    port: PortFound


def watch_ports(
    seconds: float,
    stop: Event,
    *,
    listing: Callable[[], list[PortFound]] = list_ports,
    every_s: float = 0.5,
) -> Iterator[PortEvent]:
    """Yield ports as they are plugged in and pulled; never opens one.

    Args:
        seconds: how long to watch.
        stop: ends it early.
        listing: what is there now.
        every_s: between two looks.

    Raises:
        CannotRun: as ``list_ports``.
    """
    begun_s = time.monotonic()
    before = {port.port: port for port in listing()}
    while (left_s := begun_s + seconds - time.monotonic()) > 0:
        if stop.wait(min(every_s, left_s)):
            return
        now = {port.port: port for port in listing()}
        at_s = time.monotonic() - begun_s
        for name in sorted(now.keys() - before.keys()):
            yield PortEvent(at_s, "appeared", now[name])
        for name in sorted(before.keys() - now.keys()):
            yield PortEvent(at_s, "gone", before[name])
        before = now
