"""The acquirer's host step by step: name, TCP, TLS, certificate, echo test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from posdiag.link.exchange import clock_s
from posdiag.link.framing_search import CONSENT, search
from posdiag.link.host_talk import Talk, find_host, subject_of, talk_to
from posdiag.link.reach import endpoint, reachable_acquirer
from posdiag.link.watched import Connected, watch_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Failed,
    FailureKind,
    Measured,
    NotRunReason,
    Observation,
    Operation,
    Part,
    Unmeasured,
)
from posdiag.model.site import AcquirerProfile, HostEndpoint, HostRole, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

if TYPE_CHECKING:
    from posdiag.link.polite_echoes import PoliteEchoes
    from posdiag.wire.tls import TlsConversation

_EARLIER = NotRunReason.EARLIER_STEP_FAILED


def _targets(site: Site) -> list[str]:
    return [subject_of(_primary_host(site))]


def _primary_host(site: Site) -> HostEndpoint:
    reachable_acquirer(site)
    host = endpoint(site, HostRole.PRIMARY)
    if host is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts")
    return host


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    acquirer, host = reachable_acquirer(context.site), _primary_host(context.site)
    since_s = context.now_s()
    try:
        found = find_host(context.site, acquirer, host, context.deadline)
        if found.failure is not None:
            yield _seen(context, "host_name.time", found.failure, str(found.resolver), since_s)
            yield from _gaps(host, _EARLIER, "host_tcp.*", "host_tls.*", "host_echo.*")
            return
        if found.resolver is not None:
            yield _seen(
                context, "host_name.time", Measured(found.took_s, "s"), str(found.resolver), since_s
            )
        if CONSENT not in context.consents:
            context.allowance.take_connect(host.address)
    except CannotRun as cannot:
        groups = ("host_name.*", "host_tcp.*", "host_tls.*", "host_echo.*")
        skipped = groups if cannot.reason is not NotRunReason.POLITENESS_LIMIT else groups[1:]
        yield from _gaps(host, cannot.reason, *skipped, detail=cannot.detail)
        return
    if CONSENT in context.consents:
        yield from _search(context, acquirer, host, found.address)
    else:
        yield from _talk(context, acquirer, host, found.address)


def _search(
    context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint, address: str
) -> Iterator[ProbeYield]:
    """Try other ways to speak to the host, instead of the usual echo tests."""
    found, tries = "", 0
    since_s = context.now_s()
    outcomes = search(
        context.site,
        acquirer,
        host,
        address,
        allowance=context.allowance,
        deadline=context.deadline,
    )
    try:
        for outcome in outcomes:
            tries += 1
            way = outcome.tried.change or "as in the profile"
            result = outcome.failure or Measured(outcome.response_code)
            yield _seen(context, "framing_search.try", result, way, since_s)
            found = way if outcome.failure is None else ""
            since_s = context.now_s()
    except CannotRun as cannot:
        yield from _gaps(host, cannot.reason, "framing_search.*", detail=cannot.detail)
    subject = subject_of(host)
    yield _seen(context, "framing_search.tries", Measured(tries, "count"), subject, since_s)
    if found:
        yield _seen(context, "framing_search.understood", Measured(found), subject, since_s)


def _talk(
    context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint, address: str
) -> Iterator[ProbeYield]:
    from posdiag.link.polite_echoes import echoes_for

    echoes: PoliteEchoes | None = None
    allowance, consents = context.allowance, context.consents
    try:
        echoes = echoes_for(context.site, acquirer, allowance, host.address, consents)
    except CannotRun as cannot:
        yield from _gaps(host, cannot.reason, "host_echo.*", detail=cannot.detail)
    talk = talk_to(acquirer, host, echoes)
    yield from _connection(context, acquirer, talk, address)
    if not talk.wants_old_tls:
        return
    try:
        old = talk_to(acquirer, host, echoes, legacy=True)
        allowance.take_connect(host.address)
    except CannotRun as cannot:
        yield from _gaps(host, cannot.reason, "host_tls_legacy.*", detail=cannot.detail)
        yield from _gaps(host, _EARLIER, *(["host_echo.*"] if echoes else []))
        return
    yield from _legacy(context, acquirer, old, address)


def _connection(
    context: ProbeContext, acquirer: AcquirerProfile, talk: Talk, address: str
) -> Iterator[ProbeYield]:
    """Connect once, and yield each step as soon as it is over."""
    host, since_s = talk.host, context.now_s()
    connected_s: float | None = None
    told_tls = told_wait = False
    try:
        watched = watch_tcp(
            address,
            host.port,
            talk.outermost,
            context.deadline,
            acquirer.limits.connect_s,
            interface=context.site.network.interface,
            # Only the first answer is worth more patience than the budget.
            echo_deadline=lambda: (not talk.answered and context.patience) or context.deadline,
        )
        for connected in watched:
            if connected_s is None:
                connected_s = context.now_s()
                yield from _connected(context, host, connected, since_s)
            if not told_tls and talk.tls_is_over:
                told_tls = True
                yield from _tls(context, talk, connected_s)
            if not told_wait and context.patience and context.deadline.passed():
                told_wait = True
                yield from _still_waiting(context, talk, connected_s)
    except (LinkError, CannotRun) as error:
        if connected_s is None:
            yield from _not_connected(context, talk, error, since_s)
            return
        # Later errors of this machine say nothing of the host: what is known is told below.
    if connected_s is not None:
        yield from _afterwards(context, talk, connected_s, told_tls=told_tls)


def _connected(
    context: ProbeContext, host: HostEndpoint, connected: Connected, since_s: float
) -> Iterator[ProbeYield]:
    subject, took = subject_of(host), Measured(connected.took_s, "s")
    yield _seen(context, "host_tcp.connect_time", took, subject, since_s)
    if connected.syn_repeats is not None:
        repeats = Measured(connected.syn_repeats, "count")
        yield _seen(context, "host_tcp.syn_repeats", repeats, subject, since_s)


def _afterwards(
    context: ProbeContext, talk: Talk, connected_s: float, *, told_tls: bool
) -> Iterator[ProbeYield]:
    """Yield what is known when the connection is over."""
    if not told_tls:
        yield from _tls(context, talk, connected_s)
    elif talk.tls is not None and talk.tls.failure is not None:
        # TLS 1.3: a host may refuse the client after the client's handshake is complete.
        name = "host_tls.handshake_time"
        yield _seen(context, name, talk.tls.failure, subject_of(talk.host), connected_s)
    if not talk.wants_old_tls:
        yield from _echo(context, talk, connected_s)


def _still_waiting(context: ProbeContext, talk: Talk, since_s: float) -> Iterator[ProbeYield]:
    """Tell that the budget ended while no answer had come; the wait itself goes on."""
    if talk.echoes is None:
        return
    talk.echoes.enough = True
    waited_s = talk.echoes.echoes.waiting_s(clock_s())
    if waited_s is not None:
        failure = Failed(FailureKind.CENSORED, Operation.ECHO_TEST, waited_s=waited_s)
        yield _seen(context, "host_echo.answer_time", failure, subject_of(talk.host), since_s)


def _legacy(
    context: ProbeContext, acquirer: AcquirerProfile, talk: Talk, address: str
) -> Iterator[ProbeYield]:
    """Shake hands once more in TLS 1.0 or 1.1, labelled as such, and go on in it."""
    subject, since_s, tls = subject_of(talk.host), context.now_s(), talk.tls
    limit_s, name = acquirer.limits.connect_s, "host_tls_legacy.handshake_time"
    interface = context.site.network.interface
    try:
        for _ in watch_tcp(
            address,
            talk.host.port,
            talk.outermost,
            context.deadline,
            limit_s,
            interface=interface,
        ):
            pass
    except (LinkError, CannotRun) as error:
        if tls is None or tls.handshake_s is None:
            yield from _gaps(talk.host, _EARLIER, "host_tls_legacy.*", detail=error.detail)
    if tls is not None and tls.failure is not None:
        yield _seen(context, name, tls.failure, subject, since_s)
    elif tls is not None and tls.handshake_s is not None:
        yield _seen(context, name, Measured(tls.handshake_s, "s"), subject, since_s)
        yield _seen(context, "host_tls_legacy.version", Measured(tls.version), subject, since_s)
        if tls.chain:
            yield from _certificate(context, talk.host, tls.chain)
    yield from _echo(context, talk, since_s)


def _not_connected(
    context: ProbeContext, talk: Talk, error: LinkError | CannotRun, since_s: float
) -> Iterator[ProbeYield]:
    if isinstance(error, LinkError) and error.kind is not FailureKind.PERMISSION:
        failure = Failed(error.kind, Operation.CONNECT, error.detail, error.waited_s)
        yield _seen(context, "host_tcp.connect_time", failure, subject_of(talk.host), since_s)
    else:
        yield from _gaps(talk.host, NotRunReason.NO_PERMISSION, "host_tcp.*", detail=error.detail)
    later = ["host_tls.*"] if talk.tls else []
    later += ["host_echo.*"] if talk.echoes else []
    yield from _gaps(talk.host, _EARLIER, *later)
    if talk.tls is None:
        yield from _gaps(talk.host, NotRunReason.NOT_APPLICABLE, "host_tls.*", detail="no TLS")


def _tls(context: ProbeContext, talk: Talk, since_s: float) -> Iterator[ProbeYield]:
    tls, host = talk.tls, talk.host
    if tls is None:
        yield from _gaps(host, NotRunReason.NOT_APPLICABLE, "host_tls.*", detail="no TLS")
        return
    subject, name = subject_of(host), "host_tls.handshake_time"
    if tls.failure is not None:
        yield _seen(context, name, tls.failure, subject, since_s)
    elif tls.handshake_s is not None:
        yield _seen(context, name, Measured(tls.handshake_s, "s"), subject, since_s)
    wanted = _client_certificate(tls)
    for label, value in (
        ("version", tls.version), ("cipher", tls.cipher), ("client_certificate", wanted)
    ):  # fmt: skip
        if value:
            yield _seen(context, f"host_tls.{label}", Measured(value), subject, since_s)
    if tls.chain:
        yield from _certificate(context, host, tls.chain)
    else:
        yield from _gaps(host, _EARLIER, "host_tls.verification", "host_tls.certificate_days_left")


def _client_certificate(tls: TlsConversation) -> str:
    """Return what the host wants of the client's certificate, empty where it does not say."""
    if tls.failure and tls.failure.failure is FailureKind.CLIENT_CERTIFICATE_REQUIRED:
        return f"required in {'TLS 1.3' if tls.version == 'TLSv1.3' else 'TLS 1.2 or older'}"
    return "asked for" if tls.client_certificate_asked else ""


def _certificate(
    context: ProbeContext, host: HostEndpoint, chain: tuple[bytes, ...]
) -> Iterator[ProbeYield]:
    from posdiag.link.host_certificate import judge

    since_s, told = context.now_s(), judge(host, chain)
    values: list[tuple[str, Measured | Failed | None]] = [
        (
            "certificate_days_left",
            None if told.days_left is None else Measured(told.days_left, "day"),
        ),
        ("issuer", Measured(told.issuer) if told.issuer else None),
        ("chain", Measured(list(told.chain)) if told.chain else None),
        ("issuer_pin", Measured(told.pin) if told.pin else None),
    ]
    if isinstance(told.verdict, CannotRun):
        name, reason = "host_tls.verification", told.verdict.reason
        yield from _gaps(host, reason, name, detail=told.verdict.detail)
    else:
        values.append(("verification", told.verdict))
    for label, result in values:
        if result is not None:
            yield _seen(context, f"host_tls.{label}", result, subject_of(host), since_s)


def _echo(context: ProbeContext, talk: Talk, since_s: float) -> Iterator[ProbeYield]:
    if talk.echoes is None:
        return
    subject, polite = subject_of(talk.host), talk.echoes
    answers, failure = polite.echoes.answers, polite.echoes.failure
    if talk.http is not None:
        failure = talk.http.failure or failure
    if not answers and failure is None:
        reason = polite.refusal.reason if polite.refusal else _EARLIER
        detail = polite.refusal.detail if polite.refusal else ""
        yield from _gaps(talk.host, reason, "host_echo.*", detail=detail)
        return
    for answer in answers:
        yield _seen(
            context, "host_echo.answer_time", Measured(answer.answer_s, "s"), subject, since_s
        )
    # Many hosts hang up after one answer: that is their way, not a failure.
    hung_up = failure is not None and failure.failure in (FailureKind.CLOSED, FailureKind.RESET)
    if failure is not None and not (answers and hung_up):
        yield _seen(context, "host_echo.answer_time", failure, subject, since_s)
    name = "host_echo.live_response_code" if polite.live else "host_echo.response_code"
    for code in dict.fromkeys(answer.response_code for answer in answers):
        yield _seen(context, name, Measured(code), subject, since_s)
    for digit in dict.fromkeys(one.processing_request for one in answers if one.processing_request):
        yield _seen(context, "host_echo.processing_request", Measured(digit), subject, since_s)
    if polite.echoes.keepalives:
        count = Measured(polite.echoes.keepalives, "count")
        yield _seen(context, "host_echo.keepalives", count, subject, since_s)
    for name, value, unit in _clocks(talk):
        if value is not None:
            yield context.measured(
                name, value, unit, subject=subject, part=Part.LAPTOP, since_s=since_s
            )


def _clocks(talk: Talk) -> Iterator[tuple[str, float | None, str]]:
    """Yield how the host's clocks differ from the laptop's, None where it does not say."""
    if talk.echoes is not None:
        yield "host_echo.clock_difference", talk.echoes.clock_difference(), "s"
        yield "host_echo.date_difference", talk.echoes.date_difference(), "day"
    yield "host_http.clock_difference", talk.http_clock_difference, "s"


def _gaps(
    host: HostEndpoint, reason: NotRunReason, *names: str, detail: str = ""
) -> Iterator[Unmeasured]:
    for name in names:
        yield Unmeasured(name=name, subject=subject_of(host), reason=reason, detail=detail)


def _seen(
    context: ProbeContext, name: str, result: Measured | Failed, subject: str, since_s: float
) -> Observation:
    """Return an observation that ends now; names are the shop network's affair."""
    return Observation(
        name=name,
        subject=subject,
        part=Part.SHOP_NETWORK if name.startswith("host_name.") else Part.HOST,
        start_s=since_s,
        end_s=context.now_s(),
        result=result,
    )


PROBE = Probe(
    name="host",
    title="Acquirer's host",
    sends="name query, TCP connect, TLS handshake (a second one in TLS 1.0 or 1.1 where the first"
    " fails that way) and up to 3 echo tests, no sign-on",
    observables=(
        Observable("host_name.time", "s", "until a name server gave the address of the host"),
        Observable("host_tcp.connect_time", "s", "TCP handshake with the primary host"),
        Observable("host_tcp.syn_repeats", "count", "how often the SYN was sent again"),
        Observable("host_tls.handshake_time", "s", "TLS handshake", "not measured, or no TLS"),
        Observable("host_tls.version", "", "TLS version agreed on"),
        Observable("host_tls.cipher", "", "cipher agreed on"),
        Observable("host_tls.client_certificate", "", "whether the host wants the client's"),
        Observable("host_tls.issuer", "", "who issued the host's certificate"),
        Observable("host_tls.chain", "", "names of the certificates as sent"),
        Observable("host_tls.issuer_pin", "", "the issuer against the one the profile knows"),
        Observable("host_tls_legacy.handshake_time", "s", "a second handshake, TLS 1.0 or 1.1"),
        Observable("host_tls_legacy.version", "", "old TLS version agreed on"),
        Observable("host_tls.verification", "", "trusted, judged by the laptop's clock"),
        Observable("host_tls.certificate_days_left", "day", "until the host's certificate ends"),
        Observable("host_echo.answer_time", "s", "from an echo test to its answer, up to 3"),
        Observable("host_echo.response_code", "", "F39 of the echo test, test terminal number"),
        Observable("host_echo.live_response_code", "", "F39, the terminal's own number"),
        Observable("host_echo.processing_request", "", "what the host asks the terminal to do"),
        Observable(
            "host_echo.clock_difference",
            "s",
            "host's time of day minus the laptop's, both local, folded into 12 h either way",
        ),
        Observable("host_echo.date_difference", "day", "host's date minus the laptop's"),
        Observable("host_echo.keepalives", "count", "empty frames before the answers", "none"),
        Observable("framing_search.try", "", "F39, for one way to speak", "not asked for"),
        Observable("framing_search.tries", "count", "ways that were tried", "not asked for"),
        Observable("framing_search.understood", "", "the way that the host answers", "none found"),
        Observable("host_http.clock_difference", "s", "HTTP date of the host minus laptop's time"),
    ),
    targets=_targets,
    run=_run,
    typical_s=5.0,
    listens=True,
)
