"""A hand-timed sign-on against the sums of the terminal's timers."""

from __future__ import annotations

import random

import pytest

from posdiag.diagnose.stopwatch import (
    Step,
    TimerSum,
    fitting,
    in_words,
    step_likelihoods,
    timer_sums,
)
from posdiag.model.site import TerminalTimers

USUAL = TerminalTimers()
"""60 s for the answer, 3 connects of 10 s, 2 look-ups of 5 s: many sums."""
DISTINCT = TerminalTimers(response_s=97.0, connect_s=23.0, attempts=2, dns_try_s=7.0, dns_tries=3)


def test_every_sum_ends_in_a_step_that_gave_up() -> None:
    for timers in (USUAL, DISTINCT):
        for one in timer_sums(timers):
            assert one.total_s > 0
            match one.last:
                case Step.ANSWER:
                    assert one.connects < timers.attempts
                    assert one.names < timers.dns_tries
                case Step.CONNECT:
                    assert one.connects == timers.attempts
                case Step.NAME:
                    assert one.names == timers.dns_tries
    assert [one.total_s for one in timer_sums(USUAL)][:4] == [10.0, 30.0, 35.0, 60.0]


def test_random_durations_decide_nothing_where_several_sums_fit() -> None:
    drawn = random.Random(20261124)
    several = decided = 0
    while several < 200:
        timers = TerminalTimers(
            response_s=drawn.choice([30.0, 45.0, 60.0, 100.0]),
            connect_s=drawn.choice([2.0, 3.0, 8.0, 10.0, 30.0]),
            attempts=drawn.choice([2, 3, 4]),
            dns_try_s=drawn.choice([1.0, 2.0, 5.0]),
            dns_tries=drawn.choice([2, 3]),
        )
        sums = fitting(drawn.uniform(0, 130), timers)
        if len(sums) < 2:
            continue
        several += 1
        decided += max(step_likelihoods(sums).values()) > 0.5 + 1e-9
    assert decided <= 0.05 * several


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        (21.0, Step.NAME),
        (22.5, Step.NAME),
        (46.0, Step.CONNECT),
        (44.5, Step.CONNECT),
        (53.0, Step.CONNECT),
        (60.0, Step.CONNECT),
        (97.0, Step.ANSWER),
        (98.9, Step.ANSWER),
        (104.0, Step.ANSWER),
        (127.0, Step.ANSWER),
    ],
)
def test_a_duration_that_one_sum_explains_names_its_step(seconds: float, step: Step) -> None:
    sums = fitting(seconds, DISTINCT)
    assert len(sums) == 1
    likelihoods = step_likelihoods(sums)
    assert max(likelihoods, key=lambda one: likelihoods[one]) is step
    assert likelihoods[step] >= 0.8
    assert sum(likelihoods.values()) == pytest.approx(1)


def test_what_fits_no_sum_says_nothing() -> None:
    assert fitting(20.0, USUAL) == []
    assert step_likelihoods([]) == {}


def test_two_seconds_are_the_limit() -> None:
    assert [one.total_s for one in fitting(58.0, USUAL)] == [60.0]
    assert fitting(57.9, USUAL) == []


def test_several_sums_share_among_the_steps_that_waited() -> None:
    sums = [TimerSum(0, 3, 0, 30.0), TimerSum(0, 0, 1, 31.0)]
    assert step_likelihoods(sums) == {Step.NAME: 0.0, Step.CONNECT: 0.5, Step.ANSWER: 0.5}


def test_in_words() -> None:
    assert in_words(fitting(65.0, USUAL), USUAL) == "1 x 5 s DNS + 1 x 60 s host"
