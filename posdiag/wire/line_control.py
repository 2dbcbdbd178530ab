"""Enquiries in basic mode link control, both roles: ENQ is answered by ACK or NAK.

    05  ->  06     ready
    05  ->  15     there, not ready

PIN pads and terminals of that family answer an enquiry without doing anything. Any other answer
was garbled on its way, or the device speaks something else.

Source: ISO 1745, basic mode control procedures for data communication systems.
"""

from __future__ import annotations

from typing import Final

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

ENQ: Final = 0x05
ACK: Final = 0x06
NAK: Final = 0x15
COUNT: Final = 10
LIMIT_S: Final = 0.5

_QUIET_S = 0.02
"""After an answer: whatever else belongs to it has come by then, also at 2,400 bit/s."""
_NOISY_S = 1.0
_KINDS = {
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class EnquiryConversation:
    """Sends a number of enquiries, each after the answer to the one before, and counts.

    Before each one it waits for 20 ms of quiet: bytes that come then belong to the answer before.
    An answer after a silent enquiry may be that one's, come late. So the wait after it is longer,
    and where a second answer comes, both are late.

    Attributes:
        reply_times_s: of the good answers, in order.
        refused: how many of them were NAK.
        garbled: answers that were anything else.
        silent: enquiries without an answer in time.
        late: how many of them were answered after their limit.
        came: the bytes of all answers, the first 256 of them.
        failure: why it ended early; or, where it did not, why no answer at all was good.
    """

    def __init__(self, *, count: int = COUNT, limit_s: float = LIMIT_S) -> None:
        """Prepare; nothing is sent yet.

        Args:
            count: enquiries, 1 to 100.
            limit_s: how long one answer may take.

        Raises:
            LocalWireError: a count out of range.
        """
        if not 1 <= count <= 100:
            raise LocalWireError(f"{count} enquiries")
        self.reply_times_s: list[float] = []
        self.refused = 0
        self.garbled = 0
        self.silent = 0
        self.late = 0
        self.came = bytearray()
        self.failure: Failed | None = None
        self._count = count
        self._limit_s = limit_s
        self._sent_s: float | None = None
        self._answer = b""
        self._answer_s = 0.0
        self._answered_s = 0.0
        self._is_owed = False
        self._is_late = False
        self._quiet = False
        self._noisy_since_s: float | None = None
        self._waited_s = 0.0
        self._over = False

    @property
    def requests(self) -> int:
        """Return how many enquiries were sent and came to an end."""
        return len(self.reply_times_s) + self.garbled + self.silent

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if self._sent_s is not None:
            left_s = self._sent_s + self._limit_s - now_s
            if left_s > 0:
                return Wait(left_s, Operation.READ_STATUS)
            self._unanswered(now_s - self._sent_s)
        if not self._quiet:
            return self._wait_for_quiet(now_s)
        if self.requests == self._count:
            self._conclude()
            return Done()
        self._sent_s, self._quiet, self._noisy_since_s = now_s, False, None
        return Send(bytes([ENQ]))

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the device."""
        self.came += data[: 256 - len(self.came)]
        if self._sent_s is not None:
            self._answer, self._answer_s = data[:16], now_s - self._sent_s
            self._sent_s, self._answered_s = None, now_s
        elif self._answer and self._is_owed and now_s - self._answered_s > _QUIET_S:
            self._is_late = True
        elif self._answer:
            self._answer = (self._answer + data)[:16]
        elif self._is_owed:
            self._is_owed = False
            self.late += 1

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._over:
            return
        if why is Ended.LIMIT and self._sent_s is None:
            self._quiet = True
            self._judge()
        elif why is Ended.LIMIT:
            self._unanswered(waited_s)
        else:
            self._judge()
            since_s = self._waited_s + (waited_s if self._sent_s is not None else 0.0)
            self._fail(_KINDS.get(why, FailureKind.GONE), since_s if why is Ended.BUDGET else None)

    def _wait_for_quiet(self, now_s: float) -> Step:
        if self._noisy_since_s is None:
            self._noisy_since_s = now_s
        is_doubtful = self._is_owed and self._answer and not self._is_late
        quiet_s = 2 * self._limit_s if is_doubtful else _QUIET_S
        if now_s - self._noisy_since_s > quiet_s + _NOISY_S:
            self._judge()
            self._fail(FailureKind.PROTOCOL_ERROR, None, "bytes keep coming unasked")
            return Done()
        return Wait(quiet_s, Operation.READ_STATUS)

    def _unanswered(self, waited_s: float) -> None:
        self.silent += 1
        self._waited_s += waited_s
        self._sent_s = None
        self._is_owed = True

    def _judge(self) -> None:
        """Count the answer that is complete now, if there is one."""
        if not self._answer:
            return
        good = not self._answer.strip(bytes([ACK, NAK]))
        if self._is_late or (self._is_owed and good and len(self._answer) == 2):
            self.silent += 1
            self.late += 2
        elif good and len(self._answer) == 1:
            self.reply_times_s.append(self._answer_s)
            self.refused += self._answer[0] == NAK
        else:
            self.garbled += 1
        self._answer, self._is_owed, self._is_late = b"", False, False

    def _conclude(self) -> None:
        self._over = True
        if self.garbled and not self.reply_times_s:
            self._fail(FailureKind.PROTOCOL_ERROR, None, "no answer was ACK or NAK")
        elif not self.reply_times_s:
            detail = f"{self.late} answers came after {self._limit_s:g} s" if self.late else ""
            self._fail(FailureKind.SILENT, self._waited_s, detail)

    def _fail(self, kind: FailureKind, waited_s: float | None, detail: str = "") -> None:
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)
        self._over = True


class EnquiredDevice:
    """Answers enquiries (device side); other bytes are ignored."""

    def __init__(self, *, ready: bool = True) -> None:
        """Keep whether it says ACK or NAK."""
        self._answer = bytes([ACK if ready else NAK])

    def feed(self, data: bytes) -> bytes:
        """Return what it answers to these bytes."""
        return self._answer * data.count(ENQ)
