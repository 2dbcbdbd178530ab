"""The chance that a sign-on outlasts a timer with its 95 % interval, and the timer that suits.

Three things are uncertain and are taken as independent, so their half widths add in squares: how
the line loses (a limited series), how fast the host is (a few answers of a known shape), and which
direction of the line a short gap was in.

Source: diagnosis science, section 3.3.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import Literal

from posdiag.diagnose.line_trace import BOTH_WAYS_FROM_S, NEVER, Z95, LineTrace, Stalls, wilson
from posdiag.diagnose.service_time import fit_service
from posdiag.diagnose.sign_on_time import (
    Forecast,
    Played,
    Player,
    SignOn,
    data_waits,
    independent,
)

MOST_TIMER_S = 90.0
"""No operator waits longer: mend the stage that takes the time (diagnosis science, 3.3)."""
BLOCKS = 16
_T95_15 = 2.131
"""Student's quantile for 16 blocks."""
_WAITS = 200
"""Places of a series at which the two legs of an answer are looked up."""
_CONFIDENT_MISS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Forecasts at the point estimate and at the ends of what is uncertain.

    Attributes:
        ends: pairs of forecasts, each uncertain thing at its lower and its upper end.
        rare: forecast with single losses at the upper limit of their share.
        stalls: of the line, whose longest the series need not have seen.
        usual_s: median of a sign-on.
        samples: round trips behind it.
        supported: smallest share of failures that the samples bear out without a model, with
            confidence 0.95.
    """

    point: Forecast
    ends: Sequence[tuple[Forecast, Forecast]]
    rare: Forecast | None = None
    samples: int
    method: Literal["independent", "series"]
    supported: float
    played: Played | None = None
    stalls: Stalls | None = None
    usual_s: float = 0.0

    def chances(self, timer_s: float) -> tuple[float, float, float]:
        """Return P(a sign-on takes longer) and the ends of its 95 % interval."""
        here = self.point.chance(timer_s)
        pairs = [(low.chance(timer_s), high.chance(timer_s)) for low, high in self.ends]
        if self.played is not None:
            pairs.append(_by_blocks(self.played, timer_s))
        if self.rare is not None:
            pairs.append((here, self.rare.chance(timer_s)))
        if self.stalls is not None:
            pairs.append((here, self.stalls.chance(timer_s, self.usual_s)))
        below = hypot(*(max(0.0, here - min(pair)) for pair in pairs))
        above = hypot(*(max(0.0, max(pair) - here) for pair in pairs))
        return here, max(0.0, here - below), min(1.0, here + above)

    def smallest(self, target: float) -> tuple[float | None, float | None]:
        """Return the smallest timer for a share of failures, at the point and at its upper end.

        None where no timer of up to 90 s will do.
        """
        point = self.point.smallest(target)
        highest = [high.smallest(target) for _, high in self.ends]
        if self.rare is not None:
            highest.append(self.rare.smallest(target))
        upper = _largest([point, *highest])
        return _tolerable(point), _tolerable(upper)


def _largest(timers: Sequence[float | None]) -> float | None:
    known = [timer for timer in timers if timer is not None]
    return max(known) if len(known) == len(timers) else None


def _tolerable(timer_s: float | None) -> float | None:
    if timer_s is None or timer_s > MOST_TIMER_S:
        return None
    return round(timer_s, 2)


def by_loss(
    sign_on: SignOn,
    lost: float,
    sent: float,
    round_trip_s: float,
    *,
    answers_s: Sequence[float],
) -> Outlook:
    """Return the outlook where only a number of losses is known.

    Args:
        sign_on: measured; its service time is worked out here.
        lost: of ``sent``.
        sent: more than 0.
        round_trip_s: usual one.
        answers_s: of the host, at least one.
    """
    few, many = wilson(lost, sent)
    share = lost / sent
    segment = data_waits(round_trip_s, sign_on.least_rto_s)
    waits = [
        (round_trip_s + wait, (1 - share) * share**tries) for tries, wait in enumerate(segment)
    ]
    sign_on, faster, slower = _served(sign_on, answers_s, waits)
    return Outlook(
        point=independent(sign_on, share, round_trip_s),
        ends=[
            (independent(sign_on, few, round_trip_s), independent(sign_on, many, round_trip_s)),
            (independent(faster, share, round_trip_s), independent(slower, share, round_trip_s)),
        ],
        samples=int(sent),
        method="independent",
        supported=max(_supported(sent), _supported(len(answers_s))),
    )


def by_series(sign_on: SignOn, trace: LineTrace, *, answers_s: Sequence[float]) -> Outlook:
    """Return the outlook where a long series was taken.

    Stalls longer than those of the series are in its upper end, if they are of the same kind, and
    single losses up to the upper limit of their share. What came only once an hour is in neither.

    Args:
        sign_on: measured; its service time is worked out here.
        trace: of the same line.
        answers_s: of the host, at least one.
    """
    waits = Player(trace, sign_on).waits(_WAITS)
    sign_on, faster, slower = _served(sign_on, answers_s, waits)
    bursts = trace.bursts
    _, many = wilson(bursts.share * bursts.effective, bursts.effective)
    played = Player(trace, sign_on).play()
    ends: list[tuple[Forecast, Forecast]] = [
        (Player(trace, faster).play(), Player(trace, slower).play())
    ]
    lengths = trace.gaps_s.values()
    if any(length < BOTH_WAYS_FROM_S for length in lengths):
        both = Player(trace, sign_on, both_ways_from_s=0.0).play()
        ends.append((played, both))
    if any(length >= BOTH_WAYS_FROM_S for length in lengths):
        one = Player(trace, sign_on, both_ways_from_s=NEVER).play()
        ends.append((one, played))
    return Outlook(
        point=played,
        ends=ends,
        rare=independent(sign_on, many, trace.typical_s) if many < 0.5 else None,
        samples=len(trace.round_trips),
        method="series",
        supported=max(_supported(bursts.effective), _supported(len(answers_s))),
        played=played,
        stalls=trace.stalls,
        usual_s=played.smallest(0.5) or 0.0,
    )


def _served(
    sign_on: SignOn, answers_s: Sequence[float], waits: Sequence[tuple[float, float]]
) -> tuple[SignOn, SignOn, SignOn]:
    """Return the sign-on with the host's service time, and with both ends of its interval."""
    service = fit_service(answers_s, waits, sign_on.sigma)
    point, faster, slower = (
        replace(sign_on, service_s=seconds)
        for seconds in (service.median_s, service.low_s, service.high_s)
    )
    return point, faster, slower


def _supported(samples: float) -> float:
    """Return the share that the slowest of n samples bounds with confidence 0.95."""
    return float(1 - _CONFIDENT_MISS ** (1 / max(1.0, samples)))


def _by_blocks(played: Played, timer_s: float) -> tuple[float, float]:
    """Return the interval of a share whose neighbours are alike, from the spread between blocks.

    The spread says how many independent sign-ons the series is worth; for those Wilson's interval
    is taken, with Student's quantile since there are few blocks.
    """
    late = [duration > timer_s for duration in played.durations]
    size = len(late) // BLOCKS
    share = sum(late) / len(late)
    if not 0 < share < 1 or not size:
        return share, share
    means = [sum(late[at : at + size]) / size for at in range(0, size * BLOCKS, size)]
    error = statistics.stdev(means) / sqrt(BLOCKS) * _T95_15 / Z95
    if error <= 0:
        return share, share
    worth = share * (1 - share) / error**2
    return wilson(share * worth, worth)
