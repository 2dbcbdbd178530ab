"""A receipt printer that answers real-time status requests, and does it as badly as it is told."""

from __future__ import annotations

from typing import Literal

import msgspec

from posdiag.simulate.byte_line import Answer, ByteLine
from posdiag.wire.escpos import Cover, Paper, PrinterError, PrinterState, StatusPrinter

_GARBAGE = bytes.fromhex("F8FEE6")
"""What is read at twice the sender's speed (device sheet 3.5): no ESC/POS status in it."""
_NOISE = b"\xf8"


class PrinterFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the printer.

    Attributes:
        silent: nothing is answered.
        garbage: every answer is no ESC/POS status, as with the wrong speed.
        noise: one stray byte comes before the first answer.
        dead_after: bytes answered before it falls silent; None: never.
        gone_after: bytes answered before it is unplugged; None: never.
        delay_s: before each answer.
    """

    paper: Literal["enough", "near_end", "out"] = "enough"
    cover_open: bool = False
    error: Literal["none", "recoverable", "cutter", "unrecoverable", "auto_recoverable"] = "none"
    silent: bool = False
    garbage: bool = False
    noise: bool = False
    dead_after: int | None = None
    gone_after: int | None = None
    delay_s: float = 0.0


class SimulatedPrinter:
    """Serves one printer on a pseudo terminal or over TCP.

    Attributes:
        path: what a site file calls it, after ``start``.
        journal: every run of bytes that came.
    """

    def __init__(self, faults: PrinterFaults, *, pty: bool) -> None:
        """Keep the faults; nothing is opened yet."""
        self._faults = faults
        self._printer = StatusPrinter(
            PrinterState(
                cover=Cover.OPEN if faults.cover_open else Cover.CLOSED,
                paper=Paper(faults.paper),
                error=PrinterError(faults.error),
            )
        )
        self._line = ByteLine(self._answer, pty=pty)
        self._answered = 0
        self._noise = _NOISE if faults.noise else b""
        self.journal = self._line.journal

    @property
    def path(self) -> str:
        """Return what a site file calls it; empty before ``start``."""
        return self._line.path

    @property
    def printed(self) -> bytes:
        """Return what would have come out on paper."""
        return bytes(self._printer.printed)

    def start(self) -> None:
        """Switch it on."""
        self._line.start()

    def stop(self) -> None:
        """Unplug it."""
        self._line.stop()

    def _answer(self, data: bytes) -> Answer:
        faults = self._faults
        answer = self._printer.feed(data)
        if faults.silent or not answer:
            return Answer()
        if faults.garbage:
            answer = _GARBAGE * len(answer)
        if faults.dead_after is not None:
            answer = answer[: max(0, faults.dead_after - self._answered)]
        leaves = False
        if faults.gone_after is not None:
            answer = answer[: max(0, faults.gone_after - self._answered)]
            leaves = not answer
        self._answered += len(answer)
        noise, self._noise = self._noise, b""
        return Answer(noise + answer, faults.delay_s, leaves)
