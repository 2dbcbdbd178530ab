"""Lines of a UPS server, their meaning, and the conversation."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.conversation import Ended
from posdiag.wire.nut import (
    MAX_LINE,
    LineBuffer,
    UpsConversation,
    UpsServer,
    interpret,
    quoted,
    words,
)
from tests.wire.played import play

# line -> words, source
LINES = [
    (b'VAR su700 ups.mfr "APC"', ["VAR", "su700", "ups.mfr", "APC"], "RFC 9271"),
    (b'VAR su700 ups.status "OL"', ["VAR", "su700", "ups.status", "OL"], "RFC 9271"),
    (
        b'VAR shop ups.status "OB LB DISCHRG"',
        ["VAR", "shop", "ups.status", "OB LB DISCHRG"],
        "upsd 2.8.0",
    ),
    (b'UPS shop "Counter UPS"', ["UPS", "shop", "Counter UPS"], "upsd 2.8.0"),
    (b'VAR a b "x \\"y\\" \\\\z"', ["VAR", "a", "b", 'x "y" \\z'], "RFC 9271 section 4: escapes"),
    (b'VAR a b ""', ["VAR", "a", "b", ""], "an empty value"),
    (b"ERR DATA-STALE", ["ERR", "DATA-STALE"], "upsd 2.8.0"),
    (b"  END   LIST  UPS ", ["END", "LIST", "UPS"], "blanks do not matter"),
    (b'VAR a b "\xfc"', ["VAR", "a", "b", "�"], "a driver that passes on Latin-1"),
    (b"", [], "an empty line"),
]


@pytest.mark.parametrize(("line", "expected", "source"), LINES)
def test_words_of_a_line(line: bytes, expected: list[str], source: str) -> None:
    assert words(line) == expected, source


@pytest.mark.parametrize(
    "line", [b'VAR a b "x', b'VAR a b "x\\"', b'a"b', b'"a"b', b"SSH\x00", b"\x1b[2J"]
)
def test_lines_that_are_none(line: bytes) -> None:
    with pytest.raises(RemoteWireError):
        words(line)


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=60))
def test_any_value_survives(value: str) -> None:
    assert words(f"VAR shop x {quoted(value)}".encode())[3] == value


def test_lines_in_pieces_with_both_ends() -> None:
    data = b"BEGIN LIST UPS\r\nUPS shop x\nEND"
    for piece in (1, 3, 100):
        lines = LineBuffer()
        found = [
            line for at in range(0, len(data), piece) for line in lines.feed(data[at : at + piece])
        ]
        assert found == [b"BEGIN LIST UPS", b"UPS shop x"]
        assert lines.rest == 3


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_is_bounded(end: bytes) -> None:
    with pytest.raises(RemoteWireError):
        LineBuffer().feed(b"x" * (MAX_LINE + 1) + end)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_line_gives_words_or_an_error(line: bytes) -> None:
    with contextlib.suppress(RemoteWireError):
        assert all(isinstance(word, str) for word in words(line))


HEALTHY = {
    "ups.status": "OL CHRG",
    "ups.load": "21",
    "battery.charge": "100",
    "input.voltage": "230.4",
    "input.voltage.nominal": "230",
}

# status -> on battery, low, overload, replace; NUT developers' guide
STATUSES = [
    ("OL", False, False, False, False),
    ("OB LB DISCHRG", True, True, False, False),
    ("DISCHRG OB", True, False, False, False),
    ("FSD OL", True, True, False, False),
    ("OL OVER RB", False, False, True, True),
    ("ALARM OL NEWWORD", False, False, False, False),
]


@pytest.mark.parametrize(("status", "on", "low", "over", "replace"), STATUSES)
def test_status_words(*, status: str, on: bool, low: bool, over: bool, replace: bool) -> None:
    state = interpret({"ups.status": status})
    assert state.words == tuple(sorted(status.split()))
    assert (state.on_battery, state.low_battery) == (on, low)
    assert (state.overload, state.replace_battery) == (over, replace)
    assert state.known


def test_values_have_units_and_missing_ones_are_none() -> None:
    state = interpret(HEALTHY)
    assert state.load == pytest.approx(0.21)
    assert state.charge == pytest.approx(1.0)
    assert state.input_v == pytest.approx(230.4)
    assert state.low_v is None
    assert state.margin_v == pytest.approx(230.4 - 207.0)
    sagging = interpret({**HEALTHY, "input.voltage": "158,0", "input.transfer.low": "0170"})
    assert sagging.margin_v == pytest.approx(-12.0)
    odd = interpret({"ups.status": "OL", "ups.load": "n/a", "input.voltage": "nan"})
    assert (odd.load, odd.input_v, odd.margin_v) == (None, None, None)


def _ask(server: UpsServer, name: str = "", *, piece: int = 4096) -> UpsConversation:
    conversation = UpsConversation(name, limit_s=2.0)
    play(conversation, server.feed, piece=piece)
    return conversation


@pytest.mark.parametrize("piece", [1, 7, 4096])
@pytest.mark.parametrize("name", ["", "shop", "SHOP"])
def test_all_variables_of_a_ups(name: str, piece: int) -> None:
    server = UpsServer("shop", {**HEALTHY, "device.model": 'Counter "S" \\ 1'})
    conversation = _ask(server, name, piece=piece)
    assert conversation.failure is None
    assert conversation.variables == {**HEALTHY, "device.model": 'Counter "S" \\ 1'}
    expected = [f"LIST VAR {name or 'shop'}"]
    assert server.requests == (expected if name else ["LIST UPS", *expected])


# answer to every request -> failure; upsd 2.8.0 (codes), the rest made up
ANSWERS = [
    (b"ERR DATA-STALE\n", FailureKind.STALE),
    (b"ERR DRIVER-NOT-CONNECTED\n", FailureKind.DRIVER_NOT_CONNECTED),
    (b"ERR UNKNOWN-UPS\n", FailureKind.NOT_FOUND),
    (b"ERR ACCESS-DENIED\n", FailureKind.PROTOCOL_ERROR),
    (b"ERR UNKNOWN-COMMAND\n", FailureKind.PROTOCOL_ERROR),
    (b"ERR\n", FailureKind.PROTOCOL_ERROR),
    (b"SSH-2.0-OpenSSH_9.2\r\n", FailureKind.PROTOCOL_ERROR),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", FailureKind.PROTOCOL_ERROR),
    (b"\n", FailureKind.PROTOCOL_ERROR),
    (b"BEGIN LIST VAR other\n", FailureKind.PROTOCOL_ERROR),
    (b"END LIST VAR shop\n", FailureKind.PROTOCOL_ERROR),
    (b"BEGIN LIST VAR shop\nBEGIN LIST VAR shop\n", FailureKind.PROTOCOL_ERROR),
    (b"BEGIN LIST VAR shop\nVAR shop x\nEND LIST VAR shop\n", FailureKind.PROTOCOL_ERROR),
    (b"BEGIN LIST VAR shop\nEND LIST VAR shop\n", FailureKind.PROTOCOL_ERROR),
    (b'BEGIN LIST VAR shop\nVAR shop a "1"\n', FailureKind.PROTOCOL_ERROR),
    (b"BEGIN LIST", FailureKind.PROTOCOL_ERROR),
    (b"x" * 5000, FailureKind.PROTOCOL_ERROR),
    (b"BEGIN LIST VAR shop\n" + b'VAR shop a "1"\n' * 2000, FailureKind.PROTOCOL_ERROR),
    (b"", FailureKind.SILENT),
]


@pytest.mark.parametrize(("answer", "kind"), ANSWERS)
def test_what_is_no_list(answer: bytes, kind: FailureKind) -> None:
    conversation = UpsConversation("shop", limit_s=2.0)
    play(conversation, lambda _: answer)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind
    assert conversation.variables == {}


def test_a_server_without_a_ups() -> None:
    conversation = UpsConversation(limit_s=2.0)
    play(conversation, lambda _: b"BEGIN LIST UPS\nEND LIST UPS\n")
    assert conversation.failure is not None
    assert conversation.failure.failure is FailureKind.NOT_FOUND


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.EOF, FailureKind.CLOSED),
        (Ended.RESET, FailureKind.RESET),
        (Ended.BUDGET, FailureKind.CENSORED),
        (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_why_nothing_more_comes(why: Ended, kind: FailureKind) -> None:
    conversation = UpsConversation("shop", limit_s=2.0)
    play(conversation, lambda _: b"", end=why)
    assert conversation.failure is not None
    assert conversation.failure.failure is kind


def test_wait_is_asked_again_and_then_told() -> None:
    def entry(status: str) -> bytes:
        return f'BEGIN LIST VAR shop\nVAR shop ups.status "{status}"\nEND LIST VAR shop\n'.encode()

    answers = [entry("OL"), entry("WAIT"), entry("WAIT")]
    conversation = UpsConversation("shop", limit_s=2.0)
    played = play(conversation, lambda _: answers.pop())
    assert conversation.variables == {"ups.status": "OL"}
    assert played.took_s == pytest.approx(1.0, abs=0.1)

    conversation = UpsConversation("shop", limit_s=2.0)
    played = play(conversation, lambda _: entry("WAIT"))
    assert conversation.failure is None
    assert not interpret(conversation.variables).known
    assert len(played.sent) == 5

    conversation = UpsConversation("shop", limit_s=2.0)
    play(conversation, lambda _: entry("WAIT"), budget_s=0.3)
    assert conversation.variables == {"ups.status": "WAIT"}


@pytest.mark.parametrize("name", ["a b", "shop\n", "\x00", "x" * 200, 'a"'])
def test_a_name_that_cannot_be_one_is_never_sent(name: str) -> None:
    with pytest.raises(LocalWireError):
        UpsConversation(name, limit_s=1.0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=80) | st.sampled_from([a for a, _ in ANSWERS]), max_size=8))
def test_any_answers_end_in_values_or_a_failure(answers: list[bytes]) -> None:
    left = list(answers)
    conversation = UpsConversation(limit_s=2.0)
    play(conversation, lambda _: left.pop() if left else b"", most_sends=10)
    assert (conversation.failure is None) == bool(conversation.variables)


# request -> answer of upsd 2.8.0
SERVED = [
    ("GET VAR shop ups.status", 'VAR shop ups.status "OL CHRG"\n'),
    ("get var shop ups.status", 'VAR shop ups.status "OL CHRG"\n'),
    ("GET VAR shop nope.x", "ERR VAR-NOT-SUPPORTED\n"),
    ("GET VAR other ups.status", "ERR UNKNOWN-UPS\n"),
    ("LIST UPS", 'BEGIN LIST UPS\nUPS shop "Counter UPS"\nEND LIST UPS\n'),
    ("FOO", "ERR UNKNOWN-COMMAND\n"),
    ("GET", "ERR INVALID-ARGUMENT\n"),
    ("LIST", "ERR INVALID-ARGUMENT\n"),
    ("PROTVER", "1.3\n"),
    ("LOGOUT", "OK Goodbye\n"),
]


@pytest.mark.parametrize(("asked", "answer"), SERVED)
def test_the_server_answers_like_upsd(asked: str, answer: str) -> None:
    assert UpsServer("shop", HEALTHY).feed(f"{asked}\r\n".encode()) == answer.encode()


def test_a_server_with_an_error_still_lists_its_ups() -> None:
    server = UpsServer("shop", HEALTHY, error="DATA-STALE")
    assert b"UPS shop" in server.feed(b"LIST UPS\n")
    assert server.feed(b"LIST VAR shop\n") == b"ERR DATA-STALE\n"


# fact sheet vectors 45 to 54: what comes, its words, and how that fails who asked for a UPS
VECTORS = [
    (b'VAR su700 ups.status "OL"', ["VAR", "su700", "ups.status", "OL"], None),
    (b'VAR shop ups.status "OB LB DISCHRG"', ["VAR", "shop", "ups.status", "OB LB DISCHRG"], None),
    (b'VAR shop ups.status "WAIT"', ["VAR", "shop", "ups.status", "WAIT"], None),
    (b"ERR VAR-NOT-SUPPORTED", ["ERR", "VAR-NOT-SUPPORTED"], FailureKind.PROTOCOL_ERROR),
    (b"ERR UNKNOWN-UPS", ["ERR", "UNKNOWN-UPS"], FailureKind.NOT_FOUND),
    (b"ERR UNKNOWN-COMMAND", ["ERR", "UNKNOWN-COMMAND"], FailureKind.PROTOCOL_ERROR),
    (b"ERR INVALID-ARGUMENT", ["ERR", "INVALID-ARGUMENT"], FailureKind.PROTOCOL_ERROR),
    (
        b"ERR DRIVER-NOT-CONNECTED",
        ["ERR", "DRIVER-NOT-CONNECTED"],
        FailureKind.DRIVER_NOT_CONNECTED,
    ),
    (b"ERR DATA-STALE", ["ERR", "DATA-STALE"], FailureKind.STALE),
    (b"ERR USERNAME-REQUIRED", ["ERR", "USERNAME-REQUIRED"], FailureKind.PROTOCOL_ERROR),
    (b"ERR ACCESS-DENIED", ["ERR", "ACCESS-DENIED"], FailureKind.PROTOCOL_ERROR),
    (b"ERR FEATURE-NOT-CONFIGURED", ["ERR", "FEATURE-NOT-CONFIGURED"], FailureKind.PROTOCOL_ERROR),
    (b"OK Goodbye", ["OK", "Goodbye"], FailureKind.PROTOCOL_ERROR),
]


@pytest.mark.parametrize(("line", "expected", "kind"), VECTORS)
def test_vectors(line: bytes, expected: list[str], kind: FailureKind | None) -> None:
    assert words(line) == expected
    ups = expected[1] if kind is None else "shop"
    answer = line + b"\n"
    if kind is None:
        answer = b"BEGIN LIST VAR %s\n%sEND LIST VAR %s\n" % (ups.encode(), answer, ups.encode())

    def asked(reply: bytes, piece: int) -> UpsConversation:
        conversation = UpsConversation(ups, limit_s=2.0)
        play(conversation, lambda _: reply, piece=piece)
        return conversation

    for piece in (1, 4096):
        whole = asked(answer, piece)
        if kind is None:
            assert whole.variables == {expected[2]: expected[3]}
        else:
            assert whole.failure is not None
            assert whole.failure.failure is kind
        # Noise before it is no answer of a UPS server, whatever follows.
        noisy = asked(b"\xff\x00noise\n" + answer, piece)
        assert noisy.failure is not None
        assert noisy.failure.failure is FailureKind.PROTOCOL_ERROR
    # Cut anywhere, it is a failure and never a state; nothing at all is silence.
    for end in range(len(answer) - 1):
        cut = asked(answer[:end], 4096)
        assert cut.variables == {}
        assert cut.failure is not None
        if end == 0:
            assert cut.failure.failure is FailureKind.SILENT
