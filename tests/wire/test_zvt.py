"""ZVT units, frames, fields and what they say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.terminal_word import TOPICS, Saying, is_sayable
from posdiag.wire.zvt import Apdu, ApduStream, decode_apdu, decode_fields, encode_apdu
from posdiag.wire.zvt_commands import (
    DIAGNOSIS,
    registration,
    settings_sayings,
)
from posdiag.wire.zvt_serial import Came, SerialFrames, encode_serial
from posdiag.wire.zvt_words import (
    CODES,
    code_sayings,
    meaning_of,
    message_sayings,
    readable,
    status_sayings,
    texts_of,
)
from tests.wire.zvt_vectors import ASCII_PART, FRAMES, UNITS


@pytest.mark.parametrize(("frame", "unit", "source"), FRAMES)
def test_public_frames(frame: str, unit: str, source: str) -> None:
    raw, inner = bytes.fromhex(frame), bytes.fromhex(unit)
    assert encode_serial(inner) == raw, source
    frames = SerialFrames()
    pieces = [piece for byte in raw for piece in frames.feed(bytes([byte]))]
    assert [(piece.kind, piece.data) for piece in pieces] == [(Came.FRAME, inner)]
    assert not frames.is_inside


@pytest.mark.parametrize(("raw", "command", "data", "source"), UNITS)
def test_public_units(raw: str, command: str, data: str, source: str) -> None:
    whole = bytes.fromhex(raw)
    unit = Apdu(command, bytes.fromhex(data))
    assert decode_apdu(whole) == unit, source
    assert encode_apdu(unit) == whole
    stream = ApduStream()
    assert [one for byte in whole for one in stream.feed(bytes([byte]))] == [unit]
    assert ApduStream().feed(whole * 2 + whole[:2]) == [unit, unit]
    with pytest.raises(RemoteWireError):
        decode_apdu(whole + b"\0")
    with pytest.raises(RemoteWireError):
        decode_apdu(whole[:-1])


def test_our_commands_are_the_public_ones() -> None:
    assert encode_apdu(DIAGNOSIS).hex() == "06700506031b0102"
    assert encode_apdu(registration("123456")).hex() == "060006" + "1234568e0978"
    with pytest.raises(LocalWireError):
        registration("12345a")


def test_a_unit_longer_than_254_bytes_has_three_bytes_of_length() -> None:
    unit = Apdu("06D1", bytes(300))
    assert encode_apdu(unit)[:5].hex() == "06d1ff2c01"
    assert decode_apdu(encode_apdu(unit)) == unit


def test_status_answers_say_what_is_wrong() -> None:
    good = status_sayings(bytes.fromhex(UNITS[7][2]))
    assert Saying("state", "ready") in good
    assert Saying("tid", "52523535") in good
    assert Saying("software", f"cVEND plug {ASCII_PART.decode()}") in good
    bad = status_sayings(bytes.fromhex(UNITS[8][2]))
    assert Saying("printer", "not_ready") in bad
    assert Saying("supply", "low") in bad
    assert Saying("tid", "12345678") in bad
    assert Saying("reader", "ok") in bad
    assert Saying("state", "ready") not in bad
    assert Saying("printer", "ok") not in bad


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("00", ("state", "ready")),
        ("51", ("state", "initialisation_needed")),
        ("62", ("clock", "wrong")),
        ("BF", ("supply", "low")),
        ("C2", ("state", "diagnosis_needed")),
        ("CC", ("printer", "not_ready")),
        ("DC", ("reader", "card_inserted")),
        ("E2", ("reader", "defective")),
        ("F0", ("state", "settlement_needed")),
    ],
)
def test_status_bytes(status: str, expected: tuple[str, str]) -> None:
    # Without a version and without objects.
    assert Saying(*expected) in status_sayings(bytes.fromhex(status))


def test_a_status_answer_without_a_status_is_refused() -> None:
    for data in (b"", b"\xf0\xf0\xf2ab"):
        with pytest.raises(RemoteWireError):
            status_sayings(data)


def test_an_unreadable_card_and_a_code_of_the_host() -> None:
    assert Saying("card", "unreadable") in message_sayings(bytes.fromhex("2764"))
    assert meaning_of(0x51) == "refused by the host"
    assert meaning_of(0x6D) == "not in the list"
    assert code_sayings(0x9B) == [Saying("code", "9B"), Saying("line", "down")]


def test_every_code_says_only_what_can_be_said() -> None:
    for code in range(256):
        assert all(is_sayable(*said) for said in code_sayings(code)), hex(code)
        assert meaning_of(code)
    assert len(CODES) > 40
    assert all(topic.meaning for topic in TOPICS.values())
    assert not is_sayable("printer", "on fire")
    assert not is_sayable("battery", True)


def test_card_numbers_are_shortened_and_tracks_dropped() -> None:
    data = bytes.fromhex("22F0F8" + "4111111111111111" + "23F1F0" + "41" * 10)
    fields = decode_fields(data)
    assert fields.bmp[0x22] == b"411111******1111"
    assert fields.bmp[0x23] == b""


def test_a_card_number_in_a_text_is_masked() -> None:
    shown = readable(b"Karte 4111 1111 1111 1111, Beleg 12345, Tel 0571 12345678")
    assert shown == "Karte 411111******1111, Beleg 12345, Tel 0571 12345678"


def test_display_text() -> None:
    fields = decode_fields(bytes.fromhex(UNITS[5][2])[2:])
    assert texts_of(fields) == ["Bitte Karte einstecken"]


def test_settings_of_a_printed_configuration() -> None:
    said = settings_sayings(
        [
            "Batteriespannung: 7,4 V",
            "Host: pay.example:20012",
            "Gateway: 192.0.2.1",
            "Timeout Host: 45 s",
            "Schönes Wetter: heute",
            "no colon",
            "DNS:",
        ]
    )
    assert said == [
        Saying("voltage", 7.4),
        Saying("host_address", "pay.example"),
        Saying("host_port", "20012"),
        Saying("gateway", "192.0.2.1"),
        Saying("timer", 45.0),
    ]
    assert all(is_sayable(*one) for one in said)


@given(st.binary(max_size=400))
def test_units_of_a_frame_come_back(unit: bytes) -> None:
    noise = b"\x41" + encode_serial(unit) + b"\x06\x15"
    kinds = [(p.kind, p.data) for p in SerialFrames().feed(noise) if p.kind is not Came.NOISE]
    assert kinds == [(Came.FRAME, unit), (Came.ACK, b""), (Came.NAK, b"")]


def test_one_wrong_bit_breaks_a_frame() -> None:
    frame = bytearray(encode_serial(bytes.fromhex("050100")))
    frame[3] ^= 4
    assert [p.kind for p in SerialFrames().feed(bytes(frame))] == [Came.BROKEN]


def test_random_bytes_give_a_value_or_a_refusal() -> None:
    # 5,000 here; 200,000 in benchmarks/fuzz_terminal_protocols.py.
    draw = random.Random(6)
    for _ in range(5000):
        data = draw.randbytes(draw.randrange(64))
        SerialFrames().feed(data)
        for read in (decode_fields, status_sayings, message_sayings, ApduStream().feed):
            try:
                read(data)
            except RemoteWireError:
                continue
