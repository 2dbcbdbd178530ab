"""Absolute deadlines, and which of two ends comes first."""

from __future__ import annotations

import time

import pytest

from posdiag.link.deadline import Deadline


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stop the clock at 100 s; the test moves it."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_it_stands_while_time_goes_on(now: list[float]) -> None:
    deadline = Deadline.after(5)
    assert (deadline.at_s, deadline.remaining_s(), deadline.passed()) == (105, 5, False)
    now[0] = 104
    assert (deadline.remaining_s(), deadline.passed()) == (1, False)
    now[0] = 105
    assert (deadline.remaining_s(), deadline.passed()) == (0, True)
    now[0] = 200
    assert deadline.remaining_s() == 0


@pytest.mark.parametrize(
    ("limit_s", "expected"),
    [(3.0, (3.0, False)), (5.0, (5.0, False)), (5.1, (5.0, True)), (60.0, (5.0, True))],
)
def test_cut(now: list[float], limit_s: float, expected: tuple[float, bool]) -> None:
    assert now
    assert Deadline.after(5).cut(limit_s) == expected


def test_a_passed_one_cuts_everything(now: list[float]) -> None:
    deadline = Deadline.after(1)
    now[0] = 150
    assert deadline.cut(10) == (0.0, True)
