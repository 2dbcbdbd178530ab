"""Weights of evidence: how much each finding speaks for or against a hypothesis.

Source: diagnosis science, section 2.7 (Good's weight of evidence, by leaving one finding out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, fsum, log10
from typing import Literal

from posdiag.diagnose.posterior import Posterior, innocent, log_sum, log_weights_without
from posdiag.model.report import NOTHING_WRONG, EvidenceFound, Weight

STRONG_DB = 10.0
SOME_DB = 4.0
LEAST_DB = 0.5
"""Less than this is not worth a line."""
MOST_WEIGHTS = 6
CONFLICT_DB = 10.0
"""From here on the findings fit each other so badly that it is said."""
_LEAST_ODDS = 1e-12


class Explanation:
    """The weights of all findings for all hypotheses of one posterior."""

    def __init__(self, posterior: Posterior, found: Sequence[EvidenceFound]) -> None:
        """Leave out each finding once.

        Args:
            posterior: with all evidence.
            found: findings; those that the posterior did not use weigh nothing.
        """
        self._posterior = posterior
        self._found = {one.variable: one for one in found}
        self._all = _hypotheses(posterior, posterior.probabilities)
        self._without = {
            name: _hypotheses(posterior, _normalised(log_weights_without(posterior, position)))
            for position, name in enumerate(posterior.observed)
        }

    def weights(self, hypothesis: str) -> tuple[list[Weight], list[Weight]]:
        """Return what speaks for a hypothesis and what against it, the heaviest first.

        Args:
            hypothesis: id of a cause of the network, or ``nothing_wrong_now``.
        """
        whole = _decibans(self._all[hypothesis])
        weighed = [
            (round(whole - _decibans(without[hypothesis]), 6), name)
            for name, without in self._without.items()
        ]
        because = sorted((pair for pair in weighed if pair[0] >= LEAST_DB), key=_heaviest)
        although = sorted((pair for pair in weighed if pair[0] <= -LEAST_DB), key=_heaviest)
        return (
            [self._weight(name, decibans) for decibans, name in because[:MOST_WEIGHTS]],
            [self._weight(name, decibans) for decibans, name in although[:MOST_WEIGHTS]],
        )

    def _weight(self, name: str, decibans: float) -> Weight:
        found = self._found[name]
        return Weight(
            variable=name,
            level=found.level,
            decibans=decibans,
            strength=_strength(decibans),
            text=found.text,
            observations=found.observations,
            vantage=found.vantage,
        )


def _heaviest(pair: tuple[float, str]) -> tuple[float, str]:
    return -abs(pair[0]), pair[1]


def _strength(decibans: float) -> Literal["strong", "some", "weak"]:
    if abs(decibans) >= STRONG_DB:
        return "strong"
    return "some" if abs(decibans) >= SOME_DB else "weak"


def _decibans(probability: float) -> float:
    low = max(_LEAST_ODDS, min(1 - _LEAST_ODDS, probability))
    return 10 * log10(low / (1 - low))


def _normalised(logs: Sequence[float]) -> list[float]:
    total = log_sum(logs)
    return [exp(value - total) for value in logs]


def _hypotheses(posterior: Posterior, probabilities: Sequence[float]) -> Mapping[str, float]:
    """Return P(present) per cause, and P(nothing responsible), for weights over the same sets."""
    network = posterior.network
    present = [0.0] * len(network.causes)
    nothing = []
    for found, probability in zip(posterior.sets, probabilities, strict=True):
        for member in found.members:
            present[member] += probability
        share = probability / found.fails if network.failed and probability else probability
        nothing.append(share * innocent(network, found))
    table = {cause.id: present[at] for at, cause in enumerate(network.causes)}
    table[NOTHING_WRONG] = fsum(nothing)
    return table


def findings_conflict(posterior: Posterior) -> bool:
    """Return whether the findings fit each other badly: the prior expected them apart.

    10 log10 (product of P(e_j) / P(e)) above 10 decibans. What no member of a set touches cancels.
    """
    if len(posterior.observed) < 2:
        return False
    logs = [found.log_prior for found in posterior.sets]
    prior = _normalised(logs)
    apart = 0.0
    for position in range(len(posterior.observed)):
        apart += log10(
            fsum(
                weight * exp(found.shifts.get(position, 0.0))
                for weight, found in zip(prior, posterior.sets, strict=True)
            )
        )
    together = log10(
        fsum(
            weight * exp(sum(found.shifts.values()))
            for weight, found in zip(prior, posterior.sets, strict=True)
        )
    )
    return 10 * (apart - together) > CONFLICT_DB
