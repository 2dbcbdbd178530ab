"""How fast the host is, from a few answers that also bear what the line lost.

The shape of the time is known (log-normal, its spread is profile data), its scale is not. An answer
is late by whatever waits the line had in store for its two legs, so each is taken as a mixture over
these waits: one repeated segment among three answers does not make the host look slow.

Source: diagnosis science, section 3.3; likelihood ratio interval, chi-square with one degree.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

LEAST_S = 1e-3
"""A quicker host is not told from one that takes no time."""
_PLACES = 160
_RATIO_95 = 1.9207
"""Half of the chi-square quantile: 3.8415 / 2."""
_FLOOR = 1e-12
"""Density of an answer that no wait explains, so that one oddity does not decide alone."""


class Service(NamedTuple):
    """Median time that the host works on one message, with its 95 % interval (seconds)."""

    median_s: float
    low_s: float
    high_s: float


def fit_service(
    answers_s: Sequence[float], waits: Sequence[tuple[float, float]], sigma: float
) -> Service:
    """Return the median service time that explains the answers best.

    Args:
        answers_s: from request to answer, at least one, more than 0.
        waits: seconds that the line takes for both legs, each with its probability.
        sigma: log-normal spread, more than 0.
    """
    low, high = log(LEAST_S), log(max(answers_s) * exp(3 * sigma) + LEAST_S)
    places = [low + (high - low) * number / (_PLACES - 1) for number in range(_PLACES)]
    scores = [_score(place, answers_s, waits, sigma) for place in places]
    best = max(scores)
    inside = [
        place for place, score in zip(places, scores, strict=True) if score >= best - _RATIO_95
    ]
    at = places[scores.index(best)]
    return Service(exp(at), exp(min(inside)), exp(max(inside)))


def _score(
    place: float,
    answers_s: Sequence[float],
    waits: Sequence[tuple[float, float]],
    sigma: float,
) -> float:
    """Return the logarithm of the likelihood of a median, of which ``place`` is the logarithm."""
    total = 0.0
    for answer_s in answers_s:
        density = _FLOOR
        for wait_s, chance in waits:
            rest_s = answer_s - wait_s
            if rest_s > 0:
                z = (log(max(rest_s, LEAST_S / 10)) - place) / sigma
                density += chance * exp(-0.5 * z * z) / max(rest_s, LEAST_S)
        total += log(density)
    return total
