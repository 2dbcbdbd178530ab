"""What is plugged in, by what the system knows of it. Never opens a port."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason


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
    """A serial port as the system lists it.

    Attributes:
        port: what a site file calls it.
        description: the system's words, empty where it has none.
        usb_id: ``0403:6001``, empty where it is not on USB.
        serial_number: of the USB device, empty if unknown.
        guess: what the USB id most likely is, empty if unknown.
        sure: whether the guess rests on the registered id.
    """

    port: str
    description: str
    usb_id: str
    serial_number: str
    guess: str
    sure: bool


def chip_guess(vendor: int | None, product: int | None) -> ChipGuess | None:
    """Return what a USB id most likely is, the whole id before the vendor alone."""
    matching = [chip for chip in CHIPS if chip.vendor == vendor and chip.product in (product, None)]
    return min(matching, key=lambda chip: chip.product is None, default=None)


def list_ports() -> list[PortFound]:
    """Return the serial ports of this machine, by name.

    Pseudo terminals and links are not listed.

    Raises:
        CannotRun: package_missing, where pyserial is not installed.
    """
    try:
        from serial.tools import list_ports as system
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "pyserial") from error
    found: list[PortFound] = []
    for port in system.comports():
        guess = chip_guess(port.vid, port.pid)
        on_usb = port.vid is not None and port.pid is not None
        found.append(
            PortFound(
                port=port.device,
                description="" if port.description in (None, "n/a") else port.description,
                usb_id=f"{port.vid:04x}:{port.pid:04x}" if on_usb else "",
                serial_number=port.serial_number or "",
                guess=guess.text if guess else "",
                sure=guess is not None and guess.basis == _ID,
            )
        )
    return sorted(found, key=lambda port: port.port)
