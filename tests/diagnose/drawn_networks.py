"""Small random networks as plain distributions, from which both sides of a comparison are built."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from posdiag.diagnose.network import CauseNode, Network, VariableNode, cumulative

Row = tuple[float, ...]


@dataclass(frozen=True)
class DrawnCause:
    """A cause: prior odds, sufficiency, and per variable the distribution of what it brings."""

    odds: float
    sufficiency: float
    rows: dict[str, Row]


@dataclass(frozen=True)
class Drawn:
    """A network in plain distributions, with evidence on some of its variables."""

    causes: dict[str, DrawnCause]
    bases: dict[str, Row]
    pairs: dict[tuple[str, str], float]
    leak: float
    evidence: dict[str, Row]

    def network(
        self,
        *,
        failed: bool = True,
        order: Sequence[str] | None = None,
        rho: float = 0.0,
        temperature: float = 1.0,
    ) -> Network:
        """Return what the code under test takes, with the causes in any order."""
        ids = sorted(self.causes) if order is None else list(order)
        nodes = []
        for name in ids:
            cause = self.causes[name]
            rows = {variable: cumulative(row) for variable, row in cause.rows.items()}
            nodes.append(CauseNode(name, cause.odds, cause.sufficiency, rows))
        places = {frozenset((ids.index(a), ids.index(b))): p for (a, b), p in self.pairs.items()}
        return Network(
            causes=tuple(nodes),
            variables={
                name: VariableNode(name, cumulative(base), family=f"family_{at % 2}")
                for at, (name, base) in enumerate(sorted(self.bases.items()))
            },
            pairs={(min(place), max(place)): p for place, p in places.items()},
            leak=self.leak,
            failed=failed,
            rho=rho,
            temperature=temperature,
        )


def draw(seed: int, *, causes: int, variables: int = 5, hard: bool = False) -> Drawn:
    """Return a random network; the same seed gives the same one.

    Args:
        seed: of the generator.
        causes: how many.
        variables: how many, of two to four levels each.
        hard: evidence names one level instead of weighing them.
    """
    source = random.Random(seed)
    bases = {f"v{at}": _row(source, source.randint(2, 4)) for at in range(variables)}
    drawn = {}
    for at in range(causes):
        touched = [name for name in bases if source.random() < 0.6]
        rows = {name: _row(source, len(bases[name])) for name in touched}
        drawn[f"c{at}"] = DrawnCause(source.uniform(0.01, 0.5), source.uniform(0.05, 0.95), rows)
    ids = sorted(drawn)
    pairs = {(a, b): source.uniform(0.1, 0.9) for a, b in (source.sample(ids, 2) for _ in "12")}
    if len({frozenset(pair) for pair in pairs}) < len(pairs):
        pairs.popitem()
    observed = source.sample(sorted(bases), source.randint(2, variables))
    evidence = {name: _likelihood(source, len(bases[name]), hard=hard) for name in observed}
    return Drawn(drawn, bases, pairs, source.uniform(0.005, 0.1), evidence)


def _row(source: random.Random, levels: int) -> Row:
    weights = [source.uniform(0.01, 1) ** 2 for _ in range(levels)]
    return tuple(weight / sum(weights) for weight in weights)


def _likelihood(source: random.Random, levels: int, *, hard: bool) -> Row:
    if hard or source.random() < 0.4:
        seen = source.randrange(levels)
        return tuple(float(level == seen) for level in range(levels))
    return tuple(source.uniform(0, 1) for _ in range(levels))
