"""The observations of a case, found by name and by what a reading asks of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from posdiag.model.knowledge import Case, ReadingBase
from posdiag.model.observation import Failed, Measured, Observation, Part, Value, Vantage
from posdiag.model.site import YesNo


@dataclass(frozen=True, slots=True)
class Sightings:
    """What was observed at a case.

    Attributes:
        observations: in the order in which they were made.
    """

    case: Case
    observations: Sequence[Observation]

    def of(self, name: str, reading: ReadingBase) -> list[Observation]:
        """Return the observations of a name that count for a reading."""
        return [
            seen
            for seen in self.observations
            if seen.name == name
            and self._right_part(seen, reading)
            and self._right_vantage(seen, reading)
        ]

    def has_given(self, reading: ReadingBase) -> bool:
        """Return whether what a reading takes for given was observed so, the last time."""
        for name, allowed in reading.given.items():
            values = [
                as_text(seen.result.value)
                for seen in self.observations
                if seen.name == name and isinstance(seen.result, Measured)
            ]
            if (values[-1] if values else "") not in allowed:
                return False
        return True

    def trust(self, seen: Sequence[Observation], reading: ReadingBase) -> float:
        """Return how far observations speak about the terminal: 1, on a doubtful path 0.5."""
        halved = reading.path and self.case.path_shared is YesNo.UNKNOWN
        return 0.5 if halved and any(map(_of_laptop, seen)) else 1.0

    def _right_part(self, seen: Observation, reading: ReadingBase) -> bool:
        if not reading.parts or seen.part in reading.parts:
            return True
        return Part.TERMINAL in reading.parts and seen.part in self.case.shared_parts

    def _right_vantage(self, seen: Observation, reading: ReadingBase) -> bool:
        if reading.vantages and seen.vantage not in reading.vantages:
            return False
        away = reading.path and self.case.path_shared is YesNo.NO
        return not (away and _of_laptop(seen))


def _of_laptop(seen: Observation) -> bool:
    return seen.vantage is Vantage.LAPTOP


def numbers(seen: Sequence[Observation]) -> list[float]:
    """Return all measured numbers, lists pooled, in order; texts and flags are left out."""
    found: list[float] = []
    for one in seen:
        if isinstance(one.result, Measured):
            value = one.result.value
            values = value if isinstance(value, list) else [value]
            found += [
                float(item)
                for item in values
                if isinstance(item, int | float) and not isinstance(item, bool)
            ]
    return found


def median(seen: Sequence[Observation]) -> float | None:
    """Return the median of all measured numbers, None if there is none."""
    values = numbers(seen)
    return statistics.median(values) if values else None


def last_failure(seen: Sequence[Observation]) -> Failed | None:
    """Return how the last of the observations failed, None if it was measured."""
    result = seen[-1].result if seen else None
    return result if isinstance(result, Failed) else None


def as_text(value: Value) -> str:
    """Return a value as the knowledge writes it: flags in lower case, whole numbers plain."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
