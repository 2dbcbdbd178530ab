"""From observations to evidence: each variable read, hidden or not known, and why.

Source: diagnosis science, sections 2.4 and 2.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from posdiag.diagnose.network import applicable_variables
from posdiag.diagnose.readings import Finding, read
from posdiag.diagnose.sentences import amount, sentence
from posdiag.diagnose.sightings import Sightings
from posdiag.model.knowledge import (
    Case,
    Comparison,
    EvidenceVariable,
    KnowledgeBase,
    Proportion,
    Ratio,
    Reading,
    Stage,
)
from posdiag.model.observation import NotRunReason, Observation, Unmeasured, Vantage
from posdiag.model.report import EvidenceFound, UnknownVariable
from posdiag.model.site import YesNo

MASKED = "masked"
"""Hidden behind an earlier fault."""
CONTRADICTED = "contradicted"
"""It looked blocked, but what lies behind it answers, so it cannot be."""
NO_OBSERVATION = "no_observation"
"""Neither measured nor told."""
_BLOCKED_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Gaps:
    """Why something was not observed.

    Attributes:
        unmeasured: what probes said that they could not measure.
        reasons: probe -> why it gave nothing, of those that did not complete.
        made_by: observation -> the probe that makes it.
    """

    unmeasured: Sequence[Unmeasured]
    reasons: Mapping[str, str]
    made_by: Mapping[str, str]

    def of(self, observation: str) -> tuple[str, str] | None:
        """Return reason and detail of an observation's absence, None where nobody says."""
        for gap in self.unmeasured:
            whole = gap.name.endswith(".*") and observation.startswith(gap.name[:-1])
            if whole or gap.name == observation:
                return str(gap.reason), gap.detail
        probe = self.made_by.get(observation, "")
        reason = self.reasons.get(probe)
        if reason == NotRunReason.CONSENT_REQUIRED:
            return reason, consent_option(probe)
        return (reason, "") if reason else None


def consent_option(probe: str) -> str:
    """Return the option that lets a probe of this name run."""
    return f"--allow {probe.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a case's variables say.

    Attributes:
        found: in the order of the variables' ids.
        unknown: likewise.
    """

    found: list[EvidenceFound]
    unknown: list[UnknownVariable]

    def likelihoods(self) -> dict[str, list[float]]:
        """Return the likelihood rows, as the posterior takes them."""
        return {found.variable: found.likelihood for found in self.found}


def weigh(
    knowledge: KnowledgeBase, case: Case, observations: Sequence[Observation], gaps: Gaps
) -> Evidence:
    """Read every variable that means something at a case.

    Args:
        knowledge: checked.
        case: of the site.
        observations: of all probes, then the facts.
        gaps: why the others are missing.
    """
    sightings = Sightings(case, observations)
    variables = applicable_variables(knowledge, case)
    known = {variable.id: variable for variable in variables}
    found: dict[str, EvidenceFound] = {}
    for variable in variables:
        evidence = _first_reading(variable, sightings, knowledge)
        if evidence is not None:
            found[variable.id] = evidence
    hidden = _contradicted(known, found)
    for name in hidden:
        del found[name]
    masked = {
        name: MASKED
        for name in found
        if not _is_normal(found[name]) and _is_behind(name, known, found)
    }
    hidden |= masked
    return Evidence(
        found=[found[name] for name in found if name not in masked],
        unknown=[
            _unknown(variable, hidden.get(variable.id), gaps, case)
            for variable in variables
            if variable.id not in found or variable.id in masked
        ],
    )


def _first_reading(
    variable: EvidenceVariable, sightings: Sightings, knowledge: KnowledgeBase
) -> EvidenceFound | None:
    """Return what the first reading says that finds something that tells levels apart."""
    for reading in variable.readings:
        finding = read(reading, variable, sightings, knowledge.messages, knowledge.response_codes)
        if finding is None or max(finding.likelihood) <= 0:
            continue
        row = _scaled(finding.likelihood, sightings.trust(finding.seen, reading))
        if len(set(row)) > 1:
            return _found(variable, finding, row)
    return None


def _scaled(likelihood: Sequence[float], trust: float) -> list[float]:
    """Return a row with 1 as its largest; what is half trusted is half a uniform row."""
    top = max(likelihood)
    # Twelve digits are more than any reading has; they keep a replay on other hardware the same.
    return [round(trust * value / top + (1 - trust), 12) for value in likelihood]


def _found(variable: EvidenceVariable, finding: Finding, row: list[float]) -> EvidenceFound:
    level = variable.levels[row.index(max(row))]
    value = finding.text
    detail = ""
    if finding.number is not None:
        value, detail = amount(finding.number, finding.unit), finding.text
    return EvidenceFound(
        variable=variable.id,
        level=level,
        likelihood=row,
        text=sentence(variable.says[level], finding.seen, value, detail, finding.meaning),
        observations=list(dict.fromkeys(seen.name for seen in finding.seen)),
        vantage=_vantage(finding.seen),
    )


def _vantage(seen: Sequence[Observation]) -> str:
    """Return from where a finding was seen; where a laptop and a person agree, the laptop."""
    vantages = {one.vantage for one in seen}
    return str(Vantage.LAPTOP if Vantage.LAPTOP in vantages else min(vantages, default="laptop"))


def _is_normal(found: EvidenceFound) -> bool:
    return found.likelihood[0] >= max(found.likelihood)


def _is_blocked(variable: EvidenceVariable, found: EvidenceFound) -> bool:
    """Return whether a variable is more likely than not at a level that hides what is behind it."""
    blocked = sum(
        chance
        for level, chance in zip(variable.levels, found.likelihood, strict=True)
        if level in variable.blocking
    )
    return blocked > _BLOCKED_FROM * sum(found.likelihood)


def _is_behind(
    name: str, known: Mapping[str, EvidenceVariable], found: Mapping[str, EvidenceFound]
) -> bool:
    """Return whether something that a variable needs is blocked, at any distance."""
    return any(
        (need in found and _is_blocked(known[need], found[need])) or _is_behind(need, known, found)
        for need in known[name].needs
        if need in known
    )


def _contradicted(
    known: Mapping[str, EvidenceVariable], found: Mapping[str, EvidenceFound]
) -> dict[str, str]:
    """Return the variables that look blocked though something behind them reads normal.

    Only findings of one vantage contradict each other: a router that answers no ping while the
    host behind it answers the same laptop is no fault. What was told about the terminal's own cable
    is not contradicted by what the laptop sees on another.
    """
    refuted = {}
    for name, evidence in found.items():
        if not _is_blocked(known[name], evidence):
            continue
        behind = (
            other
            for other in found
            if other != name and _needs(other, name, known) and _is_normal(found[other])
        )
        if any(found[other].vantage == evidence.vantage for other in behind):
            refuted[name] = CONTRADICTED
    return refuted


def _needs(name: str, need: str, known: Mapping[str, EvidenceVariable]) -> bool:
    """Return whether a variable lies behind another, at any distance."""
    direct = [other for other in known[name].needs if other in known]
    return need in direct or any(_needs(other, need, known) for other in direct)


def _unknown(
    variable: EvidenceVariable, hidden: str | None, gaps: Gaps, case: Case
) -> UnknownVariable:
    reason, detail = (hidden, "") if hidden else _absence(variable, gaps, case)
    return UnknownVariable(variable=variable.id, title=variable.title, reason=reason, detail=detail)


def _absence(variable: EvidenceVariable, gaps: Gaps, case: Case) -> tuple[str, str]:
    """Return why no reading had anything to read; what a probe says comes before silence."""
    for reading in variable.readings:
        for name in observations_of(reading):
            gap = gaps.of(name)
            if gap is not None:
                return gap
    if case.path_shared is YesNo.NO and any(reading.path for reading in variable.readings):
        return str(NotRunReason.NOT_REACHABLE_FROM_HERE), ""
    return NO_OBSERVATION, ""


def observations_of(reading: Reading) -> list[str]:
    """Return the names of the observations that a reading can rest on."""
    match reading:
        case Proportion():
            return [reading.count, reading.total]
        case Stage():
            return [step.observation for step in reading.steps]
        case Ratio():
            return [*reading.observations, reading.limit]
        case Comparison():
            return list(reading.compared)
        case _:
            return [reading.observation]
