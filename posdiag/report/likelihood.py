"""How likely, in words and tenths: the one table.

=============  ==================  ==============
probability    English             Chinese
=============  ==================  ==============
0.90 and more  almost certain      几乎可以肯定
0.60 to 0.90   likely              较可能
0.35 to 0.60   possible            有可能
0.15 to 0.35   less likely         可能性较小
below 0.15     unlikely            不太可能
=============  ==================  ==============

The number beside it is rounded to tenths, since nothing behind it is known better: "about 7 in 10"
(约七成), "less than 1 in 10" below 0.05, "more than 9 in 10" from 0.95. The word follows the exact
value. A number is always shown with what it rests on; a number for a fix is its chance to work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdiag.text.words import N_

if TYPE_CHECKING:
    from posdiag.text.words import Words

SHOWN_FROM = 0.02
"""A hypothesis with less is not shown."""

_WORDS = (
    (0.90, N_("almost certain")),
    (0.60, N_("likely")),
    (0.35, N_("possible")),
    (0.15, N_("less likely")),
    (0.0, N_("unlikely")),
)
_TENTHS = (
    N_("1 in 10"),
    N_("2 in 10"),
    N_("3 in 10"),
    N_("4 in 10"),
    N_("5 in 10"),
    N_("6 in 10"),
    N_("7 in 10"),
    N_("8 in 10"),
    N_("9 in 10"),
)


def likelihood_word(probability: float, words: Words) -> str:
    """Return how likely a probability (0 to 1) is, in words."""
    return words(next(text for least, text in _WORDS if probability >= least))


def tenths(probability: float, words: Words) -> str:
    """Return a probability in tenths: ``7 in 10``, ``less than 1 in 10``, ``more than 9 in 10``."""
    if probability < 0.05:
        return words("less than 1 in 10")
    if probability >= 0.95:
        return words("more than 9 in 10")
    # Half up: Python's round would make 0.25 two and 0.35 four tenths.
    return words(_TENTHS[max(1, min(9, int(probability * 10 + 0.5))) - 1])


def about(probability: float, words: Words) -> str:
    """Return the same as a rounded number: ``about 7 in 10``."""
    if 0.05 <= probability < 0.95:
        return words("about {tenths}", tenths=tenths(probability, words))
    return tenths(probability, words)


def brief(probability: float, words: Words) -> str:
    """Return word and number for the right edge of a title: ``likely, 7 in 10``."""
    return words(
        "{likely}, {tenths}",
        likely=likelihood_word(probability, words),
        tenths=tenths(probability, words),
    )


def percent(probability: float) -> str:
    """Return a probability in percent, as precise as it is small; never ``0 %`` or ``100 %``."""
    value = probability * 100
    if value < 0.1:
        return "< 0.1 %"
    if value > 99.9:
        return "> 99.9 %"
    if value < 1 or value > 99:
        return f"{value:.1f} %"
    return f"{value:.0f} %"
