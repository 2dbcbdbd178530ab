"""Tracks of the magnetic stripe: each swipe's state, what never comes out, and the conversation."""

from __future__ import annotations

import datetime

import pytest

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire import pan
from posdiag.wire.conversation import Done, Ended, Wait
from posdiag.wire.swipe import QUIET_S, SwipeConversation
from posdiag.wire.tracks import checksum, parse
from tests.wire.swipe_samples import PAN, SWIPES

STATES = {
    "good": "ok",
    "expired": "ok",  # dates are judged by whoever knows today
    "wrong_checksum": "wrong_checksum",
    "luhn": "wrong_check_digit",
    "half_read": "half_read",
    "marked": "reader_error",
    "wrong_layout": "wrong_layout",
    "chip_card": "chip_card",
    "blank": "blank",
    "digits_19": "ok",
    "right_checksum": "ok",
    "one_track_marked": "reader_error",
    "framed": "ok",
    "numbered": "ok",
    "reported": "reader_error",
    "no_dates": "ok",
    "track_3": "ok",
    "no_month": "unreadable",
    "started_late": "half_read",
}


@pytest.mark.parametrize("name", SWIPES)
def test_state(name: str) -> None:
    read = parse(SWIPES[name].encode())
    assert read.state == STATES[name]
    assert PAN not in repr(read)
    assert "TEST" not in repr(read)


def test_facts_of_a_good_swipe() -> None:
    read = parse(SWIPES["good"].encode())
    assert read.tracks == {1: "ok", 2: "ok"}
    assert (read.masked_pan, read.digits) == ("620000…0005", 16)
    assert read.expires_on == datetime.date(2049, 12, 31)
    assert read.service_code == "101"
    assert parse(SWIPES["digits_19"].encode()).digits == 19
    assert parse(SWIPES["reported"].encode()).detail == "checksum"
    assert parse(SWIPES["no_dates"].encode()).expires_on is None


def test_checksum_of_the_card_sheet() -> None:
    # Card sheet, section 3: XOR of the nibbles is E, that is ">".
    assert checksum(2, "6200000000000005=3512201") == ">"
    assert parse(b";6200000000000005=3512201?>").state == "chip_card"
    assert parse(b";6200000000000005=3512201?=").state == "wrong_checksum"


def test_checksum_that_looks_like_a_start_sign_is_none_where_a_track_follows() -> None:
    read = parse(SWIPES["numbered"].encode())
    assert read.tracks == {1: "ok", 2: "ok"}


@pytest.mark.parametrize(
    "text",
    [
        f"5B{PAN}&TEST/CARD&4912101_ö{PAN}´4912101_",  # German
        f"ñ{PAN}¡4912101_",  # Spanish
        f"$m{PAN}=4912101+",  # French: the sign before the number is not ours
    ],
)
def test_keyboards_of_other_languages(text: str) -> None:
    assert parse(text.encode()).state in ("wrong_layout", "half_read")


@pytest.mark.parametrize(("text", "state"), [("", "blank"), ("hello", "unreadable")])
def test_what_is_no_swipe(text: str, state: str) -> None:
    assert parse(text.encode()).state == state


def test_masking() -> None:
    assert pan.masked("6200000000000005") == "620000…0005"
    assert pan.masked("1234567890123") == "…0123"
    for wrong in ("1234567", "1" * 20, "62000000000000A5", ""):
        with pytest.raises(RemoteWireError) as refused:
            pan.masked(wrong)
        assert not wrong or wrong not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "date"),
    [("2402", (2024, 2, 29)), ("4912", (2049, 12, 31)), ("5001", (1950, 1, 31))],
)
def test_month_end(text: str, date: tuple[int, int, int]) -> None:
    assert pan.month_end(text, field="57") == datetime.date(*date)


@pytest.mark.parametrize("text", ["2413", "2400", "24A1", "240", "٢٤٠١"])
def test_no_month(text: str) -> None:
    with pytest.raises(RemoteWireError):
        pan.month_end(text, field="57")


def test_days() -> None:
    assert pan.day(bytes.fromhex("240630"), field="5F24") == datetime.date(2024, 6, 30)
    assert pan.day(bytes.fromhex("240200"), field="5F24") == datetime.date(2024, 2, 29)
    for wrong in ("240631", "24063", "2406301A", ""):
        with pytest.raises(RemoteWireError):
            pan.day(bytes.fromhex(wrong.rjust(6, "A") if len(wrong) % 2 else wrong), field="5F24")


def test_check_digits() -> None:
    for number in (PAN, "4761739001010010", "5413330089099999", "6200000000000000000"):
        assert pan.check_digit_ok(number)
    assert not pan.check_digit_ok("6200000000000006")


def _swipe(pieces: list[bytes], end: Ended | None = None) -> SwipeConversation:
    talk = SwipeConversation(limit_s=15)
    first = talk.step(0.0)
    assert isinstance(first, Wait)
    assert first.limit_s == 15
    for piece in pieces:
        talk.receive(piece, 0.0)
        step = talk.step(0.0)
        assert not isinstance(step, Wait) or step.limit_s in (15, QUIET_S)
    if end is not None:
        talk.ended(end, 1.0, 1.0)
    return talk


@pytest.mark.parametrize("name", SWIPES)
def test_conversation_byte_at_a_time(name: str) -> None:
    talk = _swipe([bytes([byte]) for byte in SWIPES[name].encode()])
    assert isinstance(talk.step(0.0), Done)
    assert talk.stripe is not None
    assert talk.stripe.state == STATES[name]


def test_conversation_ends_with_a_pause_where_no_line_end_comes() -> None:
    talk = _swipe([SWIPES["good"].strip().encode()], Ended.LIMIT)
    assert talk.stripe is not None
    assert talk.stripe.state == "ok"


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (Ended.LIMIT, FailureKind.SILENT),
        (Ended.BUDGET, FailureKind.CENSORED),
        (Ended.EOF, FailureKind.GONE),
    ],
)
def test_conversation_without_a_swipe(end: Ended, kind: FailureKind) -> None:
    talk = _swipe([b"\r\n"], end)
    assert talk.stripe is None
    assert talk.failure is kind
    assert isinstance(talk.step(0.0), Done)


def test_conversation_that_is_flooded_ends() -> None:
    talk = _swipe([b"1" * 10_000])
    assert talk.stripe is not None
    assert talk.stripe.state == "unreadable"
