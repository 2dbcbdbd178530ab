"""The rules that a reading must keep towards the levels of its variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import assert_never

from posdiag.model.errors import Mistake
from posdiag.model.knowledge import (
    Codes,
    Comparison,
    DateMargin,
    Excess,
    MessageReading,
    Proportion,
    Ratio,
    Reading,
    Stage,
    Threshold,
    TimerSums,
)
from posdiag.model.observation import FailureKind


def reading_mistakes(
    reading: Reading, levels: Sequence[str], *, file: str, key: str
) -> Iterator[Mistake]:
    """Yield what is wrong with a reading.

    Args:
        reading: of any kind.
        levels: of its variable.
        file: name in the messages.
        key: of the reading.
    """
    for place, level in _named_levels(reading):
        if level not in levels:
            yield Mistake(file, f"{key}.{place}", "a level of this variable", level)
    if FailureKind.CENSORED in reading.failures:
        wish = "no level: a wait that was cut is worked out from the cuts"
        yield Mistake(file, f"{key}.failures.censored", wish)
    match reading:
        case Threshold() | Excess() | Ratio() | DateMargin():
            yield from _cuts(reading.cuts, reading.levels, file=file, key=key)
        case Proportion():
            yield from _rates(reading, levels, file=file, key=key)
        case Codes() | Comparison() | Stage() | TimerSums() | MessageReading():
            pass
        case _:
            assert_never(reading)
    if isinstance(reading, Ratio) and reading.required not in reading.observations:
        wish = "one of its own observations"
        yield Mistake(file, f"{key}.required", wish, reading.required)
    if says_nothing(reading):
        yield Mistake(file, key, "a reading that can say something")


def says_nothing(reading: Reading) -> bool:
    """Return whether a reading can never tell levels apart."""
    match reading:
        case Codes():
            tables = reading.codes or any(reading.dialects.values()) or reading.groups
            return not (tables or reading.default or reading.failures)
        case Stage():
            return not reading.steps
        case Excess():
            return not reading.upstream
        case _:
            return False


def _named_levels(reading: Reading) -> Iterator[tuple[str, str]]:
    for kind, level in reading.failures.items():
        yield f"failures.{kind}", level
    match reading:
        case Threshold() | Excess() | Ratio() | DateMargin():
            yield from (("levels", level) for level in reading.levels)
        case Codes():
            yield from _code_levels(reading)
        case Comparison():
            yield "match", reading.match
            yield "differs", reading.differs
        case Stage():
            yield from ((f"steps[{at}].level", step.level) for at, step in enumerate(reading.steps))
            yield "passed", reading.passed
        case MessageReading():
            for place, said in (("unknown", reading.unknown), ("known", reading.known)):
                if said is not None:
                    yield place, said
        case TimerSums():
            yield from (("name", reading.name), ("connect", reading.connect))
            yield "answer", reading.answer
        case Proportion():
            return
        case _:
            assert_never(reading)


def _code_levels(reading: Codes) -> Iterator[tuple[str, str]]:
    yield from ((f"codes.{code}", level) for code, level in reading.codes.items())
    for dialect, table in reading.dialects.items():
        yield from ((f"dialects.{dialect}.{code}", level) for code, level in table.items())
    yield from ((f"groups.{group}", level) for group, level in reading.groups.items())
    for place, said in (("listed", reading.listed), ("default", reading.default)):
        if said is not None:
            yield place, said


def _cuts(
    cuts: Sequence[float], levels: Sequence[str], *, file: str, key: str
) -> Iterator[Mistake]:
    if not cuts or any(not low < high for low, high in pairwise(cuts)):
        yield Mistake(file, f"{key}.cuts", "cuts that ascend, at least one", str(list(cuts)))
    if len(levels) != len(cuts) + 1:
        wish = f"{len(cuts) + 1} levels, one more than cuts"
        yield Mistake(file, f"{key}.levels", wish, str(len(levels)))


def _rates(reading: Proportion, levels: Sequence[str], *, file: str, key: str) -> Iterator[Mistake]:
    if len(reading.rates) != len(levels):
        wish = f"{len(levels)} rates, one per level"
        yield Mistake(file, f"{key}.rates", wish, str(len(reading.rates)))
    if (reading.upstream_count is None) != (reading.upstream_total is None):
        wish = "upstream_count and upstream_total together"
        yield Mistake(file, f"{key}.upstream_count", wish)
