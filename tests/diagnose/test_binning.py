"""Numbers against cuts, soft and censored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdiag.diagnose.binning import censored_bins, normal_bins, soft_bins

CUTS = st.lists(st.floats(0.001, 1000, allow_nan=False), min_size=1, max_size=4, unique=True).map(
    sorted
)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.5, 0.0, [1.0, 0.0, 0.0]),
        (1.0, 0.0, [0.0, 1.0, 0.0]),
        (5.0, 0.0, [0.0, 0.0, 1.0]),
        (0.0, 0.3, [1.0, 0.0, 0.0]),
        (1.0, 0.1, [0.5, 0.5, 0.0]),
    ],
)
def test_value_falls_between_cuts(value: float, error: float, expected: list[float]) -> None:
    assert soft_bins(value, [1.0, 5.0], error) == pytest.approx(expected, abs=1e-6)


def test_negative_values_have_a_normal_error() -> None:
    low, high = soft_bins(-72.0, [-70.0], 0.05)
    assert low + high == pytest.approx(1.0)
    assert 0.6 < low < 0.8


@given(st.floats(0.001, 1000), CUTS, st.floats(0, 1))
def test_bins_are_a_distribution(value: float, cuts: list[float], error: float) -> None:
    bins = soft_bins(value, cuts, error)
    assert len(bins) == len(cuts) + 1
    assert sum(bins) == pytest.approx(1.0)
    assert min(bins) >= 0


@given(st.floats(0, 1000), CUTS, st.floats(0, 100))
def test_normal_bins_are_a_distribution(value: float, cuts: list[float], error: float) -> None:
    assert sum(normal_bins(value, cuts, error)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        (0.5, [0.5, 1.0, 1.0]),
        (1.0, [0.0, 1.0, 1.0]),
        (3.0, [0.0, 0.5, 1.0]),
        (10.0, [0.0, 0.0, 0.5]),
    ],
)
def test_a_cut_wait_rules_out_only_what_would_have_been_over(
    waited: float, expected: list[float]
) -> None:
    assert censored_bins(waited, [1.0, 5.0]) == pytest.approx(expected)


@given(st.floats(0.01, 100), st.floats(0.01, 100), CUTS)
def test_waiting_longer_never_speaks_for_a_level(a: float, b: float, cuts: list[float]) -> None:
    shorter, longer = sorted((a, b))
    pairs = zip(censored_bins(shorter, cuts), censored_bins(longer, cuts), strict=True)
    assert all(before >= after for before, after in pairs)
