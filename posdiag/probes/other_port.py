"""Whether another port of the acquirer's host answers: tells a blocked port from a dead host."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.reach import endpoint, is_address, reachable_acquirer, resolvers
from posdiag.link.tcp import ConnectOnly, run_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import AcquirerProfile, HostEndpoint, HostRole, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

USUAL_PORTS = (443, 80)
_NAME = "other_port.connect_time"


def _host(site: Site) -> tuple[AcquirerProfile, HostEndpoint]:
    """Return the acquirer and its primary host.

    Raises:
        CannotRun: not_declared, not_reachable_from_here.
    """
    acquirer = reachable_acquirer(site)
    host = endpoint(site, HostRole.PRIMARY)
    if host is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts")
    return acquirer, host


def _port(acquirer: AcquirerProfile, host: HostEndpoint) -> int:
    """Return another port of the same host: one that the profile names, else a usual one."""
    named = [one.port for one in acquirer.hosts if one.address == host.address]
    return next(port for port in (*named, *USUAL_PORTS) if port != host.port)


def _targets(site: Site) -> list[str]:
    acquirer, host = _host(site)
    return [f"{host.address}:{_port(acquirer, host)}"]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    acquirer, host = _host(context.site)
    port = _port(acquirer, host)
    subject = f"{host.address}:{port}"
    address = _numeric(context, acquirer, host)
    context.allowance.take_connect(host.address)
    since_s = context.now_s()
    try:
        result = run_tcp(
            address,
            port,
            ConnectOnly(),
            context.deadline,
            acquirer.limits.connect_s,
            interface=context.site.network.interface,
        )
    except LinkError as error:
        if error.kind is FailureKind.PERMISSION:
            raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
        yield context.failed(
            _NAME,
            error.kind,
            Operation.CONNECT,
            detail=error.detail,
            waited_s=error.waited_s,
            subject=subject,
            part=Part.HOST,
            since_s=since_s,
        )
        return
    yield context.measured(
        _NAME, result.connect_s, "s", subject=subject, part=Part.HOST, since_s=since_s
    )


def _numeric(context: ProbeContext, acquirer: AcquirerProfile, host: HostEndpoint) -> str:
    """Return the host's address.

    Raises:
        CannotRun: earlier_step_failed: its name cannot be looked up.
    """
    if is_address(host.address):
        return host.address
    from posdiag.link.names import resolve

    try:
        found = resolve(host.address, resolvers(context.site), acquirer.limits, context.deadline)
    except LinkError as error:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"its name: {error.kind}") from error
    if found.failure is not None:
        reason = NotRunReason.EARLIER_STEP_FAILED
        raise CannotRun(reason, f"its name: {found.failure.failure}")
    return found.addresses[0]


PROBE = Probe(
    name="other_port",
    title="Another port of the host",
    sends="one TCP connect to another port of the host, without a word",
    observables=(
        Observable(_NAME, "s", "TCP handshake with another port of the host; refused: it is there"),
    ),
    targets=_targets,
    run=_run,
    needs_laptop=True,
    typical_s=1.0,
)
