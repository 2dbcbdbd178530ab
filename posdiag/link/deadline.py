"""An absolute end of waiting, passed down to every call that may block."""

from __future__ import annotations

import time
from typing import NamedTuple


class Deadline(NamedTuple):
    """A monotonic instant.

    Attributes:
        at_s: ``time.monotonic()`` seconds.
    """

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    def remaining_s(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at_s - time.monotonic())

    def passed(self) -> bool:
        """Return whether nothing is left."""
        return self.remaining_s() <= 0.0

    def cut(self, limit_s: float) -> tuple[float, bool]:
        """Return how long to wait for a step with its own limit, and whether this deadline cuts it.

        Returns:
            (seconds to wait, True if the deadline comes before the step's own limit): a wait that
            ends cut is censored, one that ends uncut is silent.
        """
        left = self.remaining_s()
        return (left, True) if left < limit_s else (limit_s, False)
