"""ZVT units on a serial line: framed, doubled, checked and acknowledged.

    10 02  05 01 00  10 03  10 06      status enquiry; the first byte of its CRC is 10

Each 10 inside the unit is sent twice; the two CRC bytes behind ``10 03`` are raw. A single 06 says
that a frame came well, a single 15 that it did not.

Source: VdTH PA00P016 rev. 04. Its "XModem" is in practice CRC-16/KERMIT over unit and ETX, low byte
first (checked against public frames).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from posdiag.wire.checksums import KERMIT
from posdiag.wire.zvt import MAX_DATA

ACK: Final = b"\x06"
NAK: Final = b"\x15"
_DLE: Final = 0x10
_STX: Final = 0x02
_ETX: Final = 0x03


class Came(StrEnum):
    """What came over the line."""

    ACK = "ack"
    NAK = "nak"
    FRAME = "frame"
    BROKEN = "broken"
    """A frame whose check sum is wrong, or that is too long."""
    NOISE = "noise"


class Piece(NamedTuple):
    """One thing that came.

    Attributes:
        data: of a frame: the unit, undoubled.
    """

    kind: Came
    data: bytes = b""


def encode_serial(unit: bytes) -> bytes:
    """Return a unit as a frame."""
    crc = KERMIT.of(unit + bytes([_ETX])).to_bytes(2, "little")
    return b"\x10\x02" + unit.replace(b"\x10", b"\x10\x10") + b"\x10\x03" + crc


class SerialFrames:
    """Cuts what comes over a line into frames and single bytes, however it is split."""

    def __init__(self) -> None:
        """Start outside any frame."""
        self._unit: bytearray | None = None
        self._escaped = False
        self._crc: bytearray | None = None

    def drop(self) -> None:
        """Forget a half frame: nothing came for longer than a frame may pause."""
        self._unit, self._escaped, self._crc = None, False, None

    @property
    def is_inside(self) -> bool:
        """Return whether a frame has begun and not ended."""
        return self._unit is not None

    def feed(self, data: bytes) -> list[Piece]:
        """Return what is whole now."""
        found: list[Piece] = []
        for byte in data:
            piece = self._inside(byte) if self._unit is not None else self._outside(byte)
            if piece is not None:
                found.append(piece)
        return found

    def _outside(self, byte: int) -> Piece | None:
        if self._escaped:
            self._escaped = False
            if byte == _STX:
                self._unit = bytearray()
                return None
            return Piece(Came.NOISE, bytes([_DLE, byte]))
        if byte == _DLE:
            self._escaped = True
            return None
        if byte == ACK[0]:
            return Piece(Came.ACK)
        return Piece(Came.NAK) if byte == NAK[0] else Piece(Came.NOISE, bytes([byte]))

    def _inside(self, byte: int) -> Piece | None:
        unit = self._unit if self._unit is not None else bytearray()
        if self._crc is not None:
            self._crc.append(byte)
            return self._ended(bytes(unit)) if len(self._crc) == 2 else None
        if self._escaped:
            self._escaped = False
            if byte == _ETX:
                self._crc = bytearray()
            elif byte == _DLE:
                unit.append(byte)
            elif byte == _STX:
                # The end of the frame before was lost; this is a new one.
                self._unit = bytearray()
            else:
                self.drop()
                return Piece(Came.BROKEN)
        elif byte == _DLE:
            self._escaped = True
        else:
            unit.append(byte)
        if len(unit) > MAX_DATA + 5:
            self.drop()
            return Piece(Came.BROKEN)
        return None

    def _ended(self, unit: bytes) -> Piece:
        crc = bytes(self._crc or b"")
        self.drop()
        good = KERMIT.of(unit + bytes([_ETX])).to_bytes(2, "little") == crc
        return Piece(Came.FRAME, unit) if good else Piece(Came.BROKEN)
