"""The four real-time status questions to a receipt printer, as a conversation.

Waits: others allow 1.0 to 1.5 s for the first answer and up to 60 s over TCP; here each question
has its own limit, two tries, and 50 ms of quiet before it.
"""

from __future__ import annotations

from typing import Final

from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.escpos import (
    QUESTIONS,
    XOFF,
    Bytes,
    Piece,
    PrinterState,
    StatusParser,
    decode,
    request,
)
from posdiag.wire.escpos_replies import decode_automatic

SERIAL_LIMIT_S: Final = 0.5
TCP_LIMIT_S: Final = 1.5
_TRIES = 2
_GAP_S = 0.05
_NOISY_S = 1.0
"""How long bytes may keep coming between two questions."""
_MAX_STRAY = 1024
"""Bytes that come unasked in the whole exchange; a printer has no reason to say that much."""
_MAX_NOISE = 256

KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class PrinterStatusConversation:
    """Asks the four questions, each at most twice, and keeps what was answered.

    Before each question it waits for 50 ms of quiet, so that a late or doubled answer is not taken
    for the next one: replies do not say to which question they belong.

    Attributes:
        replies: n -> byte; those that came before a failure stay.
        failure: why a question was not answered, None when all four were. A printer that says
            nothing is silent; it is never in some state.
        stray: bytes that were no answer.
        noise: the first of them that are no ESC/POS status at all.
        automatic: the last automatic status that came unasked, None: none, or among garbage.
    """

    def __init__(self, *, limit_s: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            limit_s: how long a printer may take to answer: 0.5 s on a serial line or USB, 1.5 s
                over TCP (choice; the buffer does not matter to real-time requests).
        """
        self.replies: dict[int, int] = {}
        self.failure: Failed | None = None
        self.stray = 0
        self.noise = bytearray()
        self.automatic: PrinterState | None = None
        self._limit_s = limit_s
        self._parser = StatusParser()
        self._questions = list(QUESTIONS)
        self._tries = 0
        self._owed = 0
        self._asked_s: float | None = None
        self._quiet = False
        self._noisy_since_s: float | None = None
        self._waited_s = 0.0
        self._seen: set[Bytes] = set()
        self._held = False

    @property
    def state(self) -> PrinterState:
        """Return what the answers so far say; where there is none, what came unasked."""
        asked = decode(self.replies)
        if self.automatic is None:
            return asked
        unasked = self.automatic._asdict()
        told = {name: value for name, value in asked._asdict().items() if value is not None}
        return PrinterState(**{**unasked, **told})

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self.failure is not None or not self._questions:
            return Done()
        if self._asked_s is not None:
            left_s = self._asked_s + self._limit_s - now_s
            if left_s > 0:
                return Wait(left_s, Operation.READ_STATUS)
            self._unanswered(now_s - self._asked_s)
            return self.step(now_s)
        if not self._quiet:
            return self._wait_for_quiet(now_s)
        self._asked_s, self._quiet, self._noisy_since_s = now_s, False, None
        self._tries += 1
        self._seen.clear()
        question = request(self._questions[0])
        self._parser.expect(question)
        return Send(question)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the printer."""
        if self._asked_s is None:
            self._stray(len(data))
            return
        for piece in self._parser.feed(data):
            self._take(piece)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self.failure is not None or not self._questions:
            return
        since_s = waited_s if self._asked_s is None else now_s - self._asked_s
        if why is Ended.LIMIT and self._asked_s is None:
            self._quiet, self._owed = True, 0
        elif why is Ended.LIMIT:
            self._unanswered(since_s)
        else:
            total_s = self._waited_s + since_s
            self._fail(KINDS[why], "", total_s if why is Ended.BUDGET else None)

    def _wait_for_quiet(self, now_s: float) -> Step:
        if self._noisy_since_s is None:
            self._noisy_since_s = now_s
        if now_s - self._noisy_since_s > self._limit_s + _NOISY_S:
            self._fail(FailureKind.PROTOCOL_ERROR, "bytes keep coming unasked")
            return Done()
        return Wait(self._limit_s if self._owed else _GAP_S, Operation.READ_STATUS)

    def _take(self, piece: Piece) -> None:
        if piece.kind is Bytes.FLOW:
            self._held = piece.data[0] == XOFF
        elif piece.kind is Bytes.STATUS and self._asked_s is not None:
            self.replies[self._questions.pop(0)] = piece.data[0]
            self._owed = self._tries - 1
            self._tries, self._waited_s, self._asked_s = 0, 0.0, None
        else:
            self._seen.add(piece.kind)
            self._keep(piece)
            self._stray(len(piece.data))
            if piece.kind is Bytes.INVALID and self._asked_s is not None:
                # Once it may be noise of a plug or of opening the port: be quiet, then ask again.
                self._asked_s = None
                if self._tries >= _TRIES:
                    self._fail(FailureKind.PROTOCOL_ERROR, self._what_came())

    def _keep(self, piece: Piece) -> None:
        if piece.kind is Bytes.ASB and not self.noise:
            self.automatic = decode_automatic(piece.data)
        elif piece.kind is Bytes.INVALID:
            self.noise += piece.data[: _MAX_NOISE - len(self.noise)]

    def _unanswered(self, waited_s: float) -> None:
        self._waited_s += waited_s
        self._asked_s = None
        if self._parser.is_incomplete:
            self._seen.add(Bytes.INVALID)
        if self._tries < _TRIES:
            # The same question at once: an answer that is still under way would be right for it.
            self._quiet = not self._seen
        elif self._seen:
            self._fail(FailureKind.PROTOCOL_ERROR, self._what_came())
        elif self._held:
            self._fail(FailureKind.BUSY, "the printer sent XOFF and no status")
        else:
            self._fail(FailureKind.SILENT, "", self._waited_s)

    def _what_came(self) -> str:
        if Bytes.INVALID in self._seen:
            return "bytes that are no ESC/POS status: wrong speed, another protocol or noise"
        if Bytes.ECHO in self._seen:
            return "only our own request came back: a loop or an echo"
        return "status that nobody asked for, and no answer"

    def _stray(self, count: int) -> None:
        self.stray += count
        if self.stray > _MAX_STRAY:
            self._fail(FailureKind.PROTOCOL_ERROR, "bytes keep coming unasked")

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        if self.noise:
            # Among garbage, four bytes may look like automatic status by chance.
            self.automatic = None
        if self.replies:
            answered = f"{len(self.replies)} of {len(QUESTIONS)} questions were answered"
            detail = f"{detail}; {answered}" if detail else answered
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)
