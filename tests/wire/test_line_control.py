"""Enquiries and what comes back."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.conversation import Ended
from posdiag.wire.line_control import EnquiredDevice, EnquiryConversation
from tests.wire.played import Late, play


def _counts(conversation: EnquiryConversation) -> tuple[int, int, int, int]:
    return (
        conversation.requests,
        len(conversation.reply_times_s),
        conversation.garbled,
        conversation.silent,
    )


# answer -> (requests, good, garbled, silent), failure; ISO 1745 for the characters
ANSWERS = [
    ("06", (10, 10, 0, 0), None),
    ("15", (10, 10, 0, 0), None),
    ("", (10, 0, 0, 10), FailureKind.SILENT),
    ("86", (10, 0, 10, 0), FailureKind.PROTOCOL_ERROR),
    ("0606", (10, 0, 10, 0), FailureKind.PROTOCOL_ERROR),
    ("0600", (10, 0, 10, 0), FailureKind.PROTOCOL_ERROR),
    ("05", (10, 0, 10, 0), FailureKind.PROTOCOL_ERROR),
    ("F8FEE6", (10, 0, 10, 0), FailureKind.PROTOCOL_ERROR),
]


@pytest.mark.parametrize("piece", [1, 100])
@pytest.mark.parametrize(("answer", "counts", "kind"), ANSWERS)
def test_answers_are_counted(
    answer: str, counts: tuple[int, int, int, int], kind: FailureKind | None, piece: int
) -> None:
    conversation = EnquiryConversation()
    played = play(conversation, lambda _: bytes.fromhex(answer), piece=piece)
    assert _counts(conversation) == counts
    assert (conversation.failure.failure if conversation.failure else None) is kind
    assert played.sent == [b"\x05"] * 10


@pytest.mark.parametrize(("ready", "refused"), [(True, 0), (False, 10)])
def test_both_roles(*, ready: bool, refused: int) -> None:
    conversation = EnquiryConversation()
    played = play(conversation, EnquiredDevice(ready=ready).feed)
    assert conversation.failure is None
    assert conversation.refused == refused
    assert conversation.reply_times_s == pytest.approx([0.001] * 10)
    assert played.took_s < 0.5


@pytest.mark.parametrize("every", [2, 3])
def test_each_kth_answer_garbled(every: int) -> None:
    count = iter(range(1, 100))
    conversation = EnquiryConversation(count=12)
    play(conversation, lambda _: b"\x86" if next(count) % every == 0 else b"\x06")
    assert _counts(conversation) == (12, 12 - 12 // every, 12 // every, 0)
    assert conversation.failure is None


def test_some_answers_lost() -> None:
    count = iter(range(1, 100))
    conversation = EnquiryConversation()
    play(conversation, lambda _: b"" if next(count) % 5 == 0 else b"\x06")
    assert _counts(conversation) == (10, 8, 0, 2)
    assert max(conversation.reply_times_s) < 0.01


@pytest.mark.parametrize("delay_s", [0.55, 0.7, 0.9])
def test_a_device_that_is_too_slow_is_silent_and_not_quick(delay_s: float) -> None:
    conversation = EnquiryConversation()

    def slow(_: bytes) -> Iterable[Late]:
        return [Late(delay_s, b"\x06")]

    play(conversation, slow)
    assert conversation.reply_times_s == []
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert "came after 0.5 s" in conversation.failure.detail


def test_bytes_from_before_are_nobodys_answer() -> None:
    conversation = EnquiryConversation(count=1)
    play(conversation, lambda _: b"\x06", greeting=b"\x86\x86")
    assert _counts(conversation) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.EOF, FailureKind.GONE),
        (Ended.RESET, FailureKind.GONE),
        (Ended.BUDGET, FailureKind.CENSORED),
        (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_why_nothing_more_comes(why: Ended, kind: FailureKind) -> None:
    conversation = EnquiryConversation()
    play(conversation, lambda _: b"", end=why)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind


def test_the_budget_keeps_what_was_counted() -> None:
    conversation = EnquiryConversation()
    answers = [b"\x06", b"\x86"]
    play(conversation, lambda _: answers.pop() if answers else b"", budget_s=0.3)
    assert _counts(conversation) == (2, 1, 1, 0)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.CENSORED


@pytest.mark.parametrize("every_s", [0.001, 0.015])
def test_a_line_that_never_stops_talking_ends(every_s: float) -> None:
    conversation = EnquiryConversation()

    def babble(_: bytes) -> Iterable[Late]:
        return [Late(every_s * count, b"\x80") for count in range(1, 2000)]

    played = play(conversation, babble)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.PROTOCOL_ERROR
    assert played.took_s < 10


@pytest.mark.parametrize("count", [0, 101])
def test_a_count_out_of_range(count: int) -> None:
    with pytest.raises(LocalWireError):
        EnquiryConversation(count=count)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.builds(Late, st.floats(0, 3), st.binary(max_size=4)), max_size=3), max_size=10
    )
)
def test_any_answers_are_counted_once(answers: list[list[Late]]) -> None:
    left = list(answers)
    conversation = EnquiryConversation(count=10)
    played = play(conversation, lambda _: left.pop() if left else b"", most_sends=10)
    assert conversation.requests <= 10
    assert len(played.sent) - conversation.requests in (0, 1)
    assert conversation.requests == 10 or conversation.failure is not None
