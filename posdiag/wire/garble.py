"""What garbled bytes say about the line: the wrong speed, the wrong parity, a short, or noise.

What should have come is known (a few answers, or printable text). Garbage is compared with what the
model of the line gives for each usual speed; where the answers are not that few, only shares of
bytes remain: above 25 % with the high bit set, or above 20 % zeros.

Source: device sheet 3.5 (own simulation of a receiver); the shares that decide are a choice.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from posdiag.wire.uart import Line, as_read

SPEEDS: Final = (9600, 38400, 19200, 115200, 57600, 4800, 2400, 1200)
"""Usual speeds, in the order in which they are tried and, if two fit equally, named."""
TEXT: Final = frozenset([*range(0x20, 0x7F), 0x0A, 0x0D, 0x09, 0x02, 0x03, 0x06, 0x15])
"""Printable ASCII with line ends and what frames it."""

_ENOUGH = 3
_ENOUGH_FOR_SHARES = 8
_FEW = 20
_MOST = 256
_MOST_GOOD = 0.6
"""Share of bytes that may look right by chance: up to 44 % of text at a quarter of its speed."""
_HIGH_SHARE, _ZERO_SHARE = 0.25, 0.20


class Garble(StrEnum):
    """What is most probably wrong with the line."""

    NONE = "none"
    SPEED = "speed"
    PARITY = "parity"
    BREAK = "break"
    """Nothing but zeros: the line is held low by a short, or by a far slower sender."""
    NOISE = "noise"
    TOO_FEW = "too_few"
    """Fewer bytes than any guess can rest on."""


class Guess(NamedTuple):
    """A probable cause of garbage.

    Attributes:
        bauds: that the device may have, the most usual first; empty: not to be told.
        parity: ``even`` or ``odd`` with seven bits; empty: not to be told, or none.
    """

    kind: Garble
    bauds: tuple[int, ...] = ()
    parity: str = ""


def guess(data: bytes, expected: Collection[int], baud: int) -> Guess:
    """Return what most probably happened to bytes.

    Args:
        data: everything that came, good and bad.
        expected: bytes that could have come: the answers of a protocol, or ``TEXT``.
        baud: that it was read with, 8 data bits and no parity.
    """
    good = sum(byte in expected for byte in data)
    if data and good == len(data):
        return Guess(Garble.NONE)
    if len(data) < _ENOUGH:
        return Guess(Garble.TOO_FEW)
    if not any(data):
        return Guess(Garble.BREAK)
    is_text = len(expected) > _FEW
    bauds = () if is_text or good else _speeds(data, frozenset(expected), baud)
    parity = _parity(data, expected)
    # One byte over and over fits a parity as well as a speed; several fit only one of them.
    if parity and (not bauds or len(set(data)) > 1):
        return Guess(Garble.PARITY, (baud,), parity)
    # Of a few answers none comes through right at a wrong speed.
    told = len(data) >= _ENOUGH_FOR_SHARES and (is_text or not good)
    if bauds or (told and _looks_like_speed(data, good)):
        return Guess(Garble.SPEED, bauds)
    return Guess(Garble.NOISE)


def _parity(data: bytes, expected: Collection[int]) -> str:
    """Return which parity makes the high bit of every byte right, empty where none does."""
    if any(byte & 0x7F not in expected for byte in data) or not any(byte & 0x80 for byte in data):
        return ""
    odd = [byte.bit_count() % 2 == 1 for byte in data]
    return "odd" if all(odd) else "" if any(odd) else "even"


def _speeds(data: bytes, expected: frozenset[int], baud: int) -> tuple[int, ...]:
    """Return the usual speeds at which answers, each read as garbage, give exactly these bytes."""
    return tuple(
        speed
        for speed in SPEEDS
        if speed != baud and _consists_of(data[:_MOST], _garbage(expected, speed, baud))
    )


def _consists_of(data: bytes, pieces: frozenset[bytes]) -> bool:
    """Return whether bytes are these pieces, in any order and number."""
    reached = {0}
    for at in range(len(data)):
        if at in reached:
            reached.update(at + len(piece) for piece in pieces if data.startswith(piece, at))
    return len(data) in reached


@cache
def _garbage(expected: frozenset[int], sent_baud: int, read_baud: int) -> frozenset[bytes]:
    """Return what is read for each of the answers where it was sent at another speed."""
    reads = {as_read(bytes([byte]), Line(sent_baud), read_baud).data for byte in expected}
    return frozenset(reads - {b""})


def _looks_like_speed(data: bytes, good: int) -> bool:
    high = sum(byte >= 0x80 for byte in data) / len(data)
    zeros = data.count(0) / len(data)
    return good / len(data) < _MOST_GOOD and (high > _HIGH_SHARE or zeros > _ZERO_SHARE)
