"""Looks a name up as a terminal does: one name server after the other, until one knows it."""

from __future__ import annotations

import secrets
import time
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.reach import Resolver
from posdiag.link.udp import run_udp
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.observation import Failed, FailureKind, NotRunReason
from posdiag.model.site import StepLimits
from posdiag.wire.name_lookup import NameLookupConversation


class Resolution(NamedTuple):
    """What a look-up gave.

    Attributes:
        addresses: empty where it failed.
        took_s: from the first query to the first name server to the end of the last.
        resolver: the name server that decided.
        failure: None if there are addresses.
    """

    addresses: tuple[str, ...]
    took_s: float
    resolver: Resolver
    failure: Failed | None


def ask(
    name: str, resolver: Resolver, limits: StepLimits, deadline: Deadline
) -> NameLookupConversation:
    """Ask one name server, as often as the acquirer's terminals do, and return what was said.

    Raises:
        CannotRun: not_declared: the name is none that can be asked for; no_permission.
        LinkError: an error of this machine.
    """
    try:
        lookup = NameLookupConversation(
            name, secrets.randbelow(0x10000), tries=limits.dns_tries, try_s=limits.dns_try_s
        )
    except LocalWireError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{name}: {error}") from error
    try:
        run_udp(resolver.address, resolver.port, lookup, deadline, interface=resolver.interface)
    except LinkError as error:
        if error.kind is FailureKind.PERMISSION:
            raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
        raise
    return lookup


def resolve(
    name: str, servers: list[Resolver], limits: StepLimits, deadline: Deadline
) -> Resolution:
    """Return the addresses of a name, or why there are none.

    The next name server is asked where one is silent, refuses or fails, not where it says that
    there is no such name. Of several failures the one of the first name server is told.

    Args:
        name: no address.
        servers: at least one, in order.
        limits: seconds per query, queries per name server.
        deadline: end of the run's budget.

    Raises:
        CannotRun: as ``ask``.
        LinkError: as ``ask``.
    """
    began_s = time.perf_counter()
    first: tuple[Resolver, Failed] | None = None
    for server in servers:
        lookup = ask(name, server, limits, deadline)
        took_s = time.perf_counter() - began_s
        if lookup.failure is None:
            return Resolution(tuple(lookup.addresses), took_s, server, None)
        if first is None or lookup.failure.failure is FailureKind.NAME_NOT_FOUND:
            first = server, lookup.failure
        if lookup.failure.failure in (FailureKind.NAME_NOT_FOUND, FailureKind.CENSORED):
            break
    if first is None:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no name servers")
    return Resolution((), time.perf_counter() - began_s, *first)
