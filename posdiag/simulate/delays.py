"""Delays drawn from a distribution, the same in each run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import log
from typing import Annotated, Literal

import msgspec

_MOST_S = 600.0


class Delays(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a host takes.

    Attributes:
        shape: ``fixed``, ``uniform`` (0 to twice the median), ``exponential`` or ``lognormal``.
        median_s: half of the delays are shorter.
        sigma: of the logarithm, for ``lognormal``.
        stall_share: this share of the delays is ``stall_s`` longer.
        stall_s: seconds.
        seed: of the draws.
    """

    shape: Literal["fixed", "uniform", "exponential", "lognormal"] = "fixed"
    median_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0
    sigma: Annotated[float, msgspec.Meta(ge=0, le=3)] = 0.5
    stall_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    stall_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0
    seed: int = 8583

    def drawn(self) -> Iterator[float]:
        """Yield one delay after the other, without end, each at most ten minutes."""
        chance = random.Random(self.seed)  # noqa: S311  (a simulator, nothing secret)
        while True:
            delay_s = self._one(chance)
            if chance.random() < self.stall_share:
                delay_s += self.stall_s
            yield min(delay_s, _MOST_S)

    def _one(self, chance: random.Random) -> float:
        match self.shape:
            case "fixed":
                return self.median_s
            case "uniform":
                return chance.uniform(0, 2 * self.median_s)
            case "exponential":
                return chance.expovariate(log(2) / self.median_s) if self.median_s else 0.0
            case "lognormal":
                return self.median_s * chance.lognormvariate(0, self.sigma)
