"""The status question to a Star printer, as a conversation."""

from __future__ import annotations

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.escpos import XOFF, XON, PrinterState
from posdiag.wire.printer_status import KINDS
from posdiag.wire.star import REQUEST, StarStatus, block_length, decode, is_header

_TRIES = 2
_GAP_S = 0.05
_MOST = 256
"""Bytes that may come in one try; a block has at most 15."""


class StarStatusConversation:
    """Asks for one block of status, at most twice, after 50 ms of quiet.

    The request must not be repeated before its answer has come, so the second one waits for the
    whole limit first.

    Attributes:
        status: what came, None: nothing that is status.
        failure: why there is none.
        stray: bytes that were no status.
    """

    def __init__(self, *, limit_s: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            limit_s: how long the printer may take to answer.
        """
        self.status: StarStatus | None = None
        self.failure: Failed | None = None
        self.stray = bytearray()
        self._limit_s = limit_s
        self._tries = 0
        self._quiet = False
        self._asked_s: float | None = None
        self._block = bytearray()
        self._count = 0
        self._waited_s = 0.0
        self._held = False

    @property
    def state(self) -> PrinterState:
        """Return what was said; all None where nothing was."""
        return self.status.state if self.status else PrinterState()

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self.status is not None or self.failure is not None:
            return Done()
        if self._asked_s is not None:
            left_s = self._asked_s + self._limit_s - now_s
            if left_s > 0:
                return Wait(left_s, Operation.READ_STATUS)
            self._unanswered(now_s - self._asked_s)
            return self.step(now_s)
        if not self._quiet:
            return Wait(_GAP_S, Operation.READ_STATUS)
        self._asked_s, self._quiet = now_s, False
        self._tries += 1
        self._block.clear()
        return Send(REQUEST)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the printer."""
        self._count += len(data)
        if self._count > _MOST:
            self._fail(FailureKind.PROTOCOL_ERROR, "bytes keep coming unasked")
        for byte in data:
            self._take(byte)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self.status is not None or self.failure is not None:
            return
        since_s = waited_s if self._asked_s is None else now_s - self._asked_s
        if why is Ended.LIMIT and self._asked_s is None:
            self._quiet = True
        elif why is Ended.LIMIT:
            self._unanswered(since_s)
        else:
            total_s = self._waited_s + since_s
            self._fail(KINDS[why], "", total_s if why is Ended.BUDGET else None)

    def _take(self, byte: int) -> None:
        if byte in (XON, XOFF) and not self._block:
            self._held = byte == XOFF
            return
        if self._asked_s is None or self.status is not None:
            self.stray.append(byte)
            return
        if not self._block and not is_header(byte):
            self.stray.append(byte)
            return
        if self._block and byte & 0x91:
            # It was no header after all; this byte may be one.
            self.stray += self._block
            self._block.clear()
            self._take(byte)
            return
        self._block.append(byte)
        if len(self._block) == block_length(self._block[0]):
            self._decode()

    def _decode(self) -> None:
        try:
            self.status = decode(bytes(self._block))
        except RemoteWireError:
            self.stray += self._block
            self._block.clear()

    def _unanswered(self, waited_s: float) -> None:
        self._waited_s += waited_s
        self._asked_s = None
        self.stray += self._block
        self._block.clear()
        if self._tries < _TRIES:
            return
        if self.stray:
            detail = "bytes that are no Star status: wrong speed, another protocol or noise"
            self._fail(FailureKind.PROTOCOL_ERROR, detail)
        elif self._held:
            self._fail(FailureKind.BUSY, "the printer sent XOFF and no status")
        else:
            self._fail(FailureKind.SILENT, "", self._waited_s)

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        if self.failure is None:
            self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)
