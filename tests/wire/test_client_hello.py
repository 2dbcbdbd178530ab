"""Hellos of a given size: what is sent, what counts as an answer, and strange bytes."""

from __future__ import annotations

import random
import ssl
from pathlib import Path

import pytest

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.simulate.throwaway_certificates import write_certificates
from posdiag.wire.client_hello import TOKEN_BYTES, HelloConversation, client_hello
from posdiag.wire.conversation import Ended
from tests.wire.played import Late, play

TOKEN = bytes(range(TOKEN_BYTES))
NAME = "host.pos.example"
# A request for another hello (RFC 8446 section 4.1.3), its special random and what follows cut off.
RETRY = bytes.fromhex("1603030058 02000054 0303 cf21ad74e59a6111".replace(" ", ""))
ALERT = bytes.fromhex("15030300020228")
MUTATIONS = 2_000


def conversation(size: int = 250, *, limit_s: float = 5.0) -> HelloConversation:
    return HelloConversation(TOKEN, NAME, record_bytes=size, limit_s=limit_s)


def by_openssl(hello: bytes, folder: Path, newest: ssl.TLSVersion) -> bytes:
    """Return what OpenSSL as a host answers."""
    files = write_certificates(folder, "good", NAME, 30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    context.maximum_version = newest
    names: list[object] = []
    context.sni_callback = lambda _link, name, _context: names.append(name)
    came, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(came, to_send, server_side=True)
    came.write(hello)
    with pytest.raises(ssl.SSLError):
        tls.do_handshake()
    if newest is ssl.TLSVersion.TLSv1_3:
        assert names == [NAME]
    return to_send.read()


@pytest.mark.parametrize("size", [250, 600, 1440, 1448, 1460])
@pytest.mark.parametrize(
    ("newest", "answer"),
    [(ssl.TLSVersion.TLSv1_3, "server_hello"), (ssl.TLSVersion.TLSv1_2, "alert")],
)
def test_a_host_answers_shortly(
    size: int, newest: ssl.TLSVersion, answer: str, tmp_path: Path
) -> None:
    asked = conversation(size)
    played = play(asked, lambda data: by_openssl(data, tmp_path, newest) if len(data) > 7 else b"")
    assert (asked.answer, asked.failure) == (answer, None)
    assert asked.answer_s == pytest.approx(0.001)
    assert len(played.sent[0]) == size
    told = by_openssl(played.sent[0], tmp_path, newest)
    assert len(told) < 200, "no certificate comes"
    goodbye = [bytes.fromhex("15030300020100")] if answer == "server_hello" else []
    assert played.sent[1:] == goodbye


def test_the_layout() -> None:
    hello = client_hello(TOKEN, None, 250)
    assert hello[:9].hex() == "16030100f5" + "010000f1"
    assert hello[9:11] + hello[11:43] == b"\x03\x03" + TOKEN[:32]
    assert hello[43:76] == b"\x20" + TOKEN[32:]
    assert hello[76:86].hex() == "0006130113021303" + "0100"
    zeros = len(hello) - len(hello.rstrip(b"\x00"))
    at = hello.rindex(b"\x00\x15", 0, 250 - zeros + 1)
    assert hello[at + 2 : at + 4] == (250 - at - 4).to_bytes(2)
    assert NAME.encode() in client_hello(TOKEN, NAME, 250)


@pytest.mark.parametrize("piece", [1, 2, 4096])
@pytest.mark.parametrize(("data", "answer"), [(RETRY, "server_hello"), (ALERT, "alert")])
def test_in_pieces(piece: int, data: bytes, answer: str) -> None:
    asked = conversation()
    play(asked, lambda hello: data if len(hello) > 7 else b"", piece=piece)
    assert (asked.answer, asked.failure) == (answer, None)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x17\x03\x03\x00\x10",  # data without a handshake
        b"\x16\x02\x00\x00\x10",  # no TLS
        b"\x16\x03\x03\x00\x10\x01\x00\x00\x0c",  # another client_hello
        b"\x16\x03\x03\x00\x00",
        b"\x16\x03\x03\xff\xff",
        b"\x15\x03\x03\x00\x03\x02\x28\x00",
        b"\x15\x03\x03\x00\x02\x07\x28",
    ],
)
@pytest.mark.parametrize("piece", [1, 4096])
def test_what_is_no_answer(data: bytes, piece: int) -> None:
    asked = conversation()
    play(asked, lambda _: data, piece=piece)
    assert asked.failure is not None
    assert (asked.failure.failure, asked.failure.operation) == (
        FailureKind.PROTOCOL_ERROR,
        Operation.TLS_HANDSHAKE,
    )
    assert not asked.answer


@pytest.mark.parametrize("data", [RETRY, ALERT])
def test_truncated(data: bytes) -> None:
    enough = 9 if data is RETRY else 7
    for length in range(enough):
        for end, kind in ((Ended.EOF, FailureKind.CLOSED), (None, FailureKind.PROTOCOL_ERROR)):
            asked = conversation()
            play(asked, lambda _, length=length: data[:length], end=end)  # type: ignore[misc]
            assert asked.failure is not None
            wanted = FailureKind.SILENT if end is None and not length else kind
            assert asked.failure.failure is wanted
            assert not asked.answer


@pytest.mark.parametrize(
    ("end", "budget_s", "kind", "waited_s"),
    [
        (None, 100.0, FailureKind.SILENT, 5.0),
        (None, 1.0, FailureKind.CENSORED, 1.0),
        (Ended.EOF, 100.0, FailureKind.CLOSED, None),
        (Ended.RESET, 100.0, FailureKind.RESET, None),
        (Ended.UNREACHABLE, 100.0, FailureKind.UNREACHABLE, None),
        (Ended.TOO_MUCH, 100.0, FailureKind.PROTOCOL_ERROR, None),
    ],
)
def test_no_answer(
    end: Ended | None, budget_s: float, kind: FailureKind, waited_s: float | None
) -> None:
    asked = conversation()
    play(asked, lambda _: b"", end=end, budget_s=budget_s)
    assert asked.failure is not None
    assert (asked.failure.failure, asked.failure.waited_s) == (kind, waited_s)


def test_bytes_that_trickle_do_not_lengthen_the_wait() -> None:
    asked = conversation()
    played = play(asked, lambda _: [Late(second, ALERT[:1]) for second in (3.0, 6.0)])
    assert played.took_s == pytest.approx(5.0)
    assert asked.failure is not None


def test_what_comes_after_the_answer_changes_nothing() -> None:
    asked = conversation()
    asked.step(0.0)
    asked.receive(ALERT, 1.0)
    asked.receive(b"garbage", 2.0)
    asked.ended(Ended.RESET, 3.0, 1.0)
    assert (asked.answer, asked.answer_s, asked.failure) == ("alert", 1.0, None)


@pytest.mark.parametrize(
    ("token", "name", "size"),
    [
        (b"short", NAME, 250),
        (TOKEN, NAME, 100),
        (TOKEN, "a" * 60 + "." + "b" * 60, 250),
        (TOKEN, "a..b", 250),
        (TOKEN, None, 20_000),
    ],
)
def test_what_is_refused(token: bytes, name: str | None, size: int) -> None:
    with pytest.raises(LocalWireError):
        HelloConversation(token, name, record_bytes=size, limit_s=1.0)


def test_mutated_answers() -> None:
    chance, kinds = random.Random(7685), set()
    for number in range(MUTATIONS):
        data = bytearray(RETRY if number % 2 else ALERT)
        for _ in range(chance.randrange(4)):
            data[chance.randrange(min(10, len(data)))] = chance.randrange(256)
        cut = chance.choice((len(data), len(data), chance.randrange(len(data))))
        asked = conversation()
        asked.step(0.0)
        if cut:
            asked.receive(bytes(data[:cut]), 1.0)
        asked.ended(Ended.EOF, 2.0, 1.0)
        assert (asked.failure is None) == (asked.answer in ("server_hello", "alert"))
        kinds.add(asked.failure.failure if asked.failure else asked.answer)
    wanted = {"server_hello", "alert", FailureKind.PROTOCOL_ERROR, FailureKind.CLOSED}
    assert kinds == wanted
