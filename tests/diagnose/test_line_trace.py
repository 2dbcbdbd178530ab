"""Bursts and stalls of a long series."""

from __future__ import annotations

import random

import pytest

from posdiag.diagnose.line_trace import LineTrace, fit_bursts, fit_stalls, trace_of, wilson
from posdiag.diagnose.sightings import Sightings
from posdiag.model.knowledge import Case
from posdiag.model.observation import Observation
from tests.diagnose.small_knowledge import measured


def test_wilson_against_published_limits() -> None:
    # Diagnosis science, section 3.3.
    assert wilson(0, 20)[1] == pytest.approx(0.161, abs=5e-4)
    assert wilson(0, 100)[1] == pytest.approx(0.037, abs=5e-4)
    assert wilson(1, 20)[1] == pytest.approx(0.236, abs=5e-4)
    assert wilson(3, 100)[1] == pytest.approx(0.085, abs=5e-4)


def test_a_chain_is_found_again() -> None:
    draw = random.Random(5)
    fates, bad = [], False
    for _ in range(20_000):
        bad = draw.random() >= 0.25 if bad else draw.random() < 0.02
        fates.append(bad)
    found = fit_bursts(fates)
    assert found.enter == pytest.approx(0.02, abs=0.004)
    assert found.leave == pytest.approx(0.25, abs=0.04)
    assert found.mean_length == pytest.approx(4.0, abs=0.6)
    # 0.73 from neighbour to neighbour: n (1 - 0.73) / (1 + 0.73).
    assert found.effective == pytest.approx(20_000 * 0.27 / 1.73, rel=0.15)


def test_losses_by_themselves_lose_no_samples() -> None:
    draw = random.Random(6)
    found = fit_bursts([draw.random() < 0.1 for _ in range(5000)])
    assert found.effective > 4000
    assert fit_bursts([False] * 100).effective == 100


def test_a_moment_is_looked_up_and_the_series_repeats() -> None:
    trace = LineTrace([0.0, 1.0, 2.0, 3.0], [0.1, None, None, 0.2])
    assert [trace.number_at(at) for at in (0.0, 0.9, 1.1, 2.6, 3.5)] == [0, 0, 1, 2, 3]
    assert trace.number_at(4.1) == 0
    assert trace.gaps_s == {1: pytest.approx(2.0)}
    assert [trace.run_of(number) for number in range(4)] == [-1, 1, 1, -1]


def series(count: int, **other: list[float | str]) -> list[Observation]:
    begun: list[float | str] = [0.1 * number for number in range(count)]
    trips: list[float | str] = [0.05] * count
    return [
        measured("stalls.begun_at", other.get("begun", begun), "s"),
        measured("stalls.round_trip", other.get("trips", trips), "s"),
    ]


def test_a_series_is_found() -> None:
    trips: list[float | str] = [*[0.05] * 50, *["lost"] * 10]
    trace = trace_of(Sightings(Case(), series(60, trips=trips)))
    assert trace is not None
    assert trace.round_trips.count(None) == 10
    assert trace.typical_s == 0.05


@pytest.mark.parametrize(
    "seen",
    [
        [],
        series(60)[:1],
        series(10),
        series(60, trips=["lost"] * 60),
        series(60, trips=[0.05] * 59),
        series(60, begun=[1.0, 0.5] * 30),
    ],
)
def test_what_is_no_series_says_nothing(seen: list[Observation]) -> None:
    assert trace_of(Sightings(Case(), seen)) is None


def test_stalls_are_losses_and_late_answers_of_a_second_or_more() -> None:
    trips: list[float | None] = [0.05] * 1000
    trips[100:140] = [None] * 40
    trips[500:520] = [2.0 - 0.1 * number for number in range(20)]
    trips[700:705] = [None] * 5
    trace = LineTrace([0.1 * number for number in range(1000)], trips)
    assert trace.stalls.a_second == pytest.approx(2 / 100)
    # 4.0 s, and 1.7 s of the other: its last answers are no more than 0.3 s late.
    assert trace.stalls.beyond_s == pytest.approx((4.0 + 1.7) / 2 - 1, abs=0.1)
    # Two exponential times: 2 / 0.2422 (gamma of shape 2, 0.025) of their mean.
    assert trace.stalls.beyond_high_s == pytest.approx(trace.stalls.beyond_s * 2 / 0.2422, rel=0.01)


def test_a_longer_timer_and_rarer_stalls_are_better() -> None:
    often, seldom = fit_stalls([3.0] * 20, 300.0), fit_stalls([3.0] * 5, 300.0)
    assert often.chance(5.0, 0.5) > often.chance(10.0, 0.5) > often.chance(20.0, 0.5)
    assert often.chance(2.0, 0.5) > seldom.chance(2.0, 0.5) * 0.9
    none = fit_stalls([], 300.0)
    assert 0 < none.chance(60.0, 0.5) < 1e-12
    assert none.chance(1.0, 0.5) < 0.02
