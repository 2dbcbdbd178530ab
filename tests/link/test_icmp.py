"""Unprivileged ICMP echo: packets on their own, sockets in a namespace that allows them."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.link import icmp
from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation

TOKEN = bytes(range(16))


def reply(sequence: int, token: bytes, *, kind: int = 0, code: int = 0) -> bytes:
    """Return an ICMP message written by hand (RFC 792); the checksum is the system's affair."""
    return struct.pack("!BBHHH", kind, code, 0, 0x1234, sequence) + token


def test_request_bytes() -> None:
    request = icmp.echo_request(7, TOKEN)
    assert request[:2] == b"\x08\x00"
    assert request[6:8] == b"\x00\x07"
    assert request[8:] == TOKEN
    words = struct.unpack(f"!{len(request) // 2}H", request)
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # one's complement sum, RFC 1071


def test_sequence_wraps() -> None:
    assert icmp.echo_request(0x1_0003, TOKEN)[6:8] == b"\x00\x03"


@pytest.mark.parametrize(
    ("datagram", "ours"),
    [
        (reply(7, TOKEN), True),
        (b"\x45" + bytes(19) + reply(7, TOKEN), True),  # macOS: IP header in front
        (b"\x46" + bytes(23) + reply(7, TOKEN), True),
        (reply(8, TOKEN), False),
        (reply(7, TOKEN[::-1]), False),
        (reply(7, TOKEN, kind=8), False),  # our own request, seen on loopback
        (reply(7, TOKEN, kind=3, code=1), False),
        (reply(7, TOKEN)[:7], False),
        (b"\x45", False),
        (b"", False),
    ],
)
def test_only_the_answer_to_this_request_counts(datagram: bytes, ours: bool) -> None:
    assert (icmp.reply_sequence(datagram, TOKEN) == 7) is ours


@settings(max_examples=200)
@given(st.binary(max_size=64))
def test_random_datagrams_are_never_ours_and_never_raise(datagram: bytes) -> None:
    assert icmp.reply_sequence(datagram, TOKEN) is None


def fail_with(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("posdiag.link.icmp.socket.socket", refuse)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EACCES, NotRunReason.NO_PERMISSION),
        (errno.EPERM, NotRunReason.NO_PERMISSION),
        (errno.EPROTONOSUPPORT, NotRunReason.UNSUPPORTED),
    ],
)
def test_a_system_that_refuses_is_cannot_run(
    number: int, reason: NotRunReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(number, monkeypatch)
    with pytest.raises(CannotRun) as caught:
        icmp.Pinger("127.0.0.1")
    assert caught.value.reason is reason


def test_ipv6_has_numbers_of_its_own() -> None:
    request = icmp.echo_request(7, TOKEN, version=6)
    assert request[:4] == b"\x80\x00\x00\x00", "the kernel knows the addresses of the checksum"
    answer = reply(7, TOKEN, kind=129)
    assert icmp.reply_sequence(answer, TOKEN, version=6) == 7
    assert icmp.reply_sequence(reply(7, TOKEN), TOKEN, version=6) is None


class Scripted(socket.socket):
    """A datagram socket whose answers come from a list; everything else is real."""

    def __init__(self, answers: list[bytes | OSError]) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.answers = answers
        self.sent: list[bytes] = []

    def send(self, data: bytes, _flags: int = 0) -> int:  # type: ignore[override]
        self.sent.append(data)
        return len(data)

    def recv(self, _size: int, _flags: int = 0) -> bytes:
        if not self.answers:
            raise TimeoutError
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


def pinger(answers: list[bytes | OSError], monkeypatch: pytest.MonkeyPatch) -> icmp.Pinger:
    scripted = Scripted(answers)
    monkeypatch.setattr(icmp, "_open_socket", lambda _version: scripted)
    monkeypatch.setattr("posdiag.link.icmp.os.urandom", lambda _n: TOKEN)
    return icmp.Pinger("127.0.0.1")


def test_answered_after_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    with pinger([reply(9, TOKEN), b"junk", reply(1, TOKEN)], monkeypatch) as one:
        assert 0 < one.round_trip(1.0, Deadline.after(5)) < 1.0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (TimeoutError(), FailureKind.SILENT),
        (OSError(errno.EHOSTUNREACH, "No route to host"), FailureKind.UNREACHABLE),
        (OSError(errno.EPERM, "Operation not permitted"), FailureKind.PERMISSION),
        (OSError(errno.ENOBUFS, "No buffer space available"), FailureKind.UNEXPECTED),
    ],
)
def test_failures(answer: OSError, kind: FailureKind, monkeypatch: pytest.MonkeyPatch) -> None:
    with pinger([answer], monkeypatch) as one, pytest.raises(LinkError) as caught:
        one.round_trip(0.1, Deadline.after(5))
    assert (caught.value.kind, caught.value.operation) == (kind, Operation.PING)


def test_a_wait_that_the_budget_ends_is_censored(monkeypatch: pytest.MonkeyPatch) -> None:
    with pinger([], monkeypatch) as one, pytest.raises(LinkError) as caught:
        one.round_trip(1.0, Deadline.after(0.05))
    assert caught.value.kind is FailureKind.CENSORED
    assert caught.value.waited_s == pytest.approx(0.05, abs=0.02)


def test_nothing_is_sent_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with pinger([], monkeypatch) as one, pytest.raises(LinkError) as caught:
        one.round_trip(1.0, Deadline.after(0))
    assert caught.value.kind is FailureKind.CENSORED
    assert isinstance(one.socket, Scripted)
    assert one.socket.sent == []


IN_NAMESPACE = """
from posdiag.link.deadline import Deadline
from posdiag.link.icmp import Pinger
from posdiag.model.errors import LinkError
with Pinger("127.0.0.1") as pinger:
    times = [pinger.round_trip(1.0, Deadline.after(5)) for _ in range(5)]
assert all(0 < one < 0.5 for one in times), times
with Pinger("::1") as pinger:
    assert pinger.round_trip(1.0, Deadline.after(5)) < 0.5
with Pinger("127.0.0.1", interface="lo") as pinger:
    assert pinger.round_trip(1.0, Deadline.after(5)) < 0.5
try:
    Pinger("192.0.2.77")
except LinkError as error:
    assert error.kind == "unreachable", error.kind
else:
    raise AssertionError("a namespace without routes reached 192.0.2.77")
try:
    Pinger("127.0.0.1", interface="nosuch0")
except LinkError as error:
    assert error.kind == "not_found", error.kind
print("answered")
"""
SHELL = (
    'ip link set lo up && echo "0 0" > /proc/sys/net/ipv4/ping_group_range'
    ' || exit 77; exec "$0" -c "$1"'
)


def test_a_real_echo_in_a_namespace_of_our_own() -> None:
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("ip") is None:
        pytest.skip("needs unshare and ip (Linux)")
    alone = [unshare, "--user", "--map-root-user", "--net"]
    done = subprocess.run(
        [*alone, "sh", "-c", SHELL, sys.executable, IN_NAMESPACE],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no namespace of our own here: {done.stderr.strip()}")
    assert (done.stdout, done.stderr) == ("answered\n", "")
