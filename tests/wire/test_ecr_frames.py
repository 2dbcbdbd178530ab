"""Frames of tills by their settings: public vectors, and every kind split, spoilt and fuzzed."""

from __future__ import annotations

import random

import msgspec
import pytest

from posdiag.model.errors import LocalWireError
from posdiag.model.frames import FrameRead, FrameRequest, FrameSettings, TerminalEffect
from posdiag.model.terminal_word import Saying
from posdiag.wire.ecr_answers import request_bytes, sayings_of
from posdiag.wire.ecr_frames import FrameReader, Kind, Piece, encode_frame

REQUEST = {"name": "x", "send": "x", "effect": "safe"}


def settings(kind: str, **more: object) -> FrameSettings:
    """Return settings with a request that does not matter."""
    return msgspec.convert({"kind": kind, "requests": [REQUEST], **more}, FrameSettings)


A = settings("stx_etx")
B = {
    covers: settings("stx_etx", checksum={"base": 0x7F, "covers": covers})
    for covers in ("data", "data_end", "start_data_end", "start_data")
}
C = settings("stx_length_etx")
D = settings("syn_etb", checksum={"kind": "crc16"})
F = settings("marked_55aa", checksum={"covers": "data"}, handshake="none")
G2 = settings("length", checksum={"kind": "none"}, handshake="none")
G4 = settings("length", length="binary4", checksum={"kind": "none"}, handshake="none")
GA = settings("length", length="ascii4", checksum={"kind": "none"}, handshake="none")
E = settings("dle_stx_etx")
ALL = [A, *B.values(), C, D, E, F, G2, G4, GA]

LINKPOS = b"6000000000" + b"1020000" + b"\x1c40\x00\x12000000000100\x1c"
VECTORS = [
    (A, b"0100", "02 30313030 03 02", "Transbank: poll"),
    (B["data"], b"123456780s", "02 31323334353637383073 03 34", "Nexi ECR17"),
    (B["data_end"], b"123456780s", "02 31323334353637383073 03 37", "Nexi ECR17"),
    (B["start_data_end"], b"123456780s", "02 31323334353637383073 03 35", "Nexi ECR17"),
    (B["start_data"], b"123456780s", "02 31323334353637383073 03 36", "Nexi ECR17"),
    (
        C,
        LINKPOS,
        "020035 36303030303030303030 31303230303030 1C34300012 303030303030303030313030 1C0314",
        "LinkPOS",
    ),
    (D, b"OPN", "16 4F504E 17 A8A9", "ABECS: OPN"),
    (D, b"GIN00200", "16 47494E3030323030 17 EECA", "ABECS: GIN"),
    (E, bytes.fromhex("050100"), "1002 050100 1003 1006", "ZVT"),
    (F, bytes(3), "55AA 0000000000 00 CC33", "CodePay: heartbeat"),
    (F, b"\x01\0\0", "55AA 0100000000 01 CC33", "CodePay: handshake"),
    (F, b"\x02\0\0", "55AA 0200000000 02 CC33", "CodePay: its answer"),
    (G2, b"X/a", "0003 582F61", "Mellon: echo"),
    (GA, b"hello", "30303035 68656C6C6F", "Viva: four digits"),
]


@pytest.mark.parametrize(("how", "data", "raw", "source"), VECTORS)
def test_public_vectors(how: FrameSettings, data: bytes, raw: str, source: str) -> None:
    frame = bytes.fromhex(raw)
    assert encode_frame(how, data) == frame, source
    reader = FrameReader(how)
    pieces = [piece for byte in frame for piece in reader.feed(bytes([byte]))]
    assert pieces == [Piece(Kind.FRAME, data)]
    assert not reader.is_inside
    assert FrameReader(how).feed(frame + frame) == [Piece(Kind.FRAME, data)] * 2


def test_a_length_is_trusted_although_the_data_hold_an_end() -> None:
    data = b"a\x03b\x02"
    assert FrameReader(C).feed(encode_frame(C, data)) == [Piece(Kind.FRAME, data)]
    with pytest.raises(LocalWireError):
        encode_frame(A, data)


def test_bytes_that_would_end_a_frame_are_escaped() -> None:
    data = b"\x13\x16\x17"
    frame = encode_frame(D, data)
    assert frame[1:-3] == b"\x13\x33\x13\x36\x13\x37"
    assert FrameReader(D).feed(frame) == [Piece(Kind.FRAME, data)]


@pytest.mark.parametrize("how", [A, C, D, E, F])
def test_a_turned_bit_is_noticed(how: FrameSettings) -> None:
    frame = bytearray(encode_frame(how, b"abcd"))
    at = frame.index(b"b")
    frame[at] ^= 0x08
    kinds = [piece.kind for piece in FrameReader(how).feed(bytes(frame))]
    assert Kind.BROKEN in kinds
    assert Kind.FRAME not in kinds


def test_after_a_broken_frame_the_next_one_is_read() -> None:
    good = encode_frame(A, b"abcd")
    bad = good[:-1] + bytes([good[-1] ^ 1])
    kinds = [piece.kind for piece in FrameReader(A).feed(bad + b"zz" + good)]
    assert kinds == [Kind.BROKEN, Kind.NOISE, Kind.FRAME]


def test_progress_and_continued_frames() -> None:
    how = settings("stx_etx", progress=True)
    shown = b"\x01" + b"Please wait".ljust(20) + b"\x04"
    part = b"\x02ab\x17" + bytes([0x61 ^ 0x62 ^ 0x17])
    pieces = FrameReader(how).feed(b"\x06" + shown + part)
    assert [piece.kind for piece in pieces] == [Kind.ACK, Kind.PROGRESS, Kind.PART]


READ = FrameRequest(
    name="status",
    send="{tid}0s",
    effect=TerminalEffect.SAFE,
    reads=[
        FrameRead(topic="printer", at=1, length=1, codes={"0": "ok", "1": "no_paper"}),
        FrameRead(topic="state", separator=";", part=1, codes={"OK": "ready"}, default="busy"),
        FrameRead(topic="battery", separator=";", prefix="B=", scale=0.01),
        FrameRead(topic="text", separator=";", prefix="T="),
    ],
)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            b"S1;OK;B=55;T=hello",
            {"printer": "no_paper", "state": "ready", "battery": 0.55, "text": "hello"},
        ),
        (b"S0;?;B=nan;T=\x01", {"printer": "ok", "state": "busy"}),
        (b"S7;OK", {"state": "ready"}),
        (b"S", {}),
        (b"", {}),
    ],
)
def test_answers_are_read_by_columns_and_parts(answer: bytes, said: dict[str, object]) -> None:
    found = sayings_of(READ, answer)
    assert all(isinstance(one, Saying) for one in found)
    assert {one.topic: one.value for one in found} == said


def test_a_request_may_name_the_terminal() -> None:
    assert request_bytes(READ, "12345678") == b"123456780s"


@pytest.mark.parametrize("how", ALL, ids=lambda how: how.kind)
def test_random_bytes_end_in_pieces(how: FrameSettings) -> None:
    # 3,000 per kind here; 200,000 in benchmarks/fuzz_terminal_protocols.py.
    draw = random.Random(63)
    starts = [b"", b"\x02", b"\x16", b"\x10\x02", b"\x55\xaa", encode_frame(how, b"abc")]
    for _ in range(3000):
        data = draw.choice(starts) + draw.randbytes(draw.randrange(40))
        reader = FrameReader(how)
        pieces = [one for at in range(0, len(data), 7) for one in reader.feed(data[at : at + 7])]
        assert len(pieces) <= len(data)


def test_a_frame_that_never_ends_is_given_up() -> None:
    reader = FrameReader(A)
    assert any(piece.kind is Kind.BROKEN for piece in reader.feed(b"\x02" + b"a" * 6000))
