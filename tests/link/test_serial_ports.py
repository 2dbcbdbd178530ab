"""The list of ports, and what a USB id most likely is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import serial  # noqa: TID253  (its late import is the code's business)
from serial.tools import list_ports as system  # noqa: TID253  (its late import is the code's business)

from posdiag.link import serial_ports
from posdiag.link.serial_ports import CHIPS, PortFound, chip_guess, list_ports


def _port(device: str, **known: Any) -> SimpleNamespace:
    found = {"vid": None, "pid": None, "serial_number": None, "description": "n/a"}
    return SimpleNamespace(device=device, **{**found, **known})


def test_ports_are_listed_by_name_and_never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a port was opened")

    monkeypatch.setattr(serial, "serial_for_url", opened)
    monkeypatch.setattr(serial.Serial, "open", opened)
    ports = [
        _port("/dev/ttyUSB1", vid=0x1A86, pid=0x7523, description="USB Serial"),
        _port("/dev/ttyACM0", vid=0x0B00, pid=0x0060, serial_number="A1"),
        _port("/dev/ttyS0"),
        _port("/dev/ttyACM1", vid=0x1234, pid=0x0101),
    ]
    monkeypatch.setattr(system, "comports", lambda: ports)
    # What this machine itself has under these names is not what is asked here.
    monkeypatch.setattr(serial_ports, "driver_of", lambda _: "")
    monkeypatch.setattr(serial_ports, "usb_printers", list)
    assert list_ports() == [
        PortFound("/dev/ttyACM0", "", "0b00:0060", "A1", "Ingenico terminal", sure=False),
        PortFound("/dev/ttyACM1", "", "1234:0101", "", "", sure=False),
        PortFound("/dev/ttyS0", "", "", "", "", sure=False),
        PortFound("/dev/ttyUSB1", "USB Serial", "1a86:7523", "", "WCH CH340 adapter", sure=True),
    ]


def test_the_ports_of_this_machine() -> None:
    found = list_ports()
    assert found == sorted(found, key=lambda port: port.port)


@pytest.mark.parametrize(
    ("vendor", "product", "text"),
    [
        (0x0403, 0x6001, "FTDI adapter"),
        (0x067B, 0x2303, "Prolific PL2303 adapter"),
        (0x10C4, 0xEA60, "Silicon Labs CP210x adapter"),
        (0x11CA, 0x0207, "Verifone VX810"),
        (0x0B00, 0x9999, "Ingenico terminal"),
        (0x04B8, 0x0202, "Epson receipt printer"),
        (0x0403, 0x9999, None),
        (0x1234, 0x0101, None),
        (None, None, None),
    ],
)
def test_guesses(vendor: int | None, product: int | None, text: str | None) -> None:
    guess = chip_guess(vendor, product)
    assert (guess.text if guess else None) == text


def test_no_id_stands_twice() -> None:
    ids = [(chip.vendor, chip.product) for chip in CHIPS]
    assert len(set(ids)) == len(ids)
