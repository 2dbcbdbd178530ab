"""What looking several times can find."""

from __future__ import annotations

_MISSED = 0.05


def detectable_share(looks: int) -> float:
    """Return the smallest share of time that a fault must be there to be seen, with 0.95.

    A fault that is there for a share x is missed by n independent looks with (1 - x)^n. Looks
    that follow one another closely see the same stall, so the true power is a little less.

    Args:
        looks: at least 1.
    """
    return float(1 - _MISSED ** (1 / looks))
