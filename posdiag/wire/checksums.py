"""Check sums of serial protocols: exclusive or, and CRC-16 by its parameters.

Check value = sum over the text ``123456789``: KERMIT 2189, XMODEM 31C3, CCITT-FALSE 29B1, AUG-CCITT
E5CC, X-25 906E, ARC BB3D, UMTS FEE8, MODBUS 4B37.

Source: parameters as in the public catalogue of CRC algorithms; check values computed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple


class Crc16(NamedTuple):
    """Parameters of a CRC of 16 bits.

    Attributes:
        poly: without the leading bit, as if not reflected.
        init: start value.
        reflected: bits of bytes and of the result are reversed.
        xorout: applied at the end.
    """

    poly: int
    init: int = 0
    reflected: bool = False
    xorout: int = 0

    def of(self, data: bytes) -> int:
        """Return the sum of these bytes."""
        table = _table(self.poly, self.reflected)
        value = self.init
        if self.reflected:
            for byte in data:
                value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
        else:
            for byte in data:
                value = ((value << 8) & 0xFFFF) ^ table[(value >> 8) ^ byte]
        return value ^ self.xorout


KERMIT: Final = Crc16(0x1021, reflected=True)
XMODEM: Final = Crc16(0x1021)


def xor(data: bytes, base: int = 0) -> int:
    """Return the exclusive or of all bytes and ``base`` (0 to 255)."""
    for byte in data:
        base ^= byte
    return base


@lru_cache(maxsize=16)
def _table(poly: int, reflected: bool) -> tuple[int, ...]:  # noqa: FBT001  (cached by position)
    entries = []
    for byte in range(256):
        value = int(f"{byte:08b}"[::-1], 2) if reflected else byte
        value <<= 8
        for _ in range(8):
            value = ((value << 1) ^ poly if value & 0x8000 else value << 1) & 0xFFFF
        entries.append(int(f"{value:016b}"[::-1], 2) if reflected else value)
    return tuple(entries)
