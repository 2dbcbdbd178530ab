"""Devices on the network: addresses, names, and talking to them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.device_address import (
    DeviceAddress,
    device_address,
    is_on_network,
    numeric_address,
    talk_over_network,
)
from posdiag.link.politeness import HostAllowance
from posdiag.link.tcp import ConnectOnly
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.site import LaptopAt, NetworkSettings, Politeness, Site


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("socket://192.0.2.1:9100", DeviceAddress("192.0.2.1", 9100)),
        ("SOCKET://printer.example:9100", DeviceAddress("printer.example", 9100)),
        ("192.0.2.1:3493", DeviceAddress("192.0.2.1", 3493)),
        ("[2001:db8::1]:3493", DeviceAddress("2001:db8::1", 3493)),
    ],
)
def test_addresses(text: str, address: DeviceAddress) -> None:
    assert device_address(text) == address


@pytest.mark.parametrize("text", ["socket://192.0.2.1", "192.0.2.1:99999", ":3493", "", "[:1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(CannotRun) as wrong:
        device_address(text)
    assert wrong.value.reason is NotRunReason.UNSUPPORTED


def test_which_ports_are_on_the_network() -> None:
    assert is_on_network("socket://192.0.2.1:9100")
    assert not is_on_network("/dev/ttyUSB0")
    assert not is_on_network("rfc2217://192.0.2.1:9100")


@contextlib.contextmanager
def _name_server(zone: dict[str, str], *, silent: bool = False) -> Iterator[Site]:
    """Serve one query after the other; yield a site that knows the server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    data, peer = server.recvfrom(512)
                    answer = dns.message.make_response(dns.message.from_wire(data))
                    name = answer.question[0].name
                    address = zone.get(name.to_text(omit_final_dot=True))
                    if address is None:
                        answer.set_rcode(dns.rcode.NXDOMAIN)
                    else:
                        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", address))
                    if not silent:
                        server.sendto(answer.to_wire(), peer)

        threading.Thread(target=serve, daemon=True).start()
        resolver = f"127.0.0.1:{server.getsockname()[1]}"
        yield Site(network=NetworkSettings(resolvers=[resolver]))


def test_names_are_asked_of_the_shops_name_servers() -> None:
    with _name_server({"printer.example": "192.0.2.7"}) as site:
        deadline = Deadline.after(5)
        assert numeric_address("printer.example", site, deadline) == "192.0.2.7"
        assert numeric_address("192.0.2.9", site, deadline) == "192.0.2.9"
        assert numeric_address("localhost", site, deadline) == "127.0.0.1"
        with pytest.raises(LinkError) as unknown:
            numeric_address("other.example", site, deadline)
    assert unknown.value.kind is FailureKind.NAME_NOT_FOUND
    assert unknown.value.operation is Operation.RESOLVE


def test_a_silent_name_server_is_censored_by_the_budget() -> None:
    with _name_server({}, silent=True) as site, pytest.raises(LinkError) as cut:
        numeric_address("printer.example", site, Deadline.after(0.2))
    assert cut.value.kind is FailureKind.CENSORED


def test_a_device_is_asked_politely_and_refusals_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = DeviceAddress("127.0.0.1", free.getsockname()[1])
    allowance = HostAllowance(Politeness(connects=1))

    def talk() -> None:
        talk_over_network(
            address, ConnectOnly(), Deadline.after(5), site=Site(), allowance=allowance
        )

    with pytest.raises(LinkError) as refused:
        talk()
    assert refused.value.kind is FailureKind.REFUSED
    with pytest.raises(CannotRun) as spent:
        talk()
    assert spent.value.reason is NotRunReason.POLITENESS_LIMIT


def test_the_shops_own_network_is_not_asked_from_elsewhere() -> None:
    with pytest.raises(CannotRun) as away:
        talk_over_network(
            DeviceAddress("192.168.1.9", 9100),
            ConnectOnly(),
            Deadline.after(5),
            site=Site(laptop_at=LaptopAt.HOTSPOT),
            allowance=HostAllowance(),
        )
    assert away.value.reason is NotRunReason.NOT_REACHABLE_FROM_HERE
