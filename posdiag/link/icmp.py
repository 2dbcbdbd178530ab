"""ICMP echo: datagram sockets of protocol ICMP, or raw sockets where only those are allowed."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import time
from types import TracebackType
from typing import NamedTuple, Self

from posdiag.link.deadline import Deadline
from posdiag.link.failures import link_error
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation

PAYLOAD_BYTES = 16
"""Random bytes in each request: an answer with others is not ours (nor an earlier series')."""
RECEIVE_BYTES = 65536
_IPV4 = 4
_IDENTIFIER = 0x7064
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_PROBE = 3
_IPV6_MTU_DISCOVER = 23
_IPV6_DONTFRAG = 62


class EchoKind(NamedTuple):
    """Numbers of ICMP echo in one IP version.

    Source: RFC 792 (8 and 0), RFC 4443 (128 and 129).
    """

    request: int
    reply: int


_ECHO: dict[int, EchoKind] = {4: EchoKind(8, 0), 6: EchoKind(128, 129)}


def echo_request(sequence: int, token: bytes, *, version: int = 4) -> bytes:
    """Return one ICMP echo request.

    ``type 1 | code 1 | checksum 2 | identifier 2 | sequence 2 | token``. On datagram sockets Linux
    writes an identifier of its own, so it can't be used to recognise an answer. The checksum of
    version 6 is the kernel's affair: it covers addresses.

    Args:
        sequence: taken modulo 65,536.
        token: bytes that come back unchanged.
        version: of IP.

    Source: RFC 792, RFC 4443.
    """
    kind = _ECHO[version].request
    tail = struct.pack("!HH", _IDENTIFIER, sequence & 0xFFFF) + token
    check = _checksum(bytes((kind, 0, 0, 0)) + tail) if version == _IPV4 else 0
    return struct.pack("!BBH", kind, 0, check) + tail


def _checksum(data: bytes) -> int:
    """Return the one's complement sum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def reply_sequence(datagram: bytes, token: bytes, *, version: int = 4) -> int | None:
    """Return which of our requests a datagram answers, None if it is none of them.

    Raw sockets, and macOS always, hand out the IPv4 header too: a first byte of 0x45 or more is a
    header (an echo reply begins with 0x00).
    """
    if version == _IPV4 and datagram and datagram[0] >> 4 == _IPV4:
        datagram = datagram[(datagram[0] & 0x0F) * 4 :]
    if len(datagram) < 8 or datagram[0] != _ECHO[version].reply or datagram[1]:
        return None
    if datagram[8:] != token:
        return None
    return int.from_bytes(datagram[6:8])


class Pinger:
    """Echo requests to one address. Use it as a context manager.

    Attributes:
        socket: open; ``echo_series`` sends on it too.
        token: what comes back in every answer.
        version: of IP.
    """

    def __init__(
        self,
        address: str,
        *,
        interface: str | None = None,
        payload_bytes: int = PAYLOAD_BYTES,
        whole: bool = False,
    ) -> None:
        """Open the socket; nothing is sent.

        Args:
            address: an IP address, no name.
            interface: send by this interface only (Linux), None: by the system's choice.
            payload_bytes: size of each request without its headers, 16 or more.
            whole: set "don't fragment", whatever the system has learned about the path.

        Raises:
            CannotRun: no_permission where the system reserves ICMP for administrators (Linux:
                ``net.ipv4.ping_group_range``), unsupported where it has no such sockets or can't
                bind to an interface or forbid fragments.
            LinkError: unreachable, not_found (no such interface).
        """
        self.version = ipaddress.ip_address(address).version
        self.socket = _open_socket(self.version)
        self.token = os.urandom(PAYLOAD_BYTES) + bytes(max(0, payload_bytes - PAYLOAD_BYTES))
        self._sequence = 0
        try:
            if interface is not None:
                bind_to_interface(self.socket, interface)
            if whole:
                forbid_fragments(self.socket, self.version)
            self.socket.connect((address, 0))
        except OSError as error:
            self.socket.close()
            raise link_error(error, Operation.PING) from error
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def round_trip(self, limit_s: float, deadline: Deadline) -> float:
        """Send one request and return the seconds until its answer.

        Args:
            limit_s: seconds after which silence is a fact.
            deadline: end of the run's budget.

        Raises:
            LinkError: silent, censored, unreachable, unexpected (among others: the interface takes
                no packet of that size); operation ping.
        """
        self._sequence += 1
        request = echo_request(self._sequence, self.token, version=self.version)
        wait_s, censored = deadline.cut(limit_s)
        if wait_s <= 0:
            raise LinkError(FailureKind.CENSORED, Operation.PING, waited_s=0.0)
        try:
            sent_s = time.perf_counter()
            self.socket.send(request)
            while (left_s := wait_s - (time.perf_counter() - sent_s)) > 0:
                self.socket.settimeout(left_s)
                datagram = self.socket.recv(RECEIVE_BYTES)
                came_s = time.perf_counter()
                number = reply_sequence(datagram, self.token, version=self.version)
                if number == self._sequence & 0xFFFF:
                    return came_s - sent_s
        except TimeoutError:
            pass
        except OSError as error:
            raise link_error(error, Operation.PING) from error
        kind = FailureKind.CENSORED if censored else FailureKind.SILENT
        raise LinkError(kind, Operation.PING, waited_s=wait_s)


def bind_to_interface(link: socket.socket, interface: str) -> None:
    """Make a socket use one interface only.

    Raises:
        CannotRun: unsupported where the system can't, no_permission where it won't.
        OSError: no such interface.
    """
    option: int | None = getattr(socket, "SO_BINDTODEVICE", None)
    if option is None:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"binding to {interface}")
    try:
        link.setsockopt(socket.SOL_SOCKET, option, interface.encode() + b"\0")
    except PermissionError as error:
        raise CannotRun(NotRunReason.NO_PERMISSION, f"binding to {interface}") from error


def forbid_fragments(link: socket.socket, version: int) -> None:
    """Make every packet of a socket travel whole or not at all.

    ``IP_PMTUDISC_PROBE`` sets DF and ignores what the system has learned about the path, so that a
    packet larger than that is sent all the same.

    Raises:
        CannotRun: unsupported: the system can't.

    Source: ip(7), IP_MTU_DISCOVER; ipv6(7); Linux ``linux/in6.h``, IPV6_DONTFRAG 62.
    """
    import sys

    if sys.platform != "linux":
        raise CannotRun(NotRunReason.UNSUPPORTED, "packets that must not be cut")
    if version == _IPV4:
        link.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE)
        return
    link.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IP_PMTUDISC_PROBE)
    link.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)


def _open_socket(version: int) -> socket.socket:
    """Return a datagram socket, or a raw one for those who may have only that."""
    ip6 = version != _IPV4
    family = socket.AF_INET6 if ip6 else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if ip6 else socket.IPPROTO_ICMP
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError as error:
        refusal = CannotRun(NotRunReason.NO_PERMISSION, "ICMP echo (net.ipv4.ping_group_range)")
        refusal.__cause__ = error
    except OSError as error:
        refusal = CannotRun(NotRunReason.UNSUPPORTED, "ICMP echo without privilege")
        refusal.__cause__ = error
    try:
        return socket.socket(family, socket.SOCK_RAW, protocol)
    except OSError:
        raise refusal from None
