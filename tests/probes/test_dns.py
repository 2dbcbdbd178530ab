"""The name server probe against simulated name servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from posdiag.link import names, reach
from posdiag.link.deadline import Deadline
from posdiag.link.reach import Resolver
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import (
    AcquirerProfile,
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    HostRole,
    LaptopAt,
    NetworkSettings,
    Reach,
    Site,
    StepLimits,
)
from posdiag.model.text import Text
from posdiag.probes.dns import KNOWN_NAME, PROBE
from posdiag.simulate.name_server import NameServerFaults, SimulatedNameServer
from posdiag.wire.name_lookup import NameLookupConversation
from tests.probes.device_runs import Yielded
from tests.probes.host_runs import NAME, StartNameServer

FIRST, OTHER = "name_lookup.time", "name_lookup.other_time"


def subject(server: SimulatedNameServer) -> str:
    return f"{server.address}:{server.port}"


def site(
    *servers: SimulatedNameServer | str,
    hosts: tuple[HostEndpoint, ...] | None = (HostEndpoint(address=NAME, port=1),),
    try_s: float = 5.0,
    laptop_at: LaptopAt = LaptopAt.SAME_LAN,
    reached: Reach = Reach.PUBLIC,
    simulated: bool = True,
) -> Site:
    """Return a site that asks these name servers for these hosts; None: no acquirer."""
    acquirer = None
    if hosts is not None:
        acquirer = AcquirerProfile(
            id="one",
            title=Text("one", "一"),
            reach=reached,
            hosts=list(hosts),
            echo=EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BINARY2),
            limits=StepLimits(dns_try_s=try_s, dns_tries=2),
            sources={},
        )
    resolvers = [one if isinstance(one, str) else subject(one) for one in servers]
    return Site(
        acquirer=acquirer,
        network=NetworkSettings(resolvers=resolvers),
        laptop_at=laptop_at,
        simulated=simulated,
    )


def refusal(call: Callable[[], object]) -> CannotRun:
    with pytest.raises(CannotRun) as caught:
        call()
    return caught.value


def test_answered(start_name_server: StartNameServer) -> None:
    server = start_name_server()
    shop = site(server)
    yielded = Yielded(PROBE, shop)
    assert PROBE.targets(shop) == [subject(server)]
    seen = yielded.observation(FIRST)
    assert (seen.subject, seen.part) == (subject(server), Part.SHOP_NETWORK)
    value = yielded.value(FIRST)
    assert isinstance(value, float)
    assert 0 < value < 5
    assert yielded.names() == {FIRST, "name_lookup.addresses"}
    assert yielded.value("name_lookup.addresses") == ["127.0.0.1"]
    assert server.journal == [f"query {NAME}"]


def test_a_slow_answer_counts_from_the_first_query(start_name_server: StartNameServer) -> None:
    slow = start_name_server(delays_s=[0.3])
    value = Yielded(PROBE, site(slow, try_s=0.2)).value(FIRST)
    assert isinstance(value, float)
    assert value >= 0.3, "a late answer to an earlier try counts, as it does for a terminal"
    assert len(slow.journal) == 2


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({"servfail": True}, FailureKind.NAME_SERVER_FAILURE),
        ({"nxdomain": True}, FailureKind.NAME_NOT_FOUND),
        ({"refused": True}, FailureKind.REFUSED),
        ({"closed": True}, FailureKind.REFUSED),
        ({"garbage": True}, FailureKind.PROTOCOL_ERROR),
        ({"truncated": True}, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_answered_badly(
    start_name_server: StartNameServer, faults: dict[str, object], kind: FailureKind
) -> None:
    failed = Yielded(PROBE, site(start_name_server(**faults))).failed(FIRST)
    assert (failed.failure, failed.operation) == (kind, Operation.RESOLVE)
    assert failed.waited_s is None


def test_an_answer_of_another_comes_first(start_name_server: StartNameServer) -> None:
    assert isinstance(
        Yielded(PROBE, site(start_name_server(foreign_first=True))).value(FIRST), float
    )


def test_silence_beside_one_that_answers(start_name_server: StartNameServer) -> None:
    silent, good = start_name_server(silent=True), start_name_server()
    yielded = Yielded(PROBE, site(silent, good, try_s=0.2))
    failed = yielded.failed(FIRST, subject(silent))
    assert failed.failure is FailureKind.SILENT
    assert failed.waited_s == pytest.approx(0.4, abs=0.2)
    assert isinstance(yielded.value(OTHER, subject(good)), float)
    assert len(silent.journal) == 2


def test_the_deadline_censors(start_name_server: StartNameServer) -> None:
    began_s = time.monotonic()
    failed = Yielded(PROBE, site(start_name_server(silent=True)), budget_s=0.3).failed(FIRST)
    assert time.monotonic() - began_s < 3
    assert failed.failure is FailureKind.CENSORED
    assert failed.waited_s == pytest.approx(0.3, abs=0.2)


def test_name_servers_that_differ(start_name_server: StartNameServer) -> None:
    good, other = start_name_server(), start_name_server(nxdomain=True)
    yielded = Yielded(PROBE, site(good, other))
    assert isinstance(yielded.value(FIRST, subject(good)), float)
    assert yielded.failed(OTHER, subject(other)).failure is FailureKind.NAME_NOT_FOUND


@contextmanager
def knowing(*addresses: str) -> Iterator[SimulatedNameServer]:
    """Run a name server that knows other addresses of the host."""
    server = SimulatedNameServer(NameServerFaults(), {NAME: addresses})
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        (["10.1.0.1"], ["10.1.0.1"], True),
        (["10.1.0.1", "10.1.0.2"], ["10.1.0.2", "10.1.0.3"], True),
        (["10.1.0.1"], ["10.9.0.1"], False),
        (["10.1.0.1", "10.1.0.2"], ["10.9.0.1"], False),
    ],
)
def test_whether_answers_agree(first: list[str], second: list[str], agree: bool) -> None:
    with knowing(*first) as one, knowing(*second) as other:
        yielded = Yielded(PROBE, site(one, other))
    assert yielded.value("name_lookup.agree") is agree
    told = [yielded.value("name_lookup.addresses", subject(server)) for server in (one, other)]
    assert [sorted(map(str, addresses)) for addresses in told] == [first, second]  # type: ignore[arg-type]


def test_one_answer_agrees_with_nobody(start_name_server: StartNameServer) -> None:
    yielded = Yielded(PROBE, site(start_name_server(), start_name_server(nxdomain=True)))
    assert "name_lookup.agree" not in yielded.names()


def test_all_are_asked_at_the_same_time_and_at_most_three(
    start_name_server: StartNameServer,
) -> None:
    servers = [start_name_server(delays_s=[0.5]) for _ in range(4)]
    began_s = time.monotonic()
    yielded = Yielded(PROBE, site(*servers))
    assert time.monotonic() - began_s < 1.4, "one after the other takes 1.5 s"
    assert [one.subject for one in yielded.observations(OTHER)] == [
        subject(one) for one in servers[1:3]
    ]
    assert servers[3].journal == []


def test_without_a_host_a_name_that_everybody_knows(start_name_server: StartNameServer) -> None:
    server = start_name_server()
    yielded = Yielded(PROBE, site(server, hosts=None, simulated=False))
    assert server.journal == [f"query {KNOWN_NAME}"]
    assert yielded.kind(FIRST) is FailureKind.NAME_NOT_FOUND
    Yielded(PROBE, site(server, hosts=(), simulated=False))
    # What a shipped profile holds in place of an address is nobody's name.
    Yielded(PROBE, site(server, simulated=False))
    assert server.journal == [f"query {KNOWN_NAME}"] * 3


def test_hosts_that_are_addresses(start_name_server: StartNameServer) -> None:
    server = start_name_server()
    primary = HostEndpoint(address="10.0.0.1", port=1)
    for call in (PROBE.targets, lambda shop: Yielded(PROBE, shop)):
        cannot = refusal(lambda call=call: call(site(server, hosts=(primary,))))  # type: ignore[misc]
        assert cannot.reason is NotRunReason.NOT_APPLICABLE
    assert server.journal == []
    backup = HostEndpoint(address=NAME, port=1, role=HostRole.BACKUP)
    assert isinstance(Yielded(PROBE, site(server, hosts=(primary, backup))).value(FIRST), float)


def test_a_name_of_a_network_that_ends_elsewhere(start_name_server: StartNameServer) -> None:
    server = start_name_server()
    shop = site(server, reached=Reach.PRIVATE_APN)
    for call in (PROBE.targets, lambda shop: Yielded(PROBE, shop)):
        cannot = refusal(lambda call=call: call(shop))  # type: ignore[misc]
        assert cannot.reason is NotRunReason.NOT_REACHABLE_FROM_HERE
    assert server.journal == []


def test_nothing_declared_at_a_simulated_site(start_name_server: StartNameServer) -> None:
    assert refusal(lambda: PROBE.targets(site())).reason is NotRunReason.NOT_DECLARED
    shop = site(start_name_server(), hosts=None)
    assert refusal(lambda: PROBE.targets(shop)).reason is NotRunReason.NOT_DECLARED


def test_a_system_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "system_resolvers", list)
    cannot = refusal(lambda: Yielded(PROBE, site(simulated=False)))
    assert cannot.reason is NotRunReason.NOT_DECLARED


def test_a_name_that_cannot_be_asked_for(start_name_server: StartNameServer) -> None:
    server = start_name_server()
    shop = site(server, hosts=(HostEndpoint(address="a..b", port=1),))
    assert Yielded(PROBE, shop).unmeasured(FIRST).reason is NotRunReason.NOT_DECLARED
    assert server.journal == []


def test_from_elsewhere_only_public_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(
        name: str, resolver: Resolver, limits: StepLimits, deadline: Deadline
    ) -> NameLookupConversation:
        assert deadline.remaining_s() > 0
        asked.append(resolver.address)
        return NameLookupConversation(name, 1, tries=limits.dns_tries, try_s=limits.dns_try_s)

    monkeypatch.setattr(names, "ask", ask)
    shop = site("192.168.1.1", "9.9.9.9", laptop_at=LaptopAt.HOTSPOT)
    assert PROBE.targets(shop) == ["9.9.9.9"]
    yielded = Yielded(PROBE, shop)
    assert asked == ["9.9.9.9"]
    gap = yielded.unmeasured(FIRST)
    assert gap.reason is NotRunReason.NOT_REACHABLE_FROM_HERE
    assert gap.subject == "192.168.1.1"
    assert yielded.observation(OTHER).part is Part.LAPTOP
    alone = site("192.168.1.1", laptop_at=LaptopAt.HOTSPOT)
    assert refusal(lambda: PROBE.targets(alone)).reason is NotRunReason.NOT_REACHABLE_FROM_HERE


def test_faults_of_the_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_name: str, resolver: Resolver, *_rest: object) -> NameLookupConversation:
        if resolver.address == "10.0.0.1":
            raise CannotRun(NotRunReason.NO_PERMISSION, "Operation not permitted")
        raise LinkError(FailureKind.UNEXPECTED, Operation.OPEN, "Too many open files")

    monkeypatch.setattr(names, "ask", ask)
    yielded = Yielded(PROBE, site("10.0.0.1", "10.0.0.2"))
    assert yielded.unmeasured(FIRST).reason is NotRunReason.NO_PERMISSION
    assert yielded.kind(OTHER) is FailureKind.UNEXPECTED
