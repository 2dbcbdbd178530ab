"""The laptop's own network: interfaces, default route, name servers. Reads, never sends."""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
from pathlib import Path
from typing import Literal, NamedTuple

from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation

AddressKind = Literal["private", "public", "self_assigned", "none"]

_ROUTE_TABLE = Path("/proc/net/route")
_RTF_UP = 0x1
_RTF_REJECT = 0x200
_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104  (the destination of a default route, nothing is bound)


class DefaultRoute(NamedTuple):
    """Where packets for the rest of the world go.

    Attributes:
        interface: name that psutil knows too, as far as the system says it.
        gateway: IPv4 address; empty where the link has no gateway (PPP, a VPN's tunnel).
    """

    interface: str
    gateway: str


class InterfaceState(NamedTuple):
    """One network interface as the system sees it.

    Attributes:
        up: administratively up and with carrier (cable in, wireless joined).
        loopback: it leads nowhere but to this machine.
        addresses: IPv4 and IPv6 addresses without zone and prefix.
        speed_mbit: negotiated speed; None where the driver does not say.
        packets: packets in and out since boot; None where the system does not count.
        faulty: errors and drops, in and out, since boot; None where the system does not count.
        duplex: full, half, or empty where the driver does not say.
    """

    name: str
    up: bool
    loopback: bool
    addresses: tuple[str, ...]
    speed_mbit: int | None
    packets: int | None
    faulty: int | None
    duplex: str = ""


def parse_route_table(text: str) -> list[DefaultRoute]:
    """Return the default routes in Linux's ``/proc/net/route``, lowest metric first.

    ``eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0``: interface, destination, gateway, flags,
    reference count, use, metric, mask; addresses are 32-bit words in the machine's byte order.
    Lines that do not read so are left out.

    Source: Linux ``net/ipv4/fib_trie.c``, ``fib_route_seq_show``; flags in ``linux/route.h``.
    """
    found: list[tuple[int, DefaultRoute]] = []
    for line in text.splitlines()[1:]:
        columns = line.split()
        try:
            destination, gateway, flags, mask = (int(columns[n], 16) for n in (1, 2, 3, 7))
            metric = int(columns[6])
        except (ValueError, IndexError):
            continue
        if destination or mask or not flags & _RTF_UP or flags & _RTF_REJECT:
            continue
        address = socket.inet_ntoa(struct.pack("=I", gateway)) if gateway else ""
        found.append((metric, DefaultRoute(columns[0], address)))
    return [route for _, route in sorted(found, key=lambda entry: entry[0])]


def default_routes() -> list[DefaultRoute]:
    """Return the IPv4 default routes, the one that is used first; empty where there is none.

    Linux's own table is read where it is there (it is quick and lists a second default route, such
    as a VPN's); elsewhere scapy's route table names the one in use.

    Raises:
        CannotRun: unsupported, where the system keeps its routes from us.
    """
    try:
        return parse_route_table(_ROUTE_TABLE.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return _default_route_by_scapy()


def _default_route_by_scapy() -> list[DefaultRoute]:
    """Ask scapy's route table, which knows Windows, macOS and the BSDs; needs no privilege."""
    # Scapy logs about interfaces without addresses and the like: nothing for our readers.
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    try:
        import scapy.route  # noqa: F401  (fills conf.route)
        from scapy.config import conf
        from scapy.error import Scapy_Exception
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "scapy") from error
    try:
        interface, _own, gateway = conf.route.route(_ALL_ADDRESSES, verbose=0)
        name = _readable_name(str(interface))
        loopback = str(conf.loopback_name)
    except (OSError, ValueError, LookupError, AttributeError, Scapy_Exception) as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"route table: {type(error).__name__}") from error
    if str(interface) == loopback:  # what scapy answers when it has no route
        return []
    return [DefaultRoute(name, "" if gateway == _ALL_ADDRESSES else str(gateway))]


def _readable_name(interface: str) -> str:
    r"""Return the name that psutil uses; scapy's is ``\Device\NPF_{...}`` on Windows."""
    from scapy.config import conf

    try:
        return str(conf.ifaces.dev_from_networkname(interface).name)
    except (ValueError, AttributeError):
        return interface


def system_resolvers() -> list[str]:
    """Return the addresses of the system's name servers, in its order; empty where it has none.

    Raises:
        CannotRun: package_missing, where dnspython is not installed.
    """
    try:
        from dns.exception import DNSException
        from dns.resolver import Resolver
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "dnspython") from error
    try:
        servers = Resolver().nameservers
    except (DNSException, OSError):  # no resolv.conf, or one that names no server
        return []
    addresses = [server if isinstance(server, str) else str(server) for server in servers]
    return [address for address in addresses if _is_ip(address)]


def interfaces() -> list[InterfaceState]:
    """Return every interface of this machine, in the order of the names.

    Raises:
        LinkError: permission or unexpected, where the system refuses to tell.
    """
    import psutil

    try:
        states = psutil.net_if_stats()
        addresses = psutil.net_if_addrs()
        counters = psutil.net_io_counters(pernic=True, nowrap=False)
    except PermissionError as error:
        raise LinkError(FailureKind.PERMISSION, Operation.READ_SYSTEM, str(error)) from error
    except OSError as error:
        raise LinkError(FailureKind.UNEXPECTED, Operation.READ_SYSTEM, str(error)) from error
    found = []
    for name, state in sorted(states.items()):
        families = (socket.AF_INET, socket.AF_INET6)
        own = [one for one in addresses.get(name, []) if one.family in families]
        bare = tuple(one.address.partition("%")[0] for one in own)
        count = counters.get(name)
        found.append(
            InterfaceState(
                name=name,
                up=state.isup,
                loopback=_is_loopback(state.flags, bare),
                addresses=bare,
                speed_mbit=state.speed or None,
                packets=count and count.packets_sent + count.packets_recv,
                duplex=_duplex(int(state.duplex)),
                faulty=count and count.errin + count.errout + count.dropin + count.dropout,
            )
        )
    return found


def _duplex(number: int) -> str:
    """Return psutil's number as a word (NIC_DUPLEX_FULL 2, NIC_DUPLEX_HALF 1)."""
    return {2: "full", 1: "half"}.get(number, "")


def choose_interface(
    every: list[InterfaceState], routes: list[DefaultRoute], wanted: str | None = None
) -> InterfaceState | None:
    """Return the interface that matters.

    The one named by the site; else the one that carries the default route; else the one that is
    nearest to working (up with an address, up without, down), loopback left out.

    Args:
        every: as ``interfaces`` gives them.
        routes: as ``default_routes`` gives them.
        wanted: name in the site file, None where it says nothing.

    Returns:
        None where the machine has nothing but loopback.

    Raises:
        LinkError: not_found, where the named interface is not there.
    """
    by_name = {one.name: one for one in every}
    if wanted is not None:
        if wanted not in by_name:
            raise LinkError(FailureKind.NOT_FOUND, Operation.READ_SYSTEM, wanted)
        return by_name[wanted]
    for route in routes:
        if route.interface in by_name:
            return by_name[route.interface]
    outward = [one for one in every if not one.loopback]
    return max(outward, key=lambda one: (one.up, _RANK[address_kind(one)]), default=None)


def active_count(every: list[InterfaceState]) -> int:
    """Return how many interfaces lead somewhere: up, not loopback, with an address of their own."""
    return sum(one.up and not one.loopback and address_kind(one) != "none" for one in every)


_RANK: dict[AddressKind, int] = {"none": 0, "self_assigned": 1, "public": 2, "private": 3}


def address_kind(state: InterfaceState) -> AddressKind:
    """Return what kind of address an interface has, judged by the best that it has.

    ``self_assigned`` is IPv4 link-local (169.254/16): nobody answered its DHCP requests. An IPv6
    link-local address says nothing, every interface has one. Carrier-grade NAT (100.64/10) and
    unique local IPv6 addresses count as private.

    Source: RFC 3927, RFC 6598, RFC 4193.
    """
    kinds: set[AddressKind] = {"none"}
    for text in state.addresses:
        address = ipaddress.ip_address(text)
        if address.is_unspecified or (address.version == 6 and address.is_link_local):
            continue
        if address.is_link_local:
            kinds.add("self_assigned")
        else:
            kinds.add("public" if address.is_global else "private")
    return max(kinds, key=lambda kind: _RANK[kind])


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_loopback(flags: str, addresses: tuple[str, ...]) -> bool:
    """Return whether an interface is loopback; Windows gives no flags, so addresses decide too."""
    if "loopback" in flags.split(","):
        return True
    return bool(addresses) and all(ipaddress.ip_address(one).is_loopback for one in addresses)
