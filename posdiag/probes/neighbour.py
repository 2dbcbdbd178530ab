"""Whether an address of the shop's network is used twice: the laptop's own, the gateway's."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from posdiag.link import interfaces
from posdiag.link.arp import owners_of
from posdiag.link.reach import is_away
from posdiag.link.round_trips import split_address
from posdiag.link.targets import gateway_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason, Part, Unmeasured
from posdiag.model.site import Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

_OWN, _GATEWAY = "neighbour.own_address_owners", "neighbour.gateway_owners"


def _addresses(site: Site) -> tuple[str, str, str]:
    """Return the interface, its own IPv4 address and the gateway, empty where there is none.

    Raises:
        CannotRun: not_reachable_from_here, not_applicable.
    """
    if is_away(site):
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    try:
        every = interfaces.interfaces()
        chosen = interfaces.choose_interface(
            every, interfaces.default_routes(), site.network.interface
        )
    except LinkError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, error.detail) from error
    own = [one for one in chosen.addresses if ":" not in one] if chosen else []
    if chosen is None or not own:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "no IPv4 address")
    try:
        gateway, _port = split_address(gateway_address(site))
    except CannotRun:
        gateway = ""
    if gateway and ipaddress.ip_address(gateway).version != 4:
        gateway = ""
    return chosen.name, own[0], gateway


def _targets(site: Site) -> list[str]:
    _interface, own, gateway = _addresses(site)
    return [one for one in (own, gateway) if one]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    interface, own, gateway = _addresses(context.site)
    for name, address in ((_OWN, own), (_GATEWAY, gateway)):
        if not address:
            reason = NotRunReason.NOT_DECLARED
            yield Unmeasured(name=name, reason=reason, detail="there is no gateway")
            continue
        since_s = context.now_s()
        try:
            owners = owners_of(address, interface, context.deadline)
        except LinkError as error:
            raise CannotRun(
                NotRunReason.EARLIER_STEP_FAILED, f"{interface}: {error.kind}"
            ) from error
        yield context.measured(
            name,
            len(owners),
            "count",
            subject=address,
            part=Part.SHOP_NETWORK,
            since_s=since_s,
        )


PROBE = Probe(
    name="neighbour",
    title="Addresses used twice",
    sends="three ARP probes each for the laptop's own address and the gateway's, to the shop's LAN",
    observables=(
        Observable(_OWN, "count", "other devices that claim the laptop's own address"),
        Observable(_GATEWAY, "count", "devices that claim the gateway's address"),
    ),
    targets=_targets,
    run=_run,
    needs_laptop=True,
    typical_s=6.0,
)
