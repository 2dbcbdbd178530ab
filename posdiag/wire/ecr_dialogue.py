"""A dialogue with a terminal by request and answer, as its profile describes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from posdiag.model.errors import LocalWireError
from posdiag.model.frames import Expected, FrameRequest, FrameSettings, Handshake, TerminalEffect
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.model.terminal_word import Saying
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.ecr_answers import readable, request_bytes, sayings_of
from posdiag.wire.ecr_frames import ACK, ENQ, EOT, NAK, FrameReader, Kind, Piece, encode_frame
from posdiag.wire.iso8583_fields import without_pans

_MOST_PIECES: Final = 300
_MOST_PARTS: Final = 16
_KINDS = {
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class _Phase(Enum):
    IDLE = auto()
    ENQUIRING = auto()
    SENT = auto()
    ACKNOWLEDGED = auto()


@dataclass(slots=True)
class Answer:
    """What came of one request.

    Attributes:
        request: its name.
        data: of the answer, empty where an acknowledgement was all that was expected.
        said: what it says.
        answer_s: seconds from the first send.
    """

    request: str
    data: bytes = b""
    said: list[Saying] = field(default_factory=list)
    answer_s: float | None = None


class FrameDialogue:
    """Sends requests in turn; the first one without a good answer ends it.

    A request that is not safe is sent once: it is never repeated after it was acknowledged.

    Attributes:
        answers: one per request that was sent, in order.
        failure: why it ended early; its detail tells "no acknowledgement" from "no answer".
        acknowledged: something of ours was acknowledged or answered.
    """

    def __init__(
        self, settings: FrameSettings, requests: Sequence[FrameRequest], *, tid: str = ""
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            settings: of the terminal family.
            requests: those that may be sent, in order.
            tid: the terminal's number.

        Raises:
            LocalWireError: a request that its frame cannot hold.
        """
        self.answers: list[Answer] = []
        self.failure: Failed | None = None
        self.acknowledged = False
        self._settings = settings
        self._queue = deque((one, self._frame(one, tid)) for one in requests)
        self._reader = FrameReader(settings)
        self._outgoing: deque[bytes] = deque()
        self._request: FrameRequest | None = None
        self._raw = b""
        self._phase = _Phase.IDLE
        self._parts: list[bytes] = []
        self._texts: list[Saying] = []
        self._sends = self._broken = self._pieces = 0
        self._sent_s = self._until_s = 0.0
        self._over = False

    def _frame(self, request: FrameRequest, tid: str) -> bytes:
        raw = request_bytes(request, tid)
        return encode_frame(self._settings, raw) if request.framed else raw

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._outgoing:
            return Send(self._outgoing.popleft())
        if self._over:
            return Done()
        if self._phase is _Phase.IDLE:
            if not self._queue:
                self._over = True
                return Done()
            self._begin(now_s)
            return Send(self._outgoing.popleft())
        if now_s >= self._until_s:
            self._limit_passed(now_s)
            return self.step(now_s)
        wait_s = self._until_s - now_s
        if self._reader.is_inside:
            wait_s = min(wait_s, self._settings.byte_s)
        return Wait(wait_s, Operation.READ_STATUS)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the terminal."""
        for piece in self._reader.feed(data):
            if self._over:
                return
            self._pieces += 1
            if self._pieces > _MOST_PIECES:
                self._fail(FailureKind.PROTOCOL_ERROR, "bytes keep coming")
                return
            self._take(piece, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._over:
            return
        if why is not Ended.LIMIT:
            detail = self._where()
            self._fail(_KINDS[why], detail, waited_s if why is Ended.BUDGET else None)
        elif self._reader.is_inside:
            self._reader.drop()
            self._spoilt(now_s)
        elif now_s >= self._until_s - 1e-6:
            self._limit_passed(now_s)

    def _begin(self, now_s: float) -> None:
        self._request, self._raw = self._queue.popleft()
        self.answers.append(Answer(self._request.name))
        self._parts, self._texts = [], []
        self._sends, self._sent_s = 0, now_s
        if self._settings.handshake is Handshake.ENQ and self._request.framed:
            self._phase = _Phase.ENQUIRING
        else:
            self._phase = _Phase.SENT
        self._transmit(now_s)

    def _transmit(self, now_s: float) -> None:
        self._sends += 1
        self._outgoing.append(ENQ if self._phase is _Phase.ENQUIRING else self._raw)
        waits = self._settings.handshake is Handshake.NONE
        self._until_s = now_s + (self._settings.answer_s if waits else self._settings.ack_s)

    def _take(self, piece: Piece, now_s: float) -> None:
        match piece.kind:
            case Kind.ACK:
                self._take_ack(now_s)
            case Kind.NAK:
                if self._phase in (_Phase.SENT, _Phase.ENQUIRING) and not self._again(now_s):
                    self._fail(FailureKind.PROTOCOL_ERROR, "it does not accept the request")
            case Kind.ENQ:
                if self._raw == ENQ:
                    self._fail(FailureKind.PROTOCOL_ERROR, "only our own request came back")
                else:
                    self._outgoing.append(ACK)
            case Kind.FRAME | Kind.PART:
                self._take_frame(piece, now_s)
            case Kind.PROGRESS:
                self._texts.append(Saying("text", without_pans(readable(piece.data).strip())))
                self._until_s = now_s + self._settings.answer_s
            case Kind.BROKEN:
                self._spoilt(now_s)
            case Kind.EOT | Kind.NOISE:
                pass

    def _take_ack(self, now_s: float) -> None:
        if self._phase is _Phase.ENQUIRING:
            self._phase, self._sends = _Phase.SENT, 0
            self._transmit(now_s)
        elif self._phase is _Phase.SENT and self._request is not None:
            self.acknowledged = True
            if self._settings.handshake is Handshake.ENQ and self._request.framed:
                self._outgoing.append(EOT)
            if self._request.answer is Expected.ACK:
                self._complete(b"", now_s)
            else:
                self._phase = _Phase.ACKNOWLEDGED
                self._until_s = now_s + self._settings.answer_s

    def _take_frame(self, piece: Piece, now_s: float) -> None:
        request = self._request
        if request is None or self._phase in (_Phase.IDLE, _Phase.ENQUIRING):
            return
        is_ours = request.framed and encode_frame_or_none(self._settings, piece.data) == self._raw
        if is_ours:
            self._fail(FailureKind.PROTOCOL_ERROR, "only our own request came back")
            return
        if self._settings.handshake is not Handshake.NONE:
            self._outgoing.append(ACK)
        self.acknowledged = True
        self._parts.append(piece.data)
        if piece.kind is Kind.PART and len(self._parts) < _MOST_PARTS:
            self._phase, self._until_s = _Phase.ACKNOWLEDGED, now_s + self._settings.answer_s
            return
        data = b"".join(self._parts)
        if request.starts_with and not readable(data).startswith(request.starts_with):
            self._fail(FailureKind.PROTOCOL_ERROR, f"not an answer to {request.name}")
            return
        self._complete(data, now_s)

    def _complete(self, data: bytes, now_s: float) -> None:
        answer, request = self.answers[-1], self._request
        if request is not None:
            answer.said = [*self._texts, *sayings_of(request, data)]
            if request.then_hex:
                self._outgoing.append(bytes.fromhex(request.then_hex))
        answer.data, answer.answer_s = data, now_s - self._sent_s
        self._phase = _Phase.IDLE

    def _again(self, now_s: float) -> bool:
        """Send once more what was not accepted; return whether that is still allowed."""
        if self._sends >= self._settings.tries:
            return False
        self._transmit(now_s)
        return True

    def _spoilt(self, now_s: float) -> None:
        self._broken += 1
        if self._broken > self._settings.tries:
            self._fail(FailureKind.PROTOCOL_ERROR, "frames with a wrong check sum")
        elif self._settings.handshake is not Handshake.NONE:
            self._outgoing.append(NAK)
            self._until_s = max(self._until_s, now_s + self._settings.ack_s)

    def _limit_passed(self, now_s: float) -> None:
        request = self._request
        is_safe = request is not None and request.effect is TerminalEffect.SAFE
        if self._phase is _Phase.ACKNOWLEDGED and is_safe and self._sends < self._settings.tries:
            self._phase = _Phase.SENT
        may = self._phase is not _Phase.ACKNOWLEDGED
        may = may and (is_safe or self._settings.handshake is not Handshake.NONE)
        if not (may and self._again(now_s)):
            self._fail(FailureKind.SILENT, self._where(), now_s - self._sent_s)

    def _where(self) -> str:
        return "acknowledged, but no answer" if self.acknowledged else "no acknowledgement"

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self._over = True
        self._outgoing.clear()
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)


def encode_frame_or_none(settings: FrameSettings, data: bytes) -> bytes | None:
    """Return data as a frame, None where the frame cannot hold them."""
    try:
        return encode_frame(settings, data)
    except LocalWireError:
        return None
