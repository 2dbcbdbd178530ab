"""Numbers that name a shop are shortened, and comparisons come out as before."""

from __future__ import annotations

import pytest

from posdiag.engine.scrub import scrubbed, shortened
from posdiag.model.knowledge import Case
from posdiag.model.observation import Failed, FailureKind, Measured, Observation, Operation


def _fact(name: str, value: str | float) -> Observation:
    return Observation(name=name, result=Measured(value))


def _agree(one: str, other: str) -> bool:
    # As the diagnosis compares.
    return one.strip().casefold() == other.strip().casefold()


@pytest.mark.parametrize(
    ("number", "short"),
    [
        ("", ""),
        ("  ", ""),
        ("1", "…"),
        ("12345", "…"),
        ("123456", "12…56"),
        ("12345678", "12…78"),
        (" 12345678 ", "12…78"),
        ("898440154110001", "89…01"),
    ],
)
def test_shortened(number: str, short: str) -> None:
    assert shortened(number) == short


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ("12345678", "12345678"),
        ("12345678", " 12345678 "),
        ("ab345678", "AB345678"),
        ("12345678", "87654321"),
        ("12345678", "12999978"),  # alike at both ends
        ("12345678", "1234567"),
        ("12345678", "1234"),
        ("1234", "1243"),
        ("1234", "1234"),
        ("ab345678", "AB999978"),
    ],
)
@pytest.mark.parametrize("key", ["tid", "mid"])
def test_what_agreed_agrees_and_what_differed_differs(key: str, expected: str, seen: str) -> None:
    case, facts = scrubbed(Case(expected={key: expected}), [_fact(f"fact.menu_{key}", seen)])
    result = facts[0].result
    assert isinstance(result, Measured)
    assert _agree(case.expected[key], str(result.value)) == _agree(expected, seen)
    for kept in (case.expected[key], str(result.value)):
        assert expected.strip() not in kept
        assert seen.strip() not in kept


def test_without_an_expected_number_the_fact_is_shortened_all_the_same() -> None:
    _, facts = scrubbed(Case(), [_fact("fact.menu_tid", "12345678")])
    assert facts[0].result == Measured("12…78")


def test_a_screen_that_shows_the_numbers() -> None:
    case = Case(expected={"tid": "12345678", "mid": "898440154110001", "port": "5000"})
    screen = _fact("fact.screen", "终端12345678 商户898440154110001 通讯超时 5000")
    _, facts = scrubbed(case, [screen])
    assert facts[0].result == Measured("终端12…78 商户89…01 通讯超时 5000")


def test_a_number_too_short_to_name_a_shop_is_no_reason_to_change_a_text() -> None:
    screen = _fact("fact.screen", "超时 60")
    assert scrubbed(Case(expected={"tid": "60"}), [screen])[1] == [screen]


def test_everything_else_stays() -> None:
    case = Case(expected={"port": "5000", "host": "host.example"}, timer_s=60.0)
    facts = [
        _fact("fact.menu_port", "5001"),
        _fact("fact.menu_timer", 60.0),
        _fact("fact.screen", "通讯超时"),
        Observation(name="fact.menu_tid", result=Failed(FailureKind.SILENT, Operation.READ_SYSTEM)),
    ]
    assert scrubbed(case, facts) == (case, facts)
