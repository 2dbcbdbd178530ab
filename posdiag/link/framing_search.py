"""Looks for the length prefix, TPDU or dialect that a host understands. Asked for by hand only.

Each try is one connect and one echo test with the acquirer's test number. At most eight, five
seconds apart; two resets end it. A host that may be UnionPay's never gets MTI 0800, which is a
sign-on there.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from posdiag.link.deadline import Deadline
from posdiag.link.host_talk import talk_to
from posdiag.link.polite_echoes import PoliteEchoes
from posdiag.link.politeness import SEARCH_TRIES, HostAllowance
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import Failed, FailureKind, NotRunReason, Operation
from posdiag.model.site import AcquirerProfile, Dialect, EchoSettings, Framing, HostEndpoint, Site
from posdiag.wire.echo import NAMES_MERCHANT, NAMES_TERMINAL, EchoConversation

PAUSE_S = 5.0
MOST_RESETS = 2
ANSWER_S = 8.0
"""A try waits no longer than this: what is understood is answered within seconds."""
CONSENT = "try-framings"
_PACKED_FRAMINGS = (
    Framing.BINARY2,
    Framing.BCD2,
    Framing.BINARY2_INCLUSIVE,
    Framing.BINARY4,
    Framing.BINARY2_LE,
)
_TEXT_FRAMINGS = (Framing.ASCII4, Framing.BINARY2, Framing.HEX4, Framing.BINARY2_INCLUSIVE)
_ASKS_WITH_0800 = frozenset({Dialect.HYPERCOM, Dialect.ISO1987, Dialect.ISO1987_BCD})
_USUAL_TPDU = "6000030000"
_USUAL_HEADER = "602200000000"


class Try(NamedTuple):
    """One way to speak to the host.

    Attributes:
        settings: as a whole.
        change: what differs from the profile, ``echo.framing = bcd2``; empty for the profile's own.
    """

    settings: EchoSettings
    change: str


class Outcome(NamedTuple):
    """What came of a try; ``failure`` is None where the host understood it."""

    tried: Try
    response_code: str
    failure: Failed | None


def candidates(
    settings: EchoSettings, *, nii: str = "", may_be_unionpay: bool = False
) -> list[Try]:
    """Return what to try, the likeliest first, at most eight; the profile's own way is the first.

    Args:
        settings: of the profile.
        nii: 4 digits of the terminal's menu, empty if nobody read them.
        may_be_unionpay: the profile's dialect is a guess, so nothing is sent as 0800.
    """
    found = [Try(settings, "")]
    if nii and settings.tpdu and settings.tpdu[2:6] != nii:
        found.append(_changed(settings, tpdu=settings.tpdu[:2] + nii + settings.tpdu[6:]))
    framings = _PACKED_FRAMINGS if settings.dialect.packed else _TEXT_FRAMINGS
    prefixes = [_changed(settings, framing=one) for one in framings if one != settings.framing]
    found += prefixes[:3]
    found.append(_changed(settings, tpdu="" if settings.tpdu else _USUAL_TPDU))
    found += _other_dialects(settings)
    found += prefixes[3:]
    if may_be_unionpay:
        found = [one for one in found if one.settings.dialect not in _ASKS_WITH_0800]
    return found[:SEARCH_TRIES]


def _other_dialects(settings: EchoSettings) -> list[Try]:
    """Return other dialects; 0800 only where the profile itself speaks it, so is not UnionPay's."""
    plain: dict[str, object] = {"header": "", "raw_bitmap": False, "ebcdic": False, "nii": ""}
    found = []
    if settings.dialect is not Dialect.UNIONPAY:
        tpdu = settings.tpdu or _USUAL_TPDU
        change = {**plain, "header": _USUAL_HEADER, "tpdu": tpdu, "framing": Framing.BINARY2}
        found.append(_changed(settings, dialect=Dialect.UNIONPAY, **change))
    if settings.dialect in _ASKS_WITH_0800:
        for dialect, framing, tpdu in (
            (Dialect.ISO1987, Framing.BINARY2, ""),
            (Dialect.HYPERCOM, Framing.BINARY2, settings.tpdu or _USUAL_TPDU),
        ):
            if dialect is not settings.dialect:
                change = {**plain, "tpdu": tpdu, "framing": framing}
                found.append(_changed(settings, dialect=dialect, **change))
    if settings.dialect.family != "iso1993":
        change = {**plain, "tpdu": "", "framing": Framing.ASCII4}
        found.append(_changed(settings, dialect=Dialect.ISO1993, **change))
    return found


def _changed(settings: EchoSettings, **changes: object) -> Try:
    changed = msgspec.structs.replace(settings, **changes)
    told = [
        f'echo.{key} = "{value}"'
        if isinstance(value, str)
        else f"echo.{key} = {str(value).lower()}"
        for key, value in changes.items()
        if getattr(settings, key) != value
    ]
    return Try(changed, ", ".join(told))


def search(
    site: Site,
    acquirer: AcquirerProfile,
    host: HostEndpoint,
    address: str,
    *,
    allowance: HostAllowance,
    deadline: Deadline,
) -> Iterator[Outcome]:
    """Try one way after the other, and yield what came of each; the last one may be understood.

    Args:
        site: for the NII of the terminal's menu.
        acquirer: the test number is its own; a live number is never used here.
        host: for TLS and HTTP.
        address: numeric.
        allowance: of this run; the search has a cap of its own in it.
        deadline: end of the run's budget.

    Raises:
        CannotRun: not_declared without a test number; politeness_limit; budget_spent where the
            budget is too short for the next try.
    """
    settings = acquirer.echo
    needs_mid = settings.dialect in NAMES_MERCHANT
    if settings.dialect in NAMES_TERMINAL and not (
        settings.test_tid and (settings.test_mid or not needs_mid)
    ):
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.echo.test_tid")
    seen_nii = site.facts.get("menu_nii")
    nii = seen_nii[-4:] if isinstance(seen_nii, str) and len(seen_nii) == 4 else ""
    told = (acquirer.sources.get(key, "") for key in ("echo.dialect", "echo"))
    guessed = any(source.startswith("assumption") for source in told)
    tries = candidates(settings, nii=nii, may_be_unionpay=guessed)
    if not settings.test_tid:
        tries = [one for one in tries if one.settings.dialect not in NAMES_TERMINAL]
    resets = 0
    for number, tried in enumerate(tries):
        if number:
            _pause(deadline)
        allowance.take_search_try(host.address)
        outcome = _attempt(tried, acquirer, host, address, deadline)
        yield outcome
        if outcome.failure is None:
            return
        resets += outcome.failure.failure is FailureKind.RESET
        if resets >= MOST_RESETS or outcome.failure.failure is FailureKind.CENSORED:
            return


def _pause(deadline: Deadline) -> None:
    if deadline.remaining_s() <= PAUSE_S:
        raise CannotRun(NotRunReason.BUDGET_SPENT, f"{PAUSE_S:g} s between two tries")
    time.sleep(PAUSE_S)


class _Free(HostAllowance):
    """The try was taken as a whole already."""

    def take_echo(self, host: str) -> None:
        """Take nothing."""


def _attempt(
    tried: Try, acquirer: AcquirerProfile, host: HostEndpoint, address: str, deadline: Deadline
) -> Outcome:
    limit_s = min(ANSWER_S, acquirer.limits.echo_s)
    echo = EchoConversation(
        tried.settings,
        tid=acquirer.echo.test_tid.ljust(8),
        mid=acquirer.echo.test_mid.ljust(15),
        stan=1 + secrets.randbelow(999_990),
        at=datetime.datetime.now(tz=datetime.UTC),
        limit_s=limit_s,
    )
    polite = PoliteEchoes(echo, _Free(), host.address)
    talk = talk_to(acquirer, host, polite)
    try:
        run_tcp(address, host.port, talk.outermost, deadline, acquirer.limits.connect_s)
    except LinkError as error:
        failure = error.as_failed()
        return Outcome(tried, "", failure)
    if echo.answers:
        return Outcome(tried, echo.answers[0].response_code, None)
    layers = (talk.tls, talk.http, echo)
    known = (layer.failure for layer in layers if layer is not None and layer.failure is not None)
    unsaid = Failed(FailureKind.CLOSED, Operation.ECHO_TEST)
    return Outcome(tried, "", next(known, unsaid))
