"""Where the time of one sign-on goes, and the chance that it outlasts the terminal's timer.

Stages are measured once or a few times; what loss adds comes from retransmission schedules. The
path is assumed to be the laptop's, the schedules are those of the terminal's profile.

Source: diagnosis science, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from posdiag.diagnose.line_trace import trace_of
from posdiag.diagnose.service_time import LEAST_S
from posdiag.diagnose.sightings import Sightings, last_failure, median, numbers
from posdiag.diagnose.sign_on_time import SignOn, StageName
from posdiag.diagnose.timer_outlook import Outlook, by_loss, by_series
from posdiag.model.knowledge import Case, ReadingBase
from posdiag.model.observation import FailureKind, Measured, Observation
from posdiag.model.report import StageTime, TimeBudget

STAGES: tuple[tuple[StageName, tuple[str, ...]], ...] = (
    ("name", ("host_name.time", "name_lookup.time")),
    ("connect", ("host_tcp.connect_time",)),
    ("tls", ("host_tls.handshake_time",)),
    ("host", ("host_echo.answer_time",)),
)
EFFECTIVE_TIMER = "fact.effective_timer"
MENU_TIMER = "fact.menu_timer"
SECONDS_TO_ERROR, LAST_PROGRESS = "fact.seconds_to_error", "fact.last_progress"
WAITING = frozenset({"sending", "receiving"})
"""What a terminal shows while its timer for the answer runs."""
SYN_WAITS = "laptop_tcp.syn_waits"
RFC_SYN_WAITS_S = (0.0, 1.0, 3.0, 7.0, 15.0, 31.0)
"""A connect's retries: initial time-out 1 s, doubling (RFC 6298)."""
TARGET = 0.001
"""Share of sign-ons that may outlast the timer that is advised."""
SERIES = ("reference", "gateway")
"""Series of round trips that tell how many are lost, the longer path first."""
_TLS_ROUNDS_12, _TLS_ROUNDS_13 = 2, 1
_ANY = ReadingBase()


def time_budget(case: Case, observations: Sequence[Observation]) -> TimeBudget:
    """Return stages, timer and, where all stages and a loss were measured, the chance.

    Args:
        case: of the site.
        observations: of all probes, then the facts.
    """
    sightings = Sightings(case, observations)
    stages = [_stage(name, sources, sightings) for name, sources in STAGES]
    budget = _with_timers(TimeBudget(stages=stages, timer_s=None, timer_basis="unknown"), sightings)
    failed = next((one.stage for one in stages if one.state in ("silent", "failed")), None)
    if failed is not None:
        return msgspec.structs.replace(budget, eats=failed)
    outlook = _outlook(case, stages, sightings) if _is_whole(stages) else None
    if outlook is None:
        return budget
    tails = outlook.point.mean_s
    smallest, smallest_high = outlook.smallest(TARGET)
    chances: tuple[float | None, ...] = (None, None, None)
    if budget.timer_s is not None:
        chances = tuple(_rounded(chance) for chance in outlook.chances(budget.timer_s))
    return msgspec.structs.replace(
        budget,
        stages=[
            msgspec.structs.replace(one, tail_s=_rounded(tails[one.stage]))
            if one.stage in tails
            else one
            for one in stages
        ],
        exceeds=chances[0],
        exceeds_low=chances[1],
        exceeds_high=chances[2],
        samples=outlook.samples,
        method=outlook.method,
        eats=max(tails, key=lambda name: tails[name]),
        target=TARGET,
        smallest_s=smallest,
        smallest_high_s=smallest_high,
        supported=_rounded(outlook.supported),
    )


def _with_timers(budget: TimeBudget, sightings: Sightings) -> TimeBudget:
    """Return the budget with the timers that are known; what was seen to end a wait goes first."""
    menu = median(sightings.of(MENU_TIMER, _ANY))
    seen = median(sightings.of(SECONDS_TO_ERROR, _ANY))
    shown = sightings.of(LAST_PROGRESS, _ANY)
    last = shown[-1].result if shown else None
    waited = isinstance(last, Measured) and last.value in WAITING
    effective = median(sightings.of(EFFECTIVE_TIMER, _ANY)) or (seen if waited else None) or None
    usual = sightings.case.timer_s
    basis: Literal["effective", "menu", "profile", "unknown"] = "unknown"
    timer = None
    for name, value in (("effective", effective), ("menu", menu), ("profile", usual)):
        if value is not None:
            basis, timer = name, value  # type: ignore[assignment]
            break
    return msgspec.structs.replace(
        budget, timer_s=timer, timer_basis=basis, menu_s=menu, effective_s=effective
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


def _is_whole(stages: Sequence[StageTime]) -> bool:
    """Return whether connect and answer were measured, and no stage failed."""
    by_name = {stage.stage: stage.state for stage in stages}
    measured = by_name["connect"] == "measured" and by_name["host"] == "measured"
    return measured and all(state in ("measured", "unknown") for state in by_name.values())


def _outlook(case: Case, stages: Sequence[StageTime], sightings: Sightings) -> Outlook | None:
    """Return the outlook from a long series where there is one, else from a count of losses."""
    trace = trace_of(sightings)
    counted = _counted(sightings)
    connect_s = _without_waits(sightings, stages)
    if trace is not None:
        round_trip_s = trace.typical_s
    elif counted is not None:
        round_trip_s = min(connect_s, median(sightings.of("host_echo.answer_time", _ANY)) or 0.0)
    else:
        return None
    answers = numbers(sightings.of("host_echo.answer_time", _ANY))
    sign_on = _sign_on(case, stages, connect_s, round_trip_s, sightings)
    if trace is not None:
        return by_series(sign_on, trace, answers_s=answers)
    lost, sent = counted or (0.0, 1.0)
    return by_loss(sign_on, lost, sent, round_trip_s, answers_s=answers)


def _sign_on(
    case: Case,
    stages: Sequence[StageTime],
    connect_s: float,
    round_trip_s: float,
    sightings: Sightings,
) -> SignOn:
    seconds = {stage.stage: stage.seconds for stage in stages}
    version = sightings.of("host_tls.version", _ANY)
    newest = version[-1].result if version else None
    is_13 = isinstance(newest, Measured) and str(newest.value).endswith("1.3")
    rounds = _TLS_ROUNDS_13 if is_13 else _TLS_ROUNDS_12
    return SignOn(
        name_s=seconds["name"],
        connect_s=connect_s,
        tls_rounds=rounds if seconds["tls"] else 0,
        tls_s=seconds["tls"] or 0.0,
        service_s=max(LEAST_S, (seconds["host"] or 0.0) - round_trip_s),
        sigma=case.service_sigma,
        messages=case.messages,
        syn_waits_s=case.syn_waits_s or RFC_SYN_WAITS_S,
        name_waits_s=case.name_waits_s,
        least_rto_s=case.least_rto_s,
    )


def _without_waits(sightings: Sightings, stages: Sequence[StageTime]) -> float:
    """Return the connect time less the laptop's own waits for repeated SYNs."""
    took_s = next(one.seconds for one in stages if one.stage == "connect") or 0.0
    waits = numbers(sightings.of(SYN_WAITS, _ANY)) or [*RFC_SYN_WAITS_S]
    return took_s - max((wait for wait in waits if wait <= took_s), default=0.0)


def _counted(sightings: Sightings) -> tuple[float, float] | None:
    """Return lost and sent round trips of the longest path with a series."""
    for prefix in SERIES:
        lost = numbers(sightings.of(f"{prefix}.lost", _ANY))
        sent = numbers(sightings.of(f"{prefix}.sent", _ANY))
        if lost and sent and sent[-1] > 0:
            return min(lost[-1], sent[-1]), sent[-1]
    return None


def _rounded(chance: float) -> float:
    return round(chance, 9)
