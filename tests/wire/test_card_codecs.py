"""TLV, answer to reset, EMV read and reader frames: tables, truncation, fuzz."""

import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.simulate.card import ATR, TEST_PAN, CardFaults, SimulatedCard
from posdiag.wire import atr, card_frames, tlv
from posdiag.wire.conversation import Done, Ended, Send, Wait
from posdiag.wire.emv import EmvReading

# PSE answer of a public PBOC walk-through (card sheet, EMV read step 1).
PSE_ANSWER = bytes.fromhex("6F15840E315041592E5359532E4444463031A503880101")


def test_tlv_of_a_directory_answer() -> None:
    objects = tlv.parse(PSE_ANSWER)
    assert tlv.find(objects, "84") == b"1PAY.SYS.DDF01"
    assert tlv.find(objects, "88") == b"\x01"
    assert tlv.find(objects, "9F38") is None


@pytest.mark.parametrize("end", range(1, len(PSE_ANSWER)))
def test_tlv_cut_anywhere_is_refused(end: int) -> None:
    with pytest.raises(RemoteWireError):
        tlv.parse(PSE_ANSWER[:end])


def test_tlv_bombs_are_refused() -> None:
    deep = b""
    for _ in range(20):
        deep = tlv.encode("70", deep)
    for bomb in (deep, b"\x70\x84\xff\xff\xff\xff", b"\x5a\x00" * 600, bytes(5000)):
        with pytest.raises(RemoteWireError):
            tlv.parse(bomb)


@given(st.binary(max_size=200))
def test_tlv_fuzz(data: bytes) -> None:
    with contextlib.suppress(RemoteWireError):
        tlv.parse(data)


@given(st.binary(max_size=300))
def test_tlv_round_trip(value: bytes) -> None:
    assert tlv.parse(tlv.encode("5A", value))[0].value == value


def test_tlv_value_too_long_is_our_mistake() -> None:
    with pytest.raises(LocalWireError):
        tlv.encode("5A", bytes(70000))


@pytest.mark.parametrize(
    ("hexed", "protocols", "checksum", "complete"),
    [
        ("3B6800000073C84013009000", (0,), None, True),  # card sheet, worked example
        ("3B6800000073C840", (0,), None, False),  # truncated: bad contact
        ("3BE900008121455649535F494E46200678", (1,), True, True),  # T=1, historical text, TCK
        ("3BE900008121455649535F494E46200679", (1,), False, True),  # wrong TCK
        ("3FFF", (0,), None, False),
    ],
)
def test_answer_to_reset(
    hexed: str, protocols: tuple[int, ...], checksum: bool | None, complete: bool
) -> None:
    got = atr.parse(bytes.fromhex(hexed))
    assert (got.protocols, got.checksum_ok, got.complete) == (protocols, checksum, complete)
    assert got.valid is (complete and checksum is not False)


@given(st.binary(max_size=60))
def test_answer_to_reset_fuzz(data: bytes) -> None:
    with contextlib.suppress(RemoteWireError):
        atr.parse(data)


def _play(card: SimulatedCard) -> EmvReading:
    reading = EmvReading()
    for _ in range(100):
        if reading.command is None:
            return reading
        reading.take(card._answer(reading.command))
    raise AssertionError("no end")


def test_reads_a_card() -> None:
    result = _play(SimulatedCard(CardFaults(expires=datetime.date(2020, 1, 31)))).result
    assert result.application == "ok"
    assert result.scheme == "UnionPay"
    assert result.masked_pan == "620000…0005"
    assert TEST_PAN not in repr(result)
    assert result.expires_on == datetime.date(2020, 1, 31)


def test_blocked_application() -> None:
    assert _play(SimulatedCard(CardFaults(blocked=True))).result.application == "blocked"


@pytest.mark.parametrize("status", ["6D00", "6E00", "6A82", "6F00", "6400"])
def test_a_card_that_knows_no_payment(status: str) -> None:
    reading = EmvReading()
    while reading.command is not None:
        reading.take(bytes.fromhex(status))
    assert reading.result.application == "none"


@pytest.mark.parametrize("answer", ["6110", "6C10"])
def test_a_card_that_never_comes_to_an_end_is_refused(answer: str) -> None:
    reading = EmvReading()

    def answer_always() -> None:
        for _ in range(200):
            reading.take(bytes.fromhex(answer))

    with pytest.raises(RemoteWireError):
        answer_always()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_read_fuzz(answers: list[bytes]) -> None:
    reading = EmvReading()
    with contextlib.suppress(RemoteWireError):
        for answer in answers:
            if reading.command is None:
                return
            reading.take(answer)


def test_more_data_and_wrong_length_are_followed() -> None:
    reading = EmvReading()
    assert reading.command is not None
    reading.take(b"\x61\x17")
    assert reading.command == bytes.fromhex("00C0000017")
    reading.take(PSE_ANSWER + b"\x90\x00")
    assert reading.command == bytes.fromhex("00B2010C00")
    reading.take(b"\x6c\x20")
    assert reading.command == bytes.fromhex("00B2010C20")


def _converse(card: SimulatedCard, *, chunk: int) -> card_frames.CardReadConversation:
    talk = card_frames.CardReadConversation(limit_s=1)
    buffer = card_frames.FrameBuffer()
    for _ in range(200):
        match talk.step(0.0):
            case Send(data):
                buffer.feed(data)
            case Done():
                return talk
            case Wait():
                body = buffer.next()
                while body is not None and len(body) == 1 and body[0] != card_frames.GET_ATR:
                    body = buffer.next()
                assert body is not None
                plain = card._answer_to_reset() if len(body) == 1 else card._answer(body)
                frame = card_frames.encode(plain)
                for at in range(0, len(frame), chunk):
                    talk.receive(frame[at : at + chunk], 0.0)
    raise AssertionError("no end")


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_conversation_whole_and_byte_by_byte(chunk: int) -> None:
    talk = _converse(SimulatedCard(CardFaults()), chunk=chunk)
    assert talk.failure is None
    assert talk.read.masked_pan == "620000…0005"
    assert talk.atr is not None
    assert talk.atr == atr.parse(ATR)


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (CardFaults(mute=True), FailureKind.MUTE),
        (CardFaults(absent=True), FailureKind.NOT_FOUND),
    ],
)
def test_conversation_with_a_card_that_is_not_there_or_mute(
    faults: CardFaults, kind: FailureKind
) -> None:
    assert _converse(SimulatedCard(faults), chunk=1000).failure is kind


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.LIMIT, FailureKind.SILENT),
        (Ended.BUDGET, FailureKind.CENSORED),
        (Ended.EOF, FailureKind.GONE),
        (Ended.RESET, FailureKind.GONE),
    ],
)
def test_conversation_that_ends(why: Ended, kind: FailureKind) -> None:
    talk = card_frames.CardReadConversation(limit_s=1)
    talk.step(0.0)
    talk.ended(why, 1.0, 1.0)
    assert talk.failure is kind
    assert talk.step(1.0) == Done()


@given(st.binary(min_size=1, max_size=300))
def test_conversation_fuzz(data: bytes) -> None:
    talk = card_frames.CardReadConversation(limit_s=1)
    talk.receive(data, 0.0)
    for _ in range(10):
        if isinstance(talk.step(0.0), Wait | Done):
            return
    raise AssertionError("no end")


def test_frame_that_announces_too_much() -> None:
    with pytest.raises(RemoteWireError):
        card_frames.FrameBuffer().feed(b"\xff\xff")
    with pytest.raises(LocalWireError):
        card_frames.encode(bytes(2000))
