"""The shape of the knowledge: causes, evidence variables with their readings, fixes, messages.

The values stand in TOML below ``posdiag/knowledge`` and are checked by its loader; the mathematics
that use them are in ``posdiag.diagnose``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from posdiag.model.messages import Maker, Message
from posdiag.model.observation import FailureKind, Part, Vantage
from posdiag.model.probability import Probability
from posdiag.model.response_codes import CodeGroup, ResponseCodes
from posdiag.model.site import LinkClass, TerminalTimers, YesNo
from posdiag.model.text import Text


class Group(StrEnum):
    """Families of causes."""

    OPERATOR = "operator"
    NETWORK = "network"
    DEVICE = "device"
    HOST = "host"
    CARD = "card"
    SETTINGS = "settings"
    SECURITY = "security"


class Actor(StrEnum):
    """Who does a fix or a test."""

    MERCHANT = "merchant"
    TECHNICIAN = "technician"
    IT = "it"
    ACQUIRER = "acquirer"
    CARRIER = "carrier"
    VENDOR = "vendor"
    ISSUER = "issuer"
    WAIT = "wait"


class Effect(StrEnum):
    """What a test or a fix may do to the shop."""

    SAFE = "safe"
    INTERRUPTS_SERVICE = "interrupts_service"
    LOSES_DATA = "loses_data"


class Fix(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A remedy.

    Attributes:
        minutes: including the check afterwards.
        works: P(it works | this cause).
        verify: how to see that it worked; None means one supervised sign-on.
    """

    id: str
    text: Text
    minutes: Annotated[float, msgspec.Meta(gt=0)]
    actor: Actor
    works: Probability
    effect: Effect = Effect.SAFE
    verify: Text | None = None


class DiscriminatingTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cheapest test that tells a cause from its neighbours."""

    text: Text
    seconds: Annotated[float, msgspec.Meta(gt=0)]
    actor: Actor
    effect: Effect = Effect.SAFE


class SufficiencyWhen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another sufficiency where a property of the site is known.

    Attributes:
        site: ``signon_needs_card`` or ``signon_needs_printer``.
        yes: P(complaint | this cause alone) where the property is yes.
        no: likewise where it is no.
    """

    site: Annotated[str, msgspec.Meta(pattern="^signon_needs_(card|printer)$")]
    yes: Probability
    no: Probability


class Cause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition that can make a sign-on fail. The id names the fault, never the cure.

    Attributes:
        share: per-mille of sign-on complaints for which it is responsible (rescaled per context).
        s: P(sign-on fails | this cause alone).
        s_transaction: likewise for a card transaction; None: as ``s``.
        when: another ``s`` where the site says so.
        classes: link classes where it can occur; empty: all.
        mult: factors on ``share`` per link class.
        shifts: variable -> distribution over its levels.
        follows: causes of which this one is a consequence where they lead.
        source: document, or ``expert guess``.
    """

    id: str
    title: Text
    group: Group
    share: Annotated[float, msgspec.Meta(gt=0)]
    s: Annotated[float, msgspec.Meta(gt=0, le=1)]
    s_transaction: Probability | None = None
    when: SufficiencyWhen | None = None
    classes: list[LinkClass] = []
    mult: dict[LinkClass, float] = {}
    rationale: str
    source: str
    shifts: dict[str, list[Probability]] = {}
    confusable: list[str] = []
    follows: list[str] = []
    test: DiscriminatingTest
    fixes: list[Fix]
    workaround: Text
    warning: Text


class ReadingBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all readings share.

    Attributes:
        parts: parts that count; a device that the site declares ``shared`` counts as the
            terminal's. Empty: any.
        vantages: vantages that count; empty: any.
        path: true where the reading speaks about the terminal's own path only if the laptop shares
            that path (``laptop_at``); ignored elsewhere, trusted by half where unknown.
        failures: what a failed operation says: failure kind -> level. ``censored`` is never listed:
            it is worked out from the cuts. A kind not listed says nothing.
        given: other observation -> values of which it must have one, else there is no reading;
            an empty text stands for "not observed".
    """

    parts: list[Part] = []
    vantages: list[Vantage] = []
    path: bool = False
    failures: dict[FailureKind, str] = {}
    given: dict[str, list[str]] = {}


class Threshold(
    ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="threshold"
):
    """A number falls between cuts. Several values (or observations): the median, or ``statistic``.

    Attributes:
        observation: name of the observation.
        cuts: ascending, one fewer than ``levels``.
        levels: levels from the lowest values to the highest (any order of the variable's levels).
        statistic: median, max, min or last.
        spread: relative standard deviation of a measurement (log-normal), 0 for exact ones.
    """

    observation: str
    cuts: list[float]
    levels: list[str]
    statistic: Annotated[str, msgspec.Meta(pattern="^(median|max|min|last)$")] = "median"
    spread: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1


class Proportion(
    ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="proportion"
):
    """k of n failed; per level the rate at which they do: L(v) = p_v^k (1-p_v)^(n-k).

    Attributes:
        count: observation that holds k.
        total: observation that holds n.
        rates: per level of the variable, in its order.
        upstream_count: with ``upstream_total``: the same for the path before it; its rate is taken
            off first (excess over upstream).
    """

    count: str
    total: str
    rates: list[Probability]
    upstream_count: str | None = None
    upstream_total: str | None = None


class Excess(ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="excess"):
    """A delay above the delay of the path before it: median minus median, then as a threshold."""

    observation: str
    upstream: list[str]
    cuts: list[float]
    levels: list[str]
    spread: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1


class Codes(ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="codes"):
    """A text, flag or code looked up in a table.

    Attributes:
        codes: value (as text; flags are ``true`` and ``false``) -> level.
        dialects: the same per message dialect of the host; looked at before ``codes``.
        groups: the value is a response code (F39): its verdict group at this host -> level; looked
            at after both.
        listed: level of a response code that any list has, whatever it means; looked at last.
        default: level of a value in none; None: such a value says nothing here.
        certainty: probability that a listed value means its level (the rest spread evenly).
    """

    observation: str
    codes: dict[str, str] = {}
    dialects: dict[str, dict[str, str]] = {}
    groups: dict[CodeGroup, str] = {}
    listed: str | None = None
    default: str | None = None
    certainty: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class DateMargin(
    ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="date_margin"
):
    """Days left until a date; negative once it has passed.

    Attributes:
        cuts: ascending days, one fewer than ``levels``.
        levels: from the fewest days left to the most.
    """

    observation: str
    cuts: list[float]
    levels: list[str]


class StageStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step of a chain: the observation whose failure ends it, and the level that this means."""

    observation: str
    level: str


class Stage(ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="stage"):
    """How far a chain of operations came: the first failed step decides.

    Attributes:
        passed: level where all steps that ran were measured and the last one ran.
        certainty: as in ``Codes``.
    """

    steps: list[StageStep]
    passed: str
    certainty: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8


class Ratio(ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="ratio"):
    """A sum of seconds against a limit, then as a threshold.

    Attributes:
        observations: summed by their medians; those that are absent or failed are left out, but the
            one in ``required`` must be there.
        required: the observation without which there is no reading.
        limit: observation that holds the limit.
        says_limit: the limit that was found, and the least one with which the first cut would be
            kept, are the reading's value: ``5 s < 10 s (2.5 x 4 s)``.
    """

    observations: list[str]
    required: str
    limit: str
    cuts: list[float]
    levels: list[str]
    spread: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2
    says_limit: bool = False


class Comparison(
    ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="comparison"
):
    """Values against what the acquirer's sheet or the site says they should be.

    Attributes:
        compared: observation (a fact such as ``fact.menu_port``) -> key among the case's expected
            values (``port``, ``host``, ``nii`` ...). One without an expected value says nothing.
        match: level where all that can be compared agree (as trimmed text, ignoring case).
        differs: level where one of them does not.
    """

    compared: dict[str, str]
    match: str
    differs: str


class TimerSums(
    ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="timer_sums"
):
    """Seconds until an error against all sums of the terminal's step timers.

    Attributes:
        observation: seconds from the key to the error.
        name: level where a name look-up ran out of time.
        connect: likewise a connect.
        answer: likewise the wait for the host's answer.
    """

    observation: str
    name: str
    connect: str
    answer: str


class MessageReading(
    ReadingBase, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="message"
):
    """What the screen says: what its entry in the message dictionary says about this variable.

    Attributes:
        observation: the text (``fact.screen``).
        unknown: level that a text in no entry means for this variable; None: it says nothing.
        known: level that a text in an entry means where the entry does not speak of this variable.
    """

    observation: str
    unknown: str | None = None
    known: str | None = None


Reading = (
    Threshold
    | Proportion
    | Excess
    | Codes
    | DateMargin
    | Stage
    | Ratio
    | Comparison
    | TimerSums
    | MessageReading
)


class EvidenceVariable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An interpreted quantity with ordered levels.

    Attributes:
        family: correlated group.
        levels: 0 = normal ... last = worst or masking.
        base: leak distribution, sums to 1.
        seconds: what it takes to find out.
        needs: upstream variables; this one says nothing while one of them is at a blocking level.
        blocking: levels of this variable that hide what lies behind it.
        readings: in order of trust; the first that can be read is used.
        says: per level, a sentence with ``{subject}``, ``{value}`` and ``{detail}``.
        ask: the fact that a person can be asked for this variable, if any.
        probe: name of the probe that measures it, if any.
        source: document, or ``expert guess``.
    """

    id: str
    title: Text
    family: str
    levels: list[str]
    base: list[Probability]
    seconds: Annotated[float, msgspec.Meta(gt=0)]
    needs: list[str] = []
    blocking: list[str] = []
    classes: list[LinkClass] = []
    readings: list[Reading] = []
    says: dict[str, Text]
    ask: str | None = None
    probe: str | None = None
    source: str


class Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers that the whole model shares (diagnosis science, section 2).

    Attributes:
        decisive: variables of which one must be known before "nothing found" means "nothing wrong".
    """

    version: str
    decisive: list[str] = []
    kappa: float
    nff_share: float
    other_share: float
    other_s: float
    epsilon: float
    family_rho: float
    temperature: float = 1.0
    other_mix_uniform: float
    other_shifts: dict[str, list[Probability]]
    pairs: dict[str, Probability]
    groups: dict[Group, Text]


class KnowledgeBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it, checked."""

    meta: Meta
    causes: list[Cause]
    variables: list[EvidenceVariable]
    messages: list[Message]
    response_codes: ResponseCodes = {}
    makers: dict[str, Maker] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What the diagnosis must know about the site, as values.

    Attributes:
        dialect: family of the host's message dialect, empty if it is not known.
        expected: what the acquirer's sheet says, by key (``host``, ``port``, ``nii``, ``tid`` ...).
        shared_parts: parts whose devices count as the terminal's.
        path_shared: ``yes`` where the laptop sees the terminal's path, ``no``, or ``unknown``.
        hidden: variables that cannot be seen from here by design.
        timers: waits of the terminal's steps, as far as they are known.
        confirmed_visits: visits behind the priors.
        syn_waits_s: when the terminal repeats a SYN, all its connects in a row; empty: RFC 6298.
        name_waits_s: when it asks a name server again.
        least_rto_s: least time-out of one of its segments.
        service_sigma: log-normal spread of the host's service time.
        messages: requests of one sign-on.
    """

    link_class: LinkClass | None = None
    signon_needs_card: YesNo = YesNo.UNKNOWN
    signon_needs_printer: YesNo = YesNo.UNKNOWN
    complaint_kind: str = "sign_on"
    complaint_outcome: str = "failed"
    complaint_elsewhen: bool = False
    dialect: str = ""
    expected: dict[str, str] = {}
    shared_parts: list[Part] = []
    path_shared: YesNo = YesNo.UNKNOWN
    timer_s: float | None = None
    timers: TerminalTimers | None = None
    simulated: bool = False
    confirmed_visits: int = 0
    syn_waits_s: tuple[float, ...] = ()
    name_waits_s: tuple[float, ...] = (0.0, 5.0)
    least_rto_s: float = 0.2
    service_sigma: float = 0.5
    messages: int = 1
