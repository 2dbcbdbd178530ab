"""The port status byte of USB printers (``GET_PORT_STATUS``, Linux ``LPGETSTATUS``).

    18    selected, no error, paper present: what many receipt printers say whatever happens
    38    paper empty

Bits: 08 *not* error, 10 selected, 20 paper empty. Receipt printers often return a constant 18, so
18 is unknown and never "paper ok": only what differs from it says something.

Source: DFX-9000 manual p. 31; Linux ``uapi/linux/lp.h`` and ``drivers/usb/class/usblp.c``.
"""

from __future__ import annotations

from typing import Final

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire.escpos import Paper, PrinterError, PrinterState

NOT_ERROR, SELECTED, PAPER_EMPTY = 0x08, 0x10, 0x20
USUAL: Final = NOT_ERROR | SELECTED
_KNOWN: Final = 0xF8
"""40 (acknowledge) and 80 (busy) are of parallel ports; a USB bridge may pass them on."""


def decode(status: int) -> PrinterState:
    """Return what the byte says; None in all that it leaves unknown.

    Not selected goes first, as in usblp: a bridge without a printer behind it clears every bit.

    Raises:
        RemoteWireError: bits set that no standard knows.
    """
    if not 0 <= status <= 0xFF or status & ~_KNOWN:
        raise RemoteWireError("unknown bits are set", field="port status", offset=0)
    if not status & SELECTED:
        return PrinterState(online=False)
    return PrinterState(
        paper=Paper.OUT if status & PAPER_EMPTY else None,
        error=None if status & NOT_ERROR else PrinterError.RECOVERABLE,
    )


def encode(state: PrinterState) -> int:
    """Return the byte of a printer in this state (printer side).

    Raises:
        LocalWireError: inconsistent paper.
    """
    if state.paper is Paper.INCONSISTENT:
        raise LocalWireError("no sensor is inconsistent on purpose", field="paper")
    is_faulty = state.error not in (None, PrinterError.NONE)
    selected = SELECTED if state.online is not False else 0
    return selected | (0 if is_faulty else NOT_ERROR) | (state.paper is Paper.OUT) * PAPER_EMPTY
