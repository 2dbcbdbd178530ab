"""What to look at next: expected information per second.

Source: diagnosis science, section 2.8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log2

from posdiag.diagnose.evidence import consent_option
from posdiag.diagnose.network import Network
from posdiag.diagnose.posterior import Posterior
from posdiag.model.knowledge import (
    Actor,
    Cause,
    DiscriminatingTest,
    Effect,
    EvidenceVariable,
    KnowledgeBase,
)
from posdiag.model.observation import NotRunReason
from posdiag.model.report import NextTest, UnknownVariable
from posdiag.model.text import Text

LEAST_BITS = 0.05
"""A test that is expected to tell less is not worth anybody's time."""
MOST_TESTS = 8
ASKING_S = 15.0
"""Seconds to answer a question at the counter, at least."""
ECHO_TEST = "echo"
"""Fact of the terminal's own echo test, the one test that goes the terminal's whole way."""
ACTION_IS_RIGHT = 0.9
"""Chance that a cause's own test by hand shows whether it is there (assumption)."""
ACTIONS_OF = 3
"""Causes whose own test is offered, and the least probability that they must have."""
ACTION_FROM = 0.05
_RUNNABLE = frozenset(
    {
        NotRunReason.SKIPPED,
        NotRunReason.BUDGET_SPENT,
        NotRunReason.INTERRUPTED,
        NotRunReason.CONSENT_REQUIRED,
        NotRunReason.PACKAGE_MISSING,
    }
)
_HIDDEN = frozenset({"masked", "contradicted"})


def ranked_tests(
    knowledge: KnowledgeBase,
    posterior: Posterior,
    unknown: Sequence[UnknownVariable],
    causes: Sequence[Cause],
) -> list[NextTest]:
    """Return the tests worth doing, best first, at most eight.

    What the laptop cannot reach by design and the terminal can tell itself comes before all others,
    and of that its own echo test.

    Args:
        knowledge: checked.
        posterior: of the case.
        unknown: variables without evidence, and why.
        causes: listed causes, the likeliest first; the first ones' own tests compete.
    """
    variables = {variable.id: variable for variable in knowledge.variables}
    tests: dict[tuple[str, str], tuple[bool, NextTest]] = {}
    for gap in unknown:
        variable = variables[gap.variable]
        bits = information(posterior, variable.id)
        for test in _ways(variable, gap, bits):
            from_terminal = (
                gap.reason == NotRunReason.NOT_REACHABLE_FROM_HERE and test.kind == "fact"
            )
            key = (test.kind, test.id)
            # One question can tell several variables: its best one counts.
            if key not in tests or tests[key][1].bits < test.bits:
                tests[key] = (from_terminal, test)
    for cause, probability in _to_act_on(posterior, causes):
        test = _action(cause.id, cause.test, probability)
        tests[(test.kind, test.id)] = (False, test)
    worth = [pair for pair in tests.values() if pair[1].bits >= LEAST_BITS]
    worth.sort(
        key=lambda pair: (
            not pair[0],
            pair[1].id != ECHO_TEST if pair[0] else False,
            -pair[1].bits / pair[1].seconds,
            pair[1].id,
        )
    )
    return [test for _, test in worth[:MOST_TESTS]]


def _ways(variable: EvidenceVariable, gap: UnknownVariable, bits: float) -> Iterator[NextTest]:
    """Yield how a variable could still be found out."""
    if gap.reason in _HIDDEN:
        return
    if gap.reason in _RUNNABLE and variable.probe and _may_be_offered(variable.probe, gap):
        wants_consent = gap.reason == NotRunReason.CONSENT_REQUIRED
        command = f"posdiag probe {variable.probe}"
        yield NextTest(
            kind="probe",
            id=variable.probe,
            text=Text(
                en=f"Measure: {variable.title.en}",
                zh=f"检测：{variable.title.zh}",
            ),
            seconds=variable.seconds,
            actor=Actor.TECHNICIAN,
            effect=Effect.INTERRUPTS_SERVICE if wants_consent else Effect.SAFE,
            bits=bits,
            command=f"{command} {gap.detail}" if wants_consent else command,
        )
    if variable.ask:
        yield NextTest(
            kind="fact",
            id=variable.ask,
            text=Text(
                en=f"Look at the terminal or ask: {variable.title.en}",
                zh=f"查看终端或询问：{variable.title.zh}",
            ),
            seconds=max(ASKING_S, variable.seconds),
            actor=Actor.TECHNICIAN,
            effect=Effect.SAFE,
            bits=bits,
            command=f"posdiag run --fact {variable.ask}=...",
        )


def _may_be_offered(probe: str, gap: UnknownVariable) -> bool:
    """Return whether running a variable's own probe would close its gap.

    A sign-on is another probe's way to a response code: nobody is told to take that.
    """
    if gap.reason != NotRunReason.CONSENT_REQUIRED:
        return True
    return gap.detail == consent_option(probe)


def _to_act_on(posterior: Posterior, causes: Sequence[Cause]) -> Iterator[tuple[Cause, float]]:
    position = {node.id: at for at, node in enumerate(posterior.network.causes)}
    for cause in causes[:ACTIONS_OF]:
        probability = posterior.responsible[position[cause.id]]
        if probability >= ACTION_FROM:
            yield cause, probability


def _action(cause: str, test: DiscriminatingTest, probability: float) -> NextTest:
    """Return a cause's own test by hand, taken as a yes or no that is right nine times in ten."""
    right = ACTION_IS_RIGHT
    yes = probability * right + (1 - probability) * (1 - right)
    bits = entropy([yes, 1 - yes]) - entropy([right, 1 - right])
    return NextTest(
        kind="action",
        id=cause,
        text=Text(en=_capital(test.text.en), zh=test.text.zh),
        seconds=test.seconds,
        actor=test.actor,
        effect=test.effect,
        bits=round(max(0.0, bits), 9),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def information(posterior: Posterior, variable: str) -> float:
    """Return the information expected from a variable that is not observed yet, in bits.

    Args:
        posterior: of the case.
        variable: id; one that the network does not have tells nothing.
    """
    network = posterior.network
    node = network.variables.get(variable)
    if node is None or variable in posterior.observed:
        return 0.0
    rows = {
        at: cause.rows[variable]
        for at, cause in enumerate(network.causes)
        if variable in cause.rows
    }
    whole = [0.0] * len(node.base)
    left = 0.0
    known: dict[tuple[int, ...], tuple[list[float], float]] = {}
    for found, probability in zip(posterior.sets, posterior.probabilities, strict=True):
        touching = tuple(member for member in found.members if member in rows)
        if touching not in known:
            chances = _levels(network, variable, touching, rows)
            known[touching] = (chances, entropy(chances))
        chances, disorder = known[touching]
        left += probability * disorder
        for level, chance in enumerate(chances):
            whole[level] += probability * chance
    return round(max(0.0, entropy(whole) - left), 9)


def _levels(
    network: Network, variable: str, members: Sequence[int], rows: Mapping[int, Sequence[float]]
) -> list[float]:
    """Return P(level | these causes): differences of the product of cumulative rows."""
    sums = list(network.variables[variable].base)
    for member in members:
        sums = [value * part for value, part in zip(sums, rows[member], strict=True)]
    return [high - low for low, high in zip([0.0, *sums], sums, strict=False)]


def entropy(chances: Sequence[float]) -> float:
    """Return the entropy of a distribution in bits."""
    return -sum(chance * log2(chance) for chance in chances if chance > 0)
