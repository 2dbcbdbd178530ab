"""Sockets for the drivers."""

from __future__ import annotations

import socket
import sys

import pytest

from posdiag.link.sockets import handshake_rtt_s, numeric_target, open_socket
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

HOME = "127.0.0.1"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other system: no such option")


def test_numeric_targets() -> None:
    assert numeric_target(HOME, 80) == (socket.AF_INET, (HOME, 80))
    six = numeric_target("::1", 80)
    assert six.family is socket.AF_INET6
    assert six.socket_address[:2] == ("::1", 80)


@pytest.mark.parametrize("name", ["localhost", "host.pos.example", "1.2.3.4.5"])
def test_a_name_is_refused_and_never_looked_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for call in ("gethostbyname", "gethostbyname_ex", "create_connection"):
        monkeypatch.setattr(socket, call, lambda *_: pytest.fail("looked up"))
    with pytest.raises(ValueError, match="numeric"):
        numeric_target(name, 80)


def test_sockets_never_block() -> None:
    with open_socket(socket.AF_INET, socket.SOCK_STREAM, None) as made:
        assert made.getblocking() is False
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with open_socket(socket.AF_INET, socket.SOCK_DGRAM, None) as made:
        assert made.getblocking() is False


def test_bound_to_an_own_address() -> None:
    with open_socket(socket.AF_INET, socket.SOCK_DGRAM, HOME) as made:
        assert made.getsockname()[0] == HOME


@pytest.mark.parametrize("interface", ["192.0.2.77", "::1", "posdiag-none"])
def test_what_cannot_be_bound_to(interface: str) -> None:
    with pytest.raises(CannotRun) as caught:
        open_socket(socket.AF_INET, socket.SOCK_STREAM, interface)
    # Some systems ask for privilege before they look whether there is such an interface.
    assert caught.value.reason in (NotRunReason.UNSUPPORTED, NotRunReason.NO_PERMISSION)
    assert interface in caught.value.detail


def test_a_socket_that_cannot_be_bound_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []

    class Kept(socket.socket):
        def __init__(self, family: int, kind: int) -> None:
            super().__init__(family, kind)
            made.append(self)

    monkeypatch.setattr(socket, "socket", Kept)
    with pytest.raises(CannotRun):
        open_socket(socket.AF_INET, socket.SOCK_STREAM, "posdiag-none")
    assert [one.fileno() for one in made] == [-1]


@linux_only
def test_the_kernels_round_trip() -> None:
    with socket.create_server((HOME, 0)) as server, socket.socket() as client:
        assert handshake_rtt_s(client) is None, "not connected"
        client.connect(server.getsockname())
        rtt_s = handshake_rtt_s(client)
    assert rtt_s is not None
    assert 0 < rtt_s < 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert handshake_rtt_s(datagrams) is None


@linux_only
def test_no_round_trip_where_the_syn_had_to_be_repeated() -> None:
    class Repeated:
        """Stands in for a socket; told: rtt 3 s, one segment sent again."""

        def getsockopt(self, *_args: int) -> bytes:
            told = bytearray(104)
            told[68:72] = (3_000_000).to_bytes(4, sys.byteorder)
            told[100:104] = (1).to_bytes(4, sys.byteorder)
            return bytes(told)

    assert handshake_rtt_s(Repeated()) is None  # type: ignore[arg-type]
