"""Where the time of one sign-on goes, and the chance that it outlasts the terminal's timer.

Stages are measured once or a few times; what loss adds comes from retransmission schedules. The
terminal's own stack and path are assumed to be like the laptop's.

Source: diagnosis science, sections 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, erf, log, sqrt
from typing import Literal

import msgspec

from posdiag.diagnose.sightings import Sightings, last_failure, median, numbers
from posdiag.model.knowledge import Case, ReadingBase
from posdiag.model.observation import FailureKind, Observation
from posdiag.model.report import StageTime, TimeBudget

StageName = Literal["name", "connect", "tls", "host"]
STAGES: tuple[tuple[StageName, tuple[str, ...]], ...] = (
    ("name", ("host_name.time", "name_lookup.time")),
    ("connect", ("host_tcp.connect_time",)),
    ("tls", ("host_tls.handshake_time",)),
    ("host", ("host_echo.answer_time",)),
)
EFFECTIVE_TIMER = "fact.effective_timer"
MENU_TIMER = "fact.menu_timer"
SERIES = ("reference", "gateway")
"""Series of round trips that tell how many are lost, the longer path first."""
SYN_WAITS_S = (0.0, 1.0, 3.0, 7.0, 15.0, 31.0)
"""A connect's retries: initial time-out 1 s, doubling (RFC 6298)."""
DATA_WAITS_S = (0.0, 0.2, 0.6, 1.4, 3.0, 6.2, 12.6, 25.4, 51.0)
"""A segment's retries: minimum time-out 200 ms, doubling (Linux)."""
NAME_WAITS_S = (0.0, 5.0, 10.0)
"""A resolver's retries (resolv.conf(5))."""
TLS_ROUNDS = 2
HOST_SIGMA = 0.5
"""Log-normal spread of a host's service time (assumption: diagnosis science, section 3.2)."""
_CELLS = 600
_SAME_CELL = 1e-9
_Z95 = 1.959963984540054
_ANY = ReadingBase()


def time_budget(case: Case, observations: Sequence[Observation]) -> TimeBudget:
    """Return stages, timer and, where all stages and a loss were measured, the chance.

    Args:
        case: of the site.
        observations: of all probes, then the facts.
    """
    sightings = Sightings(case, observations)
    stages = [_stage(name, sources, sightings) for name, sources in STAGES]
    budget = _with_timer(stages, case, sightings)
    timer_s = budget.timer_s
    series = _series(sightings)
    if timer_s is None or series is None or not _is_whole(stages):
        return budget
    lost, sent = series
    low, high = wilson(lost, sent)
    return msgspec.structs.replace(
        budget,
        exceeds=_rounded(chance_to_exceed(stages, timer_s, lost / sent)),
        exceeds_low=_rounded(chance_to_exceed(stages, timer_s, low)),
        exceeds_high=_rounded(chance_to_exceed(stages, timer_s, high)),
        samples=int(sent),
    )


def _with_timer(stages: list[StageTime], case: Case, sightings: Sightings) -> TimeBudget:
    """Return the stages against a timer: in force, else the menu's, else the family's default.

    The timer in the menu is often not the one in force: some programs store it and wait on another.
    """
    effective = median(sightings.of(EFFECTIVE_TIMER, _ANY))
    menu = median(sightings.of(MENU_TIMER, _ANY))
    if effective is not None:
        return TimeBudget(stages=stages, timer_s=effective, timer_basis="effective", menu_s=menu)
    if menu is not None:
        return TimeBudget(stages=stages, timer_s=menu, timer_basis="menu")
    known = case.timer_s is not None
    return TimeBudget(
        stages=stages, timer_s=case.timer_s, timer_basis="profile" if known else "unknown"
    )


def _stage(name: StageName, sources: Sequence[str], sightings: Sightings) -> StageTime:
    for source in sources:
        seen = sightings.of(source, _ANY)
        failure = last_failure(seen)
        values = numbers(seen)
        if values:
            seconds = median(seen)
            return StageTime(stage=name, seconds=seconds, state="measured")
        if failure is not None:
            state: Literal["silent", "censored", "failed"] = "failed"
            if failure.failure is FailureKind.SILENT:
                state = "silent"
            elif failure.failure is FailureKind.CENSORED:
                state = "censored"
            detail = "" if state != "failed" else str(failure.failure)
            return StageTime(stage=name, seconds=failure.waited_s, state=state, detail=detail)
    return StageTime(stage=name, seconds=None, state="unknown")


def _series(sightings: Sightings) -> tuple[float, float] | None:
    """Return lost and sent round trips of the longest path with a series."""
    for prefix in SERIES:
        lost = numbers(sightings.of(f"{prefix}.lost", _ANY))
        sent = numbers(sightings.of(f"{prefix}.sent", _ANY))
        if lost and sent and sent[-1] > 0:
            return min(lost[-1], sent[-1]), sent[-1]
    return None


def _is_whole(stages: Sequence[StageTime]) -> bool:
    """Return whether connect and answer were measured, and no stage failed."""
    by_name = {stage.stage: stage.state for stage in stages}
    measured = by_name["connect"] == "measured" and by_name["host"] == "measured"
    return measured and all(state in ("measured", "unknown") for state in by_name.values())


def wilson(count: float, total: float) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson's score interval).

    Args:
        count: of the total, 0 to ``total``.
        total: at least 1.
    """
    share, square = count / total, _Z95**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = (_Z95 / (1 + square / total)) * sqrt(
        share * (1 - share) / total + square / (4 * total**2)
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def chance_to_exceed(stages: Sequence[StageTime], timer_s: float, loss: float) -> float:
    """Return P(a sign-on takes longer than the timer).

    Every wait is rounded up to the grid, so this is a slight over-estimate.

    Args:
        stages: measured; what was not measured takes no time.
        timer_s: more than 0.
        loss: P(a round trip is lost), 0 to 1.
    """
    step = timer_s / _CELLS
    seconds = {stage.stage: stage.seconds or 0.0 for stage in stages}
    total = _waits(SYN_WAITS_S, loss, seconds["connect"], step)
    if seconds["name"]:
        total = _sum(total, _waits(NAME_WAITS_S, loss, seconds["name"], step))
    if seconds["tls"]:
        for _ in range(TLS_ROUNDS):
            total = _sum(total, _waits(DATA_WAITS_S, loss, seconds["tls"] / TLS_ROUNDS, step))
    total = _sum(total, _waits(DATA_WAITS_S, loss, 0.0, step))
    total = _sum(total, _service(seconds["host"], step))
    return min(1.0, max(0.0, 1 - sum(total)))


def _waits(schedule: Sequence[float], loss: float, base_s: float, step: float) -> list[float]:
    """Return the mass per grid cell of one exchange; what comes too late or never is left out."""
    cells = [0.0] * (_CELLS + 1)
    for tries, wait in enumerate(schedule):
        at = ceil((wait + base_s) / step - _SAME_CELL)
        if at <= _CELLS:
            cells[at] += (1 - loss) * loss**tries
    return cells


def _service(median_s: float, step: float) -> list[float]:
    """Return the mass per grid cell of the host's log-normal service time."""
    if median_s <= 0:
        return [1.0] + [0.0] * _CELLS

    def below(cell: int) -> float:
        return (
            0.5 * (1 + erf(log(cell * step / median_s) / (HOST_SIGMA * sqrt(2)))) if cell else 0.0
        )

    return [0.0] + [below(cell) - below(cell - 1) for cell in range(1, _CELLS + 1)]


def _sum(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Return the distribution of a sum, cut at the timer."""
    cells = [0.0] * (_CELLS + 1)
    for at, mass in enumerate(first):
        if mass > 0:
            for other, more in enumerate(second[: _CELLS + 1 - at]):
                if more > 0:
                    cells[at + other] += mass * more
    return cells


def _rounded(chance: float) -> float:
    return round(chance, 9)
