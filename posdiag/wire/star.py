"""Status of Star receipt printers (line mode and StarPRNT): the bytes, both roles.

    1B 06 01  ->  23 06 00 00 00 00 00 00 00    9 bytes, version 3, all well
    1B 06 01  ->  23 06 28 00 00 08 00 00 00    offline, cover open, paper end

Header 1 (``0xx0xxx1``) holds the length, header 2 the version; from the third byte on bits 0, 4 and
7 are 0. The request prints nothing and is ignored by ESC/POS printers.

Source: Star HSP7000 line mode manual rev. 0.00 pp. 3-70, 5-8 to 5-11; TSP700 manual pp. 41-43.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire.escpos import Cover, Paper, PrinterError, PrinterState

REQUEST: Final = b"\x1b\x06\x01"
SHORTEST, LONGEST = 7, 15
"""Lengths that the manuals list, headers included."""

_FIELD = "Star status"
_ERRORS: Final = (
    # byte, mask, error; the gravest first
    (3, 0x20, PrinterError.UNRECOVERABLE),
    (3, 0x08, PrinterError.CUTTER),
    (3, 0x40, PrinterError.AUTO_RECOVERABLE),
    # A mechanical error, a jam in the presenter, a black mark that was not found: a person helps.
    (3, 0x04, PrinterError.RECOVERABLE),
    (4, 0x04, PrinterError.RECOVERABLE),
    (4, 0x08, PrinterError.RECOVERABLE),
)


class StarStatus(NamedTuple):
    """One block of status.

    Attributes:
        version: below 4 line mode, from there StarPRNT.
        overflowed: the receive buffer was full; clears when read.
    """

    version: int
    state: PrinterState
    overflowed: bool


def is_header(byte: int) -> bool:
    """Return whether a byte can begin a block."""
    return byte & 0x91 == 0x01 and block_length(byte) >= SHORTEST


def block_length(header: int) -> int:
    """Return the bytes of a block, headers included: bits 3, 2, 1 as 4, 2, 1 and bit 5 as 8."""
    return header >> 1 & 0x07 | header >> 2 & 0x08


def decode(block: bytes) -> StarStatus:
    """Return what a block says.

    Raises:
        RemoteWireError: its first byte is no header, its length another, or wrong fixed bits.
    """
    if not block or not is_header(block[0]):
        raise RemoteWireError("no header", field=_FIELD, offset=0)
    if len(block) != block_length(block[0]):
        raise RemoteWireError("not as long as its header says", field=_FIELD, offset=len(block))
    for offset, byte in enumerate(block[1:], 1):
        if byte & 0x91:
            raise RemoteWireError("fixed bits are wrong", field=_FIELD, offset=offset)
    version = block[1] >> 1 & 0x07 | block[1] >> 2 & 0x08 | block[1] >> 2 & 0x10
    return StarStatus(version, _state(block), overflowed=bool(block[4] & 0x40))


def _state(block: bytes) -> PrinterState:
    one, four = block[2], block[5]
    found = (error for at, mask, error in _ERRORS if block[at] & mask)
    paper = Paper.OUT if four & 0x08 else Paper.NEAR_END if four & 0x06 else Paper.ENOUGH
    return PrinterState(
        online=not one & 0x08,
        cover=Cover.OPEN if one & 0x20 else Cover.CLOSED,
        paper=paper,
        error=next(found, PrinterError.NONE),
        drawer_pin_high=bool(one & 0x04),
    )


def encode(state: PrinterState) -> bytes:
    """Return the block of a printer in this state (printer side): 9 bytes, version 3.

    Raises:
        LocalWireError: inconsistent paper, which no state of a printer stands for.
    """
    if state.paper is Paper.INCONSISTENT:
        raise LocalWireError("no sensor is inconsistent on purpose", field="paper")
    is_open, is_out = state.cover is Cover.OPEN, state.paper is Paper.OUT
    error = state.error or PrinterError.NONE
    mask = next((mask for _, mask, known in _ERRORS if known is error), 0)
    offline = is_open or is_out or bool(mask) or state.online is False
    one = is_open * 0x20 | offline * 0x08 | bool(state.drawer_pin_high) * 0x04
    four = {Paper.OUT: 0x0C, Paper.NEAR_END: 0x04}.get(state.paper or Paper.ENOUGH, 0)
    return bytes((0x23, 0x06, one, mask, 0, four, 0, 0, 0))


class StarPrinter:
    """Answers the status request like a Star printer in a given state.

    Attributes:
        printed: bytes that were no request.
    """

    def __init__(self, state: PrinterState) -> None:
        """Keep the state.

        Raises:
            LocalWireError: a state that no printer is in.
        """
        self._block = encode(state)
        self._begun = b""
        self.printed = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Return what the printer answers to these bytes."""
        answer = b""
        for byte in data:
            begun = self._begun + bytes([byte])
            if begun == REQUEST:
                answer, self._begun = answer + self._block, b""
            elif REQUEST.startswith(begun):
                self._begun = begun
            else:
                begins = byte == REQUEST[0]
                self.printed += begun[:-1] if begins else begun
                self._begun = REQUEST[:1] if begins else b""
        return answer
