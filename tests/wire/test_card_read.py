"""The read of a card: each simulated card, what contradicts itself, frames and the conversation."""

from __future__ import annotations

import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.simulate.card import TEST_PAN, CardFaults
from posdiag.simulate.card_image import PlayedCard, image_names, load_image
from posdiag.wire import card_frames, tlv
from posdiag.wire.card_session import CardSession
from posdiag.wire.conversation import Done, Ended, Send, Wait
from posdiag.wire.emv import MOST_COMMANDS, EmvReading

TODAY = datetime.date(2026, 3, 1)
# PSE answer of a public PBOC walk-through (card sheet, EMV read step 1).
PSE_ANSWER = bytes.fromhex("6F15840E315041592E5359532E4444463031A503880101")


def _read(name: str, today: datetime.date = TODAY) -> CardSession:
    card, session = PlayedCard(load_image(name)), CardSession(today)
    session.power_up(card.answer_to_reset())
    for _ in range(MOST_COMMANDS + 1):
        if session.command is None:
            return session
        answer = card.answer(session.command)
        assert answer is not None
        session.take(answer)
    raise AssertionError("no end")


@pytest.mark.parametrize(
    "name", sorted(set(image_names()) - {"mute", "silent", "removed", "short_answer"})
)
def test_the_number_never_comes_out(name: str) -> None:
    session = _read(name)
    assert session.failure is None
    told = repr((session.read, session.detail, session.atr, vars(session).keys()))
    for number in (TEST_PAN, "4761739001010010", "5413330089099999", "6200000000000000000"):
        assert number not in told
    assert "TEST/CARD" not in told


def test_a_good_card() -> None:
    read = _read("unionpay").read
    assert (read.application, read.scheme, read.masked_pan) == ("ok", "UnionPay", "620000…0005")
    assert (read.expires_on, read.effective_on) == (
        datetime.date(2049, 12, 31),
        datetime.date(2020, 1, 1),
    )
    assert (read.pin_tries_left, read.payments, read.payments_offline) == (3, 66, 2)
    assert read.doubts == []


@pytest.mark.parametrize(
    ("today", "state"),
    [("2024-06-30", "ok"), ("2024-07-01", "expired"), ("2019-12-31", "not_yet_valid")],
)
def test_a_card_is_valid_to_its_last_day(today: str, state: str) -> None:
    assert _read("expired", datetime.date.fromisoformat(today)).state == state


def test_a_contactless_card_is_asked_for_its_own_directory() -> None:
    session = CardSession(TODAY)
    session.power_up(bytes.fromhex("3B858001010203040505"))
    assert session.command is not None
    assert b"2PAY.SYS.DDF01" in session.command


@pytest.mark.parametrize("status", ["6D00", "6E00", "6A82"])
def test_a_card_that_knows_no_payment(status: str) -> None:
    session = CardSession(TODAY)
    session.power_up(bytes.fromhex("3B6800000073C84013009000"))
    while session.command is not None:
        session.take(bytes.fromhex(status))
    assert session.state == "not_emv"


@pytest.mark.parametrize("status", ["6F00", "6400", "6581", "6281"])
def test_a_chip_that_fails_at_everything(status: str) -> None:
    session = CardSession(TODAY)
    session.power_up(bytes.fromhex("3B6800000073C84013009000"))
    while session.command is not None:
        session.take(bytes.fromhex(status))
    assert session.state == "damaged"
    assert session.read.doubts == [f"status_{status}"]


@pytest.mark.parametrize("status", ["6283", "6A82", "6985"])
def test_a_directory_that_cannot_be_used_leaves_the_applications(status: str) -> None:
    card, session = PlayedCard(load_image("visa")), CardSession(TODAY)
    session.power_up(card.answer_to_reset())
    session.take(bytes.fromhex(status))
    while session.command is not None:
        session.take(card.answer(session.command) or b"")
    assert (session.state, session.read.scheme) == ("ok", "Visa")


def test_a_card_without_a_directory_is_tried_name_by_name() -> None:
    reading = EmvReading(today=TODAY)
    tried = 0
    while reading.command is not None:
        tried += reading.command[1] == 0xA4
        reading.take(b"\x6a\x82")
    assert tried == 9


def _records(*records: bytes, refused: bool = False) -> CardSession:
    """Return the read of a card without a directory whose records are these."""
    session = CardSession(TODAY)
    session.power_up(bytes.fromhex("3B6800000073C84013009000"))
    locator = bytes([0x08, 1, len(records), 0])
    while session.command is not None:
        kind = session.command[1]
        if kind == 0xA4 and session.command[5] == 0xA0:
            session.take(tlv.encode("6F", b"") + b"\x90\x00")
        elif kind == 0xA8 and refused:
            session.take(b"\x69\x85")
        elif kind == 0xA8:
            session.take(tlv.encode("80", b"\x00\x00" + locator) + b"\x90\x00")
        elif kind == 0xB2:
            session.take(records[session.command[2] - 1] + b"\x90\x00")
        else:
            session.take(b"\x6a\x82")
    return session


PAN = tlv.encode("5A", bytes.fromhex(TEST_PAN))
END = tlv.encode("5F24", bytes.fromhex("491231"))
CDOL = tlv.encode("8C", b"\x9a\x03")


@pytest.mark.parametrize(
    ("inside", "doubts"),
    [
        (PAN + END + CDOL, []),
        (PAN + END, ["no_cdol"]),
        (END + CDOL, ["no_pan"]),
        (PAN + CDOL, ["no_expiry"]),
        (PAN + PAN + END + CDOL, ["twice"]),
        (tlv.encode("5A", bytes.fromhex("6200000000000006")) + END + CDOL, ["check_digit"]),
        (PAN + END + CDOL + tlv.encode("57", bytes.fromhex("6200000000000005D48111010F")), None),
    ],
)
def test_what_contradicts_itself(inside: bytes, doubts: list[str] | None) -> None:
    session = _records(tlv.encode("70", inside))
    expected = ["expiry_differs"] if doubts is None else doubts
    assert session.read.doubts == expected
    hint_only = expected in ([], ["check_digit"])
    assert session.state == ("ok" if hint_only else "damaged")


def test_a_record_that_is_no_template() -> None:
    assert _records(PAN + END + CDOL).read.doubts == ["record_is_no_template"]


def test_a_card_that_refuses_to_begin_a_payment() -> None:
    assert _records(b"", refused=True).state == "refused"


@pytest.mark.parametrize(
    "record",
    [
        b"\x70\x05\x5a",  # cut off
        tlv.encode("70", tlv.encode("5A", b"\xab\xcd") + END + CDOL),
        tlv.encode("70", PAN + tlv.encode("5F24", b"\x49\x13\x01") + CDOL),
    ],
)
def test_data_that_cannot_be_taken_apart(record: bytes) -> None:
    session = _records(record)
    assert session.failure is FailureKind.PROTOCOL_ERROR
    assert session.state == "damaged"
    assert TEST_PAN not in session.detail


@pytest.mark.parametrize("answer", ["6110", "6C10"])
def test_a_card_that_never_comes_to_an_end_is_refused(answer: str) -> None:
    reading = EmvReading(today=TODAY)

    def answer_always() -> None:
        for _ in range(200):
            reading.take(bytes.fromhex(answer))

    with pytest.raises(RemoteWireError):
        answer_always()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_read_fuzz(answers: list[bytes]) -> None:
    reading = EmvReading(today=TODAY)
    with contextlib.suppress(RemoteWireError):
        for answer in answers:
            if reading.command is None:
                return
            reading.take(answer)


def test_more_data_and_wrong_length_are_followed() -> None:
    reading = EmvReading(today=TODAY)
    assert reading.command is not None
    reading.take(b"\x61\x17")
    assert reading.command == bytes.fromhex("00C0000017")
    reading.take(PSE_ANSWER + b"\x90\x00")
    assert reading.command == bytes.fromhex("00B2010C00")
    reading.take(b"\x6c\x20")
    assert reading.command == bytes.fromhex("00B2010C20")


def test_the_first_failure_is_kept() -> None:
    session = CardSession(TODAY)
    session.power_up(b"\x00\x00")
    session.fail(FailureKind.SILENT)
    session.take(b"\x90\x00")
    assert session.failure is FailureKind.PROTOCOL_ERROR
    assert session.state == "damaged"


def _converse(faults: CardFaults, *, chunk: int) -> CardSession:
    session = CardSession(TODAY)
    talk = card_frames.CardReadConversation(session, limit_s=1)
    buffer, card = card_frames.FrameBuffer(), PlayedCard(faults.card())
    for _ in range(200):
        match talk.step(0.0):
            case Send(data):
                buffer.feed(data)
            case Done():
                return session
            case Wait():
                body = buffer.next()
                while body is not None and len(body) == 1 and body[0] != card_frames.GET_ATR:
                    body = buffer.next()
                assert body is not None
                plain = card.answer_to_reset() if len(body) == 1 else card.answer(body)
                frame = card_frames.encode(b"" if faults.absent or plain is None else plain)
                for at in range(0, len(frame), chunk):
                    talk.receive(frame[at : at + chunk], 0.0)
    raise AssertionError("no end")


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_conversation_whole_and_byte_by_byte(chunk: int) -> None:
    session = _converse(CardFaults(), chunk=chunk)
    assert session.failure is None
    assert session.read.masked_pan == "620000…0005"
    assert session.atr is not None
    assert session.atr.state == "valid"


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (CardFaults(mute=True), FailureKind.MUTE),
        (CardFaults(absent=True), FailureKind.NOT_FOUND),
        (CardFaults(pulled_after=3), FailureKind.GONE),
    ],
)
def test_conversation_with_a_card_that_is_not_there_or_mute(
    faults: CardFaults, kind: FailureKind
) -> None:
    assert _converse(faults, chunk=1000).failure is kind


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
    session = CardSession(TODAY)
    talk = card_frames.CardReadConversation(session, limit_s=1)
    talk.step(0.0)
    talk.ended(why, 1.0, 1.0)
    assert session.failure is kind
    assert talk.step(1.0) == Done()


@given(st.binary(min_size=1, max_size=300))
def test_conversation_fuzz(data: bytes) -> None:
    talk = card_frames.CardReadConversation(CardSession(TODAY), limit_s=1)
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
