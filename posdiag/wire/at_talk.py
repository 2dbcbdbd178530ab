r"""Conversations with a modem: the questions that change nothing, and a test dial.

Only commands in ``SENT`` are ever asked; the one thing that is set, how errors are told, is set
back. Nothing here resets, attaches, detaches or searches for networks. A line on which data flows
already is left alone: bytes would go into somebody's connection.

Source: 3GPP TS 27.007 (questions), ITU-T V.250 section 6.3 (dialling, hanging up).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.at import ALIVE, HUSH_ERRORS, TELL_ERRORS, Answer, AtLines, Reply
from posdiag.wire.at_errors import NUMERIC, dial_result
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

QUIET_S: Final = 0.2
"""Before the first byte is sent."""
ANSWER_S: Final = 1.0
_SLOW = {"AT+COPS?": 10.0}
_PPP_FLAG = 0x7E
_MUCH = 256
"""Bytes that nobody asked for."""

CELLULAR: Final = (
    *("AT+CPIN?", "AT+CSQ", "AT+CESQ", "AT+CREG?", "AT+CGREG?", "AT+CEREG?", "AT+COPS?"),
    *("AT+CGATT?", "AT+CGDCONT?", "AT+CGPADDR=1", "AT+CCLK?"),
)
QUECTEL: Final = ("AT+QCSQ", "AT+QNWINFO")
LANDLINE: Final = ("ATI", "ATS7?")
READS: Final = frozenset(
    {ALIVE, "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CMEE?", *CELLULAR, *QUECTEL, *LANDLINE}
)
"""Every command of the questions that changes nothing."""
SENT: Final = READS | {TELL_ERRORS, HUSH_ERRORS}
"""Every command of the questions."""

DIAL_S: Final = 90.0
_DIALLED = re.compile(r"[0-9*#,W+]{1,40}")
_EMERGENCY = frozenset({"000", "110", "112", "118", "119", "120", "122", "911", "999"})
_ESCAPE = b"+++"
_GUARD_S = 1.1
"""Silence around ``+++`` (S12: 50 times 20 ms)."""

_KINDS = {
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.GONE,
    Ended.RESET: FailureKind.RESET,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class ModemConversation:
    """Asks a modem what it is, whom it is with and how well it hears.

    Attributes:
        replies: complete answers by command.
        silent: commands without a complete answer in time.
        answer_s: how long the first ``AT`` took.
        failure: why nothing, or nothing more, was learnt.
    """

    def __init__(self, *, limit_s: float = ANSWER_S) -> None:
        """Prepare; nothing is sent yet.

        Args:
            limit_s: how long an answer may take; searching for the operator's name ten times that.
        """
        self.replies: dict[str, Reply] = {}
        self.silent: list[str] = []
        self.answer_s: float | None = None
        self.failure: Failed | None = None
        self._limit_s = limit_s
        self._lines = AtLines()
        self._commands = self._plan()
        self._answer: Answer | None = None
        self._sent_s = 0.0
        self._heard = 0
        self._flags = 0
        self._quiet = False
        self._owed = 0
        self._digits = False
        self._over = False

    def _plan(self) -> Iterator[str]:
        """Yield what to ask next, in the light of what is known by then."""
        yield ALIVE
        if ALIVE not in self.replies:
            yield ALIVE
        if ALIVE not in self.replies:
            return
        yield "AT+CMEE?"
        told = self.replies.get("AT+CMEE?")
        hushed = bool(told and told.good and any(line.endswith("0") for line in told.lines))
        if hushed:
            yield TELL_ERRORS
        yield from ("AT+CGMI", "AT+CGMM", "AT+CGMR", *CELLULAR[:2])
        known = [self.replies.get(command) for command in CELLULAR[:2]]
        if any(reply and (reply.good or reply.error is not None) for reply in known):
            yield from CELLULAR[2:]
            if any("QUECTEL" in line.upper() for line in self.told("AT+CGMI")):
                yield from QUECTEL
        else:
            yield from LANDLINE
        if hushed:
            yield HUSH_ERRORS

    def told(self, command: str) -> tuple[str, ...]:
        """Return the lines of a good answer; empty where there is none."""
        reply = self.replies.get(command)
        return reply.lines if reply and reply.good else ()

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if not self._quiet:
            return Wait(QUIET_S, Operation.READ_STATUS)
        if self._answer is not None:
            limit_s = max(self._limit_s, self._limit_s * _SLOW.get(self._answer.command, 1.0))
            left_s = self._sent_s + limit_s - now_s
            if left_s > 0:
                return Wait(left_s, Operation.READ_STATUS)
            self._unanswered()
            return self.step(now_s)
        command = next(self._commands, "")
        if not command:
            self._over = True
            return Done()
        if command not in SENT:
            raise LocalWireError(f"{command} is no question", field="command")
        self._answer, self._sent_s = Answer(command, digits=self._digits), now_s
        return Send(command.encode("ascii") + b"\r")

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the modem."""
        if self._over:
            return
        self._heard += len(data)
        if not self._quiet:
            self._flags += data.count(_PPP_FLAG)
            if self._flags > 1 or self._heard > _MUCH:
                self._fail(FailureKind.BUSY, "data flows on this line: somebody is connected")
            return
        try:
            for line in self._lines.feed(data):
                self._take(line, now_s)
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._over:
            return
        if why is Ended.LIMIT and not self._quiet:
            self._quiet = True
        elif why is Ended.LIMIT:
            self._unanswered()
        else:
            kind = _KINDS.get(why, FailureKind.CLOSED)
            self._fail(kind, "", waited_s if why is Ended.BUDGET else None)

    def _take(self, line: str, now_s: float) -> None:
        answer = self._answer
        if answer is None:
            return
        if answer.command == ALIVE and line == "0":
            # Digits for words: known from the first answer, since "0" may be told elsewhere.
            self._digits, line = True, "OK"
        answer.take(line)
        if answer.reply is None:
            return
        if self._owed and answer.misses:
            # The end of an answer that was given up before: the one asked for is still to come.
            self._owed -= 1
            self._answer = Answer(answer.command, digits=self._digits)
            return
        if self.answer_s is None:
            self.answer_s = now_s - self._sent_s
        self.replies[answer.command] = answer.reply
        self._answer = None

    def _unanswered(self) -> None:
        if self._answer is None:
            return
        self.silent.append(self._answer.command)
        self._answer, self._owed = None, self._owed + 1
        if self.silent[-2:] == [ALIVE, ALIVE]:
            if self._heard:
                self._fail(FailureKind.PROTOCOL_ERROR, "what came was no answer")
            else:
                self._fail(FailureKind.SILENT, "", 2 * self._limit_s)
        elif len(self.silent) >= 4 and self.answer_s is not None:
            self._fail(FailureKind.MUTE, "it answered at first and then fell silent")

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)
        self._over = True


class DialConversation:
    """Dials a number, notes what came of it, and hangs up.

    Attributes:
        result: a value of ``DIAL_RESULTS``; None where the modem said nothing.
        rate: bit/s where it was named.
        took_s: from the last digit sent to the result.
        failure: why there is no result.
    """

    def __init__(self, number: str, *, limit_s: float = DIAL_S) -> None:
        """Prepare; nothing is sent yet.

        Args:
            number: digits, ``*``, ``#``, ``,`` (pause), ``W`` (wait for a tone), ``+``; blanks,
                dots and dashes are left out.
            limit_s: dialling, ringing and training together.

        Raises:
            LocalWireError: nothing that can be dialled.
        """
        plain = re.sub(r"[ .()-]", "", number.upper())
        if not _DIALLED.fullmatch(plain) or plain.rpartition(",")[2] in _EMERGENCY:
            raise LocalWireError("this cannot be dialled", field="number")
        self.result: str | None = None
        self.rate: int | None = None
        self.took_s: float | None = None
        self.failure: Failed | None = None
        self._limit_s = limit_s
        self._dial = f"ATDT{plain}\r".encode("ascii")
        self._lines = AtLines()
        self._since_s: float | None = None
        self._closing: list[Step] | None = None
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over or (self._closing is not None and not self._closing):
            return Done()
        if self._closing:
            return self._closing.pop(0)
        if self._since_s is None:
            self._since_s = now_s
            return Send(self._dial)
        left_s = self._since_s + self._limit_s - now_s
        if left_s > 0:
            return Wait(left_s, Operation.CONNECT)
        self._give_up(FailureKind.SILENT, self._limit_s)
        return self.step(now_s)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the modem."""
        if self._closing is not None or self._since_s is None:
            return
        try:
            lines = self._lines.feed(data)
        except RemoteWireError as error:
            self._give_up(FailureKind.PROTOCOL_ERROR, None, str(error))
            return
        for line in lines:
            found = dial_result(NUMERIC.get(line, line))
            if found and self.result is None:
                self.result, self.rate = found
                self.took_s = now_s - self._since_s
                self._close(connected=self.result == "connect")

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._closing is not None:
            self._over = self._over or why is not Ended.LIMIT
        elif why is Ended.LIMIT:
            self._give_up(FailureKind.SILENT, waited_s)
        else:
            self._give_up(_KINDS.get(why, FailureKind.CLOSED), waited_s)
            self._over = why is not Ended.BUDGET

    def _give_up(self, kind: FailureKind, waited_s: float | None, detail: str = "") -> None:
        self.failure = Failed(kind, Operation.CONNECT, detail, waited_s)
        # Any byte ends dialling (V.250 section 6.3.1).
        self._close(connected=False, before=[Send(b"\r"), Wait(_GUARD_S, Operation.CONNECT)])

    def _close(self, *, connected: bool, before: Sequence[Step] = ()) -> None:
        """Hang up what this dialled, and nothing else."""
        escape: list[Step] = []
        if connected:
            pause = Wait(_GUARD_S, Operation.CONNECT)
            escape = [pause, Send(_ESCAPE), pause]
        hang_up: list[Step] = [Send(b"ATH\r"), Wait(1.0, Operation.CONNECT)]
        self._closing = [*before, *escape, *hang_up]
