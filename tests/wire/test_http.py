"""HTTP answers, however they are split, and what is none."""

from __future__ import annotations

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.conversation import Done, Ended, Send, Wait
from posdiag.wire.http import HttpExchange, HttpReader, post

GOOD = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello",
]


@pytest.mark.parametrize("raw", GOOD)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_answers_in_pieces(raw: bytes, size: int) -> None:
    reader = HttpReader()
    for at in range(0, len(raw), size):
        reader.feed(raw[at : at + size])
    assert (reader.status, bytes(reader.body), reader.complete) == (200, b"hello", True)


def test_the_end_of_the_connection_ends_a_body_without_length() -> None:
    reader = HttpReader()
    reader.feed(b"HTTP/1.0 401 No\r\n\r\ncrypto error (2)")
    assert not reader.complete
    assert reader.end()
    assert (reader.status, bytes(reader.body)) == (401, b"crypto error (2)")


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000,
    ],
)
def test_what_is_no_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(RemoteWireError):
        HttpReader().feed(raw)


def test_a_request_cannot_be_split_by_what_it_is_made_of() -> None:
    assert post("h", "/nexo", b"{}", "application/json").endswith(b"\r\n\r\n{}")
    for host, path in (("a\r\nb", "/"), ("a", "/x y"), ("a", "/\r\n")):
        with pytest.raises(LocalWireError):
            post(host, path, b"", "application/json")


def test_silence_budget_and_a_peer_that_goes_away() -> None:
    for why, kind in (
        (Ended.LIMIT, FailureKind.SILENT),
        (Ended.BUDGET, FailureKind.CENSORED),
        (Ended.EOF, FailureKind.CLOSED),
        (Ended.RESET, FailureKind.RESET),
    ):
        exchange = HttpExchange(b"x", limit_s=5.0)
        assert isinstance(exchange.step(0.0), Send)
        assert isinstance(exchange.step(0.0), Wait)
        exchange.ended(why, 5.0, 5.0)
        assert isinstance(exchange.step(5.0), Done)
        assert exchange.failure is not None
        assert exchange.failure.failure is kind
