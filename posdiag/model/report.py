"""The one JSON document: what was done, seen and concluded."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from posdiag.model.knowledge import Actor, Case, Effect, Group, Probability
from posdiag.model.observation import Observation, ProbeOutcome
from posdiag.model.site import Complaint, LaptopAt
from posdiag.model.text import Text

SCHEMA_VERSION = 1

NOTHING_WRONG = "nothing_wrong_now"
"""Id of the hypothesis that nothing is wrong now."""
OTHER = "other"
"""Id of the hypothesis that the cause is in no list."""


class End(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    BUDGET_SPENT = "budget_spent"
    ERROR = "error"


class State(StrEnum):
    """The verdict in one word."""

    FAULT = "fault"
    CANNOT_SAY = "cannot_say"
    RISK = "risk"
    NOTHING_WRONG = "nothing_wrong"


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """One finding and how much it weighs for a cause.

    Attributes:
        level: the variable's most likely level.
        decibans: 10 log10 of the odds factor; positive supports the cause.
        strength: ``strong`` from 10, ``some`` from 4, else ``weak`` (absolute decibans).
        text: the finding in words, with values and from where.
        observations: names of the observations it rests on.
        vantage: where it was seen from.
    """

    variable: str
    level: str
    decibans: float
    strength: Literal["strong", "some", "weak"]
    text: Text
    observations: list[str] = []
    vantage: str = "laptop"


class RankedFix(msgspec.Struct, frozen=True, kw_only=True):
    """A fix, in the order worth trying.

    Attributes:
        works: P(it works | the cause is responsible).
        score: P(this alone clears it) x works / minutes.
    """

    id: str
    text: Text
    minutes: float
    actor: Actor
    effect: Effect
    works: Probability
    score: float
    verify: Text


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """One hypothesis.

    Attributes:
        cause: cause id, ``nothing_wrong_now`` or ``other``.
        posterior: responsibility given the evidence (the ranking).
        present: P(the condition is there).
        prior: responsibility before any evidence.
    """

    cause: str
    title: Text
    group: Group | None
    posterior: Probability
    present: Probability
    prior: Probability
    because: list[Weight] = []
    although: list[Weight] = []
    fixes: list[RankedFix] = []
    workaround: Text | None = None
    confusable: list[str] = []


class EvidenceFound(msgspec.Struct, frozen=True, kw_only=True):
    """A variable that was read.

    Attributes:
        likelihood: P(what was observed | level), per level, largest = 1.
    """

    variable: str
    level: str
    likelihood: list[float]
    text: Text
    observations: list[str]
    vantage: str


class UnknownVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable that says nothing, and why: a not-run reason, ``masked`` or ``no_observation``."""

    variable: str
    title: Text
    reason: str
    detail: str = ""


class NextTest(msgspec.Struct, frozen=True, kw_only=True):
    """What would tell most for its time.

    Attributes:
        kind: a probe to run, a fact to tell, or an action to take.
        command: what to type afterwards, if anything.
        bits: expected information.
    """

    kind: Literal["probe", "fact", "action"]
    id: str
    text: Text
    seconds: float
    actor: Actor
    effect: Effect
    bits: float
    command: str = ""


class StageTime(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a sign-on.

    Attributes:
        seconds: measured or waited; None where nothing is known.
        state: ``silent`` where its own limit passed, ``censored`` where the budget cut it.
    """

    stage: Literal["name", "connect", "tls", "host"]
    seconds: float | None
    state: Literal["measured", "silent", "censored", "failed", "unknown"]
    detail: str = ""


class TimeBudget(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of one sign-on goes, against the timer.

    Attributes:
        timer_s: None where it is not known.
        timer_basis: ``menu``, ``profile`` or ``unknown``.
        exceeds: P(a sign-on outlasts the timer); None where it cannot be worked out.
        exceeds_low: lower end of its 95 % interval.
        exceeds_high: upper end.
        basis: what it rests on, for people.
    """

    stages: list[StageTime]
    timer_s: float | None
    timer_basis: Literal["menu", "profile", "unknown"]
    exceeds: float | None = None
    exceeds_low: float | None = None
    exceeds_high: float | None = None
    samples: int = 0


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe would do beyond its safe part, if it were allowed to.

    Attributes:
        consent: what ``--allow`` must name.
        allowed: it was named.
    """

    consent: str
    allowed: bool
    targets: list[str]
    sends: str
    effect: Effect


class PlannedProbe(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the plan.

    Attributes:
        targets: to whom anything would be sent.
        sends: what would be sent, in words.
        left_out: why it will not run; empty where it will.
        steps: what it does only with a consent, at this site.
    """

    probe: str
    targets: list[str]
    sends: str
    effect: Effect
    resources: list[str] = []
    left_out: str = ""
    steps: list[PlannedStep] = []


class SiteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says about the site; no address of a person, no full TID."""

    name: str
    terminal: str | None
    acquirer: str | None
    tid: str
    laptop_at: LaptopAt
    simulated: bool
    missing: list[str]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the diagnosis returns; a replay must give it again byte for byte."""

    state: State
    diagnoses: list[Diagnosis]
    evidence: list[EvidenceFound]
    unknown: list[UnknownVariable]
    next_test: NextTest | None
    other_tests: list[NextTest]
    time_budget: TimeBudget
    also_fix: list[RankedFix]
    conflict: bool
    separable: bool = True


class WrongInput(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake in what a person wrote.

    Attributes:
        file: as the person wrote it, or the option.
        key: path of the key inside the file, empty for the whole file.
        expected: what would have been right, in English.
        found: what stands there instead.
    """

    file: str
    key: str
    expected: str
    found: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The one document.

    Attributes:
        created_at: UTC, ISO 8601.
        facts: what a person said, as observations of vantage operator.
        basis: on what the probabilities rest.
        error: set where ``end`` is ``error``: one line.
        mistakes: set where an input is wrong: all of them.
    """

    schema_version: Annotated[int, msgspec.Meta(ge=1)] = SCHEMA_VERSION
    posdiag_version: str
    knowledge_version: str
    created_at: str
    end: End
    exit_code: int
    site: SiteSummary
    complaint: Complaint
    case: Case
    state: State
    diagnoses: list[Diagnosis]
    evidence: list[EvidenceFound]
    unknown: list[UnknownVariable]
    next_test: NextTest | None
    other_tests: list[NextTest]
    time_budget: TimeBudget
    also_fix: list[RankedFix]
    conflict: bool
    separable: bool
    facts: list[Observation]
    plan: list[PlannedProbe]
    outcomes: list[ProbeOutcome]
    basis: Text
    saved_to: str = ""
    error: str = ""
    mistakes: list[WrongInput] = []
