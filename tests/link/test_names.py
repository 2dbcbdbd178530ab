"""Names looked up at one name server after the other, against simulated ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from posdiag.link import names
from posdiag.link.deadline import Deadline
from posdiag.link.names import Resolution, ask, resolve
from posdiag.link.reach import Resolver
from posdiag.link.udp import run_udp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.site import StepLimits
from posdiag.simulate.name_server import NameServerFaults, SimulatedNameServer
from posdiag.wire.name_lookup import NameLookupConversation

HOST = "host.pos.example"
QUICK = StepLimits(dns_try_s=0.15, dns_tries=2)
PATIENT = StepLimits(dns_try_s=5.0, dns_tries=2)
Start = Callable[..., SimulatedNameServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated name servers that know one host."""
    started: list[SimulatedNameServer] = []

    def begin(address: str = "10.1.2.3", **faults: object) -> SimulatedNameServer:
        server = SimulatedNameServer(
            NameServerFaults(**faults),  # type: ignore[arg-type]
            {HOST: [address], "two.pos.example": ["10.1.2.4", "10.1.2.5"]},
        )
        server.start()
        started.append(server)
        return server

    yield begin
    for server in started:
        server.stop()


def told(
    *servers: SimulatedNameServer,
    name: str = HOST,
    limits: StepLimits = PATIENT,
    budget_s: float = 20.0,
) -> Resolution:
    addresses = [Resolver(one.address, one.port, declared=True) for one in servers]
    return resolve(name, addresses, limits, Deadline.after(budget_s))


def kind(found: Resolution) -> FailureKind:
    assert found.addresses == ()
    assert found.failure is not None
    assert found.failure.operation is Operation.RESOLVE
    return found.failure.failure


def test_found(start: Start) -> None:
    server = start()
    found = told(server)
    assert found.addresses == ("10.1.2.3",)
    assert found.failure is None
    assert found.resolver.port == server.port
    assert 0 < found.took_s < 5
    # Name servers shuffle.
    assert set(told(server, name="two.pos.example.").addresses) == {"10.1.2.4", "10.1.2.5"}
    assert server.journal == [f"query {HOST}", "query two.pos.example"]


@pytest.mark.parametrize("faults", [{"servfail": True}, {"refused": True}, {"garbage": True}])
def test_the_next_is_asked_where_one_fails(start: Start, faults: dict[str, bool]) -> None:
    first, second = start(**faults), start("10.9.9.9")
    found = told(first, second)
    assert found.addresses == ("10.9.9.9",)
    assert found.resolver.port == second.port
    assert first.journal == [f"query {HOST}"]


def test_the_next_is_asked_where_one_is_silent(start: Start) -> None:
    first, second = start(silent=True), start("10.9.9.9")
    found = told(first, second, limits=QUICK)
    assert found.addresses == ("10.9.9.9",)
    assert found.took_s >= 0.3, "as the terminal, it waited for both tries first"
    assert first.journal == [f"query {HOST}"] * 2


def test_no_such_name_is_an_answer(start: Start) -> None:
    first, second = start(nxdomain=True), start()
    found = told(first, second)
    assert kind(found) is FailureKind.NAME_NOT_FOUND
    assert found.resolver.port == first.port
    assert second.journal == []


def test_of_several_failures_the_first_is_told(start: Start) -> None:
    first, second = start(servfail=True), start(refused=True)
    found = told(first, second)
    assert kind(found) is FailureKind.NAME_SERVER_FAILURE
    assert found.resolver.port == first.port
    assert len(second.journal) == 1


def test_but_an_answer_before_a_silence(start: Start) -> None:
    first, second = start(silent=True), start(nxdomain=True)
    found = told(first, second, limits=QUICK)
    assert kind(found) is FailureKind.NAME_NOT_FOUND
    assert found.resolver.port == second.port


def test_silence_is_waited_for_to_its_own_end(start: Start) -> None:
    found = told(start(silent=True), limits=QUICK)
    assert kind(found) is FailureKind.SILENT
    assert found.failure is not None
    assert found.failure.waited_s == pytest.approx(0.3, abs=0.2)


def test_the_deadline_censors_and_ends_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = start(silent=True), start()
    asked: list[int] = []

    def count(
        address: str,
        port: int,
        lookup: NameLookupConversation,
        until: Deadline,
        *,
        interface: str | None,
    ) -> None:
        assert interface is None
        asked.append(port)
        run_udp(address, port, lookup, until)

    monkeypatch.setattr(names, "run_udp", count)
    began_s = time.monotonic()
    found = told(first, second, budget_s=0.3)
    assert time.monotonic() - began_s < 2
    assert kind(found) is FailureKind.CENSORED
    assert found.failure is not None
    assert found.failure.waited_s == pytest.approx(0.3, abs=0.2)
    assert asked == [first.port]


def test_nothing_listens(start: Start) -> None:
    assert kind(told(start(closed=True))) is FailureKind.REFUSED


def test_a_lost_query_is_asked_again(start: Start) -> None:
    server = start(drop_pattern=[True, False])
    found = told(server, limits=StepLimits(dns_try_s=0.2, dns_tries=2))
    assert found.addresses == ("10.1.2.3",)
    assert found.took_s >= 0.2
    assert len(server.journal) == 2


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example"])
def test_what_is_no_name(start: Start, name: str) -> None:
    server = start()
    with pytest.raises(CannotRun) as caught:
        told(server, name=name)
    assert caught.value.reason is NotRunReason.NOT_DECLARED
    assert server.journal == []


def test_no_name_servers() -> None:
    with pytest.raises(CannotRun) as caught:
        told()
    assert caught.value.reason is NotRunReason.NOT_DECLARED


def test_errors_of_this_machine_say_nothing_of_the_name_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors: list[FailureKind] = []

    def fail(*_args: object, **_named: object) -> None:
        raise LinkError(errors[0], Operation.SEND, "Operation not permitted")

    monkeypatch.setattr(names, "run_udp", fail)
    server, deadline = Resolver("127.0.0.1", 53, declared=True), Deadline.after(5)
    errors[:] = [FailureKind.PERMISSION]
    with pytest.raises(CannotRun) as refused:
        ask(HOST, server, PATIENT, deadline)
    assert refused.value.reason is NotRunReason.NO_PERMISSION
    errors[:] = [FailureKind.UNEXPECTED]
    with pytest.raises(LinkError) as failed:
        resolve(HOST, [server], PATIENT, deadline)
    assert failed.value.kind is FailureKind.UNEXPECTED
