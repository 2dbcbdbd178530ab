"""Stages of a sign-on and the chance that it outlasts the timer."""

from __future__ import annotations

import pytest

from posdiag.diagnose.time_budget import _waits, chance_to_exceed, time_budget, wilson
from posdiag.model.knowledge import Case
from posdiag.model.observation import Observation
from posdiag.model.report import StageTime
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


def test_exact_masses_of_a_schedule() -> None:
    # Diagnosis science, section 3.2: one SYN (0, 1, 3, 7) with p = 0.10, after 5 s only two waits.
    cells = _waits((0.0, 1.0, 3.0, 7.0), 0.1, 0.0, 5 / 600)
    assert sum(cells) == pytest.approx(0.9 + 0.09 + 0.009)
    assert cells[0] == pytest.approx(0.9)
    assert cells[120] == pytest.approx(0.09)


def test_wilson_against_published_limits() -> None:
    # Diagnosis science, section 3.3.
    assert wilson(0, 20)[1] == pytest.approx(0.161, abs=5e-4)
    assert wilson(0, 100)[1] == pytest.approx(0.037, abs=5e-4)
    assert wilson(1, 20)[1] == pytest.approx(0.236, abs=5e-4)
    assert wilson(3, 100)[1] == pytest.approx(0.085, abs=5e-4)


def test_more_loss_and_shorter_timers_are_worse() -> None:
    stages = time_budget(Case(), FAST).stages
    chances = [chance_to_exceed(stages, 10.0, loss) for loss in (0.0, 0.01, 0.1, 0.3, 1.0)]
    assert chances == sorted(chances)
    assert chances[-1] == pytest.approx(1.0)
    timers = [chance_to_exceed(stages, timer, 0.1) for timer in (60.0, 10.0, 3.0, 1.0)]
    assert timers == sorted(timers)


def test_a_slow_host_alone_can_outlast_a_short_timer() -> None:
    stages = [
        StageTime(stage="name", seconds=None, state="unknown"),
        StageTime(stage="connect", seconds=0.01, state="measured"),
        StageTime(stage="tls", seconds=None, state="unknown"),
        StageTime(stage="host", seconds=3.0, state="measured"),
    ]
    # The median of the service time is the timer itself: about half of all sign-ons.
    assert chance_to_exceed(stages, 3.0, 0.0) == pytest.approx(0.5, abs=0.03)
