"""Length prefixes: every variant, however the bytes are split."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.site import Framing
from posdiag.wire.framing import MAX_BODY, FrameDecoder, encode_frame
from tests.wire.iso8583_frames import FRAMES, Frame, frame

FRAMED = [one for one in FRAMES if one.framing is not None]

# framing, prefix of a body of 55 bytes; jPOS NACChannel, its include-header-length, BCDChannel,
# ASCIIChannel, HEXChannel, (Wireshark's assumption), CMFChannel, RawChannel, CSChannel
PREFIXES = [
    (Framing.BINARY2, "0037"),
    (Framing.BINARY2_INCLUSIVE, "0039"),
    (Framing.BCD2, "0055"),
    (Framing.ASCII4, "30303535"),
    (Framing.HEX4, "30303337"),
    (Framing.BINARY2_LE, "3700"),
    (Framing.BINARY3, "000037"),
    (Framing.BINARY4, "00000037"),
    (Framing.BINARY2_FILLER2, "00370000"),
]

# framing, prefix that none of its peers may send, what is wrong
NO_LENGTHS = [
    (Framing.BINARY2, "1001", "4097, above any message"),
    (Framing.BINARY2, "5353", "the banner of an SSH server"),
    (Framing.BINARY2, "1503", "a TLS alert"),
    (Framing.BINARY2_INCLUSIVE, "0001", "does not even count itself"),
    (Framing.BINARY2_INCLUSIVE, "1003", "4097 and itself"),
    (Framing.BCD2, "000A", "no decimal digit"),
    (Framing.BCD2, "4097", "above any message"),
    (Framing.ASCII4, "34303937", "above any message"),
    (Framing.ASCII4, "2B303135", "a sign is no digit"),
    (Framing.ASCII4, "20313535", "nor is a blank"),
    (Framing.ASCII4, "30303341", "length in hex digits"),
    (Framing.ASCII4, "B2B2B2B2", "superscripts in Latin-1"),
    (Framing.HEX4, "31303031", "4097, above any message"),
    (Framing.HEX4, "30783337", "0x is no digit"),
    (Framing.BINARY2_LE, "0034", "big endian 52 is 13312"),
    (Framing.BINARY3, "003400", "13312, above any message"),
    (Framing.BINARY4, "00340000", "binary2_filler2"),
    (Framing.BINARY2_FILLER2, "10010000", "4097, above any message"),
]


def _bodies(framing: Framing, data: bytes, *, piece: int = 1 << 16) -> list[bytes]:
    decoder = FrameDecoder(framing)
    found = []
    for at in range(0, len(data), piece):
        decoder.feed(data[at : at + piece])
        while (body := decoder.next_body()) is not None:
            found.append(body)
    return found


@pytest.mark.parametrize(("framing", "prefix"), PREFIXES)
def test_prefix_of_55_bytes(framing: Framing, prefix: str) -> None:
    body = bytes(range(55))
    data = encode_frame(framing, body)
    assert data == bytes.fromhex(prefix) + body
    assert _bodies(framing, data) == [body]


def test_every_framing_is_tested() -> None:
    assert {framing for framing, _ in PREFIXES} == set(Framing)


@pytest.mark.parametrize("one", FRAMED, ids=lambda one: one.name)
def test_frames_from_the_field(one: Frame) -> None:
    assert one.framing is not None
    assert _bodies(one.framing, one.data) == [one.body], one.source
    assert encode_frame(one.framing, one.body) == one.data


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1 << 16])
def test_two_frames_and_polls_in_pieces(framing: Framing, piece: int) -> None:
    poll = encode_frame(framing, b"")
    data = poll + encode_frame(framing, b"one") + poll + poll + encode_frame(framing, b"two!")
    assert _bodies(framing, data, piece=piece) == [b"one", b"two!"]
    decoder = FrameDecoder(framing)
    decoder.feed(data)
    assert (decoder.next_body(), decoder.next_body(), decoder.next_body()) == (
        b"one",
        b"two!",
        None,
    )
    assert decoder.keepalives == 3


def test_a_host_that_counts_the_prefix_still_polls_with_zeros() -> None:
    decoder = FrameDecoder(Framing.BINARY2_INCLUSIVE)
    decoder.feed(b"\x00\x00\x00\x02\x00\x03x")
    assert decoder.next_body() == b"x"
    assert decoder.keepalives == 2


@pytest.mark.parametrize("framing", list(Framing))
def test_cut_at_every_byte(framing: Framing) -> None:
    data = encode_frame(framing, b"seven b")
    size = len(data) - 7
    for here in range(len(data)):
        decoder = FrameDecoder(framing)
        decoder.feed(data[:here])
        assert decoder.next_body() is None
        assert decoder.rest() == (here, len(data) if here >= size else 0)
    decoder = FrameDecoder(framing)
    decoder.feed(data + b"0")
    assert decoder.next_body() == b"seven b"
    assert decoder.next_body() is None
    assert decoder.rest() == (1, 0)


@pytest.mark.parametrize(("framing", "prefix", "what"), NO_LENGTHS)
def test_what_is_no_length(framing: Framing, prefix: str, what: str) -> None:
    decoder = FrameDecoder(framing)
    good = encode_frame(framing, b"good")
    decoder.feed(good + bytes.fromhex(prefix) + bytes(10))
    assert decoder.next_body() == b"good"
    for _ in range(2):
        with pytest.raises(RemoteWireError) as caught:
            decoder.next_body()
        assert (caught.value.field, caught.value.offset) == ("length", len(good)), what


def test_the_byte_order_of_little_endian_hosts_is_refused() -> None:
    one = frame("V05")
    with pytest.raises(RemoteWireError):
        _bodies(Framing.BINARY2, one.data[1::-1] + one.body)


def test_a_length_that_counts_itself_leaves_the_frame_unfinished() -> None:
    # Binary2 where the host sends binary2_inclusive: the last two bytes never come.
    decoder = FrameDecoder(Framing.BINARY2)
    data = encode_frame(Framing.BINARY2_INCLUSIVE, frame("V05").body)
    decoder.feed(data)
    assert decoder.next_body() is None
    assert decoder.rest() == (len(data), len(data) + 2)


@pytest.mark.parametrize("framing", list(Framing))
def test_our_own_bodies_are_bounded(framing: Framing) -> None:
    longest = bytes(MAX_BODY)
    assert _bodies(framing, encode_frame(framing, longest)) == [longest]
    with pytest.raises(LocalWireError):
        encode_frame(framing, longest + b"\x00")


@given(
    st.sampled_from(Framing),
    st.lists(st.binary(min_size=1, max_size=300), max_size=5),
    st.lists(st.integers(0, 1500), max_size=8),
)
def test_any_bodies_survive_any_split(
    framing: Framing, bodies: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(encode_frame(framing, body) for body in bodies)
    decoder = FrameDecoder(framing)
    found = []
    for start, end in pairwise([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
        decoder.feed(data[start:end])
        while (body := decoder.next_body()) is not None:
            found.append(body)
    assert found == bodies
    assert decoder.rest() == (0, 0)


@pytest.mark.parametrize("framing", list(Framing))
def test_20_000_strange_streams(framing: Framing) -> None:
    chance = random.Random(8583)
    errors = bodies = 0
    for _ in range(20_000):
        data = bytearray(encode_frame(framing, chance.randbytes(chance.randrange(12))))
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        stream = bytes(data) + chance.randbytes(chance.randrange(6))
        try:
            found = _bodies(framing, stream)
        except RemoteWireError:
            errors += 1
            continue
        bodies += len(found)
        assert sum(map(len, found)) < len(stream)
    assert errors > 100
    assert bodies > 1000
