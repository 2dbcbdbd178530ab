"""The posterior: the worked example of the reference, and what must hold for any network."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.diagnose.network import CauseNode, Network, VariableNode, cumulative
from posdiag.diagnose.posterior import (
    FLOOR,
    Posterior,
    infer,
    innocent,
    log_sum,
    log_weights_without,
)
from tests.diagnose.drawn_networks import Drawn, draw

CONG, DNS, PAPER = 0, 1, 2
EVIDENCE: Mapping[str, Sequence[float]] = {"d": (0, 0.2, 0.8), "p": (0, 1)}
DIGITS = 5.1e-7
"""Six digits after the point."""

repeatable = settings(derandomize=True, deadline=None, max_examples=60)


def worked_example(*, failed: bool = True) -> Network:
    """Return the network of diagnosis science, section 2.10."""
    rows: dict[str, dict[str, tuple[float, ...]]] = {
        "cong": {"d": (0.60, 0.35, 0.05), "w": (0.08, 0.92)},
        "dns": {"d": (0.02, 0.18, 0.80)},
        "paper": {"p": (0.03, 0.97)},
    }
    numbers = {"cong": (0.15, 0.60), "dns": (0.10, 0.90), "paper": (0.20, 0.15)}
    bases = {"d": (0.955, 0.035, 0.010), "p": (0.99, 0.01), "w": (0.90, 0.10)}
    return Network(
        causes=tuple(
            CauseNode(name, *numbers[name], {at: cumulative(row) for at, row in its.items()})
            for name, its in rows.items()
        ),
        variables={name: VariableNode(name, cumulative(row), name) for name, row in bases.items()},
        leak=0.02,
        failed=failed,
    )


def whole(network: Network, evidence: Mapping[str, Sequence[float]]) -> Posterior:
    """Return the posterior over all sets, of any size."""
    count = len(network.causes)
    return infer(network, evidence, breadth=[count] * (count - 1))


def decibans(probability: float) -> float:
    return 10 * math.log10(probability / (1 - probability))


def weight_of_evidence(found: Posterior, variable: str, cause: int) -> float:
    """Return how far a variable moves a cause, in decibans, by leaving it out."""
    logs = log_weights_without(found, found.observed.index(variable))
    total = log_sum(logs)
    without = math.fsum(
        math.exp(value - total)
        for kept, value in zip(found.sets, logs, strict=True)
        if cause in kept.members
    )
    return decibans(found.present[cause]) - decibans(without)


class TestWorkedExample:
    def test_probability_of_every_set(self) -> None:
        found = whole(worked_example(), EVIDENCE)
        by_set = {kept.members: p for kept, p in zip(found.sets, found.probabilities, strict=True)}
        assert by_set == pytest.approx(
            {
                (): 0.000170,
                (DNS,): 0.034643,
                (PAPER,): 0.027562,
                (CONG,): 0.006262,
                (DNS, PAPER): 0.683231,
                (CONG, DNS): 0.005596,
                (CONG, PAPER): 0.133272,
                (CONG, DNS, PAPER): 0.109264,
            },
            abs=DIGITS,
        )

    def test_causes(self) -> None:
        found = whole(worked_example(), EVIDENCE)
        assert found.present == pytest.approx((0.254394, 0.832734, 0.953329), abs=DIGITS)
        assert found.responsible == pytest.approx((0.197413, 0.812319, 0.183489), abs=DIGITS)
        assert found.clears == pytest.approx((0.111942, 0.628588, 0.047634), abs=DIGITS)

    def test_the_shipped_breadth_keeps_all_of_it(self) -> None:
        assert infer(worked_example(), EVIDENCE) == whole(worked_example(), EVIDENCE)

    @pytest.mark.parametrize(
        ("cause", "variable", "expected"),
        [(DNS, "d", 10.854), (DNS, "p", -0.799), (PAPER, "p", 19.869), (PAPER, "d", -2.156)],
    )
    def test_weights_of_evidence(self, cause: int, variable: str, expected: float) -> None:
        found = whole(worked_example(), EVIDENCE)
        assert weight_of_evidence(found, variable, cause) == pytest.approx(expected, abs=5.1e-4)

    def test_not_run_is_not_negative(self) -> None:
        found = whole(worked_example(), {**EVIDENCE, "w": (1, 0)})
        assert found.present[CONG] == pytest.approx(0.026570, abs=DIGITS)

    def test_information_of_the_variable_not_run(self) -> None:
        """By the entropy over sets that it takes away: the same number as by its own entropy."""
        before = whole(worked_example(), EVIDENCE)
        after = [whole(worked_example(), {**EVIDENCE, "w": row}) for row in ((1, 0), (0, 1))]
        # present(cong) is the mean of what it becomes: that gives P(w = ok | e).
        ok = (before.present[CONG] - after[1].present[CONG]) / (
            after[0].present[CONG] - after[1].present[CONG]
        )
        left = ok * entropy(after[0]) + (1 - ok) * entropy(after[1])
        assert entropy(before) - left == pytest.approx(0.449247, abs=DIGITS)

    def test_without_a_failure_paper_is_there_and_harmless(self) -> None:
        found = whole(worked_example(failed=False), EVIDENCE)
        assert found.responsible[PAPER] == pytest.approx(0.15 * found.present[PAPER])
        assert found.present[DNS] < 0.832734
        assert all(
            kept.log_prior == pytest.approx(_log_odds(found.network, kept.members))
            for kept in found.sets
        )


def entropy(found: Posterior) -> float:
    return -math.fsum(p * math.log2(p) for p in found.probabilities)


def _log_odds(network: Network, members: Sequence[int]) -> float:
    return sum(math.log(network.causes[member].odds) for member in members)


networks = st.builds(
    draw, st.integers(0, 10_000), causes=st.integers(2, 5), variables=st.integers(2, 5)
)


def by_cause(found: Posterior) -> dict[str, float]:
    """Return all that is said about the causes, whatever their order."""
    said = {"nothing_wrong": found.nothing_wrong}
    for at, cause in enumerate(found.network.causes):
        said[f"present {cause.id}"] = found.present[at]
        said[f"responsible {cause.id}"] = found.responsible[at]
        said[f"clears {cause.id}"] = found.clears[at]
    return said


class TestInvariants:
    @repeatable
    @given(networks, st.randoms(use_true_random=False))
    def test_order_of_evidence(self, drawn: Drawn, source: random.Random) -> None:
        names = list(drawn.evidence)
        source.shuffle(names)
        shuffled = {name: drawn.evidence[name] for name in names}
        assert infer(drawn.network(), shuffled) == infer(drawn.network(), drawn.evidence)

    @repeatable
    @given(networks, st.randoms(use_true_random=False))
    def test_order_of_causes(self, drawn: Drawn, source: random.Random) -> None:
        order = sorted(drawn.causes)
        source.shuffle(order)
        shuffled = whole(drawn.network(order=order), drawn.evidence)
        assert by_cause(shuffled) == pytest.approx(
            by_cause(whole(drawn.network(), drawn.evidence)), abs=1e-12
        )

    @repeatable
    @given(networks, st.sampled_from([1e-30, 1e-12, 0.3, 7.0, 1e30]), st.booleans())
    def test_scale_of_a_likelihood(self, drawn: Drawn, factor: float, failed: bool) -> None:
        network = drawn.network(failed=failed)
        scaled = {
            name: [value * factor for value in row] if at == 0 else row
            for at, (name, row) in enumerate(drawn.evidence.items())
        }
        assert by_cause(whole(network, scaled)) == pytest.approx(
            by_cause(whole(network, drawn.evidence)), abs=1e-9
        )

    @repeatable
    @given(networks, st.floats(1e-6, 1e6), st.sampled_from([0.0, 0.35]))
    def test_a_constant_likelihood_is_as_good_as_none(
        self, drawn: Drawn, value: float, rho: float
    ) -> None:
        network = drawn.network(rho=rho)
        silent = {name: (value,) * len(base) for name, base in drawn.bases.items()}
        assert infer(network, {**silent, **drawn.evidence}) == infer(network, drawn.evidence)

    @repeatable
    @given(networks, st.booleans())
    def test_a_missing_variable_weighs_nothing(self, drawn: Drawn, failed: bool) -> None:
        """The variables nobody looked at may as well not be in the network."""
        network = drawn.network(failed=failed)
        kept = {k: v for k, v in network.variables.items() if k in drawn.evidence}
        causes = tuple(
            dataclasses.replace(cause, rows={k: v for k, v in cause.rows.items() if k in kept})
            for cause in network.causes
        )
        smaller = dataclasses.replace(network, variables=kept, causes=causes)
        assert by_cause(infer(network, drawn.evidence)) == by_cause(infer(smaller, drawn.evidence))

    @repeatable
    @given(networks, st.booleans(), st.sampled_from([0.5, 1.0, 2.0]))
    def test_probabilities(self, drawn: Drawn, failed: bool, temperature: float) -> None:
        found = infer(drawn.network(failed=failed, temperature=temperature), drawn.evidence)
        assert all(0 <= value <= 1 for value in by_cause(found).values())
        assert math.fsum(found.probabilities) == pytest.approx(1, abs=1e-12)
        for present, responsible, clears in zip(
            found.present, found.responsible, found.clears, strict=True
        ):
            assert clears <= responsible + 1e-12
            assert responsible <= present + 1e-12

    @repeatable
    @given(networks, st.sampled_from([0.0, 0.35]))
    def test_without_one_is_the_posterior_that_never_saw_it(self, drawn: Drawn, rho: float) -> None:
        network = drawn.network(rho=rho, temperature=0.8)
        found = whole(network, drawn.evidence)
        for at, name in enumerate(found.observed):
            rest = {key: row for key, row in drawn.evidence.items() if key != name}
            logs = log_weights_without(found, at)
            total = log_sum(logs)
            expected = whole(network, rest)
            assert [kept.members for kept in expected.sets] == [s.members for s in found.sets]
            assert [math.exp(value - total) for value in logs] == pytest.approx(
                expected.probabilities, abs=1e-12
            )


class TestMonotony:
    """A worse level never speaks less for the only cause that touches the variable.

    That needs a row whose ratio to the base rises with the level, as any row of two levels has that
    makes the worse one likelier. In general it is false: a cause known to make a line *slow* is
    less likely where the line is *dead*.
    """

    @repeatable
    @given(networks, st.integers(0, 10_000), st.integers(2, 4), st.booleans())
    def test_worse_is_never_better(
        self, drawn: Drawn, seed: int, levels: int, failed: bool
    ) -> None:
        source = random.Random(seed)
        base = [source.uniform(0.05, 1) for _ in range(levels)]
        ratios = sorted(source.uniform(0.1, 10) for _ in range(levels))
        row = [value * ratio for value, ratio in zip(base, ratios, strict=True)]
        network = _with_only_child(drawn.network(failed=failed), base, row)
        present = [
            whole(network, {**drawn.evidence, "only": _level(level, levels)}).present[0]
            for level in range(levels)
        ]
        assert all(better <= worse + 1e-12 for better, worse in itertools.pairwise(present))
        assert present[-1] > present[0]

    def test_a_row_that_peaks_in_the_middle(self) -> None:
        network = _with_only_child(worked_example(), [0.9, 0.05, 0.05], [0.05, 0.9, 0.05])
        slow, dead = (whole(network, {"only": _level(level, 3)}).present[0] for level in (1, 2))
        assert dead < slow


def _level(level: int, levels: int) -> tuple[float, ...]:
    return tuple(float(at == level) for at in range(levels))


def _with_only_child(network: Network, base: Sequence[float], row: Sequence[float]) -> Network:
    """Return the network with one more variable, which only the first cause touches."""
    first, *rest = network.causes
    sums = [cumulative([value / sum(given) for value in given]) for given in (base, row)]
    return dataclasses.replace(
        network,
        causes=(dataclasses.replace(first, rows={**first.rows, "only": sums[1]}), *rest),
        variables={**network.variables, "only": VariableNode("only", sums[0], "only")},
    )


class TestPruning:
    @repeatable
    @given(st.integers(0, 10_000), st.sampled_from([(3, 3), (4, 3), (4, 1), (2, 0), (1, 1)]))
    def test_what_is_said_to_be_missing_is_missing(
        self, seed: int, breadth: tuple[int, int]
    ) -> None:
        drawn = draw(seed, causes=6)
        kept = infer(drawn.network(), drawn.evidence, breadth=breadth)
        full = infer(drawn.network(), drawn.evidence, breadth=(6, 6))
        assert full.pruned_bound == 0
        inside = {one.members for one in kept.sets}
        pairs = list(zip(full.sets, full.probabilities, strict=True))
        mass = math.fsum(p for one, p in pairs if one.members in inside)
        left_out = [p / mass for one, p in pairs if one.members not in inside]
        assert any(kept.pruned_bound == pytest.approx(p, rel=1e-9) for p in left_out)
        assert kept.pruned_bound <= max(left_out) * (1 + 1e-9)

    @pytest.mark.parametrize("breadth", [(3,), (1,), (6, 4), (6, 2), (4, 3)])
    def test_the_set_that_stands_for_what_is_missing(self, breadth: tuple[int, ...]) -> None:
        drawn = draw(3, causes=6)
        ranked = infer(drawn.network(), drawn.evidence, breadth=()).probabilities[1:]
        order = sorted(range(6), key=lambda cause: -ranked[cause])
        sizes = [(width, size) for size, width in enumerate(breadth, start=2) if width < 6]
        kept = infer(drawn.network(), drawn.evidence, breadth=breadth)
        full = whole(drawn.network(), drawn.evidence)
        by_set = {one.members: p for one, p in zip(full.sets, full.probabilities, strict=True)}
        mass = math.fsum(by_set[one.members] for one in kept.sets)
        assert sizes
        expected = max(
            by_set[tuple(sorted((*_best(order, width, size), order[width])))]
            for width, size in sizes
        )
        assert kept.pruned_bound == pytest.approx(expected / mass, rel=1e-9)

    def test_sets_that_are_kept_are_those_of_the_best_causes(self) -> None:
        drawn = draw(3, causes=6)
        singles = infer(drawn.network(), drawn.evidence, breadth=())
        ranked = sorted(range(6), key=lambda cause: -singles.probabilities[1 + cause])
        found = infer(drawn.network(), drawn.evidence, breadth=(4, 3))
        sets = {one.members for one in found.sets}
        assert {one for one in sets if len(one) < 2} == {(), *((at,) for at in range(6))}
        assert {one for one in sets if len(one) == 2} == set(
            itertools.combinations(sorted(ranked[:4]), 2)
        )
        assert {one for one in sets if len(one) == 3} == {tuple(sorted(ranked[:3]))}


def _best(order: Sequence[int], width: int, size: int) -> list[int]:
    """Return the best causes that go with the first one that was not kept."""
    return [cause for cause in order if cause != order[width]][: size - 1]


class TestCorners:
    def test_no_evidence_gives_the_prior(self) -> None:
        found = whole(worked_example(failed=False), {})
        assert found.observed == ()
        assert found.present == pytest.approx((0.15 / 1.15, 0.10 / 1.10, 0.20 / 1.20))

    def test_no_evidence_but_a_failure(self) -> None:
        found = whole(worked_example(), {})
        assert found.responsible[DNS] > 0.10 / 1.10
        assert found.nothing_wrong > 0

    def test_a_finding_that_no_set_allows_is_floored(self) -> None:
        network = Network(
            causes=(CauseNode("a", 0.1, 0.5, {"v": (0.5, 1.0)}),),
            variables={"v": VariableNode("v", (1.0, 1.0), "v")},
            leak=0.1,
        )
        found = infer(network, {"v": (0, 1)})
        assert found.sets[1].shifts[0] == pytest.approx(math.log(0.5) - math.log(FLOOR))
        assert found.present[0] == pytest.approx(1, abs=1e-9)

    def test_a_correlated_family_counts_less(self) -> None:
        drawn = draw(11, causes=3, variables=4, hard=True)
        evidence = {name: _level(0, len(base)) for name, base in drawn.bases.items()}
        apart, together = (infer(drawn.network(rho=rho), evidence) for rho in (0.0, 1.0))
        single = next(one for one in apart.sets if one.members == (0,))
        # Two variables per family, wholly correlated: half of each one's logarithm counts.
        ratio = math.log(apart.probabilities[1] / apart.probabilities[0]) - single.log_prior
        ratio += apart.sets[0].log_prior
        halved = math.log(together.probabilities[1] / together.probabilities[0])
        halved += together.sets[0].log_prior - single.log_prior
        assert ratio != pytest.approx(0, abs=1e-3)
        assert halved == pytest.approx(ratio / 2)

    def test_temperature_divides_the_logarithm(self) -> None:
        drawn = draw(5, causes=3)
        plain, warm = (
            infer(drawn.network(temperature=value), drawn.evidence) for value in (1.0, 2.0)
        )
        roots = [math.sqrt(p) for p in plain.probabilities]
        assert warm.probabilities == pytest.approx([root / sum(roots) for root in roots])

    def test_innocent_without_a_failure_looks_at_pairs_too(self) -> None:
        network = dataclasses.replace(worked_example(failed=False), pairs={(CONG, PAPER): 0.5})
        both = next(s for s in whole(network, {}).sets if s.members == (CONG, PAPER))
        assert innocent(network, both) == pytest.approx(0.4 * 0.85 * 0.5)
        explained = dataclasses.replace(network, failed=True)
        assert innocent(explained, both) == pytest.approx(0.02 * 0.4 * 0.85)

    def test_evidence_on_a_variable_that_is_not_there(self) -> None:
        with pytest.raises(KeyError, match="nowhere"):
            infer(worked_example(), {"nowhere": (0, 1)})

    @pytest.mark.parametrize("row", [(0, 1), (0, 0, 0, 1)])
    def test_a_likelihood_of_the_wrong_length(self, row: tuple[float, ...]) -> None:
        with pytest.raises(ValueError, match="zip"):
            infer(worked_example(), {"d": row})
