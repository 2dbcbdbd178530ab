"""ICMP echo without privilege: datagram sockets of protocol ICMP, where the system allows them."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import time
from types import TracebackType
from typing import Self

from posdiag.link.deadline import Deadline
from posdiag.link.failures import link_error
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation

PAYLOAD_BYTES = 16
"""Random bytes in each request: an answer with others is not ours (nor an earlier series')."""
_RECEIVE_BYTES = 2048
_IPV4 = 4
_ECHO_REPLY = b"\x00\x00"


def echo_request(sequence: int, token: bytes) -> bytes:
    """Return one ICMP echo request, type 8 code 0.

    ``08 00 | checksum 2 | identifier 2 | sequence 2 | token``. The identifier is 0: on these
    sockets Linux writes its own in its place, so it can't be used to recognise an answer.

    Args:
        sequence: taken modulo 65,536.
        token: bytes that come back unchanged.

    Raises:
        CannotRun: package_missing, where scapy is not installed.

    Source: RFC 792.
    """
    icmp, raw = _scapy_layers()
    return bytes(icmp(type=8, code=0, id=0, seq=sequence & 0xFFFF) / raw(load=token))


def is_echo_reply(datagram: bytes, sequence: int, token: bytes) -> bool:
    """Return whether a datagram is the answer to one request.

    macOS hands out the IP header too, Linux does not: a first byte of 0x45 or more is a header
    (an echo reply begins with 0x00).
    """
    if datagram and datagram[0] >> 4 == _IPV4:
        datagram = datagram[(datagram[0] & 0x0F) * 4 :]
    if len(datagram) < 8 or datagram[:2] != _ECHO_REPLY:  # other types break scapy when cut short
        return False
    icmp, _raw = _scapy_layers()
    packet = icmp(datagram)
    return bool(packet.seq == sequence & 0xFFFF and bytes(packet.payload) == token)


def _scapy_layers() -> tuple[type, type]:
    """Import the two layers; the first time this takes a third of a second."""
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    try:
        from scapy.layers.inet import ICMP
        from scapy.packet import Raw
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "scapy") from error
    return ICMP, Raw


class Pinger:
    """Echo requests to one IPv4 address. Use it as a context manager."""

    def __init__(self, address: str, *, interface: str | None = None) -> None:
        """Open the socket; nothing is sent.

        Args:
            address: an IPv4 address, no name.
            interface: send by this interface only (Linux), None: by the system's choice.

        Raises:
            CannotRun: no_permission where the system reserves ICMP for administrators (Linux:
                ``net.ipv4.ping_group_range``), unsupported where it has no such sockets, where the
                address is IPv6 or where it can't bind to an interface.
            LinkError: unreachable, not_found (no such interface).
        """
        if ipaddress.ip_address(address).version != _IPV4:
            raise CannotRun(NotRunReason.UNSUPPORTED, f"ICMP echo to {address}: IPv4 only")
        self._socket = _open_socket()
        self._token = os.urandom(PAYLOAD_BYTES)
        self._sequence = 0
        try:
            if interface is not None:
                bind_to_interface(self._socket, interface)
            self._socket.connect((address, 0))
            echo_request(0, self._token)  # loads scapy before a clock runs
        except OSError as error:
            self._socket.close()
            raise link_error(error, Operation.PING) from error
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def round_trip(self, limit_s: float, deadline: Deadline) -> float:
        """Send one request and return the seconds until its answer.

        Args:
            limit_s: seconds after which silence is a fact.
            deadline: end of the run's budget.

        Raises:
            LinkError: silent, censored, unreachable, unexpected; operation ping.
        """
        self._sequence += 1
        request = echo_request(self._sequence, self._token)
        wait_s, censored = deadline.cut(limit_s)
        if wait_s <= 0:
            raise LinkError(FailureKind.CENSORED, Operation.PING, waited_s=0.0)
        try:
            sent_s = time.perf_counter()
            self._socket.send(request)
            while (left_s := wait_s - (time.perf_counter() - sent_s)) > 0:
                self._socket.settimeout(left_s)
                datagram = self._socket.recv(_RECEIVE_BYTES)
                came_s = time.perf_counter()
                if is_echo_reply(datagram, self._sequence, self._token):
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


def _open_socket() -> socket.socket:
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except PermissionError as error:
        raise CannotRun(
            NotRunReason.NO_PERMISSION, "ICMP echo (net.ipv4.ping_group_range)"
        ) from error
    except OSError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "ICMP echo without privilege") from error
