"""How long a sign-on takes, as a distribution: stages, their retries, the host's service time.

Two ways to the same thing. Without a long series losses are taken as independent, and the masses
of the stages are convolved. With one, sign-ons are played through it, each from another moment, so
that bursts and stalls count as they came. Nothing is drawn: the places are an even sequence.

Source: diagnosis science, sections 3.1 and 3.2; retries of a segment as a Linux 6.18 sends them
(measured over an emulated line, and RFC 8985, section 7: one tail loss probe before the time-out).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, erf, exp, floor, log, sqrt
from statistics import NormalDist
from typing import Literal, Protocol

from posdiag.diagnose.line_trace import BOTH_WAYS_FROM_S, NEVER, LineTrace

StageName = Literal["name", "connect", "tls", "host"]
STEP_S = 0.02
HORIZON_S = 120.0
"""Later ends are not told apart: no terminal waits that long."""
DRAWS = 1500
_CELLS = round(HORIZON_S / STEP_S)
_LEAST_MASS = 1e-13
_GOLDEN = 0.6180339887498949
_SECOND = 0.7548776662466927
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOn:
    """One sign-on, as measured and as the profile says.

    Attributes:
        name_s: name look-up; None where there is none.
        connect_s: TCP handshake, without waits for a repeated SYN.
        tls_rounds: round trips of the TLS handshake, 0 without TLS.
        tls_s: time of the whole TLS handshake.
        service_s: median time that the host works on one message.
        sigma: log-normal spread of that time.
        messages: requests with their answers.
        syn_waits_s: when the SYN goes out, from the first on.
        name_waits_s: when a name server is asked, from the first query on.
        least_rto_s: least time-out of a segment.
    """

    name_s: float | None = None
    connect_s: float
    tls_rounds: int = 0
    tls_s: float = 0.0
    service_s: float
    sigma: float = 0.5
    messages: int = 1
    syn_waits_s: Sequence[float] = (0.0, 1.0, 3.0, 7.0, 15.0, 31.0)
    name_waits_s: Sequence[float] = (0.0, 5.0, 10.0)
    least_rto_s: float = 0.2


class Forecast(Protocol):
    """What a duration will be."""

    mean_s: Mapping[StageName, float]
    """Mean time of each stage in the slowest twentieth of the sign-ons."""

    def chance(self, timer_s: float) -> float:
        """Return P(a sign-on takes longer than the timer)."""
        ...

    def smallest(self, target: float) -> float | None:
        """Return the smallest timer that fails no more often, None where none does."""
        ...


def data_waits(round_trip_s: float, least_rto_s: float = 0.2) -> tuple[float, ...]:
    """Return when a segment is sent again, from its first sending on.

    After the handshake the variation counts as half the round trip, so the time-out is the round
    trip plus the larger of two more and ``least_rto_s``. A probe goes first, after two round trips
    and ``least_rto_s``; then time-outs double.
    """
    rto_s = round_trip_s + max(least_rto_s, 2 * round_trip_s)
    waits = [0.0, min(rto_s, 2 * round_trip_s + least_rto_s)]
    while waits[-1] + rto_s < HORIZON_S:
        waits.append(waits[-1] + rto_s)
        rto_s *= 2
    return tuple(waits)


# ---------------------------------------------------------------- independent losses


class Masses:
    """Distribution of a sum of stages on a grid; what comes later, or never, is left out."""

    def __init__(self, cells: list[float], mean_s: Mapping[StageName, float]) -> None:
        """Take the masses per cell of ``STEP_S``."""
        self.mean_s = mean_s
        self._within: list[float] = []
        total = 0.0
        for mass in cells:
            total += mass
            self._within.append(total)

    def chance(self, timer_s: float) -> float:
        """Return P(a sign-on takes longer than the timer)."""
        cell = min(_CELLS, floor(timer_s / STEP_S + 1e-9))
        return min(1.0, max(0.0, 1 - self._within[cell]))

    def smallest(self, target: float) -> float | None:
        """Return the smallest timer that fails no more often, None where none does."""
        cell = bisect_right(self._within, 1 - target, key=lambda within: within + 1e-12)
        return None if cell > _CELLS else cell * STEP_S


def independent(sign_on: SignOn, loss: float, round_trip_s: float) -> Masses:
    """Return the forecast where each round trip is lost by itself with the same probability.

    Args:
        sign_on: measured.
        loss: 0 to 1.
        round_trip_s: of the line, for the time-outs of segments.
    """
    segment = data_waits(round_trip_s, sign_on.least_rto_s)
    cells = service_masses(sign_on.service_s, sign_on.sigma)
    for _ in range(sign_on.messages - 1):
        cells = _dense_sum(cells, service_masses(sign_on.service_s, sign_on.sigma))
    mean_s: dict[StageName, float] = {
        "host": sign_on.messages * sign_on.service_s * exp(sign_on.sigma**2 / 2)
    }
    base_s = 0.0
    for name, waits, took_s in _exchanges(sign_on, segment, round_trip_s):
        cells = with_waits(cells, waits, loss, 0.0)
        base_s += took_s
        waited_s = sum(
            (after - before) * loss**tries
            for tries, (before, after) in enumerate(pairwise(waits), 1)
        )
        mean_s[name] = mean_s.get(name, 0.0) + took_s + waited_s
    cells = with_waits(cells, (0.0,), 0.0, base_s)
    return Masses(cells, mean_s)


def _exchanges(
    sign_on: SignOn, segment: Sequence[float], round_trip_s: float
) -> list[tuple[StageName, Sequence[float], float]]:
    """Return stage, waits and time without loss of each exchange."""
    exchanges: list[tuple[StageName, Sequence[float], float]] = [
        ("connect", sign_on.syn_waits_s, sign_on.connect_s)
    ]
    if sign_on.name_s is not None:
        exchanges.append(("name", sign_on.name_waits_s, sign_on.name_s))
    for _ in range(sign_on.tls_rounds):
        exchanges.append(("tls", segment, sign_on.tls_s / sign_on.tls_rounds))
    exchanges += [("host", segment, round_trip_s)] * sign_on.messages
    return exchanges


def service_masses(median_s: float, sigma: float) -> list[float]:
    """Return the masses of a log-normal time per cell."""
    if median_s <= 0:
        return [1.0] + [0.0] * _CELLS

    def below(cell: int) -> float:
        if not cell:
            return 0.0
        return 0.5 * (1 + erf(log(cell * STEP_S / median_s) / (sigma * sqrt(2))))

    edges = [below(cell) for cell in range(_CELLS + 1)]
    return [0.0] + [after - before for before, after in pairwise(edges)]


def with_waits(
    cells: Sequence[float], waits: Sequence[float], loss: float, base_s: float
) -> list[float]:
    """Return the masses after one more exchange; each wait is rounded up to the grid."""
    total = [0.0] * len(cells)
    for tries, wait in enumerate(waits):
        mass = (1 - loss) * loss**tries
        shift = ceil((wait + base_s) / STEP_S - 1e-9)
        if mass < _LEAST_MASS or shift >= len(cells):
            break
        for at, here in enumerate(cells[: len(cells) - shift]):
            if here > _LEAST_MASS:
                total[at + shift] += here * mass
    return total


def _dense_sum(first: Sequence[float], second: Sequence[float]) -> list[float]:
    total = [0.0] * len(first)
    for at, mass in enumerate(first):
        if mass > 1e-9:
            for other, more in enumerate(second[: len(first) - at]):
                total[at + other] += mass * more
    return total


# ---------------------------------------------------------------- a long series


class Played:
    """Durations of sign-ons that were played through a series, in the order of their start."""

    def __init__(self, ends: Sequence[tuple[float, Mapping[StageName, float]]]) -> None:
        """Take each duration with the seconds of its stages."""
        self.durations = [duration for duration, _ in ends]
        self._sorted = sorted(self.durations)
        slowest = sorted(ends, key=lambda end: end[0])[-max(1, len(ends) // 20) :]
        names = {name for _, stages in slowest for name in stages}
        self.mean_s: Mapping[StageName, float] = {
            name: sum(min(HORIZON_S, stages.get(name, 0.0)) for _, stages in slowest) / len(slowest)
            for name in sorted(names)
        }

    def chance(self, timer_s: float) -> float:
        """Return P(a sign-on takes longer than the timer)."""
        return 1 - bisect_right(self._sorted, timer_s) / len(self._sorted)

    def smallest(self, target: float) -> float | None:
        """Return the smallest timer that fails no more often, None where none does."""
        place = ceil(len(self._sorted) * (1 - target)) - 1
        duration = self._sorted[max(0, place)]
        return duration if duration < HORIZON_S else None


class Player:
    """Plays sign-ons through a series of round trips."""

    def __init__(
        self, trace: LineTrace, sign_on: SignOn, *, both_ways_from_s: float = BOTH_WAYS_FROM_S
    ) -> None:
        """Prepare.

        Args:
            trace: of the same line.
            sign_on: measured.
            both_ways_from_s: from this length on a gap stops both directions.
        """
        self._trace, self._sign_on = trace, sign_on
        self._both_ways_from_s = both_ways_from_s
        self._segment = data_waits(trace.typical_s, sign_on.least_rto_s)
        rounds_s = sign_on.tls_rounds * trace.typical_s
        self._tls_more_s = max(0.0, sign_on.tls_s - rounds_s) if sign_on.tls_rounds else 0.0
        # The host may lie further than the address that was pinged.
        answered = sorted(one for one in trace.round_trips if one is not None)
        usual_s = answered[min(len(answered) - 1, ceil(0.95 * len(answered)))]
        self._further_s = max(0.0, sign_on.connect_s - usual_s)
        name_s = sign_on.name_s or 0.0
        self._name_more_s = max(0.0, name_s - trace.typical_s)

    def play(self, draws: int = DRAWS) -> Played:
        """Return sign-ons that begin at even distances over the whole series."""
        return Played([self._one(number, draws) for number in range(draws)])

    def waits(self, count: int) -> list[tuple[float, float]]:
        """Return what the line takes for a request and its answer, each as likely as the others."""
        found = []
        for number in range(count):
            direction = (number + 0.5) * _SECOND % 1.0
            at_s = self._trace.length_s * (number + 0.5) / count
            there_s = self._leg(at_s, direction, forward=True)
            back_s = self._leg(at_s + there_s, direction, forward=False) if there_s < NEVER else 0.0
            if there_s + back_s < NEVER:
                found.append((there_s + back_s, 1 / count))
        return found

    def _one(self, number: int, draws: int) -> tuple[float, Mapping[StageName, float]]:
        place = (number + 0.5) * _GOLDEN % 1.0
        direction = (number + 0.5) * _SECOND % 1.0
        begin_s = self._trace.length_s * (number + 0.5) / draws
        stages: dict[StageName, float] = {}
        at_s = begin_s
        sign_on = self._sign_on
        if sign_on.name_s is not None:
            at_s += self._round(at_s, sign_on.name_waits_s) + self._name_more_s
            stages["name"] = at_s - begin_s
        if at_s < NEVER:
            taken_s = self._round(at_s, sign_on.syn_waits_s) + self._further_s
            stages["connect"] = taken_s
            at_s += taken_s
        if sign_on.tls_rounds and at_s < NEVER:
            since_s = at_s
            at_s += self._tls_more_s
            for _ in range(sign_on.tls_rounds):
                at_s += self._round(at_s, self._segment) if at_s < NEVER else 0.0
            stages["tls"] = at_s - since_s
        since_s = at_s
        for message in range(sign_on.messages):
            if at_s < NEVER:
                at_s = self._message(at_s, (place + message * _GOLDEN) % 1.0, direction)
        if since_s < NEVER:
            stages["host"] = at_s - since_s
        return at_s - begin_s, stages

    def _round(self, at_s: float, waits: Sequence[float]) -> float:
        """Return the seconds until one of several tries comes back."""
        trace, best_s = self._trace, NEVER
        for wait in waits:
            if best_s <= wait:
                break
            took_s = trace.round_trips[trace.number_at(at_s + wait)]
            if took_s is not None:
                best_s = min(best_s, wait + took_s)
        return best_s

    def _message(self, at_s: float, place: float, direction: float) -> float:
        """Return when the answer to a request has come."""
        at_s += self._leg(at_s, direction, forward=True)
        if at_s == NEVER:
            return NEVER
        sign_on = self._sign_on
        if sign_on.service_s > 0:
            quantile = _NORMAL.inv_cdf(min(max(place, 1e-6), 1 - 1e-6))
            at_s += sign_on.service_s * exp(sign_on.sigma * quantile)
        return at_s + self._leg(at_s, direction, forward=False)

    def _leg(self, at_s: float, direction: float, *, forward: bool) -> float:
        """Return the seconds until a segment has arrived at the other side."""
        trace, best_s = self._trace, NEVER
        for wait in self._segment:
            if best_s <= wait:
                break
            number = trace.number_at(at_s + wait)
            took_s = trace.round_trips[number]
            if took_s is None:
                run = trace.run_of(number)
                hit = ((direction + run * _GOLDEN) % 1.0 < 0.5) is forward
                if hit or trace.gaps_s[run] >= self._both_ways_from_s:
                    continue
                took_s = trace.typical_s
            best_s = min(best_s, wait + (took_s + self._further_s) / 2)
        return best_s
