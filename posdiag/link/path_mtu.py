"""How large a packet may be that travels to an address and back without being cut."""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.icmp import Pinger
from posdiag.model.errors import LinkError
from posdiag.model.observation import FailureKind

FULL_BYTES = 1500
"""An Ethernet frame's content: what every server sends once the connection stands."""
SMALL_BYTES = 576
"""Every path must carry that (RFC 791)."""
_TRIES = 3
_SEARCH_TRIES = 2
_LEAST_WAIT_S = 1.0
_SEARCH_WAIT_S = 0.3
_WAIT_ROUND_TRIPS = 3
_PRECISION_BYTES = 8
_HEADERS = {4: 28, 6: 48}


class LargePackets(StrEnum):
    """What becomes of packets of full size that must not be cut."""

    ANSWERED = "answered"
    TOLD = "told"
    LOST = "lost"


class PathMtu(NamedTuple):
    """What was found.

    Attributes:
        large: answered; told: a router, or this machine, said that they are too long, so that
            senders adapt; lost: small ones are answered, large ones vanish: a black hole.
        largest_bytes: largest IP packet that was answered, to within 8 bytes.
    """

    large: LargePackets
    largest_bytes: int


class _Told(Exception):  # noqa: N818  (not an error: what a router said)
    """Somebody said that a packet is too long."""


def path_mtu(address: str, deadline: Deadline, *, interface: str | None = None) -> PathMtu:
    """Return how large a packet to an address may be; about ten echoes.

    Args:
        address: an IP address.
        deadline: end of the run's budget.
        interface: send by this interface only.

    Raises:
        CannotRun: no ICMP, or fragments cannot be forbidden here.
        LinkError: small packets are not answered either; censored.
    """
    version = 6 if ":" in address else 4

    def passes(size: int, tries: int, least_s: float) -> bool:
        payload = size - _HEADERS[version]
        wait_s = max(least_s, _WAIT_ROUND_TRIPS * quick_s)
        with Pinger(address, interface=interface, payload_bytes=payload, whole=True) as pinger:
            return _answered(pinger, tries, wait_s, deadline)

    with Pinger(address, interface=interface) as pinger:
        quick_s = _first(pinger, deadline)
    large = LargePackets.ANSWERED
    try:
        if passes(FULL_BYTES, _TRIES, _LEAST_WAIT_S):
            return PathMtu(large, FULL_BYTES)
        large = LargePackets.LOST
    except _Told:
        large = LargePackets.TOLD
    low, high = SMALL_BYTES, FULL_BYTES
    while high - low > _PRECISION_BYTES:
        middle = (low + high) // 2
        try:
            fits = passes(middle, _SEARCH_TRIES, _SEARCH_WAIT_S)
        except _Told:
            fits = False
        low, high = (middle, high) if fits else (low, middle)
    return PathMtu(large, low)


def _first(pinger: Pinger, deadline: Deadline) -> float:
    """Return a round trip of a small packet.

    Raises:
        LinkError: none of three is answered.
    """
    for tries_left in range(_TRIES - 1, -1, -1):
        try:
            return pinger.round_trip(_LEAST_WAIT_S * (_TRIES + 1), deadline)
        except LinkError as error:
            if error.kind is not FailureKind.SILENT or not tries_left:
                raise
    raise AssertionError("unreachable")


def _answered(pinger: Pinger, tries: int, wait_s: float, deadline: Deadline) -> bool:
    """Return whether one of some packets is answered.

    Raises:
        _Told: somebody says that it is too long.
        LinkError: censored, or another failure than silence.
    """
    for _ in range(tries):
        try:
            pinger.round_trip(wait_s, deadline)
        except LinkError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EMSGSIZE:
                raise _Told from error
            if error.kind is not FailureKind.SILENT:
                raise
        else:
            return True
    return False
