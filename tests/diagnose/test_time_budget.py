"""Stages of a sign-on and the chance that it outlasts the timer."""

from __future__ import annotations

import pytest

from posdiag.diagnose.time_budget import time_budget
from posdiag.model.knowledge import Case
from posdiag.model.observation import Observation
from tests.diagnose.small_knowledge import fact, failed, measured, series

FAST = [
    measured("host_name.time", 0.02, "s"),
    measured("host_tcp.connect_time", 0.03, "s"),
    measured("host_tls.handshake_time", 0.1, "s"),
    measured("host_echo.answer_time", 0.6, "s"),
    measured("host_echo.answer_time", 0.8, "s"),
]


def test_stages_are_medians() -> None:
    budget = time_budget(Case(timer_s=60.0), FAST)
    assert [(stage.stage, stage.seconds, stage.state) for stage in budget.stages] == [
        ("name", 0.02, "measured"),
        ("connect", 0.03, "measured"),
        ("tls", 0.1, "measured"),
        ("host", pytest.approx(0.7), "measured"),
    ]
    assert (budget.timer_s, budget.timer_basis, budget.exceeds) == (60.0, "profile", None)


@pytest.mark.parametrize(
    ("failure", "state", "detail"),
    [("silent", "silent", ""), ("censored", "censored", ""), ("refused", "failed", "refused")],
)
def test_a_stage_that_failed_says_how(failure: str, state: str, detail: str) -> None:
    seen = failed("host_tcp.connect_time", failure, "connect", waited_s=3.0)
    stage = time_budget(Case(), [seen]).stages[1]
    assert (stage.state, stage.seconds, stage.detail) == (state, 3.0, detail)


def test_the_menus_timer_goes_before_the_familys() -> None:
    budget = time_budget(Case(timer_s=3.0), [fact("menu_timer", 5, "s")])
    assert (budget.timer_s, budget.timer_basis) == (5.0, "menu")
    assert time_budget(Case(), []).timer_basis == "unknown"


@pytest.mark.parametrize(
    "extra",
    [
        [],
        series("reference", 0, 20)[:1],
        [failed("host_tls.handshake_time", "silent", waited_s=3.0)],
    ],
)
def test_no_chance_without_all_of_it(extra: list[Observation]) -> None:
    assert time_budget(Case(timer_s=60.0), [*FAST[:2], *extra]).exceeds is None


def test_chance_with_its_interval() -> None:
    budget = time_budget(Case(timer_s=60.0), [*FAST, *series("reference", 1, 20)])
    assert budget.samples == 20
    assert budget.exceeds is not None
    assert budget.exceeds_low is not None
    assert budget.exceeds_high is not None
    assert 0 <= budget.exceeds_low < budget.exceeds < budget.exceeds_high < 0.1


def test_what_a_wait_was_seen_to_last_goes_before_the_menu() -> None:
    menu, error = fact("menu_timer", 60, "s"), fact("seconds_to_error", 35, "s")
    waiting = fact("last_progress", "receiving")
    budget = time_budget(Case(timer_s=45.0), [menu, error, waiting])
    assert (budget.timer_s, budget.timer_basis) == (35.0, "effective")
    assert (budget.menu_s, budget.effective_s) == (60.0, 35.0)
    # An error without a wait before it says nothing about a timer.
    for last in ([], [fact("last_progress", "connecting")], [fact("last_progress", "processing")]):
        budget = time_budget(Case(timer_s=45.0), [menu, error, *last])
        assert (budget.timer_s, budget.timer_basis, budget.effective_s) == (60.0, "menu", None)


def test_the_stage_that_failed_eats_the_time() -> None:
    seen = failed("host_tcp.connect_time", "silent", "connect", waited_s=10.0)
    assert time_budget(Case(timer_s=60.0), [*FAST[:1], seen]).eats == "connect"


def test_the_smallest_timer_says_what_is_extrapolated() -> None:
    budget = time_budget(Case(timer_s=60.0), [*FAST, *series("reference", 0, 400)])
    assert budget.method == "independent"
    assert budget.target == 0.001
    assert budget.smallest_s is not None
    assert budget.smallest_high_s is not None
    assert budget.smallest_s < budget.smallest_high_s
    # Two answers of the host bound nothing near 0.1 %: diagnosis science, section 3.3.
    assert budget.supported == pytest.approx(1 - 0.05**0.5)
    assert budget.eats == "host"


def test_waits_of_the_laptops_own_stack_are_not_the_lines() -> None:
    late = [measured("host_tcp.connect_time", 1.03, "s"), *FAST[2:], *series("reference", 0, 100)]
    plain = [measured("host_tcp.connect_time", 0.03, "s"), *FAST[2:], *series("reference", 0, 100)]
    case = Case(timer_s=1.5)
    assert time_budget(case, late).exceeds == time_budget(case, plain).exceeds
    linear = measured("laptop_tcp.syn_waits", [0.0, 1.0, 2.0, 3.0], "s")
    two = [measured("host_tcp.connect_time", 2.03, "s"), *late[1:]]
    found = time_budget(case, [linear, *two]).exceeds
    assert found == pytest.approx(time_budget(case, plain).exceeds or 0.0)
    assert (time_budget(case, two).exceeds or 0.0) > (found or 0.0)


def test_a_long_series_goes_before_a_count() -> None:
    begun = [0.1 * number for number in range(600)]
    trips: list[float | str] = [0.05 if number % 100 > 9 else "lost" for number in range(600)]
    long = [
        measured("stalls.begun_at", begun, "s"),
        measured("stalls.round_trip", trips, "s"),
    ]
    budget = time_budget(Case(timer_s=1.5), [*FAST, *series("reference", 0, 20), *long])
    assert (budget.method, budget.samples) == ("series", 600)
    assert budget.exceeds is not None
    # One second in ten is dead: whoever begins in it waits for it, and the host takes its time.
    assert 0.05 < budget.exceeds < 0.3
