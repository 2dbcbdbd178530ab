"""A measured number against cuts: P(what was measured | level) with an error around each cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import erf, inf, log, sqrt

TAIL = 1.0
"""Exponent of the Pareto tail of an open last bin: P(above w | above c) = (c / w) ** TAIL."""


def soft_bins(value: float, cuts: Sequence[float], error: float) -> list[float]:
    """Return per bin the probability that the true value lies in it.

    Args:
        value: measured.
        cuts: ascending; bin ``i`` ends at ``cuts[i]``, the last one is open.
        error: relative standard deviation; log-normal where value and cuts are positive, else
            normal; 0 puts the value into one bin.
    """
    edges = [-inf, *cuts, inf]
    if error <= 0 or value == 0:
        return [1.0 if low <= value < high else 0.0 for low, high in pairwise(edges)]
    logarithmic = value > 0 and all(cut > 0 for cut in cuts)

    def below(cut: float) -> float:
        if cut in (-inf, inf):
            return 0.0 if cut < 0 else 1.0
        off = log(cut / value) / error if logarithmic else (cut - value) / (error * abs(value))
        return 0.5 * (1 + erf(off / sqrt(2)))

    sums = [below(cut) for cut in edges]
    return [high - low for low, high in pairwise(sums)]


def normal_bins(value: float, cuts: Sequence[float], deviation: float) -> list[float]:
    """Return the same with a normal error of a given standard deviation, in the value's unit."""
    edges = [-inf, *cuts, inf]
    if deviation <= 0:
        return soft_bins(value, cuts, 0.0)
    sums = [0.5 * (1 + erf((cut - value) / (deviation * sqrt(2)))) for cut in edges]
    return [high - low for low, high in pairwise(sums)]


def censored_bins(waited: float, cuts: Sequence[float]) -> list[float]:
    """Return per bin P(the value is above what was waited | bin).

    Uniform inside a bin; the open last one has a Pareto tail, so that a long wait speaks against
    it without ruling it out.

    Args:
        waited: the value is larger than this.
        cuts: ascending.
    """
    edges = [0.0, *cuts, inf]
    chances = []
    for low, high in pairwise(edges):
        if waited <= low:
            chances.append(1.0)
        elif high == inf:
            chances.append((low / waited) ** TAIL if low > 0 else 1.0)
        else:
            chances.append(max(0.0, (high - waited) / (high - low)))
    return chances
