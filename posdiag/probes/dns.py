"""Asks each name server for the name of the acquirer's host, as the terminal would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from posdiag.link.reach import (
    Resolver,
    endpoint,
    is_address,
    is_away,
    is_out_of_reach,
    reachable_acquirer,
    resolvers,
)
from posdiag.link.side_by_side import side_by_side
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason, Part, Unmeasured
from posdiag.model.site import HostRole, Site, StepLimits
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

if TYPE_CHECKING:
    from posdiag.wire.name_lookup import NameLookupConversation

KNOWN_NAME = "a.root-servers.net"
"""Asked where no host is known: a name that every name server of the internet can find."""
_ADDRESSES, _AGREE = "name_lookup.addresses", "name_lookup.agree"
_FIRST, _OTHER = "name_lookup.time", "name_lookup.other_time"


def _name(site: Site) -> str:
    """Return the name to ask for: the primary host's, else another of the acquirer's.

    Raises:
        CannotRun: not_reachable_from_here: the host's name belongs to a network that ends
            elsewhere; not_applicable: all hosts are numbers; not_declared: a simulated site
            without a host.
    """
    if site.acquirer is None:
        if site.simulated:
            raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer")
        return KNOWN_NAME
    reachable_acquirer(site)
    primary = endpoint(site, HostRole.PRIMARY)
    if primary is None:
        return KNOWN_NAME
    if not is_address(primary.address):
        return primary.address
    others = (endpoint(site, role) for role in (HostRole.BACKUP, HostRole.TMS))
    names = [host.address for host in others if host and not is_address(host.address)]
    if not site.network.resolvers or not names:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, f"the host is an address: {primary.address}")
    return names[0]


def _targets(site: Site) -> list[str]:
    _name(site)
    found = resolvers(site)
    if not found:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.resolvers; the system has none")
    asked = [resolver for resolver in found if not is_out_of_reach(site, resolver)]
    if not asked:
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    return [str(resolver) for resolver in asked]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    site = context.site
    _targets(site)
    name, limits = _name(site), site.acquirer.limits if site.acquirer else StepLimits()
    asked: list[tuple[str, Resolver]] = []
    for number, resolver in enumerate(resolvers(site)):
        observation = _OTHER if number else _FIRST
        if is_out_of_reach(site, resolver):
            yield Unmeasured(
                name=observation,
                subject=str(resolver),
                reason=NotRunReason.NOT_REACHABLE_FROM_HERE,
                detail=f"laptop_at = {site.laptop_at}",
            )
        else:
            asked.append((observation, resolver))
    from posdiag.link import names

    since_s = context.now_s()

    def ask(resolver: Resolver) -> Callable[[], NameLookupConversation]:
        return lambda: names.ask(name, resolver, limits, context.deadline)

    results = side_by_side([ask(resolver) for _, resolver in asked])
    for (observation, resolver), result in zip(asked, results, strict=True):
        yield _observed(context, observation, resolver, result, since_s)
    yield from _answers(context, asked, results, since_s)


def _answers(
    context: ProbeContext,
    asked: list[tuple[str, Resolver]],
    results: list[NameLookupConversation | LinkError | CannotRun],
    since_s: float,
) -> Iterator[ProbeYield]:
    """Yield what each name server answered, and whether they agree on any address."""
    part = Part.LAPTOP if is_away(context.site) else Part.SHOP_NETWORK
    told: list[set[str]] = []
    for (_, resolver), result in zip(asked, results, strict=True):
        if isinstance(result, LinkError | CannotRun) or not result.addresses:
            continue
        told.append(set(result.addresses))
        addresses: list[float | str] = [*result.addresses]
        yield context.measured(
            _ADDRESSES, addresses, subject=str(resolver), part=part, since_s=since_s
        )
    if len(told) > 1:
        # Large hosts give several addresses in turn: only answers without a common one differ.
        agree = all(one & told[0] for one in told[1:])
        yield context.measured(_AGREE, agree, part=part, since_s=since_s)


def _observed(
    context: ProbeContext,
    observation: str,
    resolver: Resolver,
    result: NameLookupConversation | LinkError | CannotRun,
    since_s: float,
) -> ProbeYield:
    subject = str(resolver)
    part = Part.LAPTOP if is_away(context.site) else Part.SHOP_NETWORK
    if isinstance(result, CannotRun):
        return Unmeasured(
            name=observation, subject=subject, reason=result.reason, detail=result.detail
        )
    if isinstance(result, LinkError):
        failed = result.as_failed()
    elif result.failure is not None:
        failed = result.failure
    else:
        return context.measured(
            observation, result.answer_s or 0.0, "s", subject=subject, part=part, since_s=since_s
        )
    return context.failed(
        observation,
        failed.failure,
        failed.operation,
        detail=failed.detail,
        waited_s=failed.waited_s,
        subject=subject,
        part=part,
        since_s=since_s,
    )


PROBE = Probe(
    name="dns",
    title="Name servers",
    sends="a query for the host's name to each name server, again where it stays silent",
    observables=(
        Observable(_FIRST, "s", "from the first query to the answer of the first name server"),
        Observable(_OTHER, "s", "the same of each further name server", "there is only one"),
        Observable(_ADDRESSES, "", "what a name server answered"),
        Observable(_AGREE, "", "the answers have an address in common", "fewer than two answers"),
    ),
    targets=_targets,
    run=_run,
    typical_s=1.0,
)
