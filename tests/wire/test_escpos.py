"""Printer status bytes and the conversation that asks for them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.conversation import Ended
from posdiag.wire.escpos import (
    Bytes,
    Cover,
    Paper,
    PrinterError,
    PrinterState,
    StatusParser,
    StatusPrinter,
    decode,
    encode,
    request,
)
from posdiag.wire.printer_status import PrinterStatusConversation
from tests.wire.played import Late, play

# n, reply, attribute, value, source
REPLIES = [
    (1, "12", "online", True, "CrossEscPosEmulator, python-escpos"),
    (1, "16", "online", True, "CrossEscPosEmulator"),
    (1, "16", "drawer_pin_high", True, "CrossEscPosEmulator"),
    (1, "12", "drawer_pin_high", False, "CrossEscPosEmulator"),
    (1, "1A", "online", False, "CrossEscPosEmulator, escpos-rs"),
    (2, "16", "cover", Cover.OPEN, "CrossEscPosEmulator"),
    (2, "32", "cover", Cover.CLOSED, "CrossEscPosEmulator"),
    (2, "1A", "feeding", True, "ESC/POS command manual p. 6"),
    (3, "12", "error", PrinterError.NONE, "state table"),
    (3, "1A", "error", PrinterError.CUTTER, "escpos-rs"),
    (3, "32", "error", PrinterError.UNRECOVERABLE, "CrossEscPosEmulator"),
    (3, "52", "error", PrinterError.AUTO_RECOVERABLE, "CrossEscPosEmulator"),
    (3, "16", "error", PrinterError.RECOVERABLE, "escpos-rs"),
    (3, "7E", "error", PrinterError.UNRECOVERABLE, "all at once: the gravest"),
    (4, "12", "paper", Paper.ENOUGH, "python-escpos, escpos-rs"),
    (4, "1E", "paper", Paper.NEAR_END, "python-escpos, CrossEscPosEmulator"),
    (4, "7E", "paper", Paper.OUT, "CrossEscPosEmulator"),
    (4, "72", "paper", Paper.OUT, "both end bits, no near-end sensor"),
    (4, "16", "paper", Paper.INCONSISTENT, "one bit of the near-end pair"),
    (4, "1A", "paper", Paper.INCONSISTENT, "the other one"),
    (4, "32", "paper", Paper.INCONSISTENT, "one bit of the end pair"),
    (4, "52", "paper", Paper.INCONSISTENT, "the other one"),
]

# state -> EOT 1, 2, 3, 4; ESC/POS command manual pp. 5-7
STATES = [
    (PrinterState(), "12 12 12 12"),
    (PrinterState(drawer_pin_high=True), "16 12 12 12"),
    (PrinterState(paper=Paper.NEAR_END), "12 12 12 1E"),
    (PrinterState(paper=Paper.OUT), "1A 32 12 7E"),
    (PrinterState(cover=Cover.OPEN), "1A 16 12 12"),
    (PrinterState(feeding=True), "1A 1A 12 12"),
    (PrinterState(error=PrinterError.CUTTER), "1A 52 1A 12"),
    (PrinterState(error=PrinterError.UNRECOVERABLE), "1A 52 32 12"),
    (PrinterState(error=PrinterError.AUTO_RECOVERABLE), "1A 52 52 12"),
]


@pytest.mark.parametrize(("n", "reply", "attribute", "value", "source"), REPLIES)
def test_each_bit(n: int, reply: str, attribute: str, value: object, source: str) -> None:
    state = decode({n: int(reply, 16)})
    assert getattr(state, attribute) == value, source


def test_what_was_not_answered_is_not_known() -> None:
    assert decode({}) == PrinterState(None, None, None, None, None, None)
    assert decode({4: 0x7E}) == PrinterState(paper=Paper.OUT)


def test_stopped_for_paper_that_the_sensor_sees_is_inconsistent() -> None:
    assert decode({2: 0x32, 4: 0x12}).paper is Paper.INCONSISTENT
    assert decode({2: 0x32, 4: 0x7E}).paper is Paper.OUT


@pytest.mark.parametrize(("state", "replies"), STATES)
def test_a_state_gives_these_replies_and_they_give_the_state(
    state: PrinterState, replies: str
) -> None:
    assert bytes(encode(state).values()) == bytes.fromhex(replies)
    seen = decode(encode(state))
    assert seen.paper == (state.paper or Paper.ENOUGH)
    assert seen.cover == (state.cover or Cover.CLOSED)
    assert seen.error == (state.error or PrinterError.NONE)
    assert seen.online == replies.startswith(("12", "16"))


@given(
    st.builds(
        PrinterState,
        online=st.just(None),
        cover=st.sampled_from(Cover),
        paper=st.sampled_from([Paper.ENOUGH, Paper.NEAR_END, Paper.OUT]),
        error=st.sampled_from(PrinterError),
        drawer_pin_high=st.booleans(),
        feeding=st.booleans(),
    )
)
def test_every_state_survives(state: PrinterState) -> None:
    seen = decode(encode(state))
    assert seen._replace(online=None) == state


def test_what_cannot_be_said() -> None:
    with pytest.raises(LocalWireError):
        encode(PrinterState(paper=Paper.INCONSISTENT))
    for n in (0, 5, 7, 8, 18):
        with pytest.raises(LocalWireError):
            request(n)


@pytest.mark.parametrize("byte", [0x00, 0x10, 0x04, 0x92, 0x13, 0x11, 0x02, 0xFF])
def test_a_byte_without_the_fixed_bits_is_no_status(byte: int) -> None:
    with pytest.raises(RemoteWireError):
        decode({1: byte})


# received while 10 04 04 is awaited -> kinds, source
RUNS = [
    ("12", [Bytes.STATUS], "python-escpos"),
    ("1112", [Bytes.FLOW, Bytes.STATUS], "TM-T88III specification, XON in front"),
    ("1312", [Bytes.FLOW, Bytes.STATUS], "likewise XOFF"),
    ("1004 04 12", [Bytes.ECHO, Bytes.STATUS], "a line that echoes"),
    ("1004", [], "python-escpos: looks like an echo of the request, says nothing"),
    ("10041104 12", [Bytes.FLOW, Bytes.ECHO, Bytes.STATUS], "XON inside the echo"),
    ("14000000 12", [Bytes.ASB, Bytes.STATUS], "CrossEscPosEmulator: automatic status first"),
    ("38001300 0C 12", [Bytes.FLOW, Bytes.ASB, Bytes.STATUS], "XOFF inside automatic status"),
    ("10000000 12", [Bytes.ASB, Bytes.STATUS], "automatic status that begins like the echo"),
    ("1400F8", [Bytes.INVALID], "automatic status with a wrong byte"),
    (
        "5F43726F737345736350 6F7300 12",
        [Bytes.TEXT, Bytes.STATUS],
        "CrossEscPosEmulator: GS I of another program",
    ),
    ("8101800210", [Bytes.INVALID] * 4, "python-escpos: invalid; 10 begins something"),
    ("F8FEE6", [Bytes.INVALID] * 3, "twice the sender's speed"),
    ("23060000", [Bytes.INVALID] * 4, "Star line mode, HSP7000 manual"),
    ("00", [Bytes.INVALID], "a break"),
]


@pytest.mark.parametrize("piece", [1, 2, 100])
@pytest.mark.parametrize(("data", "kinds", "source"), RUNS)
def test_runs_are_told_apart(data: str, kinds: list[Bytes], source: str, piece: int) -> None:
    parser = StatusParser()
    parser.expect(request(4))
    raw = bytes.fromhex(data)
    found = [
        run.kind for at in range(0, len(raw), piece) for run in parser.feed(raw[at : at + piece])
    ]
    assert found == kinds, source


def test_a_text_without_end_is_bounded() -> None:
    parser = StatusParser()
    parser.expect(b"")
    assert parser.feed(b"\x5f" + b"A" * 300)[0].kind is Bytes.INVALID


@settings(max_examples=300)
@given(st.binary(max_size=64), st.integers(1, 4))
def test_any_bytes_are_classified_and_none_is_lost(data: bytes, n: int) -> None:
    parser = StatusParser()
    parser.expect(request(n))
    runs = parser.feed(data)
    kept = sum(len(run.data) for run in runs)
    assert kept <= len(data)
    assert parser.is_incomplete == (kept < len(data))
    for run in runs:
        if run.kind is Bytes.STATUS:
            assert isinstance(decode({n: run.data[0]}), PrinterState)


def _ask(device: StatusPrinter, **how: object) -> PrinterStatusConversation:
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, device.feed, **how)  # type: ignore[arg-type]
    return conversation


@pytest.mark.parametrize("piece", [1, 100])
@pytest.mark.parametrize(("state", "replies"), STATES)
def test_a_printer_is_asked_four_questions(state: PrinterState, replies: str, piece: int) -> None:
    conversation = _ask(StatusPrinter(state), piece=piece)
    assert conversation.failure is None
    assert bytes(conversation.replies.values()) == bytes.fromhex(replies)
    assert conversation.state == decode(encode(state))


def test_only_the_four_harmless_requests_are_sent() -> None:
    printer = StatusPrinter(PrinterState(error=PrinterError.CUTTER))
    played = play(PrinterStatusConversation(limit_s=0.5), printer.feed)
    assert played.sent == [bytes((0x10, 0x04, n)) for n in (1, 2, 3, 4)]
    assert bytes(printer.printed) == b""
    assert played.took_s < 0.5


def test_silence_is_silence_and_no_state() -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)
    played = play(conversation, lambda _: b"")
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert conversation.failure.waited_s == pytest.approx(1.0)
    assert conversation.state == PrinterState()
    assert played.sent == [b"\x10\x04\x01"] * 2


def test_a_wait_cut_by_the_budget_is_censored() -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, lambda _: b"", budget_s=0.3)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.CENSORED
    assert conversation.failure.waited_s == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.EOF, FailureKind.CLOSED),
        (Ended.RESET, FailureKind.RESET),
        (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
        (Ended.BUDGET, FailureKind.CENSORED),
    ],
)
def test_why_nothing_more_comes(why: Ended, kind: FailureKind) -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, lambda _: b"", end=why)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("F8FEE6", "wrong speed"),
        ("8101800210", "python-escpos test: no status at all"),
        ("2306000000000000", "Star line mode"),
        ("100400", "starts like an echo"),
        ("1A F8"[3:], "one stray byte"),
        ("1400", "automatic status cut short"),
    ],
)
def test_garbage_is_a_protocol_error(answer: str, source: str) -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, lambda _: bytes.fromhex(answer))
    assert conversation.failure is not None, source
    assert conversation.failure.failure is FailureKind.PROTOCOL_ERROR
    assert conversation.replies == {}


def test_an_echo_alone_is_a_protocol_error_and_says_so() -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, lambda data: data)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.PROTOCOL_ERROR
    assert "echo" in conversation.failure.detail


def test_an_echo_before_the_answer_does_no_harm() -> None:
    printer = StatusPrinter(PrinterState(paper=Paper.OUT))
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, lambda data: data + printer.feed(data))
    assert conversation.failure is None
    assert conversation.state.paper is Paper.OUT


def test_noise_and_old_bytes_before_the_first_answer_are_survived() -> None:
    printer = StatusPrinter(PrinterState(paper=Paper.OUT))
    noise = [b"\xf8\x00"]

    def device(data: bytes) -> bytes:
        return (noise.pop() if noise else b"") + printer.feed(data)

    conversation = PrinterStatusConversation(limit_s=0.5)
    # A "paper enough" of another question long ago must not be taken for the answer to this one.
    play(conversation, device, greeting=b"\x12\x12")
    assert conversation.failure is None
    assert conversation.state.paper is Paper.OUT
    assert conversation.stray == 5


def test_a_late_answer_is_not_taken_for_the_next_question() -> None:
    printer = StatusPrinter(PrinterState(paper=Paper.OUT))

    def device(data: bytes) -> Iterable[Late]:
        return [Late(0.7, printer.feed(data))]

    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, device)
    assert conversation.failure is None
    assert bytes(conversation.replies.values()) == bytes.fromhex("1A32127E")


def test_what_was_answered_before_it_fell_silent_is_kept() -> None:
    printer = StatusPrinter(PrinterState(paper=Paper.OUT))
    left = [b"", b""]

    def device(data: bytes) -> bytes:
        return printer.feed(data) if left and left.pop() == b"" else b""

    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, device)
    assert conversation.replies == {1: 0x1A, 2: 0x32}
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.SILENT
    assert "2 of 4" in conversation.failure.detail


def test_xoff_and_no_status_is_busy() -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)
    play(conversation, lambda _: b"\x13")
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.BUSY


@pytest.mark.parametrize("every_s", [0.001, 0.04])
def test_a_line_that_never_stops_talking_ends(every_s: float) -> None:
    conversation = PrinterStatusConversation(limit_s=0.5)

    def babble(_: bytes) -> Iterable[Late]:
        return [Late(every_s * count, b"\x80") for count in range(1, 5000)]

    played = play(conversation, babble)
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.PROTOCOL_ERROR
    assert played.took_s < 10


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=12), max_size=12), st.binary(max_size=8))
def test_any_answers_end_in_a_value_or_a_failure(answers: list[bytes], greeting: bytes) -> None:
    left = list(answers)
    conversation = PrinterStatusConversation(limit_s=0.5)
    played = play(
        conversation, lambda _: left.pop() if left else b"", greeting=greeting, most_sends=8
    )
    assert (conversation.failure is None) == (len(conversation.replies) == 4)
    assert isinstance(conversation.state, PrinterState)
    assert played.took_s < 30


def test_a_printer_takes_other_bytes_as_print_data() -> None:
    printer = StatusPrinter(PrinterState())
    assert printer.feed(b"\x10") == b""
    assert printer.feed(b"\x04\x01") == b"\x12"
    assert printer.feed(b"AB\x10\x10\x04\x02\x10\x05\x01\x1b@") == b"\x12"
    assert bytes(printer.printed) == b"AB\x10\x10\x05\x01\x1b@"
