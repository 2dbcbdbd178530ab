"""The acquirer's further hosts, backup and terminal management: name, TCP and TLS, nothing said."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from posdiag.link.host_talk import find_host, subject_of, talk_to
from posdiag.link.reach import is_placeholder, reachable_acquirer
from posdiag.link.side_by_side import start_aside
from posdiag.link.tcp import run_tcp
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

_MOST = 6
"""Hosts that are connected to, beside the first primary one."""


def _others(site: Site) -> list[HostEndpoint]:
    acquirer = reachable_acquirer(site)
    known = [
        host
        for host in acquirer.hosts
        if host.address and (site.simulated or not is_placeholder(host.address))
    ]
    first = next((host for host in known if host.role is HostRole.PRIMARY), None)
    others = [host for host in known if host is not first][:_MOST]
    if not others:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts: one host only")
    return others


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    acquirer = reachable_acquirer(context.site)

    def ask(host: HostEndpoint) -> Callable[[], list[ProbeYield]]:
        return start_aside(lambda: list(_one(context, acquirer, host)))

    for wait in [ask(host) for host in _others(context.site)]:
        yield from wait()


def _one(
    context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint
) -> Iterator[ProbeYield]:
    """Connect to one host, shake hands where it speaks TLS, and leave."""
    role = "tms" if host.role is HostRole.TMS else "backup"
    subject, since_s, tcp = subject_of(host), context.now_s(), f"{role}_tcp.connect_time"

    def seen(name: str, result: Measured | Failed) -> Observation:
        return Observation(
            name=name,
            subject=subject,
            part=Part.HOST,
            start_s=since_s,
            end_s=context.now_s(),
            result=result,
        )

    try:
        found = find_host(context.site, acquirer, host, context.deadline)
        if found.failure is not None:
            detail = f"its name: {found.failure.failure}"
            reason = NotRunReason.EARLIER_STEP_FAILED
            yield Unmeasured(name=tcp, subject=subject, reason=reason, detail=detail)
            return
        talk = talk_to(acquirer, host, None)
        context.allowance.take_connect(host.address)
        limit_s = acquirer.limits.connect_s
        result = run_tcp(
            found.address,
            host.port,
            talk.outermost,
            context.deadline,
            limit_s,
            interface=context.site.network.interface,
        )
    except CannotRun as cannot:
        yield Unmeasured(name=tcp, subject=subject, reason=cannot.reason, detail=cannot.detail)
        return
    except LinkError as error:
        if error.kind is FailureKind.PERMISSION:
            reason = NotRunReason.NO_PERMISSION
            yield Unmeasured(name=tcp, subject=subject, reason=reason, detail=error.detail)
        else:
            failure = Failed(error.kind, Operation.CONNECT, error.detail, error.waited_s)
            yield seen(tcp, failure)
        return
    yield seen(tcp, Measured(result.connect_s, "s"))
    if talk.tls is None:
        return
    if talk.tls.failure is not None:
        yield seen(f"{role}_tls.handshake_time", talk.tls.failure)
    elif talk.tls.handshake_s is not None:
        yield seen(f"{role}_tls.handshake_time", Measured(talk.tls.handshake_s, "s"))
    if talk.tls.chain:
        yield from _certificate(host, talk.tls.chain, role, seen)


def _certificate(
    host: HostEndpoint,
    chain: tuple[bytes, ...],
    role: str,
    seen: Callable[[str, Measured | Failed], Observation],
) -> Iterator[ProbeYield]:
    from posdiag.link.host_certificate import judge

    told = judge(host, chain)
    if told.days_left is not None:
        yield seen(f"{role}_tls.certificate_days_left", Measured(told.days_left, "day"))
    if isinstance(told.verdict, CannotRun):
        yield Unmeasured(
            name=f"{role}_tls.verification",
            subject=subject_of(host),
            reason=told.verdict.reason,
            detail=told.verdict.detail,
        )
    else:
        yield seen(f"{role}_tls.verification", told.verdict)


_NAMES = {"backup": "backup host", "tms": "terminal management host"}

PROBE = Probe(
    name="other_hosts",
    title="Acquirer's further hosts",
    sends="name query, one TCP connect and TLS handshake to each; nothing is said on it",
    observables=tuple(
        observable
        for role, what in _NAMES.items()
        for observable in (
            Observable(f"{role}_tcp.connect_time", "s", f"TCP handshake with the {what}"),
            Observable(f"{role}_tls.handshake_time", "s", f"TLS handshake with the {what}"),
            Observable(f"{role}_tls.verification", "", f"certificate of the {what}: trusted"),
            Observable(f"{role}_tls.certificate_days_left", "day", f"until the {what}'s ends"),
        )
    ),
    targets=lambda site: [subject_of(host) for host in _others(site)],
    run=_run,
    typical_s=2.0,
)
