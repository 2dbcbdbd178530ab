"""Asks a UPS server for one UPS again and again, on one connection, and keeps what it says.

Source: RFC 9271; ups.conf(5): a driver looks at its UPS every 2 s unless it is told otherwise
(``pollinterval``), so what lasts less may never reach the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from posdiag.model.observation import Failed, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.nut import UpsConversation, UpsState, interpret

EVERY_S: Final = 0.5
MOST_SAMPLES: Final = 10_000


class UpsSample(NamedTuple):
    """One answer.

    Attributes:
        at_s: when it was complete.
        state: None where it failed.
        failure: why.
    """

    at_s: float
    state: UpsState | None
    failure: Failed | None


class UpsEvents(NamedTuple):
    """What happened between the first good answer and the last.

    Attributes:
        took_s: between these two; 0 where there were none.
        longest_gap_s: between two good answers: an event at least this long was seen.
        on_battery: how often it went to battery, or was on it at first.
        sags: how often its mains left its limits, likewise.
        lowest_v: of its mains.
        failure: of the last answer, if that failed.
    """

    took_s: float
    longest_gap_s: float
    on_battery: int
    sags: int
    lowest_v: float | None
    failure: Failed | None


def ups_events(samples: Sequence[UpsSample]) -> UpsEvents:
    """Return what the answers say together."""
    states = [one.state for one in samples if one.state is not None and one.state.known]
    times = [one.at_s for one in samples if one.state is not None and one.state.known]
    volts = [state.input_v for state in states if state.input_v is not None]
    return UpsEvents(
        took_s=times[-1] - times[0] if times else 0.0,
        longest_gap_s=max((after - before for before, after in pairwise(times)), default=0.0),
        on_battery=_begun([state.on_battery for state in states]),
        sags=_begun([state.is_outside for state in states]),
        lowest_v=min(volts, default=None),
        failure=samples[-1].failure if samples else None,
    )


def _begun(flags: Sequence[bool]) -> int:
    return sum(now and not before for before, now in pairwise([False, *flags]))


class UpsWatch:
    """Asks every half second until a time is over.

    Attributes:
        ups: name of the UPS; the first that the server lists where none was given.
        samples: answers, in order.
    """

    def __init__(self, ups: str, *, for_s: float, limit_s: float, every_s: float = EVERY_S) -> None:
        """Prepare; nothing is sent yet.

        Args:
            ups: name in the server, empty for the first one.
            for_s: how long to watch.
            limit_s: how long one answer may take.
            every_s: from one question to the next.

        Raises:
            LocalWireError: a name that cannot be one.
        """
        self.ups = ups
        self.samples: list[UpsSample] = []
        self._for_s, self._limit_s, self._every_s = for_s, limit_s, every_s
        self._round: UpsConversation | None = UpsConversation(ups, limit_s=limit_s)
        self._until_s: float | None = None
        self._asked_s = 0.0
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._until_s is None:
            self._until_s, self._asked_s = now_s + self._for_s, now_s
        if self._round is not None:
            step = self._round.step(now_s)
            if isinstance(step, Send | Wait):
                return step
            self._keep(self._round, now_s)
        next_s = self._asked_s + self._every_s
        if self._over or max(next_s, now_s) >= self._until_s or len(self.samples) >= MOST_SAMPLES:
            return Done()
        if now_s < next_s:
            return Wait(next_s - now_s, Operation.READ_STATUS)
        self._asked_s = now_s
        self._round = UpsConversation(self.ups, limit_s=self._limit_s)
        return self._round.step(now_s)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the server; what comes unasked is left out."""
        if self._round is not None:
            self._round.receive(data, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes: the end of a pause, of a round, or of all."""
        if self._round is not None:
            self._round.ended(why, now_s, waited_s)
        self._over = self._over or why is not Ended.LIMIT

    def _keep(self, asked: UpsConversation, now_s: float) -> None:
        self._round = None
        self.ups = asked.ups
        state = None if asked.failure is not None else interpret(asked.variables)
        self.samples.append(UpsSample(now_s, state, asked.failure))
