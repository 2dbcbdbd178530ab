"""One swipe of a card through a stripe reader on a serial line or a keyboard, as a conversation."""

from __future__ import annotations

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Step, Wait
from posdiag.wire.tracks import MOST_CHARACTERS, StripeRead, parse

QUIET_S = 0.4
"""Readers send a swipe in one go: a pause of this length, or a line's end, ends it."""


class SwipeConversation:
    """Waits for one swipe. The characters are dropped once they are read.

    Attributes:
        stripe: what the swipe gave; None where none came.
        failure: why none came.
        waited_s: seconds of the wait that ended without a swipe, else None.
    """

    def __init__(self, *, limit_s: float) -> None:
        """Start; ``limit_s`` is how long a person may take to swipe."""
        self.stripe: StripeRead | None = None
        self.failure: FailureKind | None = None
        self.waited_s: float | None = None
        self._limit_s = limit_s
        self._data = bytearray()
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to wait for."""
        if self._over:
            return Done()
        limit_s = QUIET_S if self._data else self._limit_s
        return Wait(limit_s, Operation.READ_CARD)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take characters; what comes after the end of the swipe is dropped."""
        if self._over:
            return
        self._data += data
        # A line's end alone, before anything else, belongs to an earlier swipe.
        if not self._data.strip(b"\r\n"):
            self._data.clear()
        elif self._data.endswith((b"\r", b"\n", b"\x03")) or len(self._data) > MOST_CHARACTERS:
            self._end()

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Take that nothing more comes: the end of a swipe, or no swipe at all."""
        if self._over:
            return
        if self._data:
            self._end()
            return
        kinds = {Ended.LIMIT: FailureKind.SILENT, Ended.BUDGET: FailureKind.CENSORED}
        self.failure = kinds.get(why, FailureKind.GONE)
        self.waited_s = waited_s if why in kinds else None
        self._over = True

    def _end(self) -> None:
        data, self._data = bytes(self._data), bytearray()
        self._over = True
        try:
            self.stripe = parse(data)
        except RemoteWireError:
            self.stripe = StripeRead(state="unreadable")
