"""ZVT application units (German, Austrian and Swiss tills and terminals): command, fields, TLV.

    05 01 00                              status enquiry
    06 70 05  06 03 1B 01 02              extended diagnosis, a TLV container (06) in it
    06 1E 01  6C                          abort with result code 6C

Class, instruction, length (one byte, or FF and two bytes, low one first), data. Fields (BMP) have a
number and a fixed length or a length of digits ``Fx Fy``.

Card numbers are shortened and tracks dropped here, where bytes become values.

Source: VdTH PA00P015 rev. 13.08 (commands), PA00P016 rev. 04 (transport).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire.iso8583_fields import masked_pan
from posdiag.wire.tlv import Tlv, parse

MAX_DATA: Final = 4096
"""Bytes of one unit. The protocol allows 65535; nothing that we ask for needs that."""

_LL: Final = 2
_LLL: Final = 3
_FIXED: Mapping[int, int] = MappingProxyType(
    {
        0x01: 1,
        0x02: 1,
        0x03: 1,
        0x04: 6,
        0x05: 1,
        0x0B: 3,
        0x0C: 3,
        0x0D: 2,
        0x0E: 2,
        0x17: 2,
        0x19: 1,
        0x27: 1,
        0x29: 4,
        0x2A: 15,
        0x37: 3,
        0x3A: 2,
        0x3B: 8,
        0x49: 2,
        0x87: 2,
        0x88: 3,
        0x8A: 1,
        0x8C: 1,
        0xA0: 1,
        0xAA: 3,
        0xBA: 5,
        0xD0: 1,
        0xD2: 1,
        0xD3: 1,
        0xE0: 1,
        0xEB: 8,
        0xF0: 1,
        0xF9: 1,
        0xFA: 1,
        0xFB: 1,
        0xFC: 1,
    }
)
_COUNTED: Mapping[int, int] = MappingProxyType(
    {0x22: _LL, 0x23: _LL, 0x24: _LLL, 0x2D: _LL, 0x2E: _LLL, 0x3C: _LLL, 0x60: _LLL, 0x8B: _LL}
    | dict.fromkeys([*range(0xE1, 0xE9), *range(0xF1, 0xF9)], _LL)
)
_CONTAINER: Final = 0x06
_PAN: Final = 0x22
_TRACKS: Final = frozenset({0x23, 0x24, 0x2D, 0x2E})


class Apdu(NamedTuple):
    """One unit.

    Attributes:
        command: class and instruction, 4 hex digits (``0501``).
        data: without the length.
    """

    command: str
    data: bytes = b""


class Fields(NamedTuple):
    """What the data of a unit hold.

    Attributes:
        bmp: number -> value; a card number is masked digits as ASCII, a track is empty.
        tlv: objects of the container (06), empty without one.
    """

    bmp: dict[int, bytes]
    tlv: tuple[Tlv, ...] = ()


def encode_apdu(apdu: Apdu) -> bytes:
    """Return a unit as bytes.

    Raises:
        LocalWireError: a command that is not 4 hex digits, or too much data.
    """
    size = len(apdu.data)
    if len(apdu.command) != 4 or size > 0xFFFF:
        raise LocalWireError("no ZVT unit", field="apdu")
    length = bytes([size]) if size < 0xFF else b"\xff" + size.to_bytes(2, "little")
    return bytes.fromhex(apdu.command) + length + apdu.data


def decode_apdu(data: bytes) -> Apdu:
    """Return the unit that these bytes are, no more and no less.

    Raises:
        RemoteWireError: cut off, or bytes left over.
    """
    size = _unit_size(data)
    if size is None or len(data) != size:
        raise RemoteWireError("the length does not fit", field="length", offset=2)
    return _unit(data)


def _unit(data: bytes) -> Apdu:
    return Apdu(data[:2].hex().upper(), data[5:] if data[2] == 0xFF else data[3:])


def _unit_size(data: bytes) -> int | None:
    """Return how many bytes the unit has that begins here, None while that is not known."""
    if len(data) < 3:
        return None
    if data[2] != 0xFF:
        return 3 + data[2]
    return 5 + int.from_bytes(data[3:5], "little") if len(data) >= 5 else None


class ApduStream:
    """Cuts a TCP stream into units, however the bytes are split."""

    def __init__(self) -> None:
        """Start empty."""
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """Return whether no half unit is here."""
        return not self._buffer

    def feed(self, data: bytes) -> list[Apdu]:
        """Return the units that are whole now.

        Raises:
            RemoteWireError: a length beyond ``MAX_DATA``: the stream can't be read any further.
        """
        self._buffer += data
        found = []
        while (size := _unit_size(bytes(self._buffer[:5]))) is not None:
            if size > MAX_DATA + 5:
                raise RemoteWireError(f"a unit of {size} bytes", field="length", offset=2)
            if len(self._buffer) < size:
                break
            found.append(_unit(bytes(self._buffer[:size])))
            del self._buffer[:size]
        return found


def decode_fields(data: bytes) -> Fields:
    """Return the fields of a unit's data.

    Raises:
        RemoteWireError: a field that is not known (nothing behind it could be read), a length that
            is no digits, or one past the end.
    """
    bmp: dict[int, bytes] = {}
    tlv: tuple[Tlv, ...] = ()
    at = 0
    while at < len(data):
        number, start = data[at], at
        at += 1
        if number == _CONTAINER:
            size, at = ber_length(data, at)
        elif number in _COUNTED:
            size, at = counted_length(data, at, _COUNTED[number])
        elif number in _FIXED:
            size = _FIXED[number]
        else:
            raise RemoteWireError("a field that is not known", field=f"{number:02X}", offset=start)
        value = data[at : at + size]
        if len(value) < size:
            raise RemoteWireError("cut off", field=f"{number:02X}", offset=start)
        at += size
        if number == _CONTAINER:
            tlv = parse(value)
        else:
            bmp[number] = _without_card(number, value)
    return Fields(bmp, tlv)


def _without_card(number: int, value: bytes) -> bytes:
    if number in _TRACKS:
        return b""
    if number != _PAN:
        return value
    # BCD; E stands for a digit that the terminal has masked already, F fills up.
    digits = value.hex().upper().rstrip("F").replace("E", "*")
    return masked_pan(digits).encode("ascii")


def counted_length(data: bytes, at: int, digits: int) -> tuple[int, int]:
    """Return (size, next offset) of a length in digits ``Fx Fy [Fz]``.

    Raises:
        RemoteWireError: cut off, or no digits.
    """
    raw = data[at : at + digits]
    if len(raw) < digits or any(byte >> 4 != 0xF or byte & 0xF > 9 for byte in raw):
        raise RemoteWireError("no length in digits", field="length", offset=at)
    return int("".join(str(byte & 0xF) for byte in raw)), at + digits


def ber_length(data: bytes, at: int) -> tuple[int, int]:
    """Return (size, next offset) of a length in BER form, at most two bytes long.

    Raises:
        RemoteWireError: cut off, or longer.
    """
    first = data[at : at + 1]
    if first and first[0] < 0x80:
        return first[0], at + 1
    size = first[0] & 0x7F if first else 0
    raw = data[at + 1 : at + 1 + size]
    if size not in (1, 2) or len(raw) < size:
        raise RemoteWireError("no length", field="length", offset=at)
    return int.from_bytes(raw), at + 1 + size
