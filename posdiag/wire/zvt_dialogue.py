"""A dialogue with a ZVT terminal: commands in turn, each answered, worked on and completed.

    till                         terminal
    05 01 00                ->
                            <-   80 00 00 (or 84 xx 00: refused)
                            <-   04 FF .., 06 D1 .., 04 0F ..   any number
    80 00 00 after each     ->
                            <-   06 0F .. (completion) or 06 1E xx (abort)
    80 00 00                ->

On a serial line each unit is a frame that the other side acknowledges; over TCP there is neither.

Source: VdTH PA00P016 rev. 04 (T1, T2, repeats), PA00P015 rev. 13.08 (T3, T4, sequence).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.model.terminal_word import Saying
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.zvt import Apdu, ApduStream, decode_apdu, decode_fields, encode_apdu
from posdiag.wire.zvt_serial import ACK, NAK, Came, SerialFrames, encode_serial
from posdiag.wire.zvt_words import (
    WAITS,
    code_sayings,
    meaning_of,
    message_sayings,
    readable,
    texts_of,
)

T1_S: Final = 0.2
"""The most that two bytes of a frame may be apart."""
T2_S: Final = 5.0
"""How long an acknowledgement may take."""
T3_S: Final = 5.0
"""How long the first answer may take."""
T4_S: Final = 180.0
"""How long a terminal may work on a command before it says anything more."""
_REPEATS: Final = 2
_MOST_MESSAGES: Final = 500
_MOST_LINES: Final = 400
_GOOD: Final = "8000"
_REFUSED: Final = "84"
_COMPLETION: Final = "060F"
_ABORT: Final = "061E"
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class Outcome(StrEnum):
    """How a command ended."""

    COMPLETED = "completed"
    ABORTED = "aborted"
    REFUSED = "refused"


@dataclass(slots=True)
class Answer:
    """What came of one command.

    Attributes:
        command: class and instruction.
        outcome: None while it has not ended, or where it failed.
        code: of an abort or a refusal.
        completion: data of the completion.
        lines: printed and displayed lines, in order.
        said: what came in between says.
        host_clock: date and time of the host (``YYMMDDhhmmss``) that a diagnosis brings, or empty.
        waited_for: what it waited for when it last said so.
        answer_s: seconds until it was accepted.
    """

    command: str
    outcome: Outcome | None = None
    code: int = 0
    completion: bytes = b""
    lines: list[str] = field(default_factory=list)
    said: list[Saying] = field(default_factory=list)
    host_clock: str = ""
    waited_for: str = ""
    answer_s: float | None = None


class ZvtDialogue:
    """Sends commands in turn.

    A command that is refused or aborted does not end the dialogue; silence and broken frames do.

    Attributes:
        answers: one per command that was sent, in order.
        failure: why the dialogue ended early; its detail tells "no acknowledgement" from "no
            answer".
        acknowledged: a frame of ours was acknowledged, or (TCP) something was answered.
    """

    def __init__(self, commands: Sequence[Apdu], *, serial: bool) -> None:
        """Prepare; nothing is sent yet.

        Args:
            commands: in order.
            serial: framed and acknowledged instead of bare.
        """
        self.answers: list[Answer] = []
        self.failure: Failed | None = None
        self.acknowledged = False
        self._commands = deque(commands)
        self._serial = serial
        self._frames = SerialFrames()
        self._stream = ApduStream()
        self._outgoing: deque[bytes] = deque()
        self._unacknowledged = b""
        self._sends = 0
        self._broken = 0
        self._messages = 0
        self._accepted = False
        self._sent_s = 0.0
        self._until_s = 0.0
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._outgoing:
            return Send(self._outgoing.popleft())
        if self._over:
            return Done()
        if not self.answers or self.answers[-1].outcome is not None:
            if self._unacknowledged and now_s < self._until_s:
                return Wait(self._until_s - now_s, Operation.READ_STATUS)
            if not self._commands:
                self._over = True
                return Done()
            self._begin(self._commands.popleft(), now_s)
            return Send(self._outgoing.popleft())
        if now_s >= self._until_s:
            self._limit_passed(now_s)
            return self.step(now_s)
        wait_s = self._until_s - now_s
        if self._frames.is_inside:
            wait_s = min(wait_s, T1_S)
        return Wait(wait_s, Operation.READ_STATUS)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the terminal."""
        if self._over:
            return
        try:
            if self._serial:
                self._take_pieces(data, now_s)
            else:
                for unit in self._stream.feed(data):
                    self._take(unit, now_s)
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._over:
            return
        if why is not Ended.LIMIT:
            waits = why is Ended.BUDGET
            self._fail(_KINDS[why], self._where(), waited_s if waits else None)
        elif self._frames.is_inside:
            self._frames.drop()
            self._ask_again(now_s)
        elif now_s >= self._until_s - 1e-6:
            self._limit_passed(now_s)

    # sending

    def _begin(self, command: Apdu, now_s: float) -> None:
        self.answers.append(Answer(command.command))
        self._accepted, self._sent_s = False, now_s
        self._send(command, now_s)
        if not self._serial:
            self._until_s = now_s + T3_S

    def _send(self, unit: Apdu, now_s: float) -> None:
        raw = encode_apdu(unit)
        if not self._serial:
            self._outgoing.append(raw)
            return
        self._unacknowledged, self._sends = encode_serial(raw), 1
        self._outgoing.append(self._unacknowledged)
        self._until_s = now_s + T2_S

    def _repeat(self, now_s: float) -> bool:
        """Send the frame again that was not acknowledged; return whether that is still allowed."""
        if self._sends > _REPEATS:
            return False
        self._sends += 1
        self._outgoing.append(self._unacknowledged)
        self._until_s = now_s + T2_S
        return True

    def _limit_passed(self, now_s: float) -> None:
        if self._unacknowledged:
            if self._all_said():
                # The last frame of a dialogue that is complete: its acknowledgement is of no use.
                self._unacknowledged = b""
            elif not self._repeat(now_s):
                self._fail(FailureKind.SILENT, "no acknowledgement", now_s - self._sent_s)
            return
        self._fail(FailureKind.SILENT, self._where(), now_s - self._sent_s)

    def _all_said(self) -> bool:
        return bool(self.answers) and self.answers[-1].outcome is not None

    # receiving

    def _take_pieces(self, data: bytes, now_s: float) -> None:
        for piece in self._frames.feed(data):
            if piece.kind is Came.ACK:
                self._acknowledge(now_s)
            elif piece.kind is Came.NAK:
                if self._unacknowledged and not self._repeat(now_s):
                    self._fail(FailureKind.PROTOCOL_ERROR, "it takes none of our frames")
            elif piece.kind is Came.BROKEN:
                self._ask_again(now_s)
            elif piece.kind is Came.FRAME:
                if piece.data and self._is_echo(piece.data):
                    self._fail(FailureKind.PROTOCOL_ERROR, "only our own request came back")
                    return
                # A frame that is answered was received, whatever became of its acknowledgement.
                self._acknowledge(now_s)
                self._outgoing.append(ACK)
                self._take(decode_apdu(piece.data), now_s)

    def _is_echo(self, unit: bytes) -> bool:
        return bool(self._unacknowledged) and encode_serial(unit) == self._unacknowledged

    def _acknowledge(self, now_s: float) -> None:
        if not self._unacknowledged:
            return
        self._unacknowledged = b""
        self.acknowledged = True
        self._until_s = now_s + (T4_S if self._accepted else T3_S)

    def _ask_again(self, now_s: float) -> None:
        self._broken += 1
        if self._broken > _REPEATS + 1:
            self._fail(FailureKind.PROTOCOL_ERROR, "frames with a wrong check sum")
            return
        self._outgoing.append(NAK)
        self._until_s = max(self._until_s, now_s + T2_S)

    def _take(self, unit: Apdu, now_s: float) -> None:
        answer = self.answers[-1] if self.answers else None
        if answer is None or answer.outcome is not None:
            # A repeat of what was completed: answered, so that the terminal comes to rest.
            if not unit.command.startswith((_REFUSED, "80")):
                self._send(Apdu(_GOOD), now_s)
            return
        self.acknowledged = True
        if unit.command.startswith((_REFUSED, "80")):
            self._take_first_answer(unit, answer, now_s)
            return
        self._accepted = True
        self._messages += 1
        if self._messages > _MOST_MESSAGES:
            self._fail(FailureKind.PROTOCOL_ERROR, "messages keep coming")
            return
        self._take_message(unit, answer)
        self._until_s = now_s + T4_S
        self._send(Apdu(_GOOD), now_s)

    def _take_first_answer(self, unit: Apdu, answer: Answer, now_s: float) -> None:
        if self._accepted:
            return
        answer.answer_s = now_s - self._sent_s
        if unit.command in (_GOOD, "8400"):
            self._accepted = True
            self._until_s = now_s + T4_S
            if answer.command == "0602":
                # A log-off has no completion.
                answer.outcome = Outcome.COMPLETED
        else:
            answer.code = int(unit.command[2:], 16)
            answer.said += code_sayings(answer.code)
            answer.outcome = Outcome.REFUSED

    def _take_message(self, unit: Apdu, answer: Answer) -> None:
        """Keep what a message says; one that cannot be read is passed over but answered."""
        if unit.command == _COMPLETION:
            answer.completion, answer.outcome = unit.data, Outcome.COMPLETED
        elif unit.command == _ABORT:
            answer.code = unit.data[0] if unit.data else 0
            answer.said += code_sayings(answer.code)
            answer.outcome = Outcome.ABORTED
        try:
            self._read_message(unit, answer)
        except RemoteWireError:
            answer.said.append(Saying("text", f"unreadable message {unit.command}"))

    def _read_message(self, unit: Apdu, answer: Answer) -> None:
        match unit.command:
            case "04FF" if unit.data:
                answer.waited_for = WAITS.get(unit.data[0] & ~0x40, "") or WAITS.get(
                    unit.data[0], ""
                )
                # Behind the status stands at most a time-out, then the container.
                at = unit.data.find(b"\x06", 1)
                self._add_lines(answer, texts_of(decode_fields(unit.data[at:])) if at > 0 else [])
            case "040F":
                answer.said += message_sayings(unit.data)
            case "0401":
                fields = decode_fields(unit.data).bmp
                answer.host_clock = (fields.get(0xAA, b"") + fields.get(0x0C, b"")).hex()
            case "06D1":
                self._add_lines(answer, [readable(unit.data[1:])])
            case "06D3":
                self._add_lines(answer, texts_of(decode_fields(unit.data)))
            case "061E" if len(unit.data) > 1 and unit.data[1] == 0x06:
                answer.said += message_sayings(unit.data[1:])

    def _add_lines(self, answer: Answer, lines: Sequence[str]) -> None:
        answer.lines += lines[: _MOST_LINES - len(answer.lines)]

    # ends

    def _where(self) -> str:
        if self._unacknowledged:
            return "no acknowledgement"
        answer = self.answers[-1] if self.answers else None
        if answer is None or answer.answer_s is None:
            return "acknowledged, but no answer" if self._serial else "no answer"
        waits = f", waiting for {answer.waited_for}" if answer.waited_for else ""
        return f"accepted, but not completed{waits}"

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self._over = True
        self._outgoing.clear()
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)


def what_ended(answer: Answer) -> str:
    """Return in words how a command ended that was refused or aborted."""
    how = "refused" if answer.outcome is Outcome.REFUSED else "aborted"
    return f"{how} with {answer.code:02X}: {meaning_of(answer.code)}"
