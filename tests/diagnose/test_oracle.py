"""The posterior against pyAgrum, which is told the mechanisms one by one and no formula of ours."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable
from typing import Any

import pytest

from posdiag.diagnose.posterior import infer
from tests.diagnose.drawn_networks import Drawn, Row, draw

with warnings.catch_warnings():
    # SWIG's types warn while they are made; turned into an error there, that ends the interpreter.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pyagrum

maker: Any = pyagrum
"""Its constructors have no types."""

NETWORKS = 200
BATCH = 25


class Oracle:
    """The same network as nodes: causes, what each one brings about, and what is seen.

    ``m_`` mechanisms of causes and pairs (and of the leak), ``failed`` their OR, ``r_c`` whether a
    mechanism of c fired, ``w_c`` whether it fails without c, ``alone`` whether one of a single
    cause fired, ``leak_alone`` whether the leak did and none of these, ``any`` whether any did.
    """

    def __init__(self, drawn: Drawn) -> None:
        self.net = maker.BayesNet()
        self._drawn = drawn
        mechanisms = self._mechanisms()
        self._or("failed", ["m_leak", *mechanisms])
        self._or("any", mechanisms)
        self._or("alone", [name for name, members in mechanisms.items() if len(members) == 1])
        self._leak_alone()
        for cause in drawn.causes:
            its = [name for name, members in mechanisms.items() if cause in members]
            self._or(f"r_{cause}", its)
            self._or(f"w_{cause}", ["m_leak", *(name for name in mechanisms if name not in its)])
        for name, base in drawn.bases.items():
            self._variable(name, base)

    def ask(self, *, failed: bool) -> pyagrum.LazyPropagation:
        """Return the engine with the evidence given, ready to be asked."""
        engine: pyagrum.LazyPropagation = maker.LazyPropagation(self.net)
        evidence: dict[str, object] = {k: list(v) for k, v in self._drawn.evidence.items()}
        if failed:
            evidence["failed"] = 1
        engine.setEvidence(evidence)
        engine.makeInference()
        return engine

    def _mechanisms(self) -> dict[str, tuple[str, ...]]:
        """Add the causes and what each can set off; return the causes that each needs."""
        self._binary("m_leak", self._drawn.leak)
        mechanisms: dict[str, tuple[str, ...]] = {}
        for name, cause in self._drawn.causes.items():
            self._binary(name, cause.odds / (1 + cause.odds))
            mechanisms[f"m_{name}"] = (name,)
            self._gated(f"m_{name}", (name,), cause.sufficiency)
        for pair, together in self._drawn.pairs.items():
            mechanisms["m_" + "_".join(pair)] = pair
            self._gated("m_" + "_".join(pair), pair, together)
        return mechanisms

    def _binary(self, name: str, probability: float) -> None:
        self.net.add(maker.LabelizedVariable(name, name, 2))
        self.net.cpt(name).fillWith([1 - probability, probability])

    def _gated(self, name: str, needs: tuple[str, ...], probability: float) -> None:
        """Add a mechanism that fires with a probability where all its causes are there."""
        self.net.add(maker.LabelizedVariable(name, name, 2))
        for need in needs:
            self.net.addArc(need, name)
        for there in itertools.product((0, 1), repeat=len(needs)):
            fires = probability if all(there) else 0.0
            self.net.cpt(name)[dict(zip(needs, there, strict=True))] = [1 - fires, fires]

    def _or(self, name: str, parents: Iterable[str]) -> None:
        self.net.addOR(maker.LabelizedVariable(name, name, 2))
        for parent in parents:
            self.net.addArc(parent, name)

    def _leak_alone(self) -> None:
        self._binary("leak_alone", 0.0)
        for parent in ("m_leak", "alone"):
            self.net.addArc(parent, "leak_alone")
        for leak, alone in itertools.product((0, 1), repeat=2):
            holds = float(leak and not alone)
            self.net.cpt("leak_alone")[{"m_leak": leak, "alone": alone}] = [1 - holds, holds]

    def _variable(self, name: str, base: Row) -> None:
        """Add a variable: the worst of what the leak and the causes that are there bring."""
        self.net.add(maker.LabelizedVariable(name, name, len(base)))
        parents = [c for c, cause in self._drawn.causes.items() if name in cause.rows]
        for parent in parents:
            self.net.addArc(parent, name)
        for there in itertools.product((0, 1), repeat=len(parents)):
            row = base
            for parent, present in zip(parents, there, strict=True):
                if present:
                    row = _worst(row, self._drawn.causes[parent].rows[name])
            self.net.cpt(name)[dict(zip(parents, there, strict=True))] = list(row)


def _worst(first: Row, second: Row) -> Row:
    """Return the distribution of the higher of two levels, drawn apart."""
    result = [0.0] * len(first)
    for (a, p), (b, q) in itertools.product(enumerate(first), enumerate(second)):
        result[max(a, b)] += p * q
    return tuple(result)


def _yes(engine: pyagrum.LazyPropagation, name: str) -> float:
    return float(engine.posterior(name)[1])


@pytest.mark.parametrize("first", range(0, NETWORKS, BATCH))
def test_agrees_with_pyagrum(first: int) -> None:
    for seed in range(first, first + BATCH):
        drawn = draw(seed, causes=4 + seed % 3, hard=seed % 5 == 0)
        failed = seed % 2 == 0
        count = len(drawn.causes)
        found = infer(drawn.network(failed=failed), drawn.evidence, breadth=[count] * (count - 1))
        engine = Oracle(drawn).ask(failed=failed)
        fails = 1.0 if failed else _yes(engine, "failed")
        # Where something failed: the leak, and no cause by itself. Else: nothing at all fires.
        innocent = _yes(engine, "leak_alone") if failed else 1 - _yes(engine, "any")
        expected = {"nothing_wrong": innocent}
        actual = {"nothing_wrong": found.nothing_wrong}
        for at, name in enumerate(sorted(drawn.causes)):
            expected |= {
                f"present {name}": _yes(engine, name),
                f"responsible {name}": _yes(engine, f"r_{name}"),
                f"clears {name}": fails - _yes(engine, f"w_{name}"),
            }
            actual |= {
                f"present {name}": found.present[at],
                f"responsible {name}": found.responsible[at],
                f"clears {name}": found.clears[at],
            }
        assert actual == pytest.approx(expected, abs=1e-9, rel=0), f"seed {seed}"
        assert found.pruned_bound == 0
        assert math.fsum(found.probabilities) == pytest.approx(1, abs=1e-12)


def test_the_draws_differ_in_kind() -> None:
    """The comparison above means little if no draw holds a pair that matters or soft evidence."""
    draws = [draw(seed, causes=4 + seed % 3, hard=seed % 5 == 0) for seed in range(NETWORKS)]
    assert {len(drawn.causes) for drawn in draws} == {4, 5, 6}
    assert {len(drawn.bases) for drawn in draws} == {5}
    assert all(drawn.pairs for drawn in draws)
    rows = [row for drawn in draws for row in drawn.evidence.values()]
    soft = [row for row in rows if not set(row) <= {0.0, 1.0}]
    assert len(soft) > len(rows) / 4
    assert len(soft) < len(rows) * 3 / 4
