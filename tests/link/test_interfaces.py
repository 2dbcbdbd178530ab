"""The laptop's own network, from tables as systems print them and from this machine."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from posdiag.link import interfaces
from posdiag.link.interfaces import DefaultRoute, InterfaceState
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def word(address: str) -> str:
    """Return an address as Linux prints it: a word in the machine's byte order."""
    return f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}"


def line(interface: str, to: str, by: str, flags: int, /, *, metric: int, mask: str) -> str:
    return (
        f"{interface}\t{word(to)}\t{word(by)}\t{flags:04X}\t0\t0\t{metric}\t{word(mask)}\t0\t0\t0\n"
    )


def state(name: str = "eth0", *addresses: str, up: bool = True) -> InterfaceState:
    return InterfaceState(name, up, False, addresses, 1000, 10, 0)


def test_the_default_route_of_the_lowest_metric_comes_first() -> None:
    table = (
        HEADER
        + line("wlan0", "0.0.0.0", "192.168.1.1", 3, metric=600, mask="0.0.0.0")
        + line("eth0", "0.0.0.0", "192.168.8.1", 3, metric=100, mask="0.0.0.0")
        + line("eth0", "192.168.8.0", "0.0.0.0", 1, metric=100, mask="255.255.255.0")
    )
    assert interfaces.parse_route_table(table) == [
        DefaultRoute("eth0", "192.168.8.1"),
        DefaultRoute("wlan0", "192.168.1.1"),
    ]


def test_a_link_without_gateway_is_a_default_route_too() -> None:
    table = HEADER + line("ppp0", "0.0.0.0", "0.0.0.0", 1, metric=0, mask="0.0.0.0")
    assert interfaces.parse_route_table(table) == [DefaultRoute("ppp0", "")]


@pytest.mark.parametrize(
    "rows",
    [
        "",
        line("eth0", "0.0.0.0", "192.168.1.1", 2, metric=0, mask="0.0.0.0"),  # not up
        line("eth0", "0.0.0.0", "192.168.1.1", 0x203, metric=0, mask="0.0.0.0"),  # reject
        line(
            "eth0", "0.0.0.0", "192.168.1.1", 3, metric=0, mask="128.0.0.0"
        ),  # half of the addresses
        "eth0 zz\n",
        "eth0\t00000000\n",
    ],
)
def test_other_lines_are_no_default_route(rows: str) -> None:
    assert interfaces.parse_route_table(HEADER + rows) == []


@pytest.mark.skipif(not Path("/proc/net/route").exists(), reason="no Linux route table")
def test_scapy_and_the_table_of_linux_agree() -> None:
    routes = interfaces.default_routes()
    if not routes:
        pytest.skip("this machine has no default route")
    assert interfaces._default_route_by_scapy() == routes[:1]


def test_without_the_table_scapy_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [DefaultRoute("en0", "192.168.1.1")]
    monkeypatch.setattr(interfaces, "_ROUTE_TABLE", tmp_path / "none")
    monkeypatch.setattr(interfaces, "_default_route_by_scapy", lambda: asked)
    assert interfaces.default_routes() == asked


def test_a_route_table_that_scapy_cannot_read_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import scapy.route
    from scapy.config import conf

    class Broken:
        def route(self, *_args: object, **_kwargs: object) -> tuple[str, str, str]:
            raise OSError("netstat: not found")

    assert scapy.route
    monkeypatch.setattr(conf, "route", Broken())
    with pytest.raises(CannotRun) as caught:
        interfaces._default_route_by_scapy()
    assert caught.value.reason is NotRunReason.UNSUPPORTED


def test_scapy_without_a_route_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import scapy.route
    from scapy.config import conf

    class Empty:
        def route(self, *_args: object, **_kwargs: object) -> tuple[str, str, str]:
            return str(conf.loopback_name), "0.0.0.0", "0.0.0.0"

    assert scapy.route
    monkeypatch.setattr(conf, "route", Empty())
    assert interfaces._default_route_by_scapy() == []


def test_no_resolver_configuration_is_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.resolver

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", refuse)
    monkeypatch.setattr(dns.resolver.Resolver, "read_registry", refuse, raising=False)
    assert interfaces.system_resolvers() == []


def test_system_resolvers_are_addresses() -> None:
    for address in interfaces.system_resolvers():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        assert socket.inet_pton(family, address.partition("%")[0])


def test_loopback_is_seen_as_such() -> None:
    loopback = [one for one in interfaces.interfaces() if "127.0.0.1" in one.addresses]
    assert [one.loopback for one in loopback] == [True]


def test_a_system_that_refuses_is_a_link_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(psutil, "net_if_stats", refuse)
    with pytest.raises(LinkError) as caught:
        interfaces.interfaces()
    assert caught.value.kind is FailureKind.PERMISSION


@pytest.mark.parametrize(
    ("addresses", "kind"),
    [
        ((), "none"),
        (("fe80::1",), "none"),
        (("0.0.0.0",), "none"),
        (("169.254.3.4", "fe80::1"), "self_assigned"),
        (("192.168.1.7",), "private"),
        (("100.64.0.9",), "private"),
        (("fd00::2",), "private"),
        (("8.8.8.8",), "public"),
        (("169.254.3.4", "2001:4860::1"), "public"),
        (("169.254.3.4", "10.0.0.3"), "private"),
    ],
)
def test_address_kind(addresses: tuple[str, ...], kind: str) -> None:
    assert interfaces.address_kind(state("eth0", *addresses)) == kind


def test_the_named_interface_is_chosen_or_missed() -> None:
    every = [state("eth0", "10.0.0.3"), state("wlan0")]
    chosen = interfaces.choose_interface(every, [DefaultRoute("eth0", "10.0.0.1")], "wlan0")
    assert chosen == every[1]
    with pytest.raises(LinkError) as caught:
        interfaces.choose_interface(every, [], "eth7")
    assert caught.value.kind is FailureKind.NOT_FOUND


def test_without_a_route_the_interface_nearest_to_working_is_chosen() -> None:
    loopback = InterfaceState("lo", True, True, ("127.0.0.1",), None, 5, 0)
    down = state("wlan0", up=False)
    alone = state("eth0", "169.254.3.4")
    assert interfaces.choose_interface([loopback, alone, down], []) == alone
    assert interfaces.choose_interface([loopback, down], []) == down
    assert interfaces.choose_interface([loopback], []) is None


def test_only_interfaces_that_lead_somewhere_are_counted() -> None:
    loopback = InterfaceState("lo", True, True, ("127.0.0.1",), None, 5, 0)
    every = [loopback, state("eth0", "10.0.0.3"), state("tun0", "10.8.0.2"), state("docker0")]
    assert interfaces.active_count(every) == 2
