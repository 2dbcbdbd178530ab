"""One sign-on (签到) from this laptop, where it was consented to. Keys are dropped, never shown.

The host makes new working keys for it, so a terminal whose own number was used must sign on again.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterator
from typing import NamedTuple

from posdiag.link.host_talk import Talk, find_host, subject_of, talk_to
from posdiag.link.reach import endpoint, reachable_acquirer
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import Failed, Measured, NotRunReason, Observation, Part
from posdiag.model.site import HostEndpoint, HostRole, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.echo import NAMES_MERCHANT, NAMES_TERMINAL
from posdiag.wire.sign_on import SignOnConversation, sign_on_request

CONSENT = "sign-on"
LIVE_CONSENT = "sign-on-live"
_TYPED = {"PIK": "pik_check_value", "MAK": "mak_check_value"}
_LEAST_DIGITS = 4


class _Numbers(NamedTuple):
    """Whose sign-on it is."""

    tid: str
    mid: str
    live: bool


def _numbers(site: Site, consents: frozenset[str]) -> _Numbers:
    """Return the numbers to sign on with.

    Raises:
        CannotRun: consent_required or not_declared; nothing was opened by then.
    """
    settings = reachable_acquirer(site).echo
    live = LIVE_CONSENT in consents
    if not live and CONSENT not in consents:
        raise CannotRun(NotRunReason.CONSENT_REQUIRED, f"--allow {CONSENT}")
    tid, mid = (site.tid, site.mid) if live else (settings.test_tid, settings.test_mid)
    if settings.dialect not in NAMES_TERMINAL:
        return _Numbers(tid, mid, live)
    if not tid and not live:
        # The terminal's own number is never used in place of a missing test number.
        raise CannotRun(NotRunReason.CONSENT_REQUIRED, f"--allow {LIVE_CONSENT}")
    if not tid or (settings.dialect in NAMES_MERCHANT and not mid):
        missing = "tid, mid" if live else "acquirer.echo.test_tid, acquirer.echo.test_mid"
        raise CannotRun(NotRunReason.NOT_DECLARED, missing)
    return _Numbers(tid, mid, live)


def _host(site: Site) -> HostEndpoint:
    reachable_acquirer(site)
    host = endpoint(site, HostRole.PRIMARY)
    if host is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts")
    return host


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    site = context.site
    numbers, host, acquirer = (
        _numbers(site, context.consents),
        _host(site),
        reachable_acquirer(site),
    )
    conversation = _conversation(site, numbers)
    talk = _talk(context, host, conversation)
    found = find_host(site, acquirer, host, context.deadline)
    if found.failure is not None:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"its name: {found.failure.failure}")
    context.allowance.take_connect(host.address)
    context.allowance.take_sign_on(host.address)
    since_s, subject = context.now_s(), subject_of(host)

    def seen(name: str, result: Measured | Failed) -> Observation:
        return Observation(
            name=name,
            subject=subject,
            part=Part.HOST,
            start_s=since_s,
            end_s=context.now_s(),
            result=result,
        )

    limit_s = acquirer.limits.connect_s
    try:
        run_tcp(
            found.address,
            host.port,
            talk.outermost,
            context.deadline,
            limit_s,
            interface=site.network.interface,
        )
    except LinkError as error:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"connect: {error.kind}") from error
    layers = (talk.tls, talk.http)
    below = next((one.failure for one in layers if one is not None and one.failure), None)
    if below is not None and not conversation.answers:
        yield seen("sign_on.answer_time", below)
        return
    yield seen("sign_on.sent", Measured("live" if numbers.live else "test"))
    yield from (seen(name, result) for name, result in _said(site, numbers, conversation))


def _conversation(site: Site, numbers: _Numbers) -> SignOnConversation:
    acquirer = reachable_acquirer(site)
    try:
        request = sign_on_request(
            acquirer.echo,
            tid=numbers.tid.ljust(8),
            mid=numbers.mid.ljust(15),
            stan=1 + secrets.randbelow(999_990),
            at=datetime.datetime.now(tz=datetime.UTC),
        )
        return SignOnConversation(acquirer.echo, [request], limit_s=acquirer.limits.echo_s)
    except LocalWireError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"acquirer.echo: {error}") from error


def _talk(context: ProbeContext, host: HostEndpoint, conversation: SignOnConversation) -> Talk:
    return talk_to(reachable_acquirer(context.site), host, None, inside=conversation)


def _said(
    site: Site, numbers: _Numbers, conversation: SignOnConversation
) -> Iterator[tuple[str, Measured | Failed]]:
    """Yield what the host said to a sign-on."""
    if conversation.failure is not None:
        yield "sign_on.answer_time", conversation.failure
    for answer in conversation.answers:
        yield "sign_on.answer_time", Measured(answer.answer_s, "s")
        name = "sign_on.live_response_code" if numbers.live else "sign_on.response_code"
        yield name, Measured(answer.response_code)
        if answer.response_code in ("00", "800"):
            yield "sign_on.keys_bytes", Measured(conversation.keys_size, "count")
            yield "sign_on.keys", Measured("given" if conversation.keys_size else "none")
    values = conversation.check_values
    if values:
        shown: list[float | str] = [f"{name} {value}" for name, value in values.items()]
        yield "sign_on.check_values", Measured(shown)
    matches = [
        _same(values[name], typed)
        for name, fact in _TYPED.items()
        if name in values and isinstance(typed := site.facts.get(fact), str)
    ]
    if matches:
        yield "sign_on.check_values_match", Measured(all(matches))


def _same(value: str, typed: str) -> bool:
    """Return whether a check value is the typed one, as far as both are shown."""
    digits = typed.replace(" ", "").upper()
    return len(digits) >= _LEAST_DIGITS and (value.startswith(digits) or digits.startswith(value))


PROBE = Probe(
    name="sign_on",
    title="Sign-on from this laptop",
    sends="one sign-on (签到): the host makes new working keys; the terminal must sign on again"
    " where its own number is used",
    observables=(
        Observable("sign_on.sent", "", "whose number signed on: test or live"),
        Observable("sign_on.answer_time", "s", "from the sign-on to its answer"),
        Observable("sign_on.response_code", "", "F39 of the sign-on, test terminal number"),
        Observable("sign_on.live_response_code", "", "F39 of the sign-on, the terminal's own"),
        Observable("sign_on.keys", "", "whether an accepted sign-on brought keys"),
        Observable("sign_on.keys_bytes", "count", "length of the keys, which are dropped"),
        Observable("sign_on.check_values", "", "check values of the keys, 6 digits", "no keys"),
        Observable("sign_on.check_values_match", "", "against the typed ones", "none typed"),
    ),
    targets=lambda site: [subject_of(_host(site))],
    run=_run,
    effect=Effect.INTERRUPTS_SERVICE,
    consents=(CONSENT, LIVE_CONSENT),
    typical_s=5.0,
)
