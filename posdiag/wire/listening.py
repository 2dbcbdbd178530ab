"""Listens for a while and says nothing."""

from __future__ import annotations

from posdiag.model.observation import Operation
from posdiag.wire.conversation import Done, Ended, Step, Wait

_MOST = 256


class ListenConversation:
    """Keeps what comes by itself.

    Attributes:
        came: the first 256 bytes of it.
    """

    def __init__(self, seconds: float) -> None:
        """Take how long to listen."""
        self.came = bytearray()
        self._seconds = seconds
        self._since_s: float | None = None
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._since_s is None:
            self._since_s = now_s
        left_s = self._since_s + self._seconds - now_s
        if self._over or left_s <= 0:
            return Done()
        return Wait(left_s, Operation.RECEIVE)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes that came."""
        self.came += data[: _MOST - len(self.came)]

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that the time is over, or the peer gone."""
        self._over = True
