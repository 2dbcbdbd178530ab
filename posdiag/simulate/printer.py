"""A receipt printer that answers real-time status requests, and does it as badly as it is told."""

from __future__ import annotations

from typing import Literal

import msgspec

from posdiag.simulate.byte_line import Answer, ByteLine
from posdiag.wire.escpos import XOFF, Cover, Paper, PrinterError, PrinterState, StatusPrinter
from posdiag.wire.escpos_replies import MAKER, MODEL, encode_automatic
from posdiag.wire.star import StarPrinter

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
        dialect: language that it understands; whatever else comes is its print data.
        automatic: it sends automatic status before each answer, or instead of it (ESC/POS).
        offline: though nothing is wrong with it: its supply sags, or it starts up.
        busy: it sends XOFF and nothing else.
        maker: what it calls itself.
        model: likewise.
        baud: speed that it is set to; None: any.
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
    dialect: Literal["escpos", "star"] = "escpos"
    automatic: Literal["off", "also", "only"] = "off"
    offline: bool = False
    busy: bool = False
    maker: str = "EXAMPLE"
    model: str = "TP-80"
    baud: int | None = None


class SimulatedPrinter:
    """Serves one printer on a pseudo terminal or over TCP.

    Attributes:
        path: what a site file calls it, after ``start``.
        journal: every run of bytes that came.
    """

    def __init__(self, faults: PrinterFaults, *, pty: bool) -> None:
        """Keep the faults; nothing is opened yet."""
        self._faults = faults
        state = PrinterState(
            online=False if faults.offline else None,
            cover=Cover.OPEN if faults.cover_open else Cover.CLOSED,
            paper=Paper(faults.paper),
            error=PrinterError(faults.error),
        )
        self._printer: StatusPrinter | StarPrinter = (
            StarPrinter(state)
            if faults.dialect == "star"
            else StatusPrinter(state, {MAKER: faults.maker, MODEL: faults.model})
        )
        self._automatic = b"" if faults.automatic == "off" else encode_automatic(state)
        self._line = ByteLine(self._answer, pty=pty, baud=faults.baud)
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
        if faults.busy:
            return Answer(bytes([XOFF]))
        if self._automatic:
            answer = self._automatic + (answer if faults.automatic == "also" else b"")
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
