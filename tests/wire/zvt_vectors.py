"""Public frames, and own ones that were computed from the specification."""

from __future__ import annotations

ASCII_PART = b"GER-APP-v2.0.9;cS02.01.01-10.10-2-2;CC26"

FRAMES = [
    ("1002 060F0B F0F0F7 322E31342E3135 00 1003 B111", "060F0BF0F0F7322E31342E313500", "ecrterm"),
    ("1002 050100 1003 1006", "050100", "own: the first CRC byte is 10"),
    ("1002 06C005 0F 19 1010 FC02 1003 1FC9", "06C0050F1910FC02", "own: DLE doubled"),
    ("1002 067005 06031B0102 1003 B081", "06700506031B0102", "own"),
    ("1002 061A00 1003 EE8F", "061A00", "own"),
    ("1002 800000 1003 F51F", "800000", "own"),
    ("1002 061E01 6C 1003 C9F2", "061E016C", "own"),
]
UNITS = [
    ("06000612 3456DE0978", "0600", "123456DE0978", "zvt crate: registration"),
    (
        "06C00F0F1910FC0206081F1501D01F600107",
        "06C0",
        "0F1910FC0206081F1501D01F600107",
        "zvt crate: read card",
    ),
    ("0501050000000300", "0501", "0000000300", "EV charger firmware"),
    ("06700506031B0102", "0670", "06031B0102", "EV charger firmware"),
    ("04FF0117", "04FF", "17", "zvt crate: please wait"),
    (
        "04FF1E0A01061A24180716" + b"Bitte Karte einstecken".hex(),
        "04FF",
        "0A01061A24180716" + b"Bitte Karte einstecken".hex(),
        "ecrterm: insert card",
    ),
    ("061E04B887FFFF", "061E", "B887FFFF", "zvt crate: abort"),
    (
        "060F89F0F4F0"
        + ASCII_PART.hex()
        + "00065B1F440452523535E4431F400A"
        + b"cVEND plug".hex()
        + "1F4128"
        + ASCII_PART.hex()
        + "1F420417FD1E3C1F43010034 0D1F0E0420230405 1F0F03225655".replace(" ", ""),
        "060F",
        "F0F4F0"
        + ASCII_PART.hex()
        + "00065B1F440452523535E4431F400A"
        + b"cVEND plug".hex()
        + "1F4128"
        + ASCII_PART.hex()
        + "1F420417FD1E3C1F430100340D1F0E04202304051F0F03225655",
        "zvt crate: status enquiry answer",
    ),
    (
        "060F15F0F0F3763132CC060C1F550204041F440412345678",
        "060F",
        "F0F0F3763132CC060C1F550204041F440412345678",
        "own: printer not ready",
    ),
    ("040F022764", "040F", "2764", "own: card not readable"),
]
