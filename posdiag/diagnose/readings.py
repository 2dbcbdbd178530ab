"""Reads one evidence variable: observations -> P(what was observed | level), per level.

A reading that finds nothing to read returns None: then the next one is tried, and a variable that
no reading can read weighs nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from posdiag.diagnose.binning import censored_bins, normal_bins, soft_bins
from posdiag.diagnose.messages import matches
from posdiag.diagnose.sentences import amount
from posdiag.diagnose.sightings import Sightings, as_text, last_failure, median, numbers
from posdiag.diagnose.stopwatch import Step, fitting, in_words, step_likelihoods
from posdiag.model.knowledge import (
    Codes,
    Comparison,
    DateMargin,
    EvidenceVariable,
    Excess,
    MessageReading,
    Proportion,
    Ratio,
    Reading,
    ReadingBase,
    Stage,
    Threshold,
    TimerSums,
)
from posdiag.model.messages import Message
from posdiag.model.observation import Failed, FailureKind, Measured, Observation
from posdiag.model.response_codes import ResponseCodes, response_code
from posdiag.model.text import Text

UNNAMED = 0.02
"""Likelihood of a level that a message's entry does not name."""
ALIKE = 0.7
"""Trust in an entry whose wording is only like the text."""
NO_TIMER = 0.03
"""Likelihood of a step that ends without a timer where a sum of timers fits the time."""
CASE_TIMER = "case.timer_s"
"""A limit that is no observation: the terminal's wait for an answer, as far as it is known."""
_SURE = 1e-6
_LEAST_ERROR_S = 0.001
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "median": statistics.median,
    "max": max,
    "min": min,
    "last": lambda values: values[-1],
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one reading gave.

    Attributes:
        likelihood: per level of the variable, not yet scaled.
        seen: the observations it rests on.
        value: what was read, as a person would say it: a number with its kind.
        number: likewise as a number with ``unit``; None where it is a text or a failure.
        meaning: what a response code means at this host; None for anything else.
    """

    likelihood: Sequence[float]
    seen: Sequence[Observation]
    text: str = ""
    number: float | None = None
    unit: str = ""
    meaning: Text | None = None


def read(
    reading: Reading,
    variable: EvidenceVariable,
    sightings: Sightings,
    messages: Sequence[Message],
    codes: ResponseCodes | None = None,
) -> Finding | None:
    """Return what a reading says of its variable, None if there is nothing to read."""
    if not sightings.has_given(reading):
        return None
    match reading:
        case Threshold():
            return _threshold(reading, variable, sightings)
        case Proportion():
            return _proportion(reading, sightings)
        case Excess():
            return _excess(reading, variable, sightings)
        case Codes():
            return _codes(reading, variable, sightings, codes or {})
        case DateMargin():
            return _date_margin(reading, variable, sightings)
        case Stage():
            return _stage(reading, variable, sightings)
        case Ratio():
            return _ratio(reading, variable, sightings)
        case Comparison():
            return _comparison(reading, variable, sightings)
        case TimerSums():
            return _timer_sums(reading, variable, sightings)
        case MessageReading():
            return _message(reading, variable, sightings, messages)
        case _:
            assert_never(reading)


def _spread(
    variable: EvidenceVariable, levels: Sequence[str], bins: Sequence[float]
) -> list[float]:
    """Return bins as levels of the variable; levels without a bin get 0."""
    row = [0.0] * len(variable.levels)
    for level, chance in zip(levels, bins, strict=True):
        row[variable.levels.index(level)] += chance
    return row


def _only(variable: EvidenceVariable, level: str, certainty: float = 1.0) -> list[float]:
    """Return certainty at one level, the rest spread evenly over the others."""
    others = (1 - certainty) / max(1, len(variable.levels) - 1)
    return [certainty if name == level else others for name in variable.levels]


def _failed(
    reading: ReadingBase,
    variable: EvidenceVariable,
    seen: Sequence[Observation],
    failure: Failed,
    *,
    levels: Sequence[str] = (),
    cuts: Sequence[float] = (),
) -> Finding | None:
    """Return what a failure says; a wait that was cut is worked out from the cuts."""
    waited = failure.waited_s
    number, unit = (waited, "s") if waited is not None else (None, "")
    if failure.failure is FailureKind.CENSORED:
        silent = reading.failures.get(FailureKind.SILENT)
        if waited is None or not levels:
            return None
        row = [0.0] * len(variable.levels)
        for level, chance in zip(levels, censored_bins(waited, cuts), strict=True):
            at = variable.levels.index(level)
            row[at] = max(row[at], chance)
        if silent:
            row[variable.levels.index(silent)] = 1.0
        return Finding(row, seen, failure.detail, number, unit)
    failed_level = reading.failures.get(failure.failure)
    if failed_level is None:
        return None
    return Finding(_only(variable, failed_level), seen, failure.detail, number, unit)


def _threshold(
    reading: Threshold, variable: EvidenceVariable, sightings: Sightings
) -> Finding | None:
    seen = sightings.of(reading.observation, reading)
    failure = last_failure(seen)
    values = numbers(seen)
    worst: Finding | None = None
    if failure is not None:
        worst = _failed(reading, variable, seen, failure, levels=reading.levels, cuts=reading.cuts)
        if not values or worst is None:
            return worst
    if not values:
        return None
    value = _STATISTICS[reading.statistic](values)
    row = _spread(variable, reading.levels, soft_bins(value, reading.cuts, reading.spread))
    if worst is not None:
        # Some tries were answered and the last one was not: either may be the rule.
        row = [(a + b) / 2 for a, b in zip(row, worst.likelihood, strict=True)]
    return Finding(row, seen, "", value, _unit(seen))


def _unit(seen: Sequence[Observation]) -> str:
    return next((one.result.unit for one in seen if isinstance(one.result, Measured)), "")


def _proportion(reading: Proportion, sightings: Sightings) -> Finding | None:
    counted = _counted(sightings, reading, reading.count, reading.total)
    if counted is None:
        return None
    failed, total, seen = counted
    if reading.upstream_count and reading.upstream_total:
        before = _counted(sightings, reading, reading.upstream_count, reading.upstream_total)
        if before is not None and before[0] < before[1]:
            passed = 1 - before[0] / before[1]
            excess = max(0.0, 1 - (1 - failed / total) / passed)
            failed = min(failed, excess * total)
    row = []
    for rate in reading.rates:
        chance = min(1 - _SURE, max(_SURE, rate))
        # Scaled to the power of one round trip first: no underflow for long series.
        share = failed / total
        row.append((chance**share * (1 - chance) ** (1 - share)) ** min(total, 200.0))
    text = f"{as_text(counted[0])}/{as_text(total)}"
    return Finding(row, seen, text)


def _counted(
    sightings: Sightings, reading: ReadingBase, count: str, total: str
) -> tuple[float, float, list[Observation]] | None:
    """Return k, n and their observations, of the last subject that has both; None if n is 0."""
    counts, totals = sightings.of(count, reading), sightings.of(total, reading)
    many, all_ = numbers(counts), numbers(totals)
    if not many or not all_ or all_[-1] <= 0:
        return None
    return min(many[-1], all_[-1]), all_[-1], [counts[-1], totals[-1]]


def _excess(reading: Excess, variable: EvidenceVariable, sightings: Sightings) -> Finding | None:
    seen = sightings.of(reading.observation, reading)
    failure = last_failure(seen)
    if failure is not None:
        return _failed(reading, variable, seen, failure, levels=reading.levels, cuts=reading.cuts)
    whole = median(seen)
    if whole is None:
        return None
    before = [median(sightings.of(name, reading)) for name in reading.upstream]
    value = max(0.0, whole - sum(part for part in before if part is not None))
    error = max(_LEAST_ERROR_S, reading.spread * whole)
    row = _spread(variable, reading.levels, normal_bins(value, reading.cuts, error))
    return Finding(row, seen, "", value, _unit(seen))


def _codes(
    reading: Codes, variable: EvidenceVariable, sightings: Sightings, codes: ResponseCodes
) -> Finding | None:
    seen = sightings.of(reading.observation, reading)
    failure = last_failure(seen)
    values = [as_text(one.result.value) for one in seen if isinstance(one.result, Measured)]
    if not values:
        return _failed(reading, variable, seen, failure) if failure else None
    dialect = sightings.case.dialect
    levels = [_looked_up(value, dialect, reading, codes) for value in values]
    known = [level for level in levels if level is not None]
    if not known:
        return None
    # Several codes in one run: the worst one is what stopped the sign-on.
    level = max(known, key=variable.levels.index)
    text = values[levels.index(level)]
    code = response_code(codes, dialect, text) if reading.groups else None
    meaning = code.meaning if code else None
    return Finding(_only(variable, level, reading.certainty), seen, text, meaning=meaning)


def _looked_up(value: str, dialect: str, reading: Codes, codes: ResponseCodes) -> str | None:
    for table in (reading.dialects.get(dialect, {}), reading.codes):
        for key in (value, value.upper(), value.lower()):
            if key in table:
                return table[key]
    code = response_code(codes, dialect, value)
    if code is not None and code.group in reading.groups:
        return reading.groups[code.group]
    if reading.listed is not None and any(value.upper() in table for table in codes.values()):
        return reading.listed
    return reading.default


def _date_margin(
    reading: DateMargin, variable: EvidenceVariable, sightings: Sightings
) -> Finding | None:
    seen = sightings.of(reading.observation, reading)
    values = numbers(seen)
    failure = last_failure(seen)
    if not values:
        return _failed(reading, variable, seen, failure) if failure else None
    row = _spread(variable, reading.levels, soft_bins(values[-1], reading.cuts, 0.0))
    return Finding(row, seen, "", values[-1], "day")


def _stage(reading: Stage, variable: EvidenceVariable, sightings: Sightings) -> Finding | None:
    passed: list[Observation] = []
    reached_end = False
    for step in reading.steps:
        seen = sightings.of(step.observation, reading)
        failure = last_failure(seen)
        if failure is not None:
            cut = failure.failure is FailureKind.CENSORED
            certainty = 0.5 if cut else reading.certainty
            return Finding(_only(variable, step.level, certainty), seen, failure.detail)
        passed += seen
        reached_end = bool(seen)
    if not reached_end:
        return None
    return Finding(_only(variable, reading.passed, reading.certainty), passed)


def _ratio(reading: Ratio, variable: EvidenceVariable, sightings: Sightings) -> Finding | None:
    parts = {name: sightings.of(name, reading) for name in reading.observations}
    required = median(parts.get(reading.required, []))
    if last_failure(parts.get(reading.required, [])) is not None or required is None:
        return None
    if reading.limit == CASE_TIMER:
        limit = sightings.case.timer_s
        limits: list[Observation] = []
    else:
        limits = sightings.of(reading.limit, reading)
        limit = median(limits)
    if not limit:
        return None
    found = [value for seen in parts.values() if (value := median(seen)) is not None]
    value = sum(found) / limit
    row = _spread(variable, reading.levels, soft_bins(value, reading.cuts, reading.spread))
    seen = [one for several in parts.values() for one in several] + limits
    if reading.says_limit:
        return Finding(row, seen, _limit_text(reading, sum(found), limit, _unit(seen)))
    return Finding(row, seen, "", sum(found), _unit(seen))


def _limit_text(reading: Ratio, total: float, limit: float, unit: str) -> str:
    """Return the limit found and the one expected, the same in every language."""
    factor = 1 / reading.cuts[0]
    sign = "<" if limit < factor * total else ">"
    needed = amount(round(factor * total, 1), unit)
    return f"{amount(limit, unit)} {sign} {needed} ({factor:.2g} x {amount(total, unit)})"


def _comparison(
    reading: Comparison, variable: EvidenceVariable, sightings: Sightings
) -> Finding | None:
    same: list[tuple[Observation, str]] = []
    other: list[tuple[Observation, str]] = []
    for name, key in reading.compared.items():
        expected = sightings.case.expected.get(key)
        seen = sightings.of(name, reading)
        if not expected or not seen or not isinstance(seen[-1].result, Measured):
            continue
        found = as_text(seen[-1].result.value)
        if found.casefold().rstrip(".") == expected.strip().casefold().rstrip("."):
            same.append((seen[-1], found))
        else:
            other.append((seen[-1], f"{key} {found} ≠ {expected}"))
    told = other or same
    if not told:
        return None
    level = reading.differs if other else reading.match
    text = ", ".join(found for _, found in told)
    return Finding(_only(variable, level), [seen for seen, _ in told], text)


def _timer_sums(
    reading: TimerSums, variable: EvidenceVariable, sightings: Sightings
) -> Finding | None:
    seen = sightings.of(reading.observation, reading)
    seconds, timers = median(seen), sightings.case.timers
    sums = fitting(seconds, timers) if seconds is not None and timers is not None else []
    if not sums or seconds is None or timers is None:
        return None
    levels = {Step.NAME: reading.name, Step.CONNECT: reading.connect, Step.ANSWER: reading.answer}
    row = [0.0] * len(variable.levels)
    for step, chance in step_likelihoods(sums).items():
        at = variable.levels.index(levels[step])
        row[at] += chance
    # What a watch shows can be a chance: the steps that no timer ends stay possible.
    row = [chance or NO_TIMER for chance in row]
    return Finding(row, seen, in_words(sums, timers), seconds, "s")


def _message(
    reading: MessageReading,
    variable: EvidenceVariable,
    sightings: Sightings,
    messages: Sequence[Message],
) -> Finding | None:
    seen = sightings.of(reading.observation, reading)
    if not seen or not isinstance(seen[-1].result, Measured):
        return None
    text = as_text(seen[-1].result.value)
    found = matches(text, messages)
    if not found:
        level = reading.unknown
    elif (says := found[0].message.says.get(variable.id)) is not None:
        row = [says.get(name, UNNAMED) for name in variable.levels]
        if not found[0].sure:
            row = [ALIKE * chance + (1 - ALIKE) * max(row) for chance in row]
        return Finding(row, seen, text)
    else:
        level = reading.known
    return Finding(_only(variable, level), seen, text) if level else None
