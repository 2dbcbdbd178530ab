"""From observations to a verdict: evidence, posterior, ranking, fixes, next test.

Everything is a function of the values handed in: the same input gives the same verdict, to the last
byte, whenever and wherever it is worked out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from posdiag.diagnose.evidence import Evidence, Gaps, weigh
from posdiag.diagnose.explanation import Explanation, findings_conflict
from posdiag.diagnose.fixes import ranked_fixes
from posdiag.diagnose.network import applicable_causes, build_network
from posdiag.diagnose.next_test import ranked_tests
from posdiag.diagnose.posterior import Posterior, infer
from posdiag.diagnose.time_budget import time_budget
from posdiag.model.knowledge import Case, Cause, KnowledgeBase
from posdiag.model.observation import Observation
from posdiag.model.report import (
    NOTHING_WRONG,
    OTHER,
    Diagnosis,
    NextTest,
    RankedFix,
    State,
    TimeBudget,
    Verdict,
)
from posdiag.model.text import Text

LEADS_FROM = 0.5
"""A cause with this much is the verdict."""
NAMED_FROM = 0.2
"""A cause with less does not lead."""
EXPLAINED_FROM = 0.005
"""Weights are worked out for hypotheses with at least this much."""
RISKY_CHANCE = 0.01
"""A chance to outlast the timer that is a risk by itself."""
CLOSE_RATIO = 1.5
"""Two neighbours within this factor are not told apart."""
HYPOTHESES: Mapping[str, Text] = {
    NOTHING_WRONG: Text(en="Nothing is wrong now", zh="目前没有发现问题"),
    OTHER: Text(en="None of the causes on the list", zh="不在清单中的原因"),
}
_EXIT_CODES: Mapping[State, int] = {
    State.FAULT: 2,
    State.CANNOT_SAY: 3,
    State.RISK: 1,
    State.NOTHING_WRONG: 0,
}


def exit_code(state: State) -> int:
    """Return the exit code of a verdict: 2 fault, 3 cannot say, 1 risk, 0 nothing wrong."""
    return _EXIT_CODES[state]


def diagnose(
    knowledge: KnowledgeBase,
    case: Case,
    observations: Sequence[Observation],
    gaps: Gaps,
) -> Verdict:
    """Return what the observations say about a case.

    Args:
        knowledge: checked.
        case: of the site.
        observations: of all probes, then the facts.
        gaps: why the others are missing.
    """
    evidence = weigh(knowledge, case, observations, gaps)
    network = build_network(knowledge, case)
    posterior = infer(network, evidence.likelihoods())
    causes = {cause.id: cause for cause in applicable_causes(knowledge, case)}
    diagnoses = _diagnoses(causes, posterior, infer(network, {}), evidence)
    budget = time_budget(case, observations)
    bystanders = _bystanders(causes, diagnoses)
    separable = _separable(diagnoses)
    state = _state(knowledge, case, diagnoses, evidence, budget, at_risk=bool(bystanders))
    tests = ranked_tests(
        knowledge,
        posterior,
        evidence.unknown,
        [causes[found.cause] for found in diagnoses if found.cause in causes],
    )
    if _is_enough(state, diagnoses, posterior, tests):
        tests = []
    return Verdict(
        state=state,
        diagnoses=diagnoses,
        evidence=evidence.found,
        unknown=evidence.unknown,
        next_test=tests[0] if tests else None,
        other_tests=tests[1:],
        time_budget=budget,
        also_fix=bystanders,
        conflict=findings_conflict(posterior),
        separable=separable,
    )


def _diagnoses(
    causes: Mapping[str, Cause], posterior: Posterior, prior: Posterior, evidence: Evidence
) -> list[Diagnosis]:
    """Return every hypothesis, the likeliest first."""
    explanation = Explanation(posterior, evidence.found)
    found = [
        _diagnosis(
            node.id,
            causes.get(node.id),
            (posterior.responsible[at], posterior.present[at], prior.responsible[at]),
            explanation,
            posterior.clears[at],
        )
        for at, node in enumerate(posterior.network.causes)
    ]
    nothing = (posterior.nothing_wrong, posterior.nothing_wrong, prior.nothing_wrong)
    found.append(_diagnosis(NOTHING_WRONG, None, nothing, explanation, 0.0))
    ranked = sorted(found, key=lambda one: (-one.posterior, one.cause))
    return [_as_consequence(one, ranked[0], causes.get(one.cause)) for one in ranked]


def _as_consequence(found: Diagnosis, lead: Diagnosis, cause: Cause | None) -> Diagnosis:
    """Return a hypothesis, marked where it follows from the one that leads."""
    if cause is None or found is lead or lead.cause not in cause.follows:
        return found
    return msgspec.structs.replace(found, consequence_of=lead.title)


def _diagnosis(
    name: str,
    cause: Cause | None,
    chances: tuple[float, float, float],
    explanation: Explanation,
    clears: float,
) -> Diagnosis:
    responsible, present, prior = (round(chance, 9) for chance in chances)
    because, although = explanation.weights(name) if responsible >= EXPLAINED_FROM else ([], [])
    return Diagnosis(
        cause=name,
        title=cause.title if cause else HYPOTHESES[name],
        group=cause.group if cause else None,
        posterior=responsible,
        present=present,
        prior=prior,
        because=because,
        although=although,
        fixes=ranked_fixes(cause, clears) if cause else [],
        workaround=cause.workaround if cause else None,
        confusable=cause.confusable if cause else [],
    )


def _bystanders(causes: Mapping[str, Cause], diagnoses: Sequence[Diagnosis]) -> list[RankedFix]:
    """Return the first fix of each condition that is there but is not what is complained of."""
    fixes = []
    for found in diagnoses:
        if found.cause in causes and found.present >= LEADS_FROM > found.posterior:
            fixes += found.fixes[:1]
    return fixes


def _separable(diagnoses: Sequence[Diagnosis]) -> bool:
    """Return whether the first cause stands out from a neighbour that looks alike."""
    listed = [found for found in diagnoses if found.group is not None][:2]
    if len(listed) < 2 or listed[0].posterior < NAMED_FROM:
        return True
    first, second = listed
    near = first.posterior < CLOSE_RATIO * second.posterior
    alike = second.cause in first.confusable or first.cause in second.confusable
    return not (near and alike)


def _state(
    knowledge: KnowledgeBase,
    case: Case,
    diagnoses: Sequence[Diagnosis],
    evidence: Evidence,
    budget: TimeBudget,
    *,
    at_risk: bool,
) -> State:
    """Return the verdict in a word; the first that fits of fault, cannot say, risk, fine."""
    lead = diagnoses[0]
    if lead.group is not None and lead.posterior >= LEADS_FROM:
        return State.FAULT
    decided = _is_decided(knowledge, evidence) or any(map(_is_found, diagnoses))
    if lead.cause == OTHER or not decided:
        return State.CANNOT_SAY
    fine = lead.cause == NOTHING_WRONG
    if fine and case.complaint_elsewhen and case.complaint_outcome == "failed":
        return State.CANNOT_SAY
    listed = max((found.posterior for found in diagnoses if found.group is not None), default=0.0)
    if not fine and listed < NAMED_FROM:
        return State.CANNOT_SAY
    outlasts = budget.exceeds is not None and budget.exceeds >= RISKY_CHANCE
    if listed >= NAMED_FROM or at_risk or outlasts:
        return State.RISK
    return State.NOTHING_WRONG if lead.posterior >= LEADS_FROM else State.CANNOT_SAY


def _is_decided(knowledge: KnowledgeBase, evidence: Evidence) -> bool:
    """Return whether something was seen without which "nothing found" would mean "not looked"."""
    seen = {found.variable for found in evidence.found}
    return bool(seen & set(knowledge.meta.decisive))


def _is_found(diagnosis: Diagnosis) -> bool:
    """Return whether a cause may be named and something that was seen speaks strongly for it.

    What lies behind a fault cannot be looked at: that must not turn the finding into "cannot say".
    """
    strong = any(weight.strength == "strong" for weight in diagnosis.because)
    return diagnosis.group is not None and diagnosis.posterior >= NAMED_FROM and strong


def _is_enough(
    state: State, diagnoses: Sequence[Diagnosis], posterior: Posterior, tests: Sequence[NextTest]
) -> bool:
    """Return whether to stop testing: the best fix is quicker than the best test, and likely."""
    lead = diagnoses[0]
    if state is State.NOTHING_WRONG:
        return True
    if state is not State.FAULT or not lead.fixes or not tests:
        return False
    position = [node.id for node in posterior.network.causes].index(lead.cause)
    minutes = lead.fixes[0].minutes
    return minutes < tests[0].seconds / 60 and posterior.clears[position] > LEADS_FROM
