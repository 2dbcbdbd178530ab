"""The host's service time from a few answers over a line that loses."""

from __future__ import annotations

import random
from math import exp

import pytest

from posdiag.diagnose.service_time import fit_service

CLEAN = [(0.05, 1.0)]
LOSSY = [(0.05, 0.8), (0.3, 0.16), (0.8, 0.04)]


def test_a_clean_line_gives_the_textbook_interval() -> None:
    answers = [0.05 + one for one in (0.5, 0.6, 0.72)]
    found = fit_service(answers, CLEAN, 0.3)
    assert found.median_s == pytest.approx(0.6, rel=0.04)
    # exp(1.96 sigma / sqrt(n)) either way.
    assert found.high_s / found.median_s == pytest.approx(exp(1.96 * 0.3 / 3**0.5), rel=0.06)
    assert found.median_s / found.low_s == pytest.approx(exp(1.96 * 0.3 / 3**0.5), rel=0.06)


def test_a_repeated_segment_does_not_make_the_host_slow() -> None:
    # Two of three answers waited for a repeat of 0.3 s.
    answers = [0.05 + 0.3, 0.3 + 0.31, 0.3 + 0.29]
    assert fit_service(answers, LOSSY, 0.2).median_s == pytest.approx(0.3, rel=0.15)
    assert fit_service(answers, CLEAN, 0.2).median_s > 0.4


def test_intervals_cover_the_truth() -> None:
    draw, inside = random.Random(4), 0
    for _ in range(200):
        answers = [
            draw.choices([0.05, 0.3, 0.8], [0.8, 0.16, 0.04])[0] + 0.4 * draw.lognormvariate(0, 0.3)
            for _ in range(3)
        ]
        found = fit_service(answers, LOSSY, 0.3)
        inside += found.low_s <= 0.4 <= found.high_s
    assert inside >= 180


def test_an_answer_quicker_than_the_line_is_no_crash() -> None:
    found = fit_service([0.01], CLEAN, 0.5)
    assert 0 < found.low_s <= found.median_s <= found.high_s
