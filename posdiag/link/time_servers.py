"""Asks time servers how far the laptop's clock is off. Reads, never sets."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import clock_s
from posdiag.link.names import resolve
from posdiag.link.reach import is_address, resolvers
from posdiag.link.round_trips import split_address
from posdiag.link.side_by_side import side_by_side
from posdiag.link.udp import run_udp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import Failed, FailureKind, NotRunReason
from posdiag.model.site import Site, StepLimits
from posdiag.wire.ntp import NtpConversation

MOST_SERVERS = 3
_NTP_PORT = 123


def ask_time_servers(
    site: Site, deadline: Deadline
) -> list[tuple[str, NtpConversation | Failed | CannotRun]]:
    """Return each time server of the site and what it said, or why it was not asked.

    Args:
        site: names at most three; more are left out.
        deadline: end of the run's budget.
    """
    servers = site.network.time_servers[:MOST_SERVERS]

    def ask(server: str) -> Callable[[], NtpConversation | Failed]:
        return lambda: _ask(site, server, deadline)

    results = side_by_side([ask(server) for server in servers])
    told: list[tuple[str, NtpConversation | Failed | CannotRun]] = []
    for server, result in zip(servers, results, strict=True):
        if isinstance(result, LinkError):
            failed = result.as_failed()
            told.append((server, failed))
        else:
            told.append((server, result))
    return told


def _ask(site: Site, server: str, deadline: Deadline) -> NtpConversation | Failed:
    """Ask one.

    Raises:
        CannotRun: not_declared: neither address nor name; no_permission.
        LinkError: an error of this machine.
    """
    address, port = _numeric(site, server, deadline)
    if isinstance(address, Failed):
        return address
    asked = NtpConversation(secrets.token_bytes(8), wall_at_zero_s=time.time() - clock_s())
    try:
        run_udp(address, port, asked, deadline)
    except LinkError as error:
        if error.kind is FailureKind.PERMISSION:
            raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
        raise
    return asked


def _numeric(site: Site, server: str, deadline: Deadline) -> tuple[str | Failed, int]:
    host, _, port = server.partition(":")
    if is_address(server) or is_address(host) or server.startswith("["):
        address, given = split_address(server)
        return address, given or _NTP_PORT
    servers = resolvers(site)
    if not servers:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.resolvers; the system has none")
    found = resolve(host, servers, StepLimits(dns_try_s=2.0, dns_tries=1), deadline)
    address = found.addresses[0] if found.addresses else ""
    return found.failure or address, int(port) if port.isdigit() else _NTP_PORT
