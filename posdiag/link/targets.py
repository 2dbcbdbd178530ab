"""Whom path measurements are addressed to: the shop's gateway, and a reference beyond it."""

from __future__ import annotations

import ipaddress

from posdiag.link.interfaces import default_routes
from posdiag.link.reach import is_away
from posdiag.link.round_trips import split_address
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Site


def gateway_address(site: Site) -> str:
    """Return the gateway: the site's, else the one of the laptop's default route.

    Raises:
        CannotRun: not_reachable_from_here, not_declared, not_applicable, unsupported.
    """
    if is_away(site):
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    if site.network.gateway:
        return site.network.gateway
    if site.simulated:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.gateway")
    wanted = site.network.interface
    routes = [one for one in default_routes() if wanted in (None, one.interface)]
    if not routes:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.gateway; there is no default route")
    if not routes[0].gateway:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, f"{routes[0].interface} has no gateway")
    return routes[0].gateway


def reference_address(site: Site) -> str:
    """Return the reference, with its port where the site names one.

    Raises:
        CannotRun: not_declared; politeness_limit: it is one of the acquirer's own hosts, which
            must not be asked in series.
    """
    text = site.network.reference
    if not text:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.reference")
    address, port = split_address(text)
    for host in site.acquirer.hosts if site.acquirer else []:
        same = host.address == address and port in (0, host.port)
        if same or (host.address == address and not ipaddress.ip_address(address).is_loopback):
            raise CannotRun(NotRunReason.POLITENESS_LIMIT, f"{text} is a host of the acquirer")
    return text
