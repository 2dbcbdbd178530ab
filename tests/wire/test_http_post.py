"""Messages in HTTP POST: what goes out, what may come back, in pieces, cut and mutated."""

from __future__ import annotations

import datetime
import random

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.wire.echo import EchoConversation
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.http_post import HttpPostConversation, HttpPostHost, http_date
from tests.wire.iso8583_frames import frame
from tests.wire.played import play

AT = datetime.datetime(2026, 11, 23, 9, 30, 15, tzinfo=datetime.UTC)
PATH = "/mjc/webtrans/VPB_lb"
PACKED = EchoSettings(
    dialect=Dialect.UNIONPAY,
    framing=Framing.BINARY2,
    tpdu="6000030000",
    header="602200000000",
)


def _wrapped(count: int = 1) -> tuple[HttpPostConversation, EchoConversation]:
    echoes = EchoConversation(
        PACKED,
        tid="12345678",
        mid="123456789012345",
        stan=1,
        at=AT,
        limit_s=5.0,
        count=count,
        batch="000001",
    )
    return HttpPostConversation(echoes, "host.pos.example:443", PATH), echoes


class Host:
    """Serves requests as the simulated host does."""

    def __init__(self, status: int = 200) -> None:
        self._http, self._status, self._role = HttpPostHost(PATH), status, EchoHost(PACKED)

    def __call__(self, data: bytes) -> bytes:
        answers = b""
        for body in self._http.feed(data):
            frames = FrameDecoder(PACKED.framing)
            frames.feed(body)
            request = frames.next_body()
            assert request is not None
            answer = encode_frame(PACKED.framing, self._role.answer(request, AT)[1])
            answers += HttpPostHost.answer(answer, AT, self._status)
        return answers


def test_the_request() -> None:
    wrapped, _ = _wrapped()
    (sent,) = play(wrapped, lambda _: b"").sent
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /mjc/webtrans/VPB_lb HTTP/1.1",
        b"Host: host.pos.example:443",
        b"User-Agent: Donjin Http 0.1",
        b"Content-Type: x-ISO-TPDU/x-auth",
        b"Content-Length: 54",
    ]
    assert body == frame("C1").data


@pytest.mark.parametrize("piece", [1, 3, 4096])
def test_terminal_and_host(piece: int) -> None:
    wrapped, echoes = _wrapped(3)
    play(wrapped, Host(), piece=piece)
    assert (wrapped.failure, echoes.failure, wrapped.status) == (None, None, 200)
    assert [answer.response_code for answer in echoes.answers] == ["00"] * 3
    assert wrapped.date == AT


@pytest.mark.parametrize("piece", [1, 7])
def test_a_host_that_gets_a_request_in_pieces(piece: int) -> None:
    wrapped, _ = _wrapped()
    (sent,) = play(wrapped, lambda _: b"").sent
    host, found = HttpPostHost(PATH), []
    for at in range(0, len(sent), piece):
        found += host.feed(sent[at : at + piece])
    assert found == [frame("C1").data]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP status 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", "HTTP status 302"),
        (b"\x00\x3b\x60\x00", "no HTTP"),
        (b"SSH-2.0-OpenSSH", "no HTTP"),
        (b"HTTP/2 200\r\n\r\n", "no status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "no length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "in chunks"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000, "without end"),
    ],
)
def test_answers_that_are_none(answer: bytes, what: str) -> None:
    wrapped, echoes = _wrapped()
    play(wrapped, lambda _: answer)
    assert wrapped.failure is not None
    assert wrapped.failure.failure is FailureKind.PROTOCOL_ERROR
    assert what in wrapped.failure.detail
    assert echoes.answers == []


def test_an_answer_that_ends_with_the_connection() -> None:
    wrapped, echoes = _wrapped()
    play(wrapped, lambda _: b"HTTP/1.0 200 OK\r\n\r\n" + frame("C2").data)
    assert [answer.response_code for answer in echoes.answers] == ["00"]


def test_bytes_after_the_body_are_no_message() -> None:
    wrapped, echoes = _wrapped()
    data = HttpPostHost.answer(frame("C2").data, AT) + frame("C2").data
    play(wrapped, lambda _: data)
    assert len(echoes.answers) == 1


def test_silence_is_the_echos() -> None:
    wrapped, echoes = _wrapped()
    play(wrapped, lambda _: b"")
    assert wrapped.failure is None
    assert echoes.failure is not None
    assert echoes.failure.failure is FailureKind.SILENT


@pytest.mark.parametrize(
    ("host", "path"), [("a b", "/"), ("host", "no-slash"), ("host", "/\r\nX:")]
)
def test_what_cannot_be_written(host: str, path: str) -> None:
    with pytest.raises(LocalWireError):
        HttpPostConversation(_wrapped()[1], host, path)


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", b"xyz"],
)
def test_requests_that_are_none(request_: bytes) -> None:
    with pytest.raises(RemoteWireError):
        HttpPostHost(PATH).feed(request_)


def test_dates() -> None:
    assert http_date("Mon, 23 Nov 2026 09:30:15 GMT") == AT
    assert http_date("Mon, 23 Nov 2026 17:30:15 +0800") == AT
    for text in ("", "yesterday", "Mon, 99 Nov 2026 09:30:15 GMT"):
        assert http_date(text) is None


def test_5_000_strange_answers() -> None:
    chance = random.Random(8583)
    good = HttpPostHost.answer(frame("C2").data, AT)
    seen = set()
    for _ in range(5_000):
        wrapped, echoes = _wrapped()
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        play(wrapped, lambda _, sent=bytes(data): sent, piece=chance.choice((5, 4096)))  # type: ignore[misc]
        failure = wrapped.failure or echoes.failure
        assert bool(failure) != bool(echoes.answers)
        seen.add(failure.failure if failure else None)
    assert seen >= {None, FailureKind.PROTOCOL_ERROR, FailureKind.SILENT}
