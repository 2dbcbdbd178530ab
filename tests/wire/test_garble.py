"""The model of the line against the device sheet's own figures, and what is told from garbage."""

from __future__ import annotations

import random

import pytest

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.bit_errors import BLOCK, BitErrorConversation, pattern
from posdiag.wire.conversation import Ended
from posdiag.wire.garble import TEXT, Garble, Guess, guess
from posdiag.wire.line_control import ACK, ENQ, NAK
from posdiag.wire.listening import ListenConversation
from posdiag.wire.uart import Line, as_read
from tests.wire.played import Late, play

ANSWERS = frozenset((ACK, NAK))
STATUS = frozenset(byte for byte in range(256) if byte & 0x93 == 0x12)
WORDS = b"POS diagnosis 2026-01-01 12:00:00 amount 12.50 CNY terminal ready, paper in\r\n"


def _text(count: int = 2000) -> bytes:
    source = random.Random(7)
    return bytes(source.choice(WORDS) for _ in range(count))


# read at / sent at -> bytes per byte, frame errors, high bit set: device sheet 3.5, which simulated
# a receiver of its own; a little room on both sides.
@pytest.mark.parametrize(
    ("factor", "bytes_", "frames", "high"),
    [
        (1.0, (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)),
        (2.0, (1.5, 1.9), (0.30, 0.55), (0.45, 0.67)),
        (4.0, (2.0, 2.8), (0.35, 0.60), (0.40, 0.65)),
        (12.0, (2.6, 3.3), (1.0, 1.0), (0.0, 0.0)),
        (0.5, (0.49, 0.61), (0.15, 0.55), (0.45, 0.80)),
        (0.25, (0.2, 0.35), (0.35, 0.65), (0.33, 0.65)),
    ],
)
def test_the_model_of_the_line_gives_the_sheets_figures(
    factor: float,
    bytes_: tuple[float, float],
    frames: tuple[float, float],
    high: tuple[float, float],
) -> None:
    sent = _text()
    read = as_read(sent, Line(9600), round(9600 * factor))
    count = len(read.data)
    assert bytes_[0] <= count / len(sent) <= bytes_[1]
    assert frames[0] <= read.frame_errors / count <= frames[1]
    assert high[0] <= sum(byte >= 0x80 for byte in read.data) / count <= high[1]
    if factor == 12.0:
        assert not any(read.data)


def test_seven_bits_with_parity_read_as_eight_are_right_below_the_high_bit() -> None:
    sent = _text()
    read = as_read(sent, Line(9600, "even", 7), 9600)
    assert read.frame_errors == 0
    assert bytes(byte & 0x7F for byte in read.data) == sent
    assert 0.3 < sum(byte >= 0x80 for byte in read.data) / len(sent) < 0.7


PAIRS = [
    (sent, read)
    for sent in (2400, 4800, 9600, 19200, 38400, 57600, 115200)
    for read in (9600, 19200, 38400)
    if sent != read
]


@pytest.mark.parametrize(("sent", "read"), PAIRS)
@pytest.mark.parametrize(("said", "expected"), [(b"\x06", ANSWERS), (b"\x12\x1a\x1e", STATUS)])
def test_a_wrong_speed_is_told_and_the_right_one_is_named(
    sent: int, read: int, said: bytes, expected: frozenset[int]
) -> None:
    came = b"".join(as_read(bytes([byte]), Line(sent), read).data for byte in said * 4)
    found = guess(came, expected, read)
    if found.kind is Garble.SPEED:
        assert sent in found.bauds
        assert len(found.bauds) <= 4
    else:
        # A sender that is four times slower, or more, may leave zeros alone, like a short.
        assert found.kind is Garble.BREAK
        assert sent <= read / 4


@pytest.mark.parametrize("parity", ["even", "odd"])
def test_a_wrong_parity_is_named(parity: str) -> None:
    line = Line(9600, parity, 7)  # type: ignore[arg-type]
    assert guess(as_read(_text(40), line, 9600).data, TEXT, 9600) == Guess(
        Garble.PARITY, (9600,), parity
    )


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
def test_text_at_a_wrong_speed_is_told_without_a_number(factor: float) -> None:
    found = guess(as_read(_text(160), Line(9600), round(9600 * factor)).data, TEXT, 9600)
    assert found == Guess(Garble.SPEED)


@pytest.mark.parametrize(
    ("came", "expected", "kind"),
    [
        (b"\x06\x06\x15", ANSWERS, Garble.NONE),
        (b"", ANSWERS, Garble.TOO_FEW),
        (b"\x86", ANSWERS, Garble.TOO_FEW),
        (bytes(12), ANSWERS, Garble.BREAK),
        (b"\x06\x86" * 5, ANSWERS, Garble.NOISE),
        (b"\x06\x06\x06\x07\x06\x06", ANSWERS, Garble.NOISE),
        (WORDS, TEXT, Garble.NONE),
        (WORDS[:20] + b"\x99" + WORDS[20:], TEXT, Garble.NOISE),
    ],
)
def test_what_is_no_wrong_speed(came: bytes, expected: frozenset[int], kind: Garble) -> None:
    assert guess(came, expected, 9600).kind is kind


def test_an_enquiry_is_not_understood_at_another_speed() -> None:
    assert ENQ not in as_read(bytes([ENQ]), Line(9600), 19200).data


def test_the_pattern_is_prbs9() -> None:
    bits = [byte >> bit & 1 for byte in pattern(128) for bit in range(8)]
    assert bits[:511] == bits[511:1022]
    assert sum(bits[:511]) == 256
    runs = {tuple(bits[at : at + 9]) for at in range(511)}
    assert len(runs) == 511


def test_a_loop_without_an_error_gives_an_upper_limit() -> None:
    test = BitErrorConversation()
    play(test, lambda data: data, piece=7)
    assert (test.bits, test.wrong, test.lost, test.extra) == (8 * 1024, 0, 0, 0)
    assert test.highest_rate == pytest.approx(3 / 8192)
    assert test.failure is None


def test_bit_errors_are_counted_and_lost_bytes_are_not_called_wrong() -> None:
    test = BitErrorConversation()
    play(test, lambda data: bytes([data[0] ^ 0x81]) + data[1:])
    assert test.wrong == 2 * 32
    assert test.highest_rate is None
    short = BitErrorConversation(blocks=2)
    play(short, lambda data: data[:-4])
    assert (short.bits, short.lost, short.wrong) == (8 * (2 * BLOCK - 8), 8, 0)
    more = BitErrorConversation(blocks=2)
    play(more, lambda data: data + b"x")
    assert more.extra >= 1


def test_no_plug_is_silent_after_two_blocks() -> None:
    test = BitErrorConversation()
    played = play(test, lambda _: b"")
    assert test.failure is not None
    assert test.failure.failure is FailureKind.SILENT
    assert len(played.sent) == 2
    assert test.highest_rate is None
    for count in (0, 1001):
        with pytest.raises(LocalWireError):
            BitErrorConversation(blocks=count)


@pytest.mark.parametrize(
    ("why", "kind"), [(Ended.EOF, FailureKind.GONE), (Ended.BUDGET, FailureKind.CENSORED)]
)
def test_a_test_that_is_cut_off(why: Ended, kind: FailureKind) -> None:
    test = BitErrorConversation()
    play(test, lambda _: b"", end=why)
    assert test.failure is not None
    assert test.failure.failure is kind


def test_listening_says_nothing_and_keeps_what_comes() -> None:
    listening = ListenConversation(1.0)
    played = play(listening, lambda _: [Late(0.1, b"")], greeting=b"hello" * 100, piece=50)
    assert played.sent == []
    assert played.took_s == pytest.approx(1.0)
    assert bytes(listening.came) == (b"hello" * 100)[:256]
