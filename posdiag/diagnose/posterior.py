"""Exact posterior over sets of up to three simultaneous faults, pruned to the plausible ones.

Everything is summed in logarithms; sets, causes and variables are always visited in the same order,
so that the same input gives the same bytes.

Source: diagnosis science, sections 2.2, 2.3, 2.5 and 2.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, fsum, inf, log

from posdiag.diagnose.network import Network

BREADTH = (26, 12)
"""How many of the best causes enter pairs, and triples (found on simulated visits, section 2.6)."""
FLOOR = 1e-12
"""No finding makes a set impossible: P(e_j | S) is never taken below this."""


@dataclass(frozen=True, slots=True)
class FaultSet:
    """A set of faults that are there together.

    Attributes:
        members: positions of its causes, ascending.
        log_prior: log of the product of odds, times P(failure | S) where a failure must be
            explained.
        fails: f(S) = P(failure | S).
        shifts: position of an observed variable -> log P(e_j | S) - log P(e_j | no fault); a
            variable that no member touches is absent.
    """

    members: tuple[int, ...]
    log_prior: float
    fails: float
    shifts: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the evidence says. Lists over causes are in the order of ``network.causes``.

    Attributes:
        observed: ids of the variables with evidence, ascending.
        probabilities: P(S | e) per set.
        present: P(the condition is there).
        responsible: P(its mechanism fired), or would fire where no failure is complained of.
        clears: P(removing this one alone clears the failure).
        nothing_wrong: P(no cause is responsible).
        pruned_bound: probability, relative to all that was kept, of the likeliest looking set that
            was left out: the best causes by themselves with the first one that was not kept. So at
            least this much is missing; causes that only explain the findings together may hide
            more. 0 where all sets of the sizes in ``breadth`` are kept.
    """

    network: Network
    observed: tuple[str, ...]
    sets: tuple[FaultSet, ...]
    probabilities: tuple[float, ...]
    present: tuple[float, ...]
    responsible: tuple[float, ...]
    clears: tuple[float, ...]
    nothing_wrong: float
    pruned_bound: float


def infer(
    network: Network,
    likelihoods: Mapping[str, Sequence[float]],
    *,
    breadth: Sequence[int] = BREADTH,
) -> Posterior:
    """Return the posterior over fault sets.

    Args:
        network: causes and variables of the case.
        likelihoods: variable -> P(what was observed | level), up to a constant factor. A constant
            row says nothing and is left out. Every variable must be one of the network's, with a
            number per level.
        breadth: how many of the best causes enter sets of 2, 3, ... faults; must not grow.

    Raises:
        KeyError: evidence on a variable that the network does not have.
        ValueError: a likelihood that has not one number per level.
    """
    observed = tuple(name for name in sorted(likelihoods) if len(set(likelihoods[name])) > 1)
    tables = [_Table(network, name, likelihoods[name]) for name in observed]
    weights = _family_weights(network, observed)
    sets, bound = _enumerate(network, tables, weights, breadth)
    logs = [_log_weight(network, found, weights) for found in sets]
    total = log_sum(logs)
    probabilities = tuple(exp(value - total) for value in logs)
    return _summarise(network, observed, sets, probabilities, exp(bound - total))


def log_sum(logs: Sequence[float]) -> float:
    """Return log(sum(exp(x))) with the maximum taken off first."""
    top = max(logs)
    return top + log(fsum(exp(value - top) for value in logs))


def fires(network: Network, cause: int, members: Sequence[int]) -> float:
    """Return P(the mechanism of one member fires), alone or together with another member."""
    silent = 1 - network.causes[cause].sufficiency
    for other in members:
        if other != cause:
            pair = (cause, other) if cause < other else (other, cause)
            silent *= 1 - network.pairs.get(pair, 0.0)
    return 1 - silent


def no_mechanism(network: Network, members: Sequence[int]) -> float:
    """Return P(no mechanism of these causes fires, alone or in pairs)."""
    silent = 1.0
    for member in members:
        silent *= 1 - network.causes[member].sufficiency
    for pair in combinations(members, 2):
        silent *= 1 - network.pairs.get(pair, 0.0)
    return silent


def log_weights_without(posterior: Posterior, position: int) -> list[float]:
    """Return log P(S | e without one variable) per set, not normalised.

    Args:
        posterior: the posterior with all evidence.
        position: of the variable in ``posterior.observed``.
    """
    network = posterior.network
    weights = _family_weights(
        network, [name for at, name in enumerate(posterior.observed) if at != position]
    )
    # Positions after the one left out move down by one.
    moved = {
        at: weights[at if at < position else at - 1]
        for at in range(len(posterior.observed))
        if at != position
    }
    return [
        (
            found.log_prior
            + sum(shift * moved[at] for at, shift in found.shifts.items() if at != position)
        )
        / network.temperature
        for found in posterior.sets
    ]


class _Table:
    """P(e_j | S) for one variable: products of cumulative rows against the steps of L."""

    __slots__ = ("base", "log_base", "rows", "top")

    def __init__(self, network: Network, name: str, likelihood: Sequence[float]) -> None:
        # sum_v L(v) [F(v) - F(v-1)] = L(last) + sum_{v < last} F(v) [L(v) - L(v+1)]
        largest = max(likelihood)
        scaled = [value / largest for value in likelihood]
        steps = [scaled[level] - scaled[level + 1] for level in range(len(scaled) - 1)]
        self.top = scaled[-1]
        base = network.variables[name].base
        self.base = [value * step for value, step in zip(base[:-1], steps, strict=True)]
        self.log_base = log(max(self.top + sum(self.base), FLOOR))
        self.rows = {
            index: cause.rows[name][:-1]
            for index, cause in enumerate(network.causes)
            if name in cause.rows
        }

    def shift(self, members: Sequence[int]) -> float:
        """Return log P(e_j | S) - log P(e_j | no fault)."""
        terms = self.base
        for member in members:
            row = self.rows.get(member)
            if row is not None:
                terms = [value * part for value, part in zip(terms, row, strict=True)]
        return log(max(self.top + sum(terms), FLOOR)) - self.log_base


def _family_weights(network: Network, observed: Sequence[str]) -> list[float]:
    """Return the weight of each observed variable: 1 / (1 + (m - 1) rho), m seen in its family."""
    families = [network.variables[name].family for name in observed]
    return [1 / (1 + (families.count(family) - 1) * network.rho) for family in families]


def _log_weight(network: Network, found: FaultSet, weights: Sequence[float]) -> float:
    shifts = sum(shift * weights[at] for at, shift in found.shifts.items())
    return (found.log_prior + shifts) / network.temperature


def _fault_set(network: Network, members: tuple[int, ...], shifts: Mapping[int, float]) -> FaultSet:
    fails = 1 - (1 - network.leak) * no_mechanism(network, members)
    odds = 0.0
    for member in members:
        odds += log(network.causes[member].odds)
    explained = (log(fails) if fails > 0 else -inf) if network.failed else 0.0
    return FaultSet(members, odds + explained, fails, shifts)


def _enumerate(
    network: Network, tables: Sequence[_Table], weights: Sequence[float], breadth: Sequence[int]
) -> tuple[list[FaultSet], float]:
    """Return the sets that are kept, and the log weight of the likeliest looking other one."""
    alone = [
        {at: table.shift((index,)) for at, table in enumerate(tables) if index in table.rows}
        for index in range(len(network.causes))
    ]
    sets = [_fault_set(network, (), {})]
    sets += [_fault_set(network, (index,), shifts) for index, shifts in enumerate(alone)]
    ranked = sorted(
        range(len(alone)),
        key=lambda index: (-_log_weight(network, sets[index + 1], weights), index),
    )
    known: dict[tuple[int, ...], Mapping[int, float]] = {
        (index,): shifts for index, shifts in enumerate(alone)
    }
    bound = -inf
    for size, width in enumerate(breadth, start=2):
        kept = sorted(ranked[:width])
        for members in combinations(kept, size):
            shifts = _extend(tables, known[members[:-1]], members, alone[members[-1]])
            known[members] = shifts
            sets.append(_fault_set(network, members, shifts))
        if width < len(ranked) and size <= len(ranked):
            others = [index for index in ranked if index != ranked[width]][: size - 1]
            best_left_out = tuple(sorted((*others, ranked[width])))
            shifts = {at: table.shift(best_left_out) for at, table in enumerate(tables)}
            left_out = _fault_set(network, best_left_out, shifts)
            bound = max(bound, _log_weight(network, left_out, weights))
    return sets, bound


def _extend(
    tables: Sequence[_Table],
    shifts: Mapping[int, float],
    members: tuple[int, ...],
    added: Mapping[int, float],
) -> dict[int, float]:
    """Return the shifts of a set from those of the set without its last member."""
    extended = dict(shifts)
    for at, alone in added.items():
        extended[at] = tables[at].shift(members) if at in shifts else alone
    return extended


def _summarise(
    network: Network,
    observed: tuple[str, ...],
    sets: Sequence[FaultSet],
    probabilities: tuple[float, ...],
    bound: float,
) -> Posterior:
    count = len(network.causes)
    present: list[list[float]] = [[] for _ in range(count)]
    responsible: list[list[float]] = [[] for _ in range(count)]
    clears: list[list[float]] = [[] for _ in range(count)]
    nothing = []
    for found, probability in zip(sets, probabilities, strict=True):
        # Without a failure to explain these are probabilities of what would happen.
        share = probability / found.fails if network.failed and probability else probability
        nothing.append(share * innocent(network, found))
        for member in found.members:
            rest = tuple(other for other in found.members if other != member)
            still_fails = 1 - (1 - network.leak) * no_mechanism(network, rest)
            present[member].append(probability)
            responsible[member].append(share * fires(network, member, found.members))
            clears[member].append(share * (found.fails - still_fails))
    return Posterior(
        network=network,
        observed=observed,
        sets=tuple(sets),
        probabilities=probabilities,
        present=tuple(_bounded(values) for values in present),
        responsible=tuple(_bounded(values) for values in responsible),
        clears=tuple(_bounded(values) for values in clears),
        nothing_wrong=_bounded(nothing),
        pruned_bound=bound,
    )


def innocent(network: Network, found: FaultSet) -> float:
    """Return how far a set speaks for "nothing responsible".

    With a failure to explain: P(the leak made it fail and no cause did by itself), to be divided by
    f(S); two causes that fail only together are not looked at (section 2.2). Without one: P(nothing
    that is there would break a sign-on, alone or together).
    """
    if not network.failed:
        return no_mechanism(network, found.members)
    silent = network.leak
    for member in found.members:
        silent *= 1 - network.causes[member].sufficiency
    return silent


def _bounded(values: Sequence[float]) -> float:
    """Return a sum of probabilities, without the last bit of rounding above 1."""
    return min(1.0, max(0.0, fsum(values)))
