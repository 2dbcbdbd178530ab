"""Whether a connection to the host works after a rest: NAT may forget it. With consent only."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.device_address import numeric_address
from posdiag.link.polite_echoes import PoliteEchoes, echoes_for
from posdiag.link.reach import endpoint, reachable_acquirer
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import AcquirerProfile, HostEndpoint, HostRole, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.conversation import Conversation, Ended
from posdiag.wire.rested import Rested

_NAME = "idle_wait.first_answer"
_KINDS = {Ended.EOF: FailureKind.CLOSED, Ended.RESET: FailureKind.RESET}


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


def _targets(site: Site) -> list[str]:
    _acquirer, host = _host(site)
    return [f"{host.address}:{host.port}"]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    acquirer, host = _host(context.site)
    subject = f"{host.address}:{host.port}"
    echoes = echoes_for(context.site, acquirer, context.allowance, host.address, context.consents)
    rested = Rested(echoes, context.site.network.idle_s)
    since_s = context.now_s()
    try:
        address = numeric_address(host.address, context.site, context.deadline)
        context.allowance.take_connect(host.address)
        run_tcp(
            address,
            host.port,
            _outermost(acquirer, host, rested),
            context.deadline,
            acquirer.limits.connect_s,
            interface=context.site.network.interface,
        )
    except LinkError as error:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"{subject}: {error.kind}") from error
    yield _observed(context, rested, echoes, subject, since_s)


def _outermost(acquirer: AcquirerProfile, host: HostEndpoint, rested: Rested) -> Conversation:
    if not host.tls:
        return rested
    from posdiag.link.tls_settings import client_context
    from posdiag.wire.tls import TlsConversation

    name = host.server_name or host.address
    return TlsConversation(client_context(), name, limit_s=acquirer.limits.tls_s, inner=rested)


def _observed(
    context: ProbeContext, rested: Rested, polite: PoliteEchoes, subject: str, since_s: float
) -> ProbeYield:
    """Return the answer after the rest, or how the connection had ended by then.

    Raises:
        CannotRun: budget_spent: the rest was cut; politeness_limit; earlier_step_failed: TLS.
    """
    if rested.cut:
        detail = f"the rest of {context.site.network.idle_s:g} s: give a longer --budget"
        raise CannotRun(NotRunReason.BUDGET_SPENT, detail)
    failure = polite.echoes.failure
    if rested.ended_at_rest is not None:
        kind = _KINDS.get(rested.ended_at_rest, FailureKind.UNEXPECTED)
        return context.failed(
            _NAME, kind, Operation.RECEIVE, subject=subject, part=Part.HOST, since_s=since_s
        )
    if polite.echoes.answers:
        answer_s = polite.echoes.answers[0].answer_s
        return context.measured(
            _NAME, answer_s, "s", subject=subject, part=Part.HOST, since_s=since_s
        )
    if failure is None:
        refusal = polite.refusal
        reason = refusal.reason if refusal else NotRunReason.EARLIER_STEP_FAILED
        raise CannotRun(reason, refusal.detail if refusal else "no connection to rest on")
    return context.failed(
        _NAME,
        failure.failure,
        failure.operation,
        waited_s=failure.waited_s,
        subject=subject,
        part=Part.HOST,
        since_s=since_s,
    )


PROBE = Probe(
    name="idle_wait",
    title="First message after a rest",
    sends="one TCP connect to the host, a rest of minutes, then echo tests on that connection",
    observables=(Observable(_NAME, "s", "from the first echo test after the rest to its answer"),),
    targets=_targets,
    run=_run,
    effect=Effect.INTERRUPTS_SERVICE,
    typical_s=310.0,
)
