"""Which hosts and name servers can be asked from where the laptop stands."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from posdiag.link.interfaces import system_resolvers
from posdiag.link.round_trips import split_address
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import AcquirerProfile, HostEndpoint, HostRole, LaptopAt, Reach, Site

_REACHED_FROM = {
    Reach.PUBLIC: frozenset(LaptopAt),
    Reach.PRIVATE_APN: frozenset({LaptopAt.TERMINAL_SIM}),
    Reach.LEASED_LINE: frozenset(
        {LaptopAt.TERMINAL_SIM, LaptopAt.TERMINAL_CABLE, LaptopAt.SAME_LAN}
    ),
}
_AWAY = frozenset({LaptopAt.HOTSPOT, LaptopAt.ELSEWHERE})
_PLACEHOLDER_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
_PLACEHOLDER_NAMES = ("example", "example.com", "example.net", "example.org", "invalid", "test")
_MOST_RESOLVERS = 3
_DNS_PORT = 53


class Resolver(NamedTuple):
    """A name server.

    Attributes:
        address: numeric.
        declared: the site names it, so it is the shop's; else it is the laptop's own choice.
        interface: ask by this interface only; None: by the system's choice.
    """

    address: str
    port: int
    declared: bool
    interface: str | None = None

    def __str__(self) -> str:
        if self.port == _DNS_PORT:
            return self.address
        return (
            f"[{self.address}]:{self.port}"
            if ":" in self.address
            else f"{self.address}:{self.port}"
        )


def is_address(text: str) -> bool:
    """Return whether a host is given as an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_away(site: Site) -> bool:
    """Return whether the laptop is not on the shop's network at all."""
    return site.laptop_at in _AWAY


def is_placeholder(address: str) -> bool:
    """Return whether an address is one that documents use, so that nobody is meant.

    Source: RFC 5737, RFC 3849; RFC 2606.
    """
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        name = address.rstrip(".").lower()
        return any(name == end or name.endswith(f".{end}") for end in _PLACEHOLDER_NAMES)
    return any(number in network for network in _PLACEHOLDER_NETWORKS)


def reachable_acquirer(site: Site) -> AcquirerProfile:
    """Return the acquirer, if the laptop can reach its hosts at all.

    Raises:
        CannotRun: not_declared without an acquirer; not_reachable_from_here where its network ends
            elsewhere (a private APN is reached with the terminal's SIM only, a leased line from the
            shop's network too).
    """
    acquirer = site.acquirer
    if acquirer is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer")
    if site.laptop_at not in _REACHED_FROM[acquirer.reach]:
        raise CannotRun(
            NotRunReason.NOT_REACHABLE_FROM_HERE,
            f"reach = {acquirer.reach}, laptop_at = {site.laptop_at}",
        )
    return acquirer


def endpoint(site: Site, role: HostRole) -> HostEndpoint | None:
    """Return the acquirer's first host of a role that can be addressed; None where there is none.

    Shipped profiles hold placeholders where only the acquirer knows the address; these are left
    out at a real site. The simulated acquirer goes by such a name.
    """
    for host in site.acquirer.hosts if site.acquirer else []:
        if (
            host.role is role
            and host.address
            and (site.simulated or not is_placeholder(host.address))
        ):
            return host
    return None


def resolvers(site: Site) -> list[Resolver]:
    """Return the name servers to ask, in order: the site's, else the system's; at most three.

    Source of three: resolv.conf(5), MAXNS.

    Raises:
        CannotRun: not_declared for something that is no address, and for a simulated site that
            names none (the system's own must not be asked for it).
    """
    texts = site.network.resolvers
    if not texts and site.simulated:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.resolvers")
    found = []
    for text in texts or system_resolvers():
        address, port = split_address(text)
        # A forwarder on this machine is reached over loopback, wherever it asks.
        own = ipaddress.ip_address(address).is_loopback
        interface = None if own else site.network.interface
        found.append(Resolver(address, port or _DNS_PORT, bool(texts), interface))
    return list(dict.fromkeys(found))[:_MOST_RESOLVERS]


def is_out_of_reach(site: Site, resolver: Resolver) -> bool:
    """Return whether it is a name server inside the shop while the laptop is not."""
    return resolver.declared and is_away(site) and ipaddress.ip_address(resolver.address).is_private
