"""Series of round trips against real sockets on loopback."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from posdiag.link import round_trips
from posdiag.link.deadline import Deadline
from posdiag.link.echo_series import Echoes
from posdiag.link.round_trips import Method, split_address, take_series
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation

HOME = "127.0.0.1"
Answer = Callable[[int, bytes], list[bytes]]


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """Accept and close connections; give the port and a list of what was accepted."""
    accepted: list[str] = []
    with socket.create_server((HOME, 0), backlog=50) as server:

        def serve() -> None:
            while True:
                try:
                    link, peer = server.accept()
                except OSError:
                    return
                accepted.append(peer[0])
                with link:
                    link.settimeout(2)
                    if link.recv(1):
                        accepted.append("bytes")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], accepted
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def datagrams(answer: Answer) -> Iterator[tuple[int, list[bytes]]]:
    """Answer datagrams by a function of number and query; give the port and the queries."""
    queries: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOME, 0))
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    query, peer = server.recvfrom(512)
                except TimeoutError:
                    continue
                queries.append(query)
                for one in answer(len(queries), query):
                    server.sendto(one, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], queries
        stop.set()
        thread.join()


def free_port() -> int:
    with socket.create_server((HOME, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def good(query: bytes) -> bytes:
    """Return a refusal (RCODE 5) to a query, with its id and question."""
    return query[:2] + b"\x80\x05" + query[4:]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("192.168.1.1", ("192.168.1.1", 0)),
        (" 192.168.1.1:53 ", ("192.168.1.1", 53)),
        ("fd00::1", ("fd00::1", 0)),
        ("[fd00::1]", ("fd00::1", 0)),
        ("[fd00::1]:8583", ("fd00::1", 8583)),
    ],
)
def test_split_address(text: str, parts: tuple[str, int]) -> None:
    assert split_address(text) == parts


@pytest.mark.parametrize("text", ["", "router", "router:53", "192.168.1.1:", "1.2.3", "1.2.3.4:x"])
def test_what_is_no_address_cannot_be_used(text: str) -> None:
    with pytest.raises(CannotRun) as caught:
        split_address(text)
    assert caught.value.reason is NotRunReason.NOT_DECLARED


def test_tcp_answered_and_nothing_sent() -> None:
    with listening() as (port, accepted):
        series = take_series(f"{HOME}:{port}", "tcp", count=8, deadline=Deadline.after(10))
        time.sleep(0.05)
        assert accepted == [HOME] * 8
    assert (series.method, series.port, series.sent, series.lost) == (Method.TCP, port, 8, 0)
    assert all(0 < sample < 0.5 for sample in series.samples)
    assert (series.failure, series.cut) == (None, False)
    assert series.waited_s >= 7 * round_trips.PAUSE_S


def test_a_refusal_is_a_round_trip() -> None:
    series = take_series(f"{HOME}:{free_port()}", "tcp", count=5, deadline=Deadline.after(10))
    assert (series.sent, series.lost) == (5, 0)


def test_auto_takes_tcp_where_a_port_is_named() -> None:
    with listening() as (port, _accepted):
        series = take_series(f"{HOME}:{port}", "auto", count=2, deadline=Deadline.after(10))
    assert series.method is Method.TCP


@pytest.fixture
def deaf() -> Iterator[int]:
    """Give a port whose queue of connections is full, so that Linux drops every SYN."""
    with socket.socket() as server:
        server.bind((HOME, 0))
        server.listen(0)
        port: int = server.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex((HOME, port))
        time.sleep(0.05)
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex((HOME, port)) not in (errno.EAGAIN, errno.ETIMEDOUT):
                pytest.skip("this system answers although the queue is full")
        yield port
        for filler in fillers:
            filler.close()


def test_tcp_silence_is_lost(deaf: int) -> None:
    series = take_series(f"{HOME}:{deaf}", "tcp", count=3, deadline=Deadline.after(10), limit_s=0.1)
    assert (series.samples, series.lost, series.failure) == ([], 3, FailureKind.SILENT)


def test_the_wall_time_is_bounded(deaf: int) -> None:
    series = take_series(
        f"{HOME}:{deaf}", "tcp", count=50, deadline=Deadline.after(10), limit_s=0.1, wall_s=0.5
    )
    assert 3 <= series.sent < 10
    assert series.waited_s < 0.8
    assert not series.cut


def test_a_cut_round_trip_is_neither_sample_nor_lost(deaf: int) -> None:
    series = take_series(f"{HOME}:{deaf}", "tcp", count=5, deadline=Deadline.after(0.2))
    assert (series.samples, series.lost, series.cut) == ([], 0, True)
    assert series.waited_s == pytest.approx(0.2, abs=0.1)


def test_nothing_begins_after_the_deadline() -> None:
    with listening() as (port, accepted):
        with pytest.raises(CannotRun) as caught:
            take_series(f"{HOME}:{port}", "tcp", count=5, deadline=Deadline.after(0))
        assert accepted == []
    assert caught.value.reason is NotRunReason.BUDGET_SPENT


def test_dns_answers_of_any_kind_count() -> None:
    with datagrams(lambda _n, query: [good(query)]) as (port, queries):
        series = take_series(f"{HOME}:{port}", "dns", count=5, deadline=Deadline.after(10))
    assert (series.method, series.port, series.sent, series.lost) == (Method.DNS, port, 5, 0)
    assert len({query[:2] for query in queries}) > 1, "each query has an id of its own"
    assert all(query[2] & 0x01 == 0 for query in queries), "recursion is not asked for"


def test_dns_strangers_are_passed_over() -> None:
    def answer(_number: int, query: bytes) -> list[bytes]:
        other = bytes([query[0] ^ 0xFF]) + query[1:]
        return [b"\x00", query, good(other), good(query)]

    with datagrams(answer) as (port, _queries):
        series = take_series(f"{HOME}:{port}", "dns", count=3, deadline=Deadline.after(10))
    assert series.lost == 0


def test_dns_wrong_answers_alone_are_lost() -> None:
    with datagrams(lambda _n, query: [query, b"\x00"]) as (port, _queries):
        series = take_series(
            f"{HOME}:{port}", "dns", count=2, deadline=Deadline.after(10), limit_s=0.1
        )
    assert (series.lost, series.failure) == (2, FailureKind.SILENT)


def test_a_late_answer_is_not_the_next_ones() -> None:
    held: list[bytes] = []

    def answer(_number: int, query: bytes) -> list[bytes]:
        held.append(good(query))
        return held[-2:-1]  # always the answer to the query before

    with datagrams(answer) as (port, _queries):
        series = take_series(
            f"{HOME}:{port}", "dns", count=3, deadline=Deadline.after(10), limit_s=0.1
        )
    assert series.lost == 3


def test_dns_every_third_is_lost() -> None:
    with datagrams(lambda n, query: [] if n % 3 == 0 else [good(query)]) as (port, _queries):
        series = take_series(
            f"{HOME}:{port}", "dns", count=9, deadline=Deadline.after(10), limit_s=0.15
        )
    assert (series.sent, series.lost) == (9, 3)


def test_dns_refused_is_lost_and_said() -> None:
    series = take_series(f"{HOME}:{free_port()}", "dns", count=3, deadline=Deadline.after(10))
    assert (series.lost, series.failure) == (3, FailureKind.REFUSED)


def test_dns_deadline() -> None:
    with datagrams(lambda n, query: [good(query)] if n == 1 else []) as (port, _queries):
        series = take_series(f"{HOME}:{port}", "dns", count=9, deadline=Deadline.after(0.3))
    assert (len(series.samples), series.lost, series.cut) == (1, 0, True)


def refuse_icmp(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise CannotRun(NotRunReason.NO_PERMISSION, "ICMP echo")

    monkeypatch.setattr(round_trips, "Pinger", refuse)


def test_icmp_alone_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_icmp(monkeypatch)
    with pytest.raises(CannotRun) as caught:
        take_series(HOME, "icmp", count=5, deadline=Deadline.after(10))
    assert caught.value.reason is NotRunReason.NO_PERMISSION


def test_auto_without_icmp_takes_a_usual_port(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_icmp(monkeypatch)
    port = free_port()
    monkeypatch.setattr(round_trips, "LIKELY_PORTS", (port,))
    series = take_series(HOME, "auto", count=3, deadline=Deadline.after(10))
    assert (series.method, series.port, series.lost) == (Method.TCP, port, 0)


def test_silent_guesses_prove_nothing(deaf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_icmp(monkeypatch)
    monkeypatch.setattr(round_trips, "LIKELY_PORTS", (deaf,))
    monkeypatch.setattr(round_trips, "_LIKELY_LIMIT_S", 0.1)
    with pytest.raises(CannotRun) as caught:
        take_series(HOME, "auto", count=3, deadline=Deadline.after(10))
    assert caught.value.reason is NotRunReason.NO_PERMISSION
    assert f"no TCP port of {deaf} answers" in caught.value.detail
    with pytest.raises(CannotRun) as caught:
        take_series(HOME, "tcp", count=3, deadline=Deadline.after(10))
    assert caught.value.reason is NotRunReason.UNSUPPORTED
    with pytest.raises(CannotRun) as caught:
        take_series(HOME, "auto", count=3, deadline=Deadline.after(0.05))
    assert caught.value.reason is NotRunReason.BUDGET_SPENT


def echoes(monkeypatch: pytest.MonkeyPatch, result: Echoes | LinkError) -> None:
    """Let a series of echoes give this; nothing is sent."""

    def series(*_args: object, **_kwargs: object) -> Echoes:
        if isinstance(result, LinkError):
            raise result
        return result

    monkeypatch.setattr(round_trips, "Pinger", lambda *_args, **_kwargs: nullcontext("pinger"))
    monkeypatch.setattr(round_trips, "echo_series", series)


def ping_error(kind: FailureKind) -> LinkError:
    return LinkError(kind, Operation.PING)


def test_auto_prefers_icmp(monkeypatch: pytest.MonkeyPatch) -> None:
    echoes(monkeypatch, Echoes([0.01, None, 0.02], FailureKind.UNREACHABLE, False, 0.1))
    series = take_series(HOME, "auto", count=3, deadline=Deadline.after(10))
    assert (series.method, series.samples, series.lost) == (Method.ICMP, [0.01, 0.02], 1)
    assert series.times_s == [0.01, None, 0.02]
    assert series.failure is FailureKind.UNREACHABLE


def test_a_local_firewall_is_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    echoes(monkeypatch, ping_error(FailureKind.PERMISSION))
    with pytest.raises(CannotRun) as caught:
        take_series(HOME, "icmp", count=3, deadline=Deadline.after(10))
    assert caught.value.reason is NotRunReason.NO_PERMISSION


def test_a_fault_of_this_machine_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    echoes(monkeypatch, ping_error(FailureKind.UNEXPECTED))
    with pytest.raises(LinkError) as caught:
        take_series(HOME, "icmp", count=3, deadline=Deadline.after(10))
    assert caught.value.kind is FailureKind.UNEXPECTED


def test_bound_to_an_interface() -> None:
    if not Path("/sys/class/net/lo").exists():
        pytest.skip("no interface lo")
    with listening() as (port, _accepted):
        for method in ("tcp", "dns"):
            try:
                series = take_series(
                    f"{HOME}:{port}",
                    method,
                    count=1,
                    deadline=Deadline.after(5),
                    interface="lo",
                )
            except CannotRun as refusal:
                pytest.skip(f"may not bind here: {refusal}")
            assert series.sent == 1
            with pytest.raises(CannotRun) as caught:
                take_series(
                    f"{HOME}:{port}",
                    method,
                    count=2,
                    deadline=Deadline.after(5),
                    interface="nosuch0",
                )
            assert caught.value.reason is NotRunReason.UNSUPPORTED
