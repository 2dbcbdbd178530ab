"""The laptop's clock: read, and what the system says about it."""

from __future__ import annotations

import datetime
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from posdiag.link import system_clock
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import (
    FailureKind,
    Measured,
    NotRunReason,
    Observation,
    Operation,
    Part,
    Unmeasured,
)
from posdiag.model.site import NetworkSettings, Site
from posdiag.probes import clock
from posdiag.probes.probe import ProbeContext
from posdiag.simulate.name_server import SimulatedNameServer
from posdiag.wire.ntp import ntp_answer
from tests.probes.device_runs import Yielded
from tests.probes.host_runs import HOME, NAME, StartNameServer

OFFSET = "laptop_clock.offset"
StartTimeServer = Callable[[Callable[[bytes], bytes]], str]


def run() -> dict[str, Observation | Unmeasured]:
    context = ProbeContext(Site(), Deadline.after(5), HostAllowance())
    return {item.name: item for item in clock.PROBE.run(context)}


def value(item: Observation | Unmeasured) -> object:
    assert isinstance(item, Observation)
    assert item.part is Part.LAPTOP
    assert isinstance(item.result, Measured)
    return item.result.value


@pytest.mark.parametrize("in_step", [True, False])
def test_time_offset_and_state(in_step: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "is_synchronised", lambda: in_step)
    seen = run()
    told = datetime.datetime.fromisoformat(str(value(seen["laptop_clock.time_utc"])))
    assert abs(datetime.datetime.now(tz=datetime.UTC) - told) < datetime.timedelta(seconds=5)
    offset = datetime.datetime.now().astimezone().utcoffset()
    assert offset is not None
    assert value(seen["laptop_clock.utc_offset"]) == offset.total_seconds()
    assert value(seen["laptop_clock.synchronised"]) is in_step


def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> bool:
        raise CannotRun(NotRunReason.UNSUPPORTED, "state of the clock")

    monkeypatch.setattr(clock, "is_synchronised", refuse)
    seen = run()["laptop_clock.synchronised"]
    assert isinstance(seen, Unmeasured)
    assert seen.reason is NotRunReason.UNSUPPORTED


def test_the_real_call_answers_or_says_that_it_cannot() -> None:
    try:
        answer = system_clock.is_synchronised()
    except CannotRun as cannot:
        pytest.skip(f"this system does not say: {cannot}")
    assert answer in (True, False)


def test_declaration() -> None:
    assert clock.PROBE.needs_laptop
    assert set(run()) == {one.name for one in clock.PROBE.observables}


@pytest.fixture
def start_time_server() -> Iterator[StartTimeServer]:
    """Start time servers on loopback that answer as told; empty: not at all. Gives addresses."""
    started: list[tuple[socket.socket, threading.Thread]] = []
    over = threading.Event()

    def serve(server: socket.socket, answer: Callable[[bytes], bytes]) -> None:
        while not over.is_set():
            try:
                request, peer = server.recvfrom(1024)
            except TimeoutError:
                continue
            if told := answer(request):
                server.sendto(told, peer)

    def begin(answer: Callable[[bytes], bytes]) -> str:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((HOME, 0))
        server.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(server, answer), daemon=True)
        started.append((server, thread))
        thread.start()
        return f"{HOME}:{server.getsockname()[1]}"

    yield begin
    over.set()
    for server, thread in started:
        thread.join(10)
        server.close()


def by_clock(ahead_s: float, **settings: int) -> Callable[[bytes], bytes]:
    return lambda request: ntp_answer(request, time.time() + ahead_s, **settings)


def no_answer(_request: bytes) -> bytes:
    return b""


def asking(
    *servers: str, budget_s: float = 20.0, names: SimulatedNameServer | None = None
) -> Yielded:
    told = [f"{names.address}:{names.port}"] if names else []
    network = NetworkSettings(time_servers=list(servers), resolvers=told)
    return Yielded(clock.PROBE, Site(network=network, simulated=True), budget_s=budget_s)


@pytest.mark.parametrize("ahead_s", [0.0, 90.0, -90.0])
def test_a_time_server_tells_how_far_the_laptop_is_off(
    start_time_server: StartTimeServer, ahead_s: float
) -> None:
    server = start_time_server(by_clock(ahead_s))
    yielded = asking(server)
    assert yielded.value(OFFSET) == pytest.approx(-ahead_s, abs=2.0), "a busy machine may be late"
    seen = yielded.observation(OFFSET)
    assert (seen.subject, seen.part) == (server, Part.LAPTOP)


def test_one_that_is_off_beside_silence_and_garbage(start_time_server: StartTimeServer) -> None:
    off = start_time_server(by_clock(90.0))
    silent = start_time_server(no_answer)
    garbage = start_time_server(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2)
    began_s = time.monotonic()
    yielded = asking(off, silent, garbage)
    assert time.monotonic() - began_s < 5.5, "one after the other takes 6 s"
    assert yielded.value(OFFSET, off) == pytest.approx(-90.0, abs=2.0)
    for server in (silent, garbage):
        failed = yielded.failed(OFFSET, server)
        assert (failed.failure, failed.operation) == (FailureKind.SILENT, Operation.ASK_TIME)
        assert failed.waited_s == pytest.approx(3.0, abs=1.0)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda request: bytes(24) + request[40:48] + bytes(16), FailureKind.PROTOCOL_ERROR),
        (by_clock(0.0, stratum=0), FailureKind.PROTOCOL_ERROR),
        (by_clock(0.0, leap=3), FailureKind.STALE),
    ],
)
def test_answers_without_a_time(
    start_time_server: StartTimeServer, answer: Callable[[bytes], bytes], kind: FailureKind
) -> None:
    assert asking(start_time_server(answer)).kind(OFFSET) is kind


def test_a_port_without_a_time_server() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind((HOME, 0))
        port = held.getsockname()[1]
    assert asking(f"{HOME}:{port}").kind(OFFSET) is FailureKind.REFUSED


def test_the_budget_censors_a_silent_one(start_time_server: StartTimeServer) -> None:
    failed = asking(start_time_server(no_answer), budget_s=0.3).failed(OFFSET)
    assert failed.failure is FailureKind.CENSORED


def test_a_time_server_by_name(
    start_time_server: StartTimeServer, start_name_server: StartNameServer
) -> None:
    names = start_name_server()
    port = start_time_server(by_clock(90.0)).rpartition(":")[2]
    yielded = asking(f"{NAME}:{port}", f"nobody.example:{port}", names=names)
    assert yielded.value(OFFSET, f"{NAME}:{port}") == pytest.approx(-90.0, abs=2.0)
    failed = yielded.failed(OFFSET, f"nobody.example:{port}")
    assert failed.failure is FailureKind.NAME_NOT_FOUND
