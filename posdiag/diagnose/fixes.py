"""Fixes in the order worth trying: P(this alone clears it) x P(it works) / minutes.

Source: diagnosis science, section 2.8 (Heckerman, Breese, Rommelse 1995).
"""

from __future__ import annotations

from functools import cmp_to_key

from posdiag.model.knowledge import Actor, Cause, Fix
from posdiag.model.report import RankedFix
from posdiag.model.text import Text

SUPERVISED_SIGN_ON = Text(en="one supervised sign-on at the terminal", zh="在终端上看着签到一次")
"""How to see that a fix worked where it does not say so itself."""
CLOSE = 0.8
"""Scores within a fifth of each other are alike: then who is there goes first."""
_AT_THE_COUNTER = frozenset({Actor.MERCHANT, Actor.TECHNICIAN})


def ranked_fixes(cause: Cause, clears: float) -> list[RankedFix]:
    """Return the fixes of a cause, the one most worth trying first.

    Args:
        cause: with its fixes.
        clears: P(removing this cause alone clears the complaint).
    """
    fixes = [_ranked(fix, clears) for fix in cause.fixes]
    return sorted(fixes, key=cmp_to_key(_before))


def _ranked(fix: Fix, clears: float) -> RankedFix:
    return RankedFix(
        id=fix.id,
        text=fix.text,
        minutes=fix.minutes,
        actor=fix.actor,
        effect=fix.effect,
        works=fix.works,
        score=round(clears * fix.works / fix.minutes, 12),
        verify=fix.verify or SUPERVISED_SIGN_ON,
    )


def _before(first: RankedFix, second: RankedFix) -> int:
    """Compare two fixes by score; where alike, by whether the person is at the counter."""
    high = max(first.score, second.score)
    if high > 0 and min(first.score, second.score) >= CLOSE * high:
        here = (first.actor in _AT_THE_COUNTER, second.actor in _AT_THE_COUNTER)
        if here[0] != here[1]:
            return -1 if here[0] else 1
    if first.score != second.score:
        return -1 if first.score > second.score else 1
    return -1 if first.id < second.id else 1
