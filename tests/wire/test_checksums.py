"""Check values of the public catalogue."""

from __future__ import annotations

import pytest

from posdiag.wire.checksums import KERMIT, XMODEM, Crc16, xor


@pytest.mark.parametrize(
    ("crc", "expected"),
    [
        (KERMIT, 0x2189),
        (XMODEM, 0x31C3),
        (Crc16(0x1021, init=0xFFFF), 0x29B1),
        (Crc16(0x1021, init=0x1D0F), 0xE5CC),
        (Crc16(0x1021, init=0xFFFF, reflected=True, xorout=0xFFFF), 0x906E),
        (Crc16(0x8005, reflected=True), 0xBB3D),
        (Crc16(0x8005), 0xFEE8),
        (Crc16(0x8005, init=0xFFFF, reflected=True), 0x4B37),
    ],
)
def test_check_values(crc: Crc16, expected: int) -> None:
    assert crc.of(b"123456789") == expected


def test_exclusive_or() -> None:
    assert xor(b"0200|123|\x03") == 0x31
    assert xor(b"", 0x7F) == 0x7F
