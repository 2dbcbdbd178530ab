"""The words for every closed list of the model, English here and Chinese in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from posdiag.model.knowledge import Actor, Effect, Group
from posdiag.model.observation import (
    Completed,
    Crashed,
    FailureKind,
    NotRun,
    NotRunReason,
    Part,
    Vantage,
)
from posdiag.model.site import ComplaintKind, LaptopAt
from posdiag.text.words import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posdiag.model.observation import ProbeOutcome
    from posdiag.text.words import Words

ACTORS: Mapping[Actor, str] = {
    Actor.MERCHANT: N_("merchant"),
    Actor.TECHNICIAN: N_("technician"),
    Actor.IT: N_("the shop's IT"),
    Actor.ACQUIRER: N_("acquirer"),
    Actor.CARRIER: N_("network operator"),
    Actor.VENDOR: N_("terminal's maker"),
    Actor.ISSUER: N_("card issuer"),
    Actor.WAIT: N_("nobody, only wait"),
}

EFFECTS: Mapping[Effect, str] = {
    Effect.SAFE: N_("safe"),
    Effect.INTERRUPTS_SERVICE: N_("interrupts service"),
    Effect.LOSES_DATA: N_("loses data: settle the open batch first"),
}

GROUPS: Mapping[Group, str] = {
    Group.OPERATOR: N_("operation"),
    Group.NETWORK: N_("network"),
    Group.DEVICE: N_("device"),
    Group.HOST: N_("host"),
    Group.CARD: N_("card"),
    Group.SETTINGS: N_("settings"),
    Group.SECURITY: N_("keys, certificates and clock"),
}

PARTS: Mapping[Part, str] = {
    Part.TERMINAL: N_("terminal"),
    Part.TILL_PRINTER: N_("till printer"),
    Part.LAPTOP: N_("laptop"),
    Part.COUNTER_UPS: N_("counter UPS"),
    Part.SHOP_NETWORK: N_("shop's network"),
    Part.ACCESS_LINE: N_("access line"),
    Part.HOST: N_("host"),
    Part.CARD: N_("card"),
    Part.OPERATOR: N_("operation"),
}

VANTAGES: Mapping[Vantage, str] = {
    Vantage.LAPTOP: N_("laptop"),
    Vantage.TERMINAL: N_("terminal"),
    Vantage.WIRE: N_("on the wire"),
    Vantage.OPERATOR: N_("told"),
    Vantage.DATA_CENTRE: N_("data centre"),
}

# In the order in which they are shown: what somebody could still do comes first.
REASONS: Mapping[str, str] = {
    NotRunReason.NOT_REACHABLE_FROM_HERE: N_("not reachable from here"),
    NotRunReason.INTERRUPTED: N_("interrupted"),
    NotRunReason.BUDGET_SPENT: N_("no time left in this run"),
    NotRunReason.CONSENT_REQUIRED: N_("needs --allow"),
    NotRunReason.NO_PERMISSION: N_("no permission"),
    NotRunReason.PACKAGE_MISSING: N_("package not installed"),
    NotRunReason.UNSUPPORTED: N_("not on this system"),
    NotRunReason.POLITENESS_LIMIT: N_("host was asked often enough"),
    NotRunReason.SKIPPED: N_("skipped as asked"),
    "crashed": N_("our own bug"),
    NotRunReason.NOT_DECLARED: N_("no such device or address in the site"),
    NotRunReason.EARLIER_STEP_FAILED: N_("an earlier step failed"),
    "masked": N_("hidden behind an earlier fault"),
    NotRunReason.SIMULATED_SITE: N_("not at a simulated site"),
    NotRunReason.CA_MISSING: N_("the site names no CA file"),
    NotRunReason.NOT_APPLICABLE: N_("does not apply"),
    "no_observation": N_("neither measured nor told"),
}

FAILURES: Mapping[FailureKind, str] = {
    FailureKind.SILENT: N_("no answer"),
    FailureKind.CENSORED: N_("no answer until the run's time was spent"),
    FailureKind.REFUSED: N_("refused"),
    FailureKind.RESET: N_("connection reset"),
    FailureKind.CLOSED: N_("connection closed"),
    FailureKind.UNREACHABLE: N_("unreachable"),
    FailureKind.NOT_FOUND: N_("not found"),
    FailureKind.PERMISSION: N_("no permission"),
    FailureKind.BUSY: N_("in use by another program"),
    FailureKind.GONE: N_("went away"),
    FailureKind.PROTOCOL_ERROR: N_("answer is not understood"),
    FailureKind.NAME_NOT_FOUND: N_("no such name"),
    FailureKind.NAME_SERVER_FAILURE: N_("name server reports a failure"),
    FailureKind.TLS_ALERT: N_("TLS refused"),
    FailureKind.CLIENT_CERTIFICATE_REQUIRED: N_("wants the terminal's own certificate"),
    FailureKind.CERTIFICATE_EXPIRED: N_("certificate has expired"),
    FailureKind.CERTIFICATE_NOT_YET_VALID: N_("certificate is not valid yet"),
    FailureKind.CERTIFICATE_WRONG_NAME: N_("certificate is for another name"),
    FailureKind.CERTIFICATE_UNTRUSTED: N_("certificate's issuer is not known here"),
    FailureKind.CERTIFICATE_SELF_SIGNED: N_("certificate is signed by itself"),
    FailureKind.CERTIFICATE_CHAIN_CUT: N_("certificate's issuer was neither sent nor is known"),
    FailureKind.STALE: N_("its values are out of date"),
    FailureKind.DRIVER_NOT_CONNECTED: N_("driver is not connected"),
    FailureKind.MUTE: N_("no sign of life"),
    FailureKind.UNEXPECTED: N_("unexpected error"),
}

STRENGTHS: Mapping[str, str] = {
    "strong": N_("strong"),
    "some": N_("some"),
    "weak": N_("weak"),
}

STAGES: Mapping[str, str] = {
    "name": N_("name look-up"),
    "connect": N_("connect"),
    "tls": N_("TLS"),
    "host": N_("host answers"),
}

COMPLAINTS: Mapping[ComplaintKind, tuple[str, str]] = {
    ComplaintKind.SIGN_ON: (N_("Sign-on fails"), N_("Sign-on would fail")),
    ComplaintKind.TRANSACTION: (N_("Transactions fail"), N_("Transactions would fail")),
    ComplaintKind.SIGNATURE: (N_("The signature fails"), N_("The signature would fail")),
    ComplaintKind.UNKNOWN: (N_("Something fails"), N_("Sign-on would fail")),
}
"""What fails where it is said to fail, and where nobody complained."""

SEEN_FROM: Mapping[LaptopAt, str] = {
    LaptopAt.TERMINAL_CABLE: N_("seen by this laptop on the terminal's own cable"),
    LaptopAt.SAME_LAN: N_("seen by this laptop on the shop's LAN"),
    LaptopAt.SAME_WIFI: N_("seen by this laptop on the shop's Wi-Fi"),
    LaptopAt.TERMINAL_SIM: N_("seen by this laptop through the terminal's SIM"),
    LaptopAt.HOTSPOT: N_("seen by this laptop through a hotspot"),
    LaptopAt.ELSEWHERE: N_("seen by this laptop away from the shop"),
    LaptopAt.UNKNOWN: N_("seen by this laptop; where it is plugged in was not said"),
}


def reason_words(reason: str, words: Words) -> str:
    """Return why something was not measured; an unknown reason is shown as its id."""
    return words(REASONS[reason]) if reason in REASONS else reason.replace("_", " ")


def vantage_words(vantage: str, words: Words) -> str:
    """Return a vantage point in words; an unknown one is shown as its id."""
    known = {point.value: text for point, text in VANTAGES.items()}
    return words(known[vantage]) if vantage in known else vantage.replace("_", " ")


def outcome_words(outcome: ProbeOutcome, words: Words) -> str:
    """Return how a probe ended and how much it saw."""
    seen = words.plural("{n} observation", "{n} observations", len(outcome.observations))
    match outcome:
        case Completed():
            return seen
        case NotRun(reason=reason, detail=detail):
            why = reason_words(reason, words)
            text = words("not run: {why}", why=f"{why} ({detail})" if detail else why)
        case Crashed(error=error):
            text = words("our own bug: {error}", error=error)
        case _:
            assert_never(outcome)
    return words("{text}; kept {seen}", text=text, seen=seen) if outcome.observations else text
