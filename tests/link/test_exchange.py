"""What the drivers do with peers and conversations that no simulated peer shows."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from posdiag.link import exchange
from posdiag.link.deadline import Deadline
from posdiag.link.event_loop import Job, run_many
from posdiag.link.tcp import ConnectOnly, TcpResult, run_tcp
from posdiag.link.udp import run_udp
from posdiag.link.watched import watch_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

HOME = "127.0.0.1"


class Script:
    """A conversation that sends something, and then waits until it is told that it is over."""

    def __init__(self, *sends: bytes, limit_s: float = 10.0, enough: int = 1 << 40) -> None:
        self._sends = list(sends)
        self._limit_s = limit_s
        self._enough = enough
        self.received = b""
        self.ends: list[tuple[Ended, float]] = []

    def step(self, now_s: float) -> Step:
        if self._sends:
            return Send(self._sends.pop(0))
        if self.ends or len(self.received) >= self._enough:
            return Done()
        return Wait(self._limit_s, Operation.RECEIVE)

    def receive(self, data: bytes, now_s: float) -> None:
        assert data
        self.received += data

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        self.ends.append((why, waited_s))


@contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection in a thread; give the port."""
    with socket.create_server((HOME, 0)) as listener:
        listener.settimeout(20)

        def accept() -> None:
            with contextlib.suppress(OSError):
                link, _ = listener.accept()
                with link:
                    serve(link)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


@contextmanager
def peer(*, sends: bytes = b"", reads: bool = True) -> Iterator[int]:
    """Serve one connection: send, read to the end or not at all; give the port."""
    done = threading.Event()

    def serve(link: socket.socket) -> None:
        if sends:
            link.sendall(sends)
        while reads and link.recv(65536):
            pass
        done.wait(20)

    with served(serve) as port:
        yield port
        done.set()


@pytest.fixture(params=["blocking", "event_driven", "watched"])
def driver(request: pytest.FixtureRequest) -> str:
    """Name a driver."""
    return str(request.param)


def run(
    driver: str, port: int, conversation: Script, deadline: Deadline | None = None
) -> TcpResult | None:
    """Return the driver's result; the watched one tells only the connect."""
    deadline = deadline or Deadline.after(30)
    if driver == "blocking":
        return run_tcp(HOME, port, conversation, deadline, 10.0)
    if driver == "watched":
        assert len(set(watch_tcp(HOME, port, conversation, deadline, 10.0))) == 1
        return None
    ((_, outcome),) = run_many([Job(conversation, HOME, port, deadline)])
    if isinstance(outcome, LinkError | CannotRun):
        raise outcome
    assert isinstance(outcome, TcpResult)
    return outcome


def test_all_bytes_arrive_in_order(driver: str) -> None:
    data = bytes(range(256)) * 2048
    talk = Script(b"hello", enough=len(data))
    with peer(sends=data, reads=False) as port:
        result = run(driver, port, talk)
    assert talk.received == data
    assert talk.ends == []
    if result is not None:
        assert (result.sent, result.received) == (5, len(data))
        assert 0 < result.connect_s < 10
        assert result.connect_source == ("tcp_info" if sys.platform == "linux" else "clock")


def test_more_than_the_kernel_takes_at_once_is_sent_whole(driver: str) -> None:
    got: list[int] = []

    def serve(link: socket.socket) -> None:
        time.sleep(0.2)
        while data := link.recv(1 << 20):
            got.append(len(data))
            if sum(got) == 16 << 20:
                link.sendall(b"!")

    talk = Script(bytes(8 << 20), bytes(8 << 20), enough=1)
    with served(serve) as port:
        run(driver, port, talk)
    assert sum(got) == 16 << 20
    assert talk.received == b"!"


def test_a_peer_that_takes_nothing_is_silent(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "SEND_LIMIT_S", 0.3)
    talk = Script(bytes(64 << 20))
    with peer(reads=False) as port:
        run(driver, port, talk)
    assert [why for why, _ in talk.ends] == [Ended.LIMIT]


def test_a_peer_that_takes_nothing_until_the_budget_ends(driver: str) -> None:
    talk = Script(bytes(64 << 20))
    with peer(reads=False) as port:
        run(driver, port, talk, Deadline.after(0.4))
    assert [why for why, _ in talk.ends] == [Ended.BUDGET]


def test_a_flood_is_cut(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_RECEIVED", 1 << 16)
    talk = Script()
    with peer(sends=bytes(1 << 17), reads=False) as port:
        run(driver, port, talk)
    assert [why for why, _ in talk.ends] == [Ended.TOO_MUCH]
    assert len(talk.received) <= 1 << 16


def test_what_came_before_the_end_is_heard_first(driver: str) -> None:
    talk = Script()
    with served(lambda link: link.sendall(b"last words")) as port:
        run(driver, port, talk)
    assert talk.received == b"last words"
    assert [why for why, _ in talk.ends] == [Ended.EOF]


@pytest.mark.parametrize("limit_s", [0.2, 60.0])
def test_how_long_was_waited(driver: str, limit_s: float) -> None:
    talk = Script(limit_s=limit_s)
    with peer() as port:
        run(driver, port, talk, Deadline.after(0.6))
    ((why, waited_s),) = talk.ends
    assert why is (Ended.LIMIT if limit_s < 0.6 else Ended.BUDGET)
    assert min(limit_s, 0.6) - 0.2 < waited_s < 10


def test_a_budget_that_is_spent_before_the_start(driver: str) -> None:
    with peer() as port, pytest.raises(LinkError) as caught:
        run(driver, port, Script(), Deadline.after(-1))
    assert (caught.value.kind, caught.value.operation) == (
        FailureKind.CENSORED,
        Operation.CONNECT,
    )


class Restless(Script):
    """A conversation that never waits."""

    def step(self, now_s: float) -> Step:
        return Send(b"")


class Deaf(Script):
    """A conversation that goes on waiting after its end."""

    def step(self, now_s: float) -> Step:
        return Wait(10, Operation.RECEIVE)


@pytest.mark.parametrize("kind", [Restless, Deaf])
def test_a_broken_conversation_is_our_bug_and_ends(driver: str, kind: type[Script]) -> None:
    with (
        served(lambda _link: None) as port,
        pytest.raises(RuntimeError, match=kind.__name__),
    ):
        run(driver, port, kind())


def test_names_are_not_looked_up(driver: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "blocking": lambda: run_tcp("localhost", 9, Script(), Deadline.after(5), 1),
        "watched": lambda: next(watch_tcp("localhost", 9, Script(), Deadline.after(5), 1)),
        "event_driven": lambda: next(run_many([Job(Script(), "localhost", 9, Deadline.after(5))])),
    }
    with pytest.raises(ValueError, match="numeric"):
        calls[driver]()


@pytest.mark.skipif(sys.platform != "linux", reason="other system: binds in another way")
def test_an_interface_that_is_not_there() -> None:
    reasons = (NotRunReason.UNSUPPORTED, NotRunReason.NO_PERMISSION)
    deadline = Deadline.after(5)
    with pytest.raises(CannotRun) as caught:
        run_tcp(HOME, 9, Script(), deadline, 1, interface="nosuch0")
    assert caught.value.reason in reasons
    with pytest.raises(CannotRun) as caught:
        run_udp(HOME, 9, Script(), deadline, interface="nosuch0")
    assert caught.value.reason in reasons
    ((_, outcome),) = run_many([Job(Script(), HOME, 9, deadline, interface="nosuch0")])
    assert isinstance(outcome, CannotRun)


def test_bound_to_an_own_address() -> None:
    with socket.create_server((HOME, 0)) as listener:
        port = listener.getsockname()[1]
        run_tcp(HOME, port, ConnectOnly(), Deadline.after(5), 5, interface="127.0.0.3")
        assert listener.accept()[1][0] == "127.0.0.3"


def test_datagrams_of_strangers_are_not_heard() -> None:
    """A socket that is connected hears its peer only, which guards against guessed answers."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        server.bind((HOME, 0))
        server.settimeout(10)

        def serve() -> None:
            _, whom = server.recvfrom(100)
            stranger.sendto(b"false", whom)
            time.sleep(0.1)
            server.sendto(b"true", whom)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        talk = Script(b"?", enough=1)
        result = run_udp(HOME, server.getsockname()[1], talk, Deadline.after(10))
        thread.join(10)
    assert talk.received == b"true"
    assert (result.sent, result.received) == (1, 4)


def test_connect_only_says_nothing() -> None:
    with socket.create_server((HOME, 0)) as listener:
        result = run_tcp(HOME, listener.getsockname()[1], ConnectOnly(), Deadline.after(5), 5)
        link, _ = listener.accept()
        with link:
            assert link.recv(1) == b""
    assert (result.sent, result.received) == (0, 0)
