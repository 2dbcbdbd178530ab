"""Sockets for the drivers: opened without blocking, bound to an interface, asked for their rtt."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import NamedTuple

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

_TCPI_RTT = 68
_TCPI_TOTAL_RETRANS = 100
_MAC_IP_BOUND_IF = 25
_MAC_IPV6_BOUND_IF = 125
_WINDOWS_UNICAST_IF = 31


class Target(NamedTuple):
    """A numeric address, ready for ``connect``.

    Attributes:
        family: ``AF_INET`` or ``AF_INET6``.
        socket_address: what ``connect`` takes.
    """

    family: socket.AddressFamily
    socket_address: tuple[str, int] | tuple[str, int, int, int]


def numeric_target(address: str, port: int) -> Target:
    """Return the target of an IP address; a name is refused, never looked up.

    Raises:
        ValueError: the address is not numeric (our bug: names are looked up by a conversation).
    """
    try:
        found = socket.getaddrinfo(
            address, port, flags=socket.AI_NUMERICHOST, type=socket.SOCK_STREAM
        )
    except socket.gaierror:
        raise ValueError("not a numeric address") from None
    family, _, _, _, socket_address = found[0]
    return Target(family, socket_address)  # type: ignore[arg-type]  # AF_INET and AF_INET6 only


def open_socket(
    family: socket.AddressFamily, kind: socket.SocketKind, interface: str | None
) -> socket.socket:
    """Return a new non-blocking socket, bound to the interface where one is named.

    Args:
        family: of the target.
        kind: stream or datagram.
        interface: a name (``eth0``) or one of this machine's own addresses; None: the system's
            choice.

    Raises:
        CannotRun: the interface cannot be bound to.
        OSError: no socket can be had.
    """
    made = socket.socket(family, kind)
    try:
        made.settimeout(0)
        if kind is socket.SOCK_STREAM:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if interface is not None:
            _bind_interface(made, family, interface)
    except BaseException:
        made.close()
        raise
    return made


def _bind_interface(made: socket.socket, family: socket.AddressFamily, interface: str) -> None:
    try:
        if _is_address(interface):
            made.bind((interface, 0))
            return
        if sys.platform == "linux":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        else:
            _bind_by_index(made, family, socket.if_nametoindex(interface))
    except PermissionError as error:
        raise CannotRun(NotRunReason.NO_PERMISSION, f"bind to {interface}") from error
    except OSError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"bind to {interface}") from error


def _bind_by_index(made: socket.socket, family: socket.AddressFamily, index: int) -> None:
    """Bind where interfaces are named by index.

    Source: Darwin ``netinet/in.h`` (IP_BOUND_IF 25, IPV6_BOUND_IF 125); Microsoft, "IPPROTO_IP
    socket options" (IP_UNICAST_IF 31, index in network order; IPV6_UNICAST_IF in host order).
    """
    ip6 = family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if ip6 else socket.IPPROTO_IP
    if sys.platform == "darwin":
        made.setsockopt(level, _MAC_IPV6_BOUND_IF if ip6 else _MAC_IP_BOUND_IF, index)
    else:
        order = sys.byteorder if ip6 else "big"
        made.setsockopt(level, _WINDOWS_UNICAST_IF, index.to_bytes(4, order))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def handshake_rtt_s(connected: socket.socket) -> float | None:
    """Return the round trip of the TCP handshake as the kernel measured it, None if unknown.

    Our own clock also counts how long this process waited for the processor, which under load is
    far more than the network. If the SYN had to be repeated the kernel's figure hides the wait,
    so there it is None too.

    Source: Linux ``struct tcp_info``: ``tcpi_rtt`` (µs) at offset 68, ``tcpi_total_retrans`` at
    100.
    """
    if sys.platform != "linux":
        return None
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:
        return None
    if len(told) < 104 or int.from_bytes(told[_TCPI_TOTAL_RETRANS:104], sys.byteorder):
        return None
    rtt_us = int.from_bytes(told[_TCPI_RTT : _TCPI_RTT + 4], sys.byteorder)
    return rtt_us / 1e6 if rtt_us else None


def syn_repeats(connecting: socket.socket) -> int | None:
    """Return how often the SYN was sent again, None if the system does not say.

    Only meaningful until data is sent: later it counts other segments too.

    Source: Linux ``struct tcp_info``: ``tcpi_total_retrans`` at offset 100.
    """
    if sys.platform != "linux":
        return None
    try:
        told = connecting.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:
        return None
    if len(told) < 104:
        return None
    return int.from_bytes(told[_TCPI_TOTAL_RETRANS:104], sys.byteorder)


def segment_bytes(connected: socket.socket) -> int | None:
    """Return how many bytes of ours one full packet of a connection carries, None if unknown.

    Both ends' limits, what the system has learned about the path and our TCP options are in it.

    Source: tcp(7), TCP_MAXSEG.
    """
    option: int | None = getattr(socket, "TCP_MAXSEG", None)
    if option is None:
        return None
    try:
        return connected.getsockopt(socket.IPPROTO_TCP, option) or None
    except OSError:
        return None
