"""A series of round trips to one address: how long they take and how many get lost."""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.echo_series import ANSWER_LIMIT_S, Echoes, echo_series
from posdiag.link.failures import link_error
from posdiag.link.icmp import Pinger
from posdiag.link.sockets import handshake_rtt_s, numeric_target, open_socket
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation

LIMIT_S = 1.0
"""Default wait for one round trip. A lost SYN is sent again after 1 s, so it counts as lost too."""
PAUSE_S = 0.02
WALL_S = 7.0
"""No round trip of a usual series begins later than this after the first: a dead or slow target
costs no more than that."""
USUAL_COUNT = 300
"""A series of more was asked for on purpose: it takes as long as it takes."""
LIKELY_PORTS = (80, 443, 53)
"""TCP ports on which a router usually answers, be it with a refusal."""
_LIKELY_LIMIT_S = 1.2
"""Three tries take longer than Linux needs to find out that nobody answers ARP (3 x 1 s)."""
_DNS_PORT = 53
_DNS_BYTES = 4096

_LOST = frozenset(
    {
        FailureKind.SILENT,
        FailureKind.UNREACHABLE,
        FailureKind.REFUSED,
        FailureKind.RESET,
        FailureKind.PROTOCOL_ERROR,
    }
)
"""Failures of a round trip that are the path's or the target's; all others end the series."""


class Method(StrEnum):
    """How a round trip is taken."""

    ICMP = "icmp"
    TCP = "tcp"
    DNS = "dns"


class Series(NamedTuple):
    """What a series gave.

    Attributes:
        method: how the round trips were taken.
        port: of TCP and DNS round trips, 0 for ICMP.
        samples: seconds of each answered round trip, in order.
        lost: how many were sent and not answered. A round trip that the run's budget cut is
            neither a sample nor lost.
        failure: how the last lost one failed, None if none was lost.
        waited_s: seconds from the first round trip to the end of the last.
        cut: the run's budget ended the series.
        times_s: samples and losses (None) in the order of sending.
    """

    method: Method
    port: int
    samples: list[float]
    lost: int
    failure: FailureKind | None
    waited_s: float
    cut: bool
    times_s: list[float | None]

    @property
    def sent(self) -> int:
        """Return how many round trips were begun and not cut."""
        return len(self.samples) + self.lost


def split_address(text: str) -> tuple[str, int]:
    """Return address and port of ``ip``, ``ip:port`` or ``[ip6]:port``; port 0 if none is said.

    Raises:
        CannotRun: not_declared, if the text is no IP address: what is declared can't be used.
    """
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (":" in host and not bracketed):  # a bare address, IPv4 or IPv6
        host, port = text.strip(), "0"
    host = host.strip("[]")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"not an address: {text}") from error
    return host, number


def take_series(
    target: str,
    method: str,
    *,
    count: int,
    deadline: Deadline,
    interface: str | None = None,
    limit_s: float | None = None,
    wall_s: float | None = None,
) -> Series:
    """Take round trips and return what they gave.

    Echoes are sent 20 ms apart (less often on a slow line), whether earlier ones have been answered
    or not, and timed by the kernel where it tells; others are taken one after the other.

    A TCP round trip is a connect and an orderly close, as long as the kernel says where it does
    (Linux); a refusal (RST) came back from the target and is a round trip like any other. A DNS
    round trip is one query over UDP; any answer to it counts, whatever it says. An ICMP round
    trip is an echo.

    ``auto`` takes TCP where the target names a port; else ICMP; where ICMP is not allowed, TCP to
    the first of a router's usual ports that answers. If none of these guesses does, nothing is
    known about the target, since a firewall may drop what nobody promised to answer.

    Args:
        target: ``ip``, ``ip:port``, ``[ip6]:port``; no names.
        method: ``auto``, ``icmp``, ``tcp``, ``dns``.
        count: how many, at least 1. Fewer are sent where they take longer than ``wall_s``, or
            where the run's budget ends: then ``sent`` says how many.
        deadline: end of the run's budget.
        interface: use this interface only.
        limit_s: wait for each; None: 4 s for an echo, else 1 s (a lost SYN is sent again then).
        wall_s: no round trip begins later than this after the first; None: 7 s, without
            end for a series of more than 300.

    Raises:
        CannotRun: no_permission, unsupported, not_declared (no usable address), budget_spent
            (nothing was left to begin with).
        LinkError: unreachable where the search for a port says so; not_found (no such
            interface, ICMP), unexpected: faults of this machine, not of the path.
    """
    if deadline.passed():
        raise CannotRun(NotRunReason.BUDGET_SPENT, target)
    address, port = split_address(target)
    if wall_s is None:
        wall_s = WALL_S if count <= USUAL_COUNT else float("inf")
    with ExitStack() as open_links:
        pinger, refusal = _pinger(open_links, address, port, method, interface)
        if pinger is not None:
            limit_s = ANSWER_LIMIT_S if limit_s is None else limit_s
            return _echoes(pinger, count=count, deadline=deadline, limit_s=limit_s, wall_s=wall_s)
        chosen, port, once = _choose(
            open_links,
            address,
            port,
            method,
            interface=interface,
            deadline=deadline,
            refusal=refusal,
        )
        return _repeat(
            once,
            method=chosen,
            port=port,
            count=count,
            deadline=deadline,
            limit_s=LIMIT_S if limit_s is None else limit_s,
            wall_s=wall_s,
        )


_RoundTrip = Callable[[float, Deadline], float]
_SocketAddress = tuple[str, int] | tuple[str, int, int, int]


def _pinger(
    open_links: ExitStack, address: str, port: int, method: str, interface: str | None
) -> tuple[Pinger | None, CannotRun | None]:
    """Return what sends echoes, where these are wanted; None and why not, where others will do.

    Raises:
        CannotRun: nothing but echoes is wanted, and they cannot be had.
    """
    if method != Method.ICMP and (method != "auto" or port):
        return None, None
    try:
        return open_links.enter_context(Pinger(address, interface=interface)), None
    except CannotRun as refused:
        if method == Method.ICMP:
            raise
        return None, refused


def _echoes(
    pinger: Pinger, *, count: int, deadline: Deadline, limit_s: float, wall_s: float
) -> Series:
    try:
        found: Echoes = echo_series(
            pinger, count=count, limit_s=limit_s, wall_s=wall_s, deadline=deadline
        )
    except LinkError as error:
        if error.kind is FailureKind.PERMISSION:
            raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
        raise
    samples = [time_s for time_s in found.times_s if time_s is not None]
    return Series(
        method=Method.ICMP,
        port=0,
        samples=samples,
        lost=len(found.times_s) - len(samples),
        failure=found.failure,
        waited_s=found.waited_s,
        cut=found.cut,
        times_s=found.times_s,
    )


def _choose(
    open_links: ExitStack,
    address: str,
    port: int,
    method: str,
    *,
    interface: str | None,
    deadline: Deadline,
    refusal: CannotRun | None,
) -> tuple[Method, int, _RoundTrip]:
    """Return method, port and what takes one round trip; sockets are closed with ``open_links``."""
    if method == Method.DNS:
        queries = DnsRoundTrips(address, port or _DNS_PORT, interface)
        open_links.callback(queries.close)
        return Method.DNS, queries.port, queries.round_trip
    port = port or _likely_port(address, interface, deadline, refusal)

    def connect(limit_s: float, deadline: Deadline) -> float:
        return tcp_round_trip(address, port, limit_s, deadline, interface=interface)

    return Method.TCP, port, connect


def _repeat(
    once: _RoundTrip,
    *,
    method: Method,
    port: int,
    count: int,
    deadline: Deadline,
    limit_s: float,
    wall_s: float,
) -> Series:
    began_s = time.monotonic()
    times: list[float | None] = []
    failure = None
    cut = False
    while len(times) < count and time.monotonic() - began_s < wall_s:
        try:
            times.append(once(limit_s, deadline))
        except LinkError as error:
            if error.kind is FailureKind.CENSORED:
                cut = True
                break
            if error.kind is FailureKind.PERMISSION:
                raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
            if error.kind not in _LOST:
                raise
            times.append(None)
            failure = error.kind
        time.sleep(min(PAUSE_S, deadline.remaining_s()))
    samples = [time_s for time_s in times if time_s is not None]
    lost = len(times) - len(samples)
    waited_s = time.monotonic() - began_s
    return Series(method, port, samples, lost, failure, waited_s, cut, times)


def tcp_round_trip(
    address: str, port: int, limit_s: float, deadline: Deadline, *, interface: str | None = None
) -> float:
    """Connect, close, and return the seconds until the target answered (accepted or refused).

    Raises:
        CannotRun: unsupported or no_permission: can't bind to the interface.
        LinkError: silent, censored, unreachable, permission, unexpected.
    """
    wait_s, censored = deadline.cut(limit_s)
    if wait_s <= 0:
        raise LinkError(FailureKind.CENSORED, Operation.CONNECT, waited_s=0.0)
    link, destination = _open(socket.SOCK_STREAM, address, port, interface, Operation.CONNECT)
    with link:
        link.settimeout(wait_s)
        sent_s = time.perf_counter()
        try:
            link.connect(destination)
            came_s = time.perf_counter()
        except ConnectionRefusedError:
            return time.perf_counter() - sent_s
        except TimeoutError as error:
            kind = FailureKind.CENSORED if censored else FailureKind.SILENT
            raise LinkError(kind, Operation.CONNECT, waited_s=wait_s) from error
        except OSError as error:
            raise link_error(error, Operation.CONNECT) from error
        return handshake_rtt_s(link) or came_s - sent_s


class DnsRoundTrips:
    """Queries to one name server, one per round trip, over one socket."""

    def __init__(self, address: str, port: int, interface: str | None = None) -> None:
        """Open the socket; nothing is sent.

        Raises:
            CannotRun: unsupported or no_permission: can't bind to the interface.
            LinkError: unreachable, unexpected.
        """
        self.port = port
        self._socket, destination = _open(
            socket.SOCK_DGRAM, address, port, interface, Operation.RESOLVE
        )
        try:
            self._socket.connect(destination)
        except OSError as error:
            self._socket.close()
            raise link_error(error, Operation.RESOLVE) from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def round_trip(self, limit_s: float, deadline: Deadline) -> float:
        """Ask for the root's name servers, not recursively, and return the seconds until an answer.

        A forwarder answers that by itself, so that no one behind it is measured too. Datagrams
        that are no answer to this query are passed over.

        Raises:
            LinkError: silent, censored, refused (nothing listens), unreachable, unexpected.
        """
        import dns.flags
        import dns.message

        query = dns.message.make_query(".", "NS", id=int.from_bytes(os.urandom(2)))
        query.flags &= ~dns.flags.RD
        data = query.to_wire()
        wait_s, censored = deadline.cut(limit_s)
        if wait_s <= 0:
            raise LinkError(FailureKind.CENSORED, Operation.RESOLVE, waited_s=0.0)
        try:
            sent_s = time.perf_counter()
            self._socket.send(data)
            while (left_s := wait_s - (time.perf_counter() - sent_s)) > 0:
                self._socket.settimeout(left_s)
                datagram = self._socket.recv(_DNS_BYTES)
                came_s = time.perf_counter()
                if _answers(query.id, datagram):
                    return came_s - sent_s
        except TimeoutError:
            pass
        except OSError as error:
            raise link_error(error, Operation.RESOLVE) from error
        kind = FailureKind.CENSORED if censored else FailureKind.SILENT
        raise LinkError(kind, Operation.RESOLVE, waited_s=wait_s)


def _answers(query_id: int, datagram: bytes) -> bool:
    """Return whether a datagram is an answer (QR set) to the query of this id, complete or not.

    Source: RFC 1035, 4.1.1.
    """
    return len(datagram) >= 4 and datagram[:2] == query_id.to_bytes(2) and datagram[2] >= 0x80


def _likely_port(
    address: str, interface: str | None, deadline: Deadline, refusal: CannotRun | None
) -> int:
    """Return the first of a router's usual TCP ports that answers.

    Raises:
        CannotRun: the refusal of ICMP, or unsupported: none answers, which proves nothing.
        LinkError: unreachable: the network says that the address is not there.
    """
    for port in LIKELY_PORTS:
        try:
            tcp_round_trip(address, port, _LIKELY_LIMIT_S, deadline, interface=interface)
        except LinkError as error:
            if error.kind is FailureKind.CENSORED:
                raise CannotRun(NotRunReason.BUDGET_SPENT, address) from error
            if error.kind is not FailureKind.SILENT:
                raise
        else:
            return port
    silent = f"{address}: no TCP port of {', '.join(map(str, LIKELY_PORTS))} answers"
    if refusal is None:
        raise CannotRun(NotRunReason.UNSUPPORTED, silent)
    raise CannotRun(refusal.reason, f"{refusal.detail}; {silent}")


def _open(
    kind: socket.SocketKind, address: str, port: int, interface: str | None, operation: Operation
) -> tuple[socket.socket, _SocketAddress]:
    """Return a fresh socket and what it is to connect to."""
    try:
        target = numeric_target(address, port)
        return open_socket(target.family, kind, interface), target.socket_address
    except OSError as error:
        raise link_error(error, operation) from error
