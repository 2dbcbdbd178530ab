"""From where what can be asked."""

from __future__ import annotations

import pytest

from posdiag.link import reach
from posdiag.link.reach import (
    Resolver,
    endpoint,
    is_address,
    is_away,
    is_out_of_reach,
    is_placeholder,
    reachable_acquirer,
    resolvers,
)
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
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
)
from posdiag.model.text import Text


def acquirer(reach_: Reach, *hosts: HostEndpoint) -> AcquirerProfile:
    return AcquirerProfile(
        id="one",
        title=Text("one", "一"),
        reach=reach_,
        hosts=list(hosts),
        echo=EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BINARY2),
        sources={},
    )


TABLE = {
    # laptop_at: public, private APN, leased line
    LaptopAt.TERMINAL_CABLE: (True, False, True),
    LaptopAt.SAME_LAN: (True, False, True),
    LaptopAt.SAME_WIFI: (True, False, False),
    LaptopAt.TERMINAL_SIM: (True, True, True),
    LaptopAt.HOTSPOT: (True, False, False),
    LaptopAt.ELSEWHERE: (True, False, False),
    LaptopAt.UNKNOWN: (True, False, False),
}
REACHES = (Reach.PUBLIC, Reach.PRIVATE_APN, Reach.LEASED_LINE)


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(LaptopAt)
    assert set(REACHES) == set(Reach)


@pytest.mark.parametrize(
    ("laptop_at", "reach_", "reachable"),
    [
        (laptop_at, reach_, reachable)
        for laptop_at, row in TABLE.items()
        for reach_, reachable in zip(REACHES, row, strict=True)
    ],
)
def test_from_where_which_host_can_be_reached(
    laptop_at: LaptopAt, reach_: Reach, reachable: bool
) -> None:
    site = Site(acquirer=acquirer(reach_), laptop_at=laptop_at)
    if reachable:
        assert reachable_acquirer(site) is site.acquirer
        return
    with pytest.raises(CannotRun) as caught:
        reachable_acquirer(site)
    assert caught.value.reason is NotRunReason.NOT_REACHABLE_FROM_HERE
    assert caught.value.detail == f"reach = {reach_}, laptop_at = {laptop_at}"


def test_without_an_acquirer() -> None:
    with pytest.raises(CannotRun) as caught:
        reachable_acquirer(Site(laptop_at=LaptopAt.TERMINAL_SIM))
    assert caught.value.reason is NotRunReason.NOT_DECLARED


@pytest.mark.parametrize(
    ("laptop_at", "away"),
    [(one, one in (LaptopAt.HOTSPOT, LaptopAt.ELSEWHERE)) for one in LaptopAt],
)
def test_who_is_away_from_the_shop(laptop_at: LaptopAt, away: bool) -> None:
    site = Site(laptop_at=laptop_at)
    assert is_away(site) is away
    assert is_out_of_reach(site, Resolver("192.168.1.1", 53, declared=True)) is away
    # A public name server, and the laptop's own, can be asked from everywhere.
    assert not is_out_of_reach(site, Resolver("9.9.9.9", 53, declared=True))
    assert not is_out_of_reach(site, Resolver("192.168.1.1", 53, declared=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.7", True),
        ("198.51.100.1", True),
        ("203.0.113.255", True),
        ("2001:db8::7", True),
        ("host.example", True),
        ("pos.EXAMPLE.com.", True),
        ("example.org", True),
        ("tms.invalid", True),
        ("host.test", True),
        ("192.0.3.7", False),
        ("2001:db9::7", False),
        ("myexample.com", False),
        ("example.com.cn", False),
        ("latest", False),
        ("127.0.0.1", False),
    ],
)
def test_placeholders(text: str, expected: bool) -> None:
    assert is_placeholder(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10.0.0.1", True), ("::1", True), ("host.pos", False), ("10.0.0", False), ("", False)],
)
def test_addresses(text: str, expected: bool) -> None:
    assert is_address(text) is expected


def test_the_first_host_of_a_role_that_can_be_addressed() -> None:
    hosts = [
        HostEndpoint(address="", port=1),
        HostEndpoint(address="192.0.2.1", port=2),
        HostEndpoint(address="10.0.0.1", port=3),
        HostEndpoint(address="10.0.0.2", port=4),
        HostEndpoint(address="10.0.0.3", port=5, role=HostRole.BACKUP),
    ]
    site = Site(acquirer=acquirer(Reach.PUBLIC, *hosts))
    assert endpoint(site, HostRole.PRIMARY) == hosts[2]
    assert endpoint(site, HostRole.BACKUP) == hosts[4]
    assert endpoint(site, HostRole.TMS) is None
    assert endpoint(Site(), HostRole.PRIMARY) is None
    ours = Site(acquirer=acquirer(Reach.PUBLIC, *hosts), simulated=True)
    assert endpoint(ours, HostRole.PRIMARY) == hosts[1]


def asked(*texts: str, simulated: bool = False) -> list[Resolver]:
    return resolvers(Site(network=NetworkSettings(resolvers=list(texts)), simulated=simulated))


def test_the_sites_own_name_servers() -> None:
    assert asked("192.168.1.1", "127.0.0.1:5353", "[2001:4860:4860::8888]:53") == [
        Resolver("192.168.1.1", 53, declared=True),
        Resolver("127.0.0.1", 5353, declared=True),
        Resolver("2001:4860:4860::8888", 53, declared=True),
    ]


def test_each_once_and_at_most_three() -> None:
    several = ["10.0.0.1", "10.0.0.1:53", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
    assert [one.address for one in asked(*several)] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_the_systems_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "system_resolvers", lambda: ["9.9.9.9"])
    assert asked() == [Resolver("9.9.9.9", 53, declared=False)]
    monkeypatch.setattr(reach, "system_resolvers", list)
    assert asked() == []


def test_a_simulated_site_never_asks_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "system_resolvers", lambda: pytest.fail("looked at the laptop"))
    with pytest.raises(CannotRun) as caught:
        asked(simulated=True)
    assert caught.value.reason is NotRunReason.NOT_DECLARED


def test_a_name_is_no_name_server() -> None:
    with pytest.raises(CannotRun) as caught:
        asked("dns.google")
    assert caught.value.reason is NotRunReason.NOT_DECLARED


@pytest.mark.parametrize(
    ("resolver", "text"),
    [
        (Resolver("10.0.0.1", 53, declared=True), "10.0.0.1"),
        (Resolver("10.0.0.1", 5353, declared=True), "10.0.0.1:5353"),
        (Resolver("::1", 53, declared=True), "::1"),
        (Resolver("::1", 5353, declared=True), "[::1]:5353"),
    ],
)
def test_how_a_name_server_is_named(resolver: Resolver, text: str) -> None:
    assert str(resolver) == text
