"""Values, times and failures as a person reads them."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from posdiag.model.observation import Failed, FailureKind, Measured, Value
from posdiag.report.vocabulary import FAILURES

if TYPE_CHECKING:
    from posdiag.text.words import Words


def seconds_words(seconds: float) -> str:
    """Return seconds with the digits that matter: ``0.03 s``, ``5.0 s``, ``120 s``."""
    if seconds == 0:
        return "0 s"
    if 0 < seconds < 0.001:
        return "< 0.001 s"
    if seconds < 0.01:
        return f"{seconds:.3f} s"
    if seconds < 1:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def round_seconds(seconds: float) -> str:
    """Return seconds that somebody set, such as a timer: ``60 s``, ``1.5 s``."""
    return f"{seconds:g} s"


def duration_words(seconds: float, words: Words) -> str:
    """Return how long something takes a person: ``20 s``, ``3 min``, ``2 h``, ``3 days``."""
    minutes = seconds / 60
    if minutes < 0.95:
        return words("{n} s", n=f"{max(seconds, 1):.0f}")
    if minutes < 90:
        return words("{n} min", n=f"{minutes:.0f}")
    if minutes < 48 * 60:
        return words("{n} h", n=f"{minutes / 60:.0f}")
    return words("{n} days", n=f"{minutes / 1440:.0f}")


def result_words(result: Measured | Failed, words: Words) -> str:
    """Return a value with its unit, or what failed and how long it was waited for."""
    match result:
        case Measured(value, unit):
            return _value_words(value, unit, words)
        case Failed(failure, _, detail, waited_s):
            said = failure_words(failure, waited_s, words)
            return f"{said} ({detail})" if detail else said


def failure_words(failure: FailureKind, waited_s: float | None, words: Words) -> str:
    """Return a failure in words; a wait that ended says how long it was."""
    if waited_s is None or failure not in {FailureKind.SILENT, FailureKind.CENSORED}:
        return words(FAILURES[failure])
    waited = seconds_words(waited_s)
    if failure is FailureKind.SILENT:
        return words("no answer in {waited}", waited=waited)
    return words("no answer within {waited}, then the run's time was spent", waited=waited)


def _value_words(value: Value, unit: str, words: Words) -> str:
    if isinstance(value, bool):
        return words("yes") if value else words("no")
    if isinstance(value, list):
        return _samples_words(value, unit, words)
    if isinstance(value, str):
        return value
    return _number_words(float(value), unit, words)


def _samples_words(values: list[float | str], unit: str, words: Words) -> str:
    numbers = [float(value) for value in values if not isinstance(value, str)]
    if not numbers:
        return ", ".join(str(value) for value in values)
    if len(numbers) == 1:
        return _number_words(numbers[0], unit, words)
    return words(
        "median {median} of {n} ({low} to {high})",
        median=_number_words(median(numbers), unit, words),
        n=len(numbers),
        low=_number_words(min(numbers), unit, words),
        high=_number_words(max(numbers), unit, words),
    )


def _number_words(number: float, unit: str, words: Words) -> str:
    if unit == "s":
        if abs(number) < 1:
            return f"{number * 1000:.3g} ms"
        return f"{number:.1f} s" if abs(number) < 1000 else f"{number:.0f} s"
    if unit == "ratio":
        return f"{number * 100:.3g} %"
    if unit == "day":
        return words("{n} days", n=f"{number:.0f}")
    shown = f"{number:.0f}" if number == int(number) and abs(number) < 1e15 else f"{number:.4g}"
    return shown if unit in {"", "count"} else f"{shown} {unit}"
