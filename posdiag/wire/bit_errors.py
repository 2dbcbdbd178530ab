"""A bit-error test over a loopback plug: a known pattern goes out and is compared as it returns.

The pattern is PRBS9 (x^9 + x^5 + 1, 511 bits) packed into bytes: every run of up to nine bits is
in it. It goes out in small blocks, each after the one before came back, so no buffer overflows.
Only where the site file declares a plug: any device would take the pattern for data.

Source: pattern of ITU-T O.150; the upper limit without an error is the rule of three (Hanley and
Lippman-Hand, JAMA 1983).
"""

from __future__ import annotations

from functools import cache
from typing import Final

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

BLOCK: Final = 32
BLOCKS: Final = 32
LIMIT_S: Final = 0.5


@cache
def pattern(count: int) -> bytes:
    """Return the first ``count`` bytes of PRBS9."""
    register, found = 0x1FF, bytearray()
    for _ in range(count):
        byte = 0
        for bit in range(8):
            new = (register >> 8 ^ register >> 4) & 1
            register = (register << 1 | new) & 0x1FF
            byte |= new << bit
        found.append(byte)
    return bytes(found)


class BitErrorConversation:
    """Sends the pattern block by block and counts.

    Attributes:
        bits: that came back, right or wrong.
        wrong: how many of them were wrong.
        lost: bytes that did not come back in time; they count neither as right nor as wrong.
        extra: bytes beyond what was sent.
        failure: why it ended early, or that nothing came back at all.
    """

    def __init__(self, *, blocks: int = BLOCKS, limit_s: float = LIMIT_S) -> None:
        """Prepare; nothing is sent yet.

        Args:
            blocks: of 32 bytes, 1 to 1000.
            limit_s: how long one block may take to come back.

        Raises:
            LocalWireError: a number of blocks out of range.
        """
        if not 1 <= blocks <= 1000:
            raise LocalWireError(f"{blocks} blocks")
        self.bits = 0
        self.wrong = 0
        self.lost = 0
        self.extra = 0
        self.failure: Failed | None = None
        self._blocks = [
            pattern(BLOCK * blocks)[at : at + BLOCK] for at in range(0, BLOCK * blocks, BLOCK)
        ]
        self._limit_s = limit_s
        self._due = b""
        self._sent_s = 0.0
        self._silent_s = 0.0
        self._over = False

    @property
    def highest_rate(self) -> float | None:
        """Return the rate of bit errors that 95 of 100 such tests without an error exclude.

        None where an error came or nothing did.
        """
        return 3 / self.bits if self.bits and not self.wrong else None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if self._due:
            left_s = self._sent_s + self._limit_s - now_s
            if left_s > 0:
                return Wait(left_s, Operation.RECEIVE)
            self._missed()
            return self.step(now_s)
        if not self._blocks:
            self._conclude()
            return Done()
        self._due, self._sent_s = self._blocks.pop(0), now_s
        return Send(self._due)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes that came back."""
        due, self._due = self._due[: len(data)], self._due[len(data) :]
        self.extra += len(data) - len(due)
        self.bits += 8 * len(due)
        self.wrong += sum((was ^ is_).bit_count() for was, is_ in zip(due, data, strict=False))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._over:
            return
        if why is Ended.LIMIT:
            self._missed()
            return
        kind = FailureKind.CENSORED if why is Ended.BUDGET else FailureKind.GONE
        kind = FailureKind.PROTOCOL_ERROR if why is Ended.TOO_MUCH else kind
        self._fail(kind, "", waited_s if why is Ended.BUDGET else None)

    def _missed(self) -> None:
        self.lost += len(self._due)
        self._due = b""
        self._silent_s += self._limit_s
        if not self.bits and self.lost >= 2 * BLOCK:
            self._conclude()

    def _conclude(self) -> None:
        self._over = True
        if not self.bits:
            self._fail(
                FailureKind.SILENT, "nothing came back: no plug, or a broken line", self._silent_s
            )

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None) -> None:
        self.failure = Failed(kind, Operation.RECEIVE, detail, waited_s)
        self._over = True
