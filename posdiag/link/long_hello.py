"""Whether a full packet reaches the acquirer's host, by two TLS hellos: where no echo can tell.

The first is short, the second fills a packet. A host that answers the first one and not the second
does not get full packets. That is told of the way to the host only: its answers to both are short
(``posdiag.wire.client_hello`` says why they must be). Black holes on the way back, which swallow
the host's certificate, show in its handshake.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.host_talk import find_host, subject_of, tls_name
from posdiag.link.path_mtu import LargePackets
from posdiag.link.politeness import HostAllowance
from posdiag.link.reach import endpoint, is_address, reachable_acquirer
from posdiag.link.tcp import TcpResult, run_tcp
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.observation import Failed, FailureKind, NotRunReason
from posdiag.model.site import HostEndpoint, HostRole, Site
from posdiag.wire.client_hello import SMALLEST_LONG, TOKEN_BYTES, HelloConversation

SHORT_BYTES = 250
LONGEST_BYTES = 1460
"""A packet of 1,500 bytes without its IPv4 and TCP headers (RFC 791, RFC 9293)."""
_LONGEST_BYTES_6 = 1440
_LEAST_WAIT_S = 4.0
"""The kernel sends a segment that is not acknowledged some five times in that."""
_WAIT_ANSWERS = 10
"""Over slow lines it waits longer, by the time that the short one took."""


class LongHello(NamedTuple):
    """What was found.

    Attributes:
        subject: the host.
        large: answered or lost; else how the long one failed, which says nothing of its length.
    """

    subject: str
    large: LargePackets | Failed


def hello_host(site: Site) -> HostEndpoint:
    """Return the host that two hellos can be said to.

    Raises:
        CannotRun: not_declared, not_reachable_from_here; not_applicable: it speaks no TLS.
    """
    reachable_acquirer(site)
    host = endpoint(site, HostRole.PRIMARY)
    if host is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "acquirer.hosts: no address")
    if not host.tls:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, f"{subject_of(host)} speaks no TLS")
    return host


def long_hello(site: Site, allowance: HostAllowance, deadline: Deadline) -> LongHello:
    """Return whether the primary host answers a hello that fills a packet; two connects at most.

    Args:
        site: names the host.
        allowance: politeness.
        deadline: end of the run's budget.

    Raises:
        CannotRun: as ``hello_host``, no_permission, politeness_limit; earlier_step_failed: its
            name is not found, no connection, or the short one is not answered either.
    """
    acquirer, host = reachable_acquirer(site), hello_host(site)
    found = find_host(site, acquirer, host, deadline)
    if found.failure is not None:
        detail = f"its name: {found.failure.failure}"
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, detail)
    limits = acquirer.limits

    def say(size: int, limit_s: float) -> tuple[HelloConversation, TcpResult]:
        hello = _hello(host, size, limit_s)
        allowance.take_connect(host.address)
        try:
            result = run_tcp(
                found.address,
                host.port,
                hello,
                deadline,
                limits.connect_s,
                interface=site.network.interface,
            )
        except LinkError as error:
            if error.kind is FailureKind.PERMISSION:
                raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
            detail = f"{subject_of(host)}: {error.operation} {error.kind}"
            raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, detail) from error
        return hello, result

    short, connection = say(SHORT_BYTES, limits.tls_s)
    if short.answer_s is None:
        kind = short.failure.failure if short.failure else FailureKind.UNEXPECTED
        detail = f"{subject_of(host)}: TLS hello of {SHORT_BYTES} bytes {kind}"
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, detail)
    size = _long_bytes(found.address, connection.segment)
    long, _ = say(size, max(_LEAST_WAIT_S, _WAIT_ANSWERS * short.answer_s))
    return LongHello(subject_of(host), _large(long))


def _hello(host: HostEndpoint, size: int, limit_s: float) -> HelloConversation:
    name = tls_name(host)
    try:
        return HelloConversation(
            secrets.token_bytes(TOKEN_BYTES),
            None if is_address(name) else name,
            record_bytes=size,
            limit_s=limit_s,
        )
    except LocalWireError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"acquirer.hosts: {error}") from error


def _long_bytes(address: str, segment: int | None) -> int:
    """Return the size of a hello that fills one packet of the connection, no more."""
    most = _LONGEST_BYTES_6 if ":" in address else LONGEST_BYTES
    return max(SMALLEST_LONG, min(most, segment or most))


def _large(long: HelloConversation) -> LargePackets | Failed:
    if long.failure is None:
        return LargePackets.ANSWERED
    return LargePackets.LOST if long.failure.failure is FailureKind.SILENT else long.failure
