"""Echo requests at a steady pace, timed by the kernel where it says when it sent and received."""

from __future__ import annotations

import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.failures import failure_kind, link_error
from posdiag.link.icmp import RECEIVE_BYTES, Pinger, echo_request, reply_sequence
from posdiag.model.observation import FailureKind, Operation

PAUSE_S = 0.02
"""Between requests on a quick line."""
LONGEST_PAUSE_S = 0.2
"""Between requests on a slow one, which 50 requests a second would fill (40 kbit/s: half of it)."""
_PAUSES_A_ROUND_TRIP = 4
ANSWER_LIMIT_S = 4.0
"""Wait for each answer: a full buffer on a small uplink holds a packet for 2 s and more."""
_AHEAD = 1000
_LEAST_WAIT_S = 1.0
"""A request to which nobody answered counts as lost after that, where the series ends early."""
_LOST = frozenset({FailureKind.UNREACHABLE, FailureKind.REFUSED, FailureKind.RESET})

# Source: Linux asm-generic/socket.h (SO_TIMESTAMPING_OLD) and linux/net_tstamp.h: TX_SOFTWARE 2,
# RX_SOFTWARE 8, SOFTWARE 16, OPT_ID 128, OPT_TSONLY 2048.
_SO_TIMESTAMPING = 37
_STAMPS = 2 | 8 | 16 | 128 | 2048
_STAMP = struct.Struct("=qq")
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_TIMESTAMPING_ORIGIN = 4
_ANCILLARY_BYTES = 512


class Echoes(NamedTuple):
    """What a series of echo requests gave.

    Attributes:
        times_s: in the order of sending: seconds until the answer, None where there was none.
        failure: how the last lost one failed, None if none was lost.
        cut: the run's budget ended the series; requests still on their way then are left out.
        waited_s: from the first request to the end.
    """

    times_s: list[float | None]
    failure: FailureKind | None
    cut: bool
    waited_s: float


@dataclass(slots=True)
class _Sent:
    """A request on its way.

    Attributes:
        clock_s: our clock before it was handed to the system.
        at_s: wall clock of the same instant, or of the kernel's own stamp once that is known.
    """

    clock_s: float
    at_s: float
    answer_s: float | None = None


@dataclass(slots=True)
class _Series:
    """One series while it goes on."""

    pinger: Pinger
    limit_s: float
    sent: list[_Sent] = field(default_factory=list)
    waiting: dict[int, _Sent] = field(default_factory=dict)
    pause_s: float = LONGEST_PAUSE_S
    paced: bool = False
    failure: FailureKind | None = None

    def send(self, now_s: float) -> bool:
        """Send the next request; return whether the system took it.

        Raises:
            OSError: not allowed, or a fault of this machine.
        """
        number = len(self.sent)
        pinger = self.pinger
        request = echo_request(number, pinger.token, version=pinger.version)
        one = _Sent(now_s, time.time())
        try:
            pinger.socket.send(request)
        except BlockingIOError:
            return False
        except OSError as error:
            kind = failure_kind(error)
            if kind not in _LOST:
                raise
            self.failure = kind
        self.sent.append(one)
        self.waiting[number] = one
        return True

    def take(self) -> None:
        """Take what has come: stamps of what was sent, and answers."""
        self._take_stamps()
        while True:
            try:
                datagram, notes, _flags, _peer = self.pinger.socket.recvmsg(
                    RECEIVE_BYTES, _ANCILLARY_BYTES
                )
            except BlockingIOError:
                return
            except OSError as error:
                kind = failure_kind(error)
                if kind not in _LOST:
                    raise
                self.failure = kind
                continue
            came_s = time.perf_counter()
            low = reply_sequence(datagram, self.pinger.token, version=self.pinger.version)
            if low is not None:
                # An answer may overtake the stamp of its own request on loopback.
                self._take_stamps()
                self._answered(low, came_s, _kernel_stamp(notes))

    def _answered(self, low: int, came_s: float, stamp_s: float | None) -> None:
        number = next((one for one in self.waiting if one & 0xFFFF == low), None)
        if number is None:  # twice, or after its limit
            return
        one = self.waiting.pop(number)
        by_clock_s = came_s - one.clock_s
        by_stamp_s = (stamp_s - one.at_s) if stamp_s is not None else by_clock_s
        # The wall clock may be set meanwhile; ours only counts a little too much.
        right = 0 < by_stamp_s <= by_clock_s
        one.answer_s = by_stamp_s if right else by_clock_s
        if not self.paced:
            self.paced = True
            slow_s = one.answer_s / _PAUSES_A_ROUND_TRIP
            self.pause_s = min(LONGEST_PAUSE_S, max(PAUSE_S, slow_s))

    def _take_stamps(self) -> None:
        if sys.platform != "linux":
            return
        while True:
            try:
                _data, notes, _flags, _peer = self.pinger.socket.recvmsg(
                    0, _ANCILLARY_BYTES, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                )
            except OSError:
                return
            stamp_s, number = _kernel_stamp(notes), _stamped_number(notes)
            if stamp_s is not None and number is not None and number < len(self.sent):
                self.sent[number].at_s = stamp_s

    def expire(self, now_s: float) -> None:
        """Give up on requests that have waited for their limit."""
        for number, one in list(self.waiting.items()):
            if now_s - one.clock_s < self.limit_s:
                return
            del self.waiting[number]
            self.failure = self.failure or FailureKind.SILENT

    @property
    def nobody_is_there(self) -> bool:
        """Return whether whole limits have passed without any answer."""
        lost = len(self.sent) - len(self.waiting)
        return lost > 0 and all(one.answer_s is None for one in self.sent)


def _kernel_stamp(notes: list[tuple[int, int, bytes]]) -> float | None:
    """Return the software stamp among a message's notes: seconds of the wall clock."""
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING and len(data) >= _STAMP.size:
            seconds, nanoseconds = (int(part) for part in _STAMP.unpack_from(data))
            if seconds:
                return seconds + nanoseconds / 1e9
    return None


def _stamped_number(notes: list[tuple[int, int, bytes]]) -> int | None:
    """Return which send a stamp belongs to.

    ``struct sock_extended_err``: errno 4, origin 1, type 1, code 1, pad 1, info 4, data 4.

    Source: Linux ``linux/errqueue.h``; Documentation/networking/timestamping (OPT_ID).
    """
    for level, _kind, data in notes:
        if level != socket.SOL_SOCKET and len(data) >= _EXTENDED_ERROR.size:
            _errno, origin, _type, _code, _pad, _info, number = _EXTENDED_ERROR.unpack_from(data)
            if origin == _TIMESTAMPING_ORIGIN:
                return int(number)
    return None


def echo_series(
    pinger: Pinger, *, count: int, limit_s: float, wall_s: float, deadline: Deadline
) -> Echoes:
    """Send requests at a steady pace without waiting for the answers, and return what came.

    The pace is five a second until the first answer, then 50, and less on a line whose first answer
    took long: a slow line is not filled by its own measurement. A series to which
    nobody answers at all ends after the first request's limit.

    Args:
        pinger: open; its socket is used up.
        count: requests, at least 1.
        limit_s: wait for each answer.
        wall_s: no request is sent later than this after the first.
        deadline: end of the run's budget.

    Raises:
        LinkError: permission (a local firewall), unexpected: faults of this machine.
    """
    _ask_for_stamps(pinger.socket)
    pinger.socket.setblocking(False)  # noqa: FBT003  (the standard library's own parameter)
    series = _Series(pinger, limit_s)
    began_s = next_s = sent_s = time.perf_counter()
    cut = False
    with selectors.DefaultSelector() as selector:
        selector.register(pinger.socket, selectors.EVENT_READ)
        try:
            while True:
                now_s = time.perf_counter()
                series.expire(now_s)
                if deadline.passed():
                    cut = bool(series.waiting) or len(series.sent) < count
                    break
                over = len(series.sent) >= count or now_s - began_s >= wall_s
                if (over and not series.waiting) or series.nobody_is_there:
                    break
                if not over and now_s >= next_s and len(series.waiting) < _AHEAD:
                    series.send(now_s)
                    sent_s, next_s = now_s, now_s + series.pause_s
                elif not over and series.paced and next_s > sent_s + series.pause_s:
                    next_s = sent_s + series.pause_s
                _wait(selector, series, next_s=None if over else next_s, deadline=deadline)
        except OSError as error:
            raise link_error(error, Operation.PING) from error
    return _gathered(series, cut=cut, waited_s=time.perf_counter() - began_s)


def _wait(
    selector: selectors.BaseSelector, series: _Series, *, next_s: float | None, deadline: Deadline
) -> None:
    """Wait for an answer, the next request, a limit or the deadline, and take what came."""
    now_s = time.perf_counter()
    ends = [now_s + deadline.remaining_s()]
    if next_s is not None:
        ends.append(next_s)
    oldest = next(iter(series.waiting.values()), None)
    if oldest is not None:
        ends.append(oldest.clock_s + series.limit_s)
    selector.select(max(0.0, min(ends) - now_s))
    series.take()


def _ask_for_stamps(link: socket.socket) -> None:
    """Ask for the kernel's own times; where it has none our clock does."""
    if sys.platform == "linux" and sys.maxsize > 1 << 32:
        try:
            link.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _STAMPS)
        except OSError:
            return


def _gathered(series: _Series, *, cut: bool, waited_s: float) -> Echoes:
    now_s = time.perf_counter()
    on_their_way = {
        id(one)
        for one in series.waiting.values()
        if cut or now_s - one.clock_s < min(_LEAST_WAIT_S, series.limit_s)
    }
    times = [one.answer_s for one in series.sent if id(one) not in on_their_way]
    lost = any(time_s is None for time_s in times)
    return Echoes(times, series.failure if lost else None, cut, waited_s)
