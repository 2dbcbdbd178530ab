"""The event-driven driver: many conversations at once on one thread, with the same semantics."""

from __future__ import annotations

import heapq
import itertools
import selectors
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import Exchange, TcpResult, UdpResult, clock_s
from posdiag.model.errors import CannotRun, LinkError
from posdiag.wire.conversation import Conversation

Outcome = TcpResult | UdpResult | LinkError | CannotRun


class Job(NamedTuple):
    """One conversation to be had.

    Attributes:
        conversation: what to say; read the results from it.
        address: numeric.
        port: 1 to 65535.
        deadline: end of this job's budget.
        transport: ``tcp`` or ``udp``.
        connect_limit_s: how long the TCP handshake may take.
        interface: a name or an own address to bind to; None: the system's choice.
    """

    conversation: Conversation
    address: str
    port: int
    deadline: Deadline
    transport: Literal["tcp", "udp"] = "tcp"
    connect_limit_s: float = 10.0
    interface: str | None = None


def run_many(jobs: Iterable[Job], *, in_flight: int = 256) -> Iterator[tuple[Job, Outcome]]:
    """Yield each job with its outcome, in the order in which they end.

    What ``run_tcp`` and ``run_udp`` would raise is the outcome here. Jobs are drawn only as there
    is room, so an endless iterable is fine; closing the iterator closes every socket.

    Args:
        jobs: what to do.
        in_flight: sockets at once, at least 1; Windows allows 500.

    Raises:
        ValueError: an address that is not numeric (our bug).
    """
    with _Loop() as loop:
        waiting = iter(jobs)
        for job in itertools.islice(waiting, max(1, in_flight)):
            loop.begin(job)
        while loop.busy:
            loop.turn()
            while loop.ended:
                yield loop.ended.popleft()
                for job in itertools.islice(waiting, 1):
                    loop.begin(job)


@dataclass(slots=True)
class _Running:
    """One exchange and what is watched for it."""

    job: Job
    exchange: Exchange
    watched_fd: int = -1
    events: int = 0
    until_s: float = -1.0


class _Loop:
    """Sockets, their timers, and the jobs they belong to."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int]] = []
        self._numbers = itertools.count()
        self._running: dict[int, _Running] = {}
        self.ended: deque[tuple[Job, Outcome]] = deque()

    def __enter__(self) -> _Loop:
        return self

    def __exit__(self, *_: object) -> None:
        for running in self._running.values():
            running.exchange.abandon()
        self._selector.close()

    @property
    def busy(self) -> bool:
        return bool(self._running or self.ended)

    def begin(self, job: Job) -> None:
        exchange = Exchange(
            job.conversation,
            job.address,
            job.port,
            job.deadline,
            stream=job.transport == "tcp",
            connect_limit_s=job.connect_limit_s,
            interface=job.interface,
        )
        number = next(self._numbers)
        self._running[number] = _Running(job, exchange)
        exchange.start()
        self._follow(number)

    def turn(self) -> None:
        """Wait for the next event or timer, once."""
        if self.ended:
            return
        limit_s = max(0.0, self._timers[0][0] - clock_s()) if self._timers else None
        for key, _ in self._selector.select(limit_s):
            if (running := self._running.get(key.data)) is not None:
                running.exchange.ready()
                self._follow(key.data)
        now_s = clock_s()
        while self._timers and self._timers[0][0] <= now_s:
            _, number = heapq.heappop(self._timers)
            due = self._running.get(number)
            # A timer of an earlier wait may still lie here: only the present one counts.
            if due is not None and due.exchange.until_s <= now_s:
                due.exchange.expired()
                self._follow(number)

    def _follow(self, number: int) -> None:
        """Watch what the exchange waits for now, or collect its outcome."""
        running = self._running[number]
        exchange = running.exchange
        if exchange.socket is None:
            del self._running[number]
            if running.watched_fd >= 0:
                self._selector.unregister(running.watched_fd)
            if exchange.outcome is not None:
                self.ended.append((running.job, exchange.outcome))
            return
        if running.watched_fd < 0:
            # By number, since a closed socket is found by object only after a long search.
            running.watched_fd = exchange.socket.fileno()
            self._selector.register(running.watched_fd, exchange.events, number)
        elif running.events != exchange.events:
            self._selector.modify(running.watched_fd, exchange.events, number)
        running.events = exchange.events
        if running.until_s != exchange.until_s:
            running.until_s = exchange.until_s
            heapq.heappush(self._timers, (exchange.until_s, number))
