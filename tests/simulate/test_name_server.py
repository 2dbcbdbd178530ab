"""The simulated name server, asked with dnspython's own client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import msgspec
import pytest

from posdiag.simulate.name_server import NameServerFaults, SimulatedNameServer

NAMES = {"host.example": ["192.0.2.1", "192.0.2.2", "2001:db8::1"]}
Start = Callable[..., SimulatedNameServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated name servers with some faults."""
    started: list[SimulatedNameServer] = []

    def begin(**faults: object) -> SimulatedNameServer:
        server = SimulatedNameServer(msgspec.convert(faults, NameServerFaults), NAMES)
        server.start()
        started.append(server)
        return server

    yield begin
    for server in started:
        server.stop()


def ask(
    server: SimulatedNameServer, name: str = "host.example", kind: str = "A", wait_s: float = 10
) -> dns.message.Message:
    return dns.query.udp(
        dns.message.make_query(name, kind),
        server.address,
        port=server.port,
        timeout=wait_s,
        ignore_unexpected=True,
        ignore_errors=True,
    )


def addresses(message: dns.message.Message) -> list[str]:
    return sorted(rdata.to_text() for rrset in message.answer for rdata in rrset)


def test_it_knows_its_names(start: Start) -> None:
    server = start()
    assert addresses(ask(server)) == ["192.0.2.1", "192.0.2.2"]
    assert addresses(ask(server, "HOST.example.")) == ["192.0.2.1", "192.0.2.2"]
    assert addresses(ask(server, kind="AAAA")) == ["2001:db8::1"]
    assert server.journal == ["query host.example"] * 3


@pytest.mark.parametrize(("name", "kind"), [("nobody.example", "A"), (".", "NS")])
def test_every_other_name_gets_an_answer_too(start: Start, name: str, kind: str) -> None:
    assert ask(start(), name, kind).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("code", ["SERVFAIL", "NXDOMAIN", "REFUSED"])
def test_response_codes(start: Start, code: str) -> None:
    message = ask(start(**{code.lower(): True}))
    assert dns.rcode.to_text(message.rcode()) == code
    assert addresses(message) == []


def test_silent(start: Start) -> None:
    server = start(silent=True)
    with pytest.raises(dns.exception.Timeout):
        ask(server, wait_s=0.3)
    assert server.journal == ["query host.example"]


def test_closed(start: Start) -> None:
    server = start(closed=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(10)
        link.connect((server.address, server.port))
        link.send(dns.message.make_query("host.example", "A").to_wire())
        with pytest.raises(ConnectionError):
            link.recv(512)
    assert server.journal == []


def raw(server: SimulatedNameServer, count: int) -> tuple[bytes, list[bytes]]:
    """Return (query, that many datagrams of answer)."""
    query = dns.message.make_query("host.example", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(10)
        link.connect((server.address, server.port))
        link.send(query)
        return query, [link.recv(512) for _ in range(count)]


def test_garbage_bears_the_right_id(start: Start) -> None:
    query, (answer,) = raw(start(garbage=True), 1)
    assert answer[:2] == query[:2]
    with pytest.raises((dns.exception.DNSException, ValueError)):
        dns.message.from_wire(answer)


def test_truncated(start: Start) -> None:
    _, (answer,) = raw(start(truncated=True), 1)
    message = dns.message.from_wire(answer)
    assert message.flags & dns.flags.TC
    assert addresses(message) == []


def test_a_foreign_answer_comes_first(start: Start) -> None:
    query, (first, second) = raw(start(foreign_first=True), 2)
    assert first[:2] != query[:2]
    assert dns.message.from_wire(first).rcode() == dns.rcode.SERVFAIL
    assert second[:2] == query[:2]
    assert addresses(dns.message.from_wire(second)) == ["192.0.2.1", "192.0.2.2"]


def test_delays_go_round(start: Start) -> None:
    server, took_s = start(delays_s=[0.0, 0.5]), []
    for _ in range(4):
        begun_s = time.monotonic()
        ask(server)
        took_s.append(time.monotonic() - begun_s)
    assert min(took_s[1], took_s[3]) >= 0.5 > max(took_s[0], took_s[2])


def test_a_slow_answer_holds_up_no_other_query(start: Start) -> None:
    server, ends_s = start(delays_s=[0.8]), []

    def run() -> None:
        ask(server)
        ends_s.append(time.monotonic())

    begun_s = time.monotonic()
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.8 <= max(ends_s) - begun_s < 2 * 0.8


def test_drops_go_round(start: Start) -> None:
    server, came = start(drop_pattern=[True, False, False]), []
    for _ in range(6):
        try:
            ask(server, wait_s=0.3)
        except dns.exception.Timeout:
            came.append(False)
        else:
            came.append(True)
    assert came == [False, True, True] * 2
    assert len(server.journal) == 6


def test_what_is_no_query_gets_no_answer(start: Start) -> None:
    server = start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(0.3)
        link.connect((server.address, server.port))
        for data in (b"", b"?", b"\xff" * 40):
            link.send(data)
        with pytest.raises(TimeoutError):
            link.recv(512)
    assert server.journal == ["no query"] * 3
    assert addresses(ask(server)) != []


def test_stopping_leaves_nothing(start: Start) -> None:
    before = threading.active_count()
    server = start(delays_s=[60.0])
    with pytest.raises(dns.exception.Timeout):
        ask(server, wait_s=0.1)
    begun_s = time.monotonic()
    server.stop()
    assert time.monotonic() - begun_s < 4
    assert threading.active_count() <= before
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind((server.address, server.port))


def test_unknown_faults_are_refused() -> None:
    for faults in ({"no_such_fault": True}, {"delays_s": [-1]}, {"drop_pattern": [2]}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(faults, NameServerFaults)
