"""Takes numbers that name a shop out of what is kept, without changing what can be concluded.

A terminal number that is wrong in the menu is a finding, so the two sides of a comparison are
shortened together: what was equal stays equal, what differed still differs. The diagnosis is made
on the shortened values, so a replay of the saved report gives the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from posdiag.model.knowledge import Case
from posdiag.model.observation import Measured, Observation, ProbeOutcome, Vantage

_PAIRS: Mapping[str, str] = {"tid": "fact.menu_tid", "mid": "fact.menu_mid"}
"""Expected value of a case -> the fact that is compared with it."""
_KEYS: Mapping[str, str] = {
    **{fact: key for key, fact in _PAIRS.items()},
    "terminal.tid": "tid",
}
_ENDS = 2
_SHORTEST = 6


def shortened(number: str) -> str:
    """Return the first two and the last two characters; of a short number nothing."""
    number = number.strip()
    if not number:
        return ""
    return f"{number[:_ENDS]}…{number[-_ENDS:]}" if len(number) >= _SHORTEST else "…"


def scrubbed(case: Case, facts: Sequence[Observation]) -> tuple[Case, list[Observation]]:
    """Return case and facts with terminal and merchant numbers shortened.

    Args:
        case: of the site.
        facts: what a person said.
    """
    expected = {
        key: shortened(value) if key in _PAIRS else value for key, value in case.expected.items()
    }
    return msgspec.structs.replace(case, expected=expected), _kept(case, facts)


def scrubbed_outcomes(case: Case, outcomes: Sequence[ProbeOutcome]) -> list[ProbeOutcome]:
    """Return outcomes with the same numbers shortened in what a terminal says of itself.

    Args:
        case: of the site, not scrubbed yet.
        outcomes: as measured.
    """
    return [
        msgspec.structs.replace(outcome, observations=_kept(case, outcome.observations))
        if any(seen.vantage is Vantage.TERMINAL for seen in outcome.observations)
        else outcome
        for outcome in outcomes
    ]


def _kept(case: Case, seen: Sequence[Observation]) -> list[Observation]:
    numbers = [case.expected[key].strip() for key in _PAIRS if key in case.expected]
    return [
        _short_fact(one, case.expected.get(_KEYS[one.name], ""))
        if one.name in _KEYS
        else _short_inside(one, numbers)
        for one in seen
    ]


def _short_fact(seen: Observation, expected: str) -> Observation:
    if not isinstance(seen.result, Measured):
        return seen
    value = str(seen.result.value)
    short = shortened(value)
    differs = expected and value.strip().casefold() != expected.strip().casefold()
    if differs and short.casefold() == shortened(expected).casefold():
        short = f"{short} (≠)"
    return msgspec.structs.replace(seen, result=Measured(short, seen.result.unit))


def _short_inside(seen: Observation, numbers: Sequence[str]) -> Observation:
    """Return a fact whose text names the shop no more: some screens show the terminal's number."""
    if not isinstance(seen.result, Measured) or not isinstance(seen.result.value, str):
        return seen
    text = seen.result.value
    for number in numbers:
        if len(number) >= _SHORTEST:
            text = text.replace(number, shortened(number))
    return msgspec.structs.replace(seen, result=Measured(text, seen.result.unit))
