"""Many conversations at once on one thread."""

from __future__ import annotations

import contextlib
import gc
import itertools
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from posdiag.link.deadline import Deadline
from posdiag.link.event_loop import Job, run_many
from posdiag.link.exchange import TcpResult
from posdiag.model.errors import LinkError
from posdiag.model.observation import FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

HOME = "127.0.0.1"


class Question:
    """Sends its number and waits for it to come back."""

    def __init__(self, number: int, limit_s: float = 30.0) -> None:
        self.number = number
        self._limit_s = limit_s
        self._sent = False
        self.answer: int | None = None
        self.end: Ended | None = None

    def step(self, now_s: float) -> Step:
        if not self._sent:
            self._sent = True
            return Send(self.number.to_bytes(4))
        if self.answer is not None or self.end is not None:
            return Done()
        return Wait(self._limit_s, Operation.RECEIVE)

    def receive(self, data: bytes, now_s: float) -> None:
        self.answer = int.from_bytes(data)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        self.end = why


@contextmanager
def echoing(pause_s: float = 0.0) -> Iterator[tuple[int, list[int]]]:
    """Echo one message per connection; give the port, and the most connections there were."""
    lock = threading.Lock()
    now, most = [0], [0]

    def serve(link: socket.socket) -> None:
        with link, contextlib.suppress(ConnectionError):
            data = link.recv(4)
            time.sleep(pause_s)
            if data:
                link.sendall(data)
            link.recv(1)
        with lock:
            now[0] -= 1

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            threading.Thread(target=serve, args=(link,), daemon=True).start()

    with socket.create_server((HOME, 0), backlog=512) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], most
        listener.shutdown(socket.SHUT_RDWR)


def jobs(port: int, numbers: Iterator[int] | range) -> Iterator[Job]:
    for number in numbers:
        yield Job(Question(number), HOME, port, Deadline.after(60))


def question(job: Job) -> Question:
    assert isinstance(job.conversation, Question)
    return job.conversation


def test_each_gets_its_own_answer() -> None:
    with echoing() as (port, _):
        done = list(run_many(jobs(port, range(300)), in_flight=64))
    assert sorted(question(job).number for job, _ in done) == list(range(300))
    for job, outcome in done:
        assert isinstance(outcome, TcpResult), outcome
        assert question(job).answer == question(job).number


def test_no_more_than_allowed_are_in_flight_and_they_overlap() -> None:
    with echoing(0.3) as (port, most):
        begun_s = time.monotonic()
        assert len(list(run_many(jobs(port, range(12)), in_flight=4))) == 12
        took_s = time.monotonic() - begun_s
    assert 3 * 0.3 <= took_s < 12 * 0.3
    assert most[0] >= 3


def test_jobs_are_drawn_as_there_is_room_and_closing_ends_them() -> None:
    drawn: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            drawn.append(number)
            yield number

    with echoing() as (port, _), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        running = run_many(jobs(port, endless()), in_flight=5)
        for _ in range(10):
            next(running)
        assert 10 <= len(drawn) <= 10 + 5
        running.close()  # type: ignore[attr-defined]  # a generator
        del running
        gc.collect()
    assert [str(one.message) for one in caught] == [], "a socket was left to the collector"


def test_they_end_in_their_own_order() -> None:
    with echoing() as (port, _), socket.create_server((HOME, 0)) as silent:
        slow = Job(Question(1, limit_s=0.5), HOME, silent.getsockname()[1], Deadline.after(30))
        cut = Job(Question(2), HOME, silent.getsockname()[1], Deadline.after(0.25))
        quick = Job(Question(3), HOME, port, Deadline.after(30))
        done = [job for job, _ in run_many([slow, cut, quick])]
    assert done == [quick, cut, slow]
    assert [question(job).end for job in done] == [None, Ended.BUDGET, Ended.LIMIT]


def test_failures_are_outcomes_and_disturb_no_one() -> None:
    with socket.socket() as closed:
        closed.bind((HOME, 0))
        bad = closed.getsockname()[1]
        with echoing() as (port, _):
            mixed = [
                Job(Question(n), HOME, bad if n % 2 else port, Deadline.after(30))
                for n in range(40)
            ]
            done = list(run_many(mixed, in_flight=7))
    assert len(done) == 40
    for job, outcome in done:
        if question(job).number % 2:
            assert isinstance(outcome, LinkError)
            assert (outcome.kind, outcome.operation) == (
                FailureKind.REFUSED,
                Operation.CONNECT,
            )
        else:
            assert question(job).answer == question(job).number


def test_nothing_to_do() -> None:
    assert list(run_many([])) == []


def test_at_least_one_is_in_flight() -> None:
    with echoing() as (port, _):
        assert len(list(run_many(jobs(port, range(3)), in_flight=0))) == 3


def test_datagrams_and_connections_together() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, echoing() as (port, _):
        server.bind((HOME, 0))

        def serve() -> None:
            for _ in range(5):
                data, whom = server.recvfrom(100)
                server.sendto(data, whom)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        mixed = [
            Job(Question(n), HOME, server.getsockname()[1], Deadline.after(30), "udp")
            for n in range(5)
        ] + list(jobs(port, range(5, 10)))
        done = list(run_many(mixed))
        thread.join(10)
    assert sorted(question(job).answer or 0 for job, _ in done) == list(range(10))
