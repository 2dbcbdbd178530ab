"""The two-layer network for one case: which causes apply, how likely, and what each one shifts.

Source: diagnosis science, sections 2.1 to 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from posdiag.model.knowledge import Case, Cause, EvidenceVariable, KnowledgeBase, Meta
from posdiag.model.report import OTHER
from posdiag.model.site import YesNo

TRIAL = "trial"
"""Variable of a supervised sign-on; a cause without a row for it gets one from its sufficiency."""
TRIAL_SPLIT = (0.35, 0.65)
"""Of the supervised sign-ons that a cause breaks: how many fail some of the time, and always."""
TRANSACTION_KINDS = frozenset({"transaction", "signature"})


@dataclass(frozen=True, slots=True)
class CauseNode:
    """A cause in one case.

    Attributes:
        odds: prior odds that the condition is there.
        sufficiency: P(what is complained of fails | this cause alone), here.
        rows: variable -> cumulative distribution of the level that it causes.
    """

    id: str
    odds: float
    sufficiency: float
    rows: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class VariableNode:
    """An evidence variable: cumulative leak distribution over its levels, and its family."""

    id: str
    base: tuple[float, ...]
    family: str


@dataclass(frozen=True, slots=True)
class Network:
    """What the posterior is computed from.

    Attributes:
        causes: in the order of their ids, the unlisted one among them.
        pairs: positions of two causes, ascending -> P(they fail together though neither need
            alone).
        leak: P(failure with no cause there), lambda0.
        failed: the complaint is a failure, so a set of causes must explain it.
        rho: residual correlation in a family.
        temperature: divides log P(S | e); below 1 sharpens.
    """

    causes: tuple[CauseNode, ...]
    variables: Mapping[str, VariableNode]
    pairs: Mapping[tuple[int, int], float] = field(default_factory=dict)
    leak: float = 0.0
    failed: bool = True
    rho: float = 0.0
    temperature: float = 1.0


def cumulative(row: Sequence[float], epsilon: float = 0.0) -> tuple[float, ...]:
    """Return the cumulative form of a distribution after contamination.

    Args:
        row: distribution over the levels.
        epsilon: weight of the uniform distribution mixed in; keeps one finding below about 25 dB.
    """
    mixed = [(1 - epsilon) * value + epsilon / len(row) for value in row]
    total = sum(mixed)
    sums = [value / total for value in accumulate(mixed)]
    return (*sums[:-1], 1.0)


def applicable_causes(knowledge: KnowledgeBase, case: Case) -> list[Cause]:
    """Return the causes that can occur at the terminal's link class, by id; all if not known."""
    link = case.link_class
    causes = [
        cause
        for cause in knowledge.causes
        if link is None or not cause.classes or link in cause.classes
    ]
    return sorted(causes, key=lambda cause: cause.id)


def applicable_variables(knowledge: KnowledgeBase, case: Case) -> list[EvidenceVariable]:
    """Return the evidence variables that mean something at the link class, by id."""
    link = case.link_class
    variables = [
        variable
        for variable in knowledge.variables
        if link is None or not variable.classes or link in variable.classes
    ]
    return sorted(variables, key=lambda variable: variable.id)


def build_network(knowledge: KnowledgeBase, case: Case) -> Network:
    """Return the network of a case."""
    causes = applicable_causes(knowledge, case)
    variables = applicable_variables(knowledge, case)
    meta = knowledge.meta
    shares = _shares(causes, case, meta)
    nodes = [_cause_node(cause, shares[cause.id], variables, case, meta) for cause in causes]
    nodes.append(_other_node(variables, meta))
    nodes.sort(key=lambda node: node.id)
    return Network(
        causes=tuple(nodes),
        variables={
            variable.id: VariableNode(
                variable.id, cumulative(variable.base, meta.epsilon), variable.family
            )
            for variable in variables
        },
        pairs=_pairs([node.id for node in nodes], meta.pairs),
        leak=meta.kappa * meta.nff_share / 1000,
        failed=case.complaint_outcome == "failed",
        rho=meta.family_rho,
        temperature=meta.temperature,
    )


def sign_on_sufficiency(cause: Cause, case: Case) -> float:
    """Return P(sign-on fails | this cause alone) as far as the site's properties are known."""
    if cause.when is None:
        return cause.s
    known = (
        case.signon_needs_card
        if cause.when.site == "signon_needs_card"
        else case.signon_needs_printer
    )
    if known is YesNo.YES:
        return cause.when.yes
    return cause.when.no if known is YesNo.NO else cause.s


def sufficiency_in_effect(cause: Cause, case: Case) -> float:
    """Return P(what is complained of fails | this cause alone)."""
    if case.complaint_kind in TRANSACTION_KINDS:
        return cause.s if cause.s_transaction is None else cause.s_transaction
    return sign_on_sufficiency(cause, case)


def _shares(causes: Sequence[Cause], case: Case, meta: Meta) -> dict[str, float]:
    """Return per-mille shares, scaled by class and rescaled to what is left for listed causes."""
    link = case.link_class
    raw = {
        cause.id: cause.share * (1.0 if link is None else cause.mult.get(link, 1.0))
        for cause in causes
    }
    total = sum(raw.values())
    room = 1000 - meta.nff_share - meta.other_share
    return {name: share * room / total for name, share in raw.items()}


def _cause_node(
    cause: Cause,
    share: float,
    variables: Sequence[EvidenceVariable],
    case: Case,
    meta: Meta,
) -> CauseNode:
    rows: dict[str, tuple[float, ...]] = {}
    for variable in variables:
        row: Sequence[float] | None = cause.shifts.get(variable.id)
        if row is None and variable.id == TRIAL and len(variable.levels) == len(TRIAL_SPLIT) + 1:
            breaks = sign_on_sufficiency(cause, case)
            row = [1 - breaks, *(part * breaks for part in TRIAL_SPLIT)]
        if row is not None:
            rows[variable.id] = cumulative(row, meta.epsilon)
    return CauseNode(
        id=cause.id,
        # Presence follows from the base sufficiency: a printer that is not needed for sign-on is
        # out of paper as often as any other.
        odds=meta.kappa * share / (1000 * cause.s),
        sufficiency=sufficiency_in_effect(cause, case),
        rows=rows,
    )


def _other_node(variables: Sequence[EvidenceVariable], meta: Meta) -> CauseNode:
    """Return the unlisted cause: broad, a little of everything."""
    mix = meta.other_mix_uniform
    rows = {}
    for variable in variables:
        row = meta.other_shifts.get(variable.id) or [
            (1 - mix) * value + mix / len(variable.base) for value in variable.base
        ]
        rows[variable.id] = cumulative(row, meta.epsilon)
    return CauseNode(
        id=OTHER,
        odds=meta.kappa * meta.other_share / (1000 * meta.other_s),
        sufficiency=meta.other_s,
        rows=rows,
    )


def _pairs(ids: Sequence[str], pairs: Mapping[str, float]) -> dict[tuple[int, int], float]:
    """Return the synergies of causes that apply, keyed by ascending positions."""
    position = {name: index for index, name in enumerate(ids)}
    found = {}
    for key, value in pairs.items():
        first, _, second = key.partition("__")
        if first in position and second in position:
            low, high = sorted((position[first], position[second]))
            found[(low, high)] = value
    return found
