"""A long series of round trips in its order: how losses cluster, and what one moment was like.

Bursts and stalls are what breaks a sign-on, and a share of lost packets alone does not tell them
from single losses. So the series is kept as it was taken and looked up by time.

Source: diagnosis science, sections 3.2 (stalls) and 3.3 (limits); Gilbert 1960, Elliott 1963.
"""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, sqrt

from posdiag.diagnose.sightings import Sightings, numbers
from posdiag.model.knowledge import ReadingBase
from posdiag.model.observation import Measured, Observation

BEGUN, ROUND_TRIP = "stalls.begun_at", "stalls.round_trip"
LOST = "lost"
"""What stands in the list of round trips where there was no answer."""
LEAST = 30
"""A shorter series says nothing of bursts."""
BOTH_WAYS_FROM_S = 1.0
"""A gap this long is an outage of the line and stops both directions (assumption: a shorter one is
a burst in one of them: queues and fading differ between up and down)."""
_LATE_S = 0.3
"""An answer so much later than usual was held back."""
_UNSEEN = 3.689
"""So many events may have been missed where none was seen (Poisson, 0.975)."""
_LEAST_BEYOND_S = 0.2
_CELLS_PER_ROUND_TRIP = 2
Z95 = 1.959963984540054
_ANY = ReadingBase()


@dataclass(frozen=True, slots=True)
class Bursts:
    """A Gilbert-Elliott chain with loss 1 in its bad state and 0 in its good one.

    Attributes:
        share: lost, of all.
        enter: P(next is lost | this one was answered).
        leave: P(next is answered | this one was lost).
        effective: how many independent round trips the series is worth.
    """

    share: float
    enter: float
    leave: float
    effective: float

    @property
    def mean_length(self) -> float:
        """Return the round trips of a mean burst, 0 where there is none."""
        return 1 / self.leave if self.leave else 0.0


def fit_bursts(fates: Sequence[bool]) -> Bursts:
    """Return the chain that fits a series (maximum likelihood).

    A chain's neighbours correlate by ``1 - enter - leave``, which is what n independent ones lose.

    Args:
        fates: True where the round trip was lost, in order, at least 2.
    """
    count, lost = len(fates), sum(fates)
    pairs = list(pairwise(fates))
    entered = sum(not here and there for here, there in pairs)
    left = sum(here and not there for here, there in pairs)
    from_good = sum(not here for here, _ in pairs)
    from_bad = len(pairs) - from_good
    enter = entered / from_good if from_good else 1.0
    leave = left / from_bad if from_bad else 1.0
    clustered = max(0.0, 1 - enter - leave) if lost else 0.0
    return Bursts(lost / count, enter, leave, count * (1 - clustered) / (1 + clustered))


def wilson(count: float, total: float) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson's score interval).

    Args:
        count: of the total, 0 to ``total``.
        total: more than 0; it need not be whole.
    """
    share, square = count / total, Z95**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = (Z95 / (1 + square / total)) * sqrt(
        share * (1 - share) / total + square / (4 * total**2)
    )
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Stalls:
    """Times of a second or more without an answer in time; how long they last beyond that second.

    Attributes:
        a_second: how many begin per second.
        beyond_s: mean of what they last beyond the first second (exponential, memoryless).
        beyond_high_s: upper end of its 95 % interval.
    """

    a_second: float
    beyond_s: float
    beyond_high_s: float

    def chance(self, timer_s: float, usual_s: float) -> float:
        """Return P(a sign-on outlasts the timer for a stall), at the upper end.

        It begins within a stall whose rest is that long, or one begins within the sign-on.

        Args:
            timer_s: of the terminal.
            usual_s: of a sign-on without any stall.
        """
        beyond = max(0.0, timer_s - usual_s - BOTH_WAYS_FROM_S)
        long_s = self.beyond_high_s + usual_s
        return min(1.0, self.a_second * long_s * exp(-beyond / self.beyond_high_s))


def fit_stalls(lengths_s: Sequence[float], series_s: float) -> Stalls:
    """Return how often a series stalled and how long stalls may get.

    Args:
        lengths_s: of the stalls that were seen, each at least a second.
        series_s: of the whole series. Where no stall was seen, as many as may have been missed
            (Poisson, 0.975) are taken to last a second more.
    """
    count = len(lengths_s)
    if not count:
        return Stalls(_UNSEEN / series_s, BOTH_WAYS_FROM_S, BOTH_WAYS_FROM_S)
    beyond_s = max(_LEAST_BEYOND_S, sum(lengths_s) / count - BOTH_WAYS_FROM_S)
    high_s = beyond_s * count / _gamma_quantile(count, 0.025)
    return Stalls(count / series_s, beyond_s, high_s)


def _gamma_quantile(shape: int, below: float) -> float:
    """Return x with P(gamma of a whole shape < x) = below, by halving."""
    low, high = 0.0, float(shape)
    for _ in range(60):
        middle = (low + high) / 2
        term = total = exp(-middle)
        for number in range(1, shape):
            term *= middle / number
            total += term
        if 1 - total < below:
            low = middle
        else:
            high = middle
    return max(low, 1e-9)


class LineTrace:
    """A series that can be asked what a moment was like; it repeats itself at its end.

    Attributes:
        round_trips: seconds, None where lost, in order.
        length_s: from the first to the end of the last.
        typical_s: median of the answered ones.
        bursts: how the losses cluster.
        stalls: how often nothing comes in time for a second or more.
    """

    def __init__(self, begun_s: Sequence[float], round_trips: Sequence[float | None]) -> None:
        """Prepare the look-up.

        Args:
            begun_s: ascending, as many as there are round trips.
            round_trips: at least one answered.
        """
        self.round_trips = tuple(round_trips)
        first_s = begun_s[0]
        begun = [at - first_s for at in begun_s]
        self._pause_s = max(1e-3, (begun[-1] or 1e-3) / max(1, len(begun) - 1))
        self.length_s = begun[-1] + self._pause_s
        self.typical_s = statistics.median(one for one in round_trips if one is not None)
        self.bursts = fit_bursts([one is None for one in round_trips])
        self.gaps_s = self._gaps(begun)
        self.stalls = fit_stalls(self._stalls(begun), self.length_s)
        self._step_s = self._pause_s / _CELLS_PER_ROUND_TRIP
        cells = int(self.length_s / self._step_s) + 1
        self._at = [max(0, bisect_right(begun, cell * self._step_s) - 1) for cell in range(cells)]

    def _gaps(self, begun: Sequence[float]) -> dict[int, float]:
        """Return the seconds of each run of losses, by the number of its first round trip."""
        self._run: list[int] = []
        gaps: dict[int, float] = {}
        first = -1
        for number, one in enumerate(self.round_trips):
            if one is not None:
                first = -1
            else:
                first = number if first < 0 else first
                end = begun[number + 1] if number + 1 < len(begun) else self.length_s
                gaps[first] = end - begun[first]
            self._run.append(first)
        return gaps

    def _stalls(self, begun: Sequence[float]) -> list[float]:
        """Return the seconds of each stall: packets lost, or held and delivered late."""
        late_s = self.typical_s + _LATE_S
        lengths, since_s = [], -1.0
        for at_s, one in [*zip(begun, self.round_trips, strict=True), (self.length_s, 0.0)]:
            if one is None or one > late_s:
                since_s = at_s if since_s < 0 else since_s
            elif since_s >= 0:
                lengths.append(at_s - since_s)
                since_s = -1.0
        return [length for length in lengths if length >= BOTH_WAYS_FROM_S]

    def number_at(self, at_s: float) -> int:
        """Return the number of the round trip that had begun last at a time."""
        cell = int((at_s % self.length_s) / self._step_s)
        return self._at[min(cell, len(self._at) - 1)]

    def run_of(self, number: int) -> int:
        """Return the first round trip of the run of losses that this one is in, -1 if in none."""
        return self._run[number]


def trace_of(sightings: Sightings) -> LineTrace | None:
    """Return the newest long series that was taken, None where there is none."""
    begun = sightings.of(BEGUN, _ANY)
    series = sightings.of(ROUND_TRIP, _ANY)
    if not begun or not series:
        return None
    times, fates = numbers(begun[-1:]), _fates(series[-1])
    ascending = all(one <= other for one, other in pairwise(times))
    if len(times) != len(fates) or len(fates) < LEAST or not ascending:
        return None
    if all(one is None for one in fates):
        return None
    return LineTrace(times, fates)


def _fates(seen: Observation) -> list[float | None]:
    value = seen.result.value if isinstance(seen.result, Measured) else []
    return (
        [float(one) if isinstance(one, int | float) else None for one in value]
        if isinstance(value, list)
        else []
    )


NEVER = inf
"""Duration of what does not come to its end."""
