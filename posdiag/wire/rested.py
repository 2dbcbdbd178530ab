"""A conversation that lets its connection rest first, as a terminal does between customers."""

from __future__ import annotations

from posdiag.model.observation import Operation
from posdiag.wire.conversation import Conversation, Done, Ended, Step, Wait


class Rested:
    """Waits without a word, then has the inner conversation.

    Attributes:
        ended_at_rest: how the peer ended the connection meanwhile; None: it did not.
        rested: the rest is over, and the inner conversation has begun.
        cut: the run's budget ended the rest.
    """

    def __init__(self, inner: Conversation, rest_s: float) -> None:
        """Take the inner conversation.

        Args:
            inner: begun after the rest.
            rest_s: how long.
        """
        self._inner = inner
        self._rest_s = rest_s
        self._until_s: float | None = None
        self.rested = False
        self.ended_at_rest: Ended | None = None
        self.cut = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self.rested:
            return self._inner.step(now_s)
        if self.ended_at_rest is not None or self.cut:
            return Done()
        if self._until_s is None:
            self._until_s = now_s + self._rest_s
        return Wait(max(0.001, self._until_s - now_s), Operation.RECEIVE)

    def receive(self, data: bytes, now_s: float) -> None:
        """Hand bytes over; what a peer says at rest (a keep-alive) is passed over."""
        if self.rested:
            self._inner.receive(data, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Begin after the rest, or note that the connection did not last."""
        if self.rested:
            self._inner.ended(why, now_s, waited_s)
        elif why is Ended.LIMIT:
            self.rested = True
        elif why is Ended.BUDGET:
            self.cut = True
        else:
            self.ended_at_rest = why
