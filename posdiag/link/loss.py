"""What a series of round trips says about loss: its interval, and whether it comes in bursts."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

_Z95 = 1.959963984540054
_BLOCKS = 10
_LEAST_BLOCK = 5
_FEW_BLOCKS = (2.262 / _Z95) ** 2
"""Student's quantile for ten blocks against the normal one, squared."""


def loss_interval(lost: Sequence[bool]) -> tuple[float, float]:
    """Return the 95 % interval of the share that is lost.

    Losses in bursts say less than as many single ones: the series is cut into ten blocks, and the
    number of independent round trips is the one that would make the blocks differ as they do.
    The interval is Wilson's score interval for that number.

    Args:
        lost: of each round trip in the order of sending, at least one.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209; design effect of cluster samples,
    L. Kish, Survey Sampling (1965), section 5.4.
    """
    count = len(lost)
    share = sum(lost) / count
    independent = count / design_effect(lost)
    square = _Z95**2
    middle = (share + square / (2 * independent)) / (1 + square / independent)
    half = (_Z95 / (1 + square / independent)) * sqrt(
        share * (1 - share) / independent + square / (4 * independent**2)
    )
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def design_effect(lost: Sequence[bool]) -> float:
    """Return how many round trips are worth one independent one, 1 or more.

    1 where a series is too short for blocks of five, or where all or none were lost.
    """
    size = len(lost) // _BLOCKS
    share = sum(lost) / len(lost)
    if size < _LEAST_BLOCK or share in (0.0, 1.0):
        return 1.0
    shares = [sum(lost[at * size : (at + 1) * size]) / size for at in range(_BLOCKS)]
    mean = sum(shares) / _BLOCKS
    variance = sum((one - mean) ** 2 for one in shares) / (_BLOCKS - 1)
    effect = variance * size / (share * (1 - share))
    return min(float(size), effect * _FEW_BLOCKS) if effect > 1 else 1.0


def mean_burst(lost: Sequence[bool]) -> float | None:
    """Return how many round trips in a row are lost on average, None where none is lost."""
    bursts = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    return sum(lost) / bursts if bursts else None
