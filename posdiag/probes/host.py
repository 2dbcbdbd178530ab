"""The acquirer's host step by step: name, TCP, TLS, certificate, echo test; its backup by TCP."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posdiag.link.reach import endpoint, is_address, is_out_of_reach, reachable_acquirer, resolvers
from posdiag.link.side_by_side import start_aside
from posdiag.link.tcp import ConnectOnly, run_tcp
from posdiag.link.watched import watch_tcp
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
from posdiag.wire.conversation import Conversation

if TYPE_CHECKING:
    from posdiag.link.names import Resolution
    from posdiag.link.polite_echoes import PoliteEchoes
    from posdiag.wire.tls import TlsConversation

_BACKUP = "backup_tcp.connect_time"
_EARLIER = NotRunReason.EARLIER_STEP_FAILED


def _targets(site: Site) -> list[str]:
    reachable_acquirer(site)
    if endpoint(site, HostRole.PRIMARY) is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts")
    hosts = (endpoint(site, role) for role in (HostRole.PRIMARY, HostRole.BACKUP))
    return [_subject(host) for host in hosts if host]


def _subject(host: HostEndpoint) -> str:
    bracketed = f"[{host.address}]" if ":" in host.address else host.address
    return f"{bracketed}:{host.port}"


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    acquirer = reachable_acquirer(context.site)
    primary = endpoint(context.site, HostRole.PRIMARY)
    if primary is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts")
    backup = endpoint(context.site, HostRole.BACKUP)
    asked = start_aside(lambda: _backup(context, acquirer, backup)) if backup else None
    yield from _primary(context, acquirer, primary)
    if asked is not None:
        yield asked()


@dataclass(frozen=True, slots=True)
class _Talk:
    """What is said to the primary host on one connection.

    Attributes:
        outermost: what the driver steps.
        tls: None on a host without TLS.
        echoes: None where none may be sent.
    """

    host: HostEndpoint
    outermost: Conversation
    tls: TlsConversation | None
    echoes: PoliteEchoes | None

    @property
    def tls_is_over(self) -> bool:
        """Return whether TLS is so far that the echo began; the end of the connection says more."""
        return self.tls is not None and self.echoes is not None and self.echoes.begun


def _primary(
    context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint
) -> Iterator[ProbeYield]:
    since_s = context.now_s()
    try:
        found = _numeric(context, acquirer, host)
        if found.failure is not None:
            yield _seen(context, "host_name.time", found.failure, str(found.resolver), since_s)
            yield from _gaps(host, _EARLIER, "host_tcp.*", "host_tls.*", "host_echo.*")
            return
        if found.resolver is not None:
            yield _seen(
                context, "host_name.time", Measured(found.took_s, "s"), str(found.resolver), since_s
            )
        context.allowance.take_connect(host.address)
    except CannotRun as cannot:
        groups = ("host_name.*", "host_tcp.*", "host_tls.*", "host_echo.*")
        skipped = groups if cannot.reason is not NotRunReason.POLITENESS_LIMIT else groups[1:]
        yield from _gaps(host, cannot.reason, *skipped, detail=cannot.detail)
        return
    yield from _talk_to(context, acquirer, host, found.address)


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a host is.

    Attributes:
        resolver: which name server decided; None where the host is given as an address.
    """

    address: str
    took_s: float = 0.0
    resolver: object = None
    failure: Failed | None = None


def _numeric(context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint) -> _Found:
    """Return the host's address, looked up where it is given as a name.

    Raises:
        CannotRun: no name server can be asked from here.
    """
    if is_address(host.address):
        return _Found(host.address)
    from posdiag.link.names import resolve

    known = resolvers(context.site)
    servers = [one for one in known if not is_out_of_reach(context.site, one)]
    if known and not servers:
        raise CannotRun(
            NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {context.site.laptop_at}"
        )
    try:
        told: Resolution = resolve(host.address, servers, acquirer.limits, context.deadline)
    except LinkError as error:
        failure = Failed(error.kind, error.operation, error.detail, error.waited_s)
        return _Found("", 0.0, servers[0], failure)
    address = told.addresses[0] if told.addresses else ""
    return _Found(address, told.took_s, told.resolver, told.failure)


def _talk_to(
    context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint, address: str
) -> Iterator[ProbeYield]:
    """Connect once, and yield each step as soon as it is over."""
    from posdiag.link.polite_echoes import echoes_for

    echoes: PoliteEchoes | None = None
    allowance, consents = context.allowance, context.consents
    try:
        echoes = echoes_for(context.site, acquirer, allowance, host.address, consents)
    except CannotRun as cannot:
        yield from _gaps(host, cannot.reason, "host_echo.*", detail=cannot.detail)
    talk = _talk(acquirer, host, echoes)
    since_s = context.now_s()
    connected_s: float | None = None
    told_tls = False
    limit_s = acquirer.limits.connect_s
    try:
        for took_s in watch_tcp(
            address,
            host.port,
            talk.outermost,
            context.deadline,
            limit_s,
            interface=context.site.network.interface,
        ):
            if connected_s is None:
                connected_s = context.now_s()
                yield _seen(
                    context, "host_tcp.connect_time", Measured(took_s, "s"), _subject(host), since_s
                )
            if not told_tls and talk.tls_is_over:
                told_tls = True
                yield from _tls(context, talk, connected_s)
    except (LinkError, CannotRun) as error:
        if connected_s is None:
            yield from _not_connected(context, talk, error, since_s)
            return
        # Later errors of this machine say nothing of the host: what is known is told below.
    if connected_s is None:
        return
    if not told_tls:
        yield from _tls(context, talk, connected_s)
    elif talk.tls is not None and talk.tls.failure is not None:
        # TLS 1.3: a host may refuse the client after the client's handshake is complete.
        name = "host_tls.handshake_time"
        yield _seen(context, name, talk.tls.failure, _subject(host), connected_s)
    yield from _echo(context, talk, connected_s)


def _not_connected(
    context: ProbeContext, talk: _Talk, error: LinkError | CannotRun, since_s: float
) -> Iterator[ProbeYield]:
    if isinstance(error, LinkError) and error.kind is not FailureKind.PERMISSION:
        failure = Failed(error.kind, Operation.CONNECT, error.detail, error.waited_s)
        yield _seen(context, "host_tcp.connect_time", failure, _subject(talk.host), since_s)
    else:
        yield from _gaps(talk.host, NotRunReason.NO_PERMISSION, "host_tcp.*", detail=error.detail)
    later = ["host_tls.*"] if talk.tls else []
    later += ["host_echo.*"] if talk.echoes else []
    yield from _gaps(talk.host, _EARLIER, *later)
    if talk.tls is None:
        yield from _gaps(talk.host, NotRunReason.NOT_APPLICABLE, "host_tls.*", detail="no TLS")


def _talk(acquirer: AcquirerProfile, host: HostEndpoint, echoes: PoliteEchoes | None) -> _Talk:
    if not host.tls:
        return _Talk(host, echoes or ConnectOnly(), None, echoes)
    from posdiag.link.tls_settings import client_context
    from posdiag.wire.tls import TlsConversation

    if echoes is not None:
        echoes.pause_first = True
    tls = TlsConversation(
        client_context(), _tls_name(host), limit_s=acquirer.limits.tls_s, inner=echoes
    )
    return _Talk(host, tls, tls, echoes)


def _tls_name(host: HostEndpoint) -> str:
    return host.server_name or host.address


def _tls(context: ProbeContext, talk: _Talk, since_s: float) -> Iterator[ProbeYield]:
    tls, host = talk.tls, talk.host
    if tls is None:
        yield from _gaps(host, NotRunReason.NOT_APPLICABLE, "host_tls.*", detail="no TLS")
        return
    subject = _subject(host)
    name = "host_tls.handshake_time"
    if tls.failure is not None:
        yield _seen(context, name, tls.failure, subject, since_s)
    elif tls.handshake_s is not None:
        yield _seen(context, name, Measured(tls.handshake_s, "s"), subject, since_s)
    if tls.version:
        yield _seen(context, "host_tls.version", Measured(tls.version), subject, since_s)
    if tls.chain:
        yield from _certificate(context, host, tls.chain)
    else:
        yield from _gaps(host, _EARLIER, "host_tls.verification", "host_tls.certificate_days_left")


def _certificate(
    context: ProbeContext, host: HostEndpoint, chain: tuple[bytes, ...]
) -> Iterator[ProbeYield]:
    """Judge the certificate by this laptop's clock, which the probe ``clock`` looks at."""
    from posdiag.link.tls_settings import trusted_roots
    from posdiag.wire.certificates import verify_chain

    subject, since_s, name = _subject(host), context.now_s(), "host_tls.verification"
    roots: list[bytes] = []
    reason, detail = NotRunReason.UNSUPPORTED, "this system has no roots to trust"
    try:
        roots = trusted_roots(host.ca_file)
    except CannotRun as cannot:
        reason, detail = cannot.reason, cannot.detail
    now = datetime.datetime.now(tz=datetime.UTC)
    verdict = verify_chain(chain, _tls_name(host), roots, now)
    days = verdict.days_left
    if days is not None:
        yield _seen(
            context, "host_tls.certificate_days_left", Measured(days, "day"), subject, since_s
        )
    if not roots:
        yield from _gaps(host, reason, name, detail=detail)
    elif verdict.failure is None:
        yield _seen(context, name, Measured("trusted"), subject, since_s)
    else:
        failure = Failed(verdict.failure, Operation.VERIFY_CERTIFICATE, verdict.detail)
        yield _seen(context, name, failure, subject, since_s)


def _echo(context: ProbeContext, talk: _Talk, since_s: float) -> Iterator[ProbeYield]:
    if talk.echoes is None:
        return
    subject, polite = _subject(talk.host), talk.echoes
    answers, failure = polite.echoes.answers, polite.echoes.failure
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
    difference = polite.clock_difference()
    if difference is not None:
        yield context.measured(
            "host_echo.clock_difference",
            difference,
            "s",
            subject=subject,
            part=Part.LAPTOP,
            since_s=since_s,
        )


def _backup(context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint) -> ProbeYield:
    """Connect to the backup host and say nothing."""
    subject, since_s = _subject(host), context.now_s()
    try:
        found = _numeric(context, acquirer, host)
        if found.failure is not None:
            detail = f"its name: {found.failure.failure}"
            return Unmeasured(name=_BACKUP, subject=subject, reason=_EARLIER, detail=detail)
        context.allowance.take_connect(host.address)
        limit_s = acquirer.limits.connect_s
        result = run_tcp(
            found.address,
            host.port,
            ConnectOnly(),
            context.deadline,
            limit_s,
            interface=context.site.network.interface,
        )
    except CannotRun as cannot:
        return Unmeasured(name=_BACKUP, subject=subject, reason=cannot.reason, detail=cannot.detail)
    except LinkError as error:
        if error.kind is FailureKind.PERMISSION:
            reason = NotRunReason.NO_PERMISSION
            return Unmeasured(name=_BACKUP, subject=subject, reason=reason, detail=error.detail)
        failure = Failed(error.kind, Operation.CONNECT, error.detail, error.waited_s)
        return _seen(context, _BACKUP, failure, subject, since_s)
    return _seen(context, _BACKUP, Measured(result.connect_s, "s"), subject, since_s)


def _gaps(
    host: HostEndpoint, reason: NotRunReason, *names: str, detail: str = ""
) -> Iterator[Unmeasured]:
    for name in names:
        yield Unmeasured(name=name, subject=_subject(host), reason=reason, detail=detail)


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
    sends="name query, TCP connect, TLS handshake and up to 3 echo tests (no sign-on) to the host;"
    " one TCP connect to its backup",
    observables=(
        Observable("host_name.time", "s", "until a name server gave the address of the host"),
        Observable("host_tcp.connect_time", "s", "TCP handshake with the primary host"),
        Observable("host_tls.handshake_time", "s", "TLS handshake", "not measured, or no TLS"),
        Observable("host_tls.version", "", "TLS version agreed on"),
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
        Observable(_BACKUP, "s", "TCP handshake with the backup host", "there is none"),
    ),
    targets=_targets,
    run=_run,
    typical_s=5.0,
)
