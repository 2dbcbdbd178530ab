"""The routers on the way to an address, and how far away each is; needs no privilege.

UDP datagrams with a small hop limit: the router at which it ends says so, and Linux hands that to
the socket that sent it (the way of tracepath).
"""

from __future__ import annotations

import ipaddress
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

from posdiag.link.deadline import Deadline
from posdiag.link.failures import link_error
from posdiag.link.icmp import bind_to_interface
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason, Operation

MOST_HOPS = 12
ROUNDS = 3
"""Routers answer few such datagrams a second, so what stays unanswered here is no loss."""
PAUSE_S = 0.2
ANSWER_LIMIT_S = 4.0
_FIRST_PORT = 33434
"""Source: traceroute(8)."""
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ERROR = struct.Struct("=IBBBBII")
_ICMP_ORIGINS = (2, 3)
_TIME_EXCEEDED = {2: 11, 3: 3}
_NOTE_BYTES = 512


@dataclass(slots=True)
class Hop:
    """One router, or the target.

    Attributes:
        number: from 1.
        address: empty where nobody answered.
        times_s: of each datagram: seconds until the answer, None without.
        is_target: the address that was asked for.
    """

    number: int
    address: str = ""
    times_s: list[float | None] = field(default_factory=list)
    is_target: bool = False

    @property
    def answered(self) -> list[float]:
        """Return the times of the datagrams that were answered."""
        return [time_s for time_s in self.times_s if time_s is not None]

    @property
    def lost(self) -> int:
        """Return how many datagrams were not answered."""
        return len(self.times_s) - len(self.answered)


class _Ladder:
    """Sockets with a hop limit each, and what came back to them."""

    def __init__(self, address: str, interface: str | None) -> None:
        self._ip6 = ipaddress.ip_address(address).version == 6
        self._address = address
        self.hops = [Hop(number) for number in range(1, MOST_HOPS + 1)]
        self._sent_s: dict[tuple[int, int], float] = {}
        self.sockets = [self._socket(hop.number, interface) for hop in self.hops]

    def _socket(self, limit: int, interface: str | None) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if self._ip6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)  # noqa: FBT003  (the standard library's own parameter)
            if self._ip6:
                made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, limit)
            else:
                made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, limit)
            if interface is not None:
                bind_to_interface(made, interface)
        except BaseException:
            made.close()
            raise
        return made

    def send(self, count: int) -> None:
        """Send one more datagram to each of the first hops."""
        for at, hop in enumerate(self.hops[:count]):
            number = len(hop.times_s)
            for _ in range(2):  # the first try may report what an earlier datagram met
                self._sent_s[at, number] = time.perf_counter()
                try:
                    self.sockets[at].sendto(bytes(16), (self._address, _FIRST_PORT + number))
                except OSError:
                    self.take(at)
                    continue
                break
            hop.times_s.append(None)

    def take(self, at: int) -> None:
        """Take what came back to one socket."""
        while True:
            try:
                _data, notes, _flags, sent_to = self.sockets[at].recvmsg(
                    512, _NOTE_BYTES, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                )
            except OSError:
                return
            came_s = time.perf_counter()
            number = sent_to[1] - _FIRST_PORT
            for _level, _kind, note in notes:
                self._note(at, number, came_s, note)

    def _note(self, at: int, number: int, came_s: float, note: bytes) -> None:
        """Take one error: ``struct sock_extended_err``, then the address of who says it.

        Source: ip(7), IP_RECVERR.
        """
        if len(note) < _ERROR.size + 8:
            return
        _errno, origin, kind, _code, _pad, _info, _more = _ERROR.unpack_from(note)
        hop = self.hops[at]
        if origin not in _ICMP_ORIGINS or not 0 <= number < len(hop.times_s) + 1:
            return
        offender = note[_ERROR.size :]
        raw = offender[8:24] if self._ip6 else offender[4:8]
        hop.address = str(ipaddress.ip_address(raw))
        hop.is_target = hop.is_target or kind != _TIME_EXCEEDED[origin]
        if number < len(hop.times_s) and hop.times_s[number] is None:
            hop.times_s[number] = came_s - self._sent_s[at, number]

    def length(self) -> int:
        """Return how many hops there are to the target, as far as it is known."""
        return next((hop.number for hop in self.hops if hop.is_target), MOST_HOPS)

    def close(self) -> None:
        """Close every socket."""
        for one in self.sockets:
            one.close()


def hops_to(address: str, deadline: Deadline, *, interface: str | None = None) -> list[Hop]:
    """Return the routers on the way and the target, as far as they answer; at most twelve.

    Three datagrams a hop, a fifth of a second apart. Hops behind the last that answered are left
    out. A target that answers no datagrams (a firewall) is not among them.

    Args:
        address: an IP address.
        deadline: end of the run's budget.
        interface: send by this interface only.

    Raises:
        CannotRun: unsupported: not Linux, or can't bind to the interface.
        LinkError: a fault of this machine.
    """
    if sys.platform != "linux":
        raise CannotRun(NotRunReason.UNSUPPORTED, "answers to datagrams with a hop limit")
    try:
        ladder = _Ladder(address, interface)
    except OSError as error:
        raise link_error(error, Operation.PING) from error
    try:
        _climb(ladder, deadline)
    finally:
        ladder.close()
    hops = ladder.hops[: ladder.length()]
    return hops[: max((hop.number for hop in hops if hop.address), default=0)]


def _climb(ladder: _Ladder, deadline: Deadline) -> None:
    with selectors.DefaultSelector() as selector:
        for at, one in enumerate(ladder.sockets):
            selector.register(one, selectors.EVENT_READ, at)
        for _ in range(ROUNDS):
            if deadline.passed():
                return
            ladder.send(ladder.length())
            _gather(selector, ladder, min(PAUSE_S, deadline.remaining_s()))
        until_s = time.perf_counter() + min(ANSWER_LIMIT_S, deadline.remaining_s())
        while _waits(ladder) and (left_s := until_s - time.perf_counter()) > 0:
            _gather(selector, ladder, min(PAUSE_S, left_s))


def _waits(ladder: _Ladder) -> bool:
    """Return whether a hop that answers at all still owes an answer."""
    return any(hop.lost for hop in ladder.hops[: ladder.length()] if hop.answered)


def _gather(selector: selectors.BaseSelector, ladder: _Ladder, wait_s: float) -> None:
    until_s = time.perf_counter() + wait_s
    while (left_s := until_s - time.perf_counter()) > 0:
        for key, _events in selector.select(left_s):
            ladder.take(key.data)
