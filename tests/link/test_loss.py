"""Intervals of loss: single losses, bursts, and short series."""

from __future__ import annotations

import random

import pytest

from posdiag.link.loss import design_effect, loss_interval, mean_burst


def test_single_losses_give_wilsons_interval() -> None:
    low, high = loss_interval([True] + [False] * 19)
    # Wilson's interval of 1 in 20, as in every textbook.
    assert low == pytest.approx(0.0089, abs=1e-3)
    assert high == pytest.approx(0.2361, abs=1e-3)


@pytest.mark.parametrize("lost", [[False] * 300, [True] * 300])
def test_none_and_all_still_leave_room(lost: list[bool]) -> None:
    low, high = loss_interval(lost)
    assert high - low == pytest.approx(1.96**2 / (300 + 1.96**2), abs=1e-4)
    assert low <= sum(lost) / 300 <= high


def test_bursts() -> None:
    assert mean_burst([False] * 4) is None
    assert mean_burst([True, False, True, True, False, True]) == pytest.approx(4 / 3)


def bursty(rng: random.Random, count: int) -> list[bool]:
    """Return losses of a two-state chain: 8 % in bursts of ten."""
    bad, lost = rng.random() < 0.08, []
    for _ in range(count):
        bad = rng.random() >= 0.1 if bad else rng.random() < 0.0087
        lost.append(bad)
    return lost


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(7)
    held = {"single": 0, "bursts": 0, "bursts taken for single ones": 0}
    for _ in range(400):
        low, high = loss_interval([rng.random() < 0.08 for _ in range(300)])
        held["single"] += low <= 0.08 <= high
        lost = bursty(rng, 300)
        low, high = loss_interval(lost)
        held["bursts"] += low <= 0.08 <= high
        shuffled = sorted(lost, key=lambda _: rng.random())
        low, high = loss_interval(shuffled)
        held["bursts taken for single ones"] += low <= 0.08 <= high
    assert held["single"] / 400 >= 0.91
    assert held["bursts"] / 400 >= 0.82, held
    assert held["bursts"] > held["bursts taken for single ones"] + 60, held


def test_the_design_effect_is_never_below_one() -> None:
    assert design_effect([n % 10 == 0 for n in range(300)]) == 1.0
    assert design_effect([True] * 5 + [False] * 15) == 1.0
    assert design_effect([n < 30 for n in range(300)]) > 5
