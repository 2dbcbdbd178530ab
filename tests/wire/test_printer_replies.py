"""The fact sheet's vectors of printers (device sheet section 7, 1 to 27) and what surrounds them.

Each is also given cut short, byte by byte, and with noise before it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire import escpos, star, usb_printer
from posdiag.wire.conversation import Ended
from posdiag.wire.escpos import Cover, Paper, PrinterError, PrinterState
from posdiag.wire.escpos_replies import (
    FIRMWARE,
    MAKER,
    MODEL,
    Ink,
    Peeler,
    TypeId,
    decode_automatic,
    decode_drawer,
    decode_ink,
    decode_paper_sensor,
    decode_peeler,
    decode_text,
    decode_type_id,
    encode_automatic,
    encode_text,
    request_text,
)
from posdiag.wire.printed_line import TEST_PRINT, PrintedLineConversation
from posdiag.wire.printer_identity import PrinterIdentityConversation
from posdiag.wire.printer_status import PrinterStatusConversation
from posdiag.wire.star_status import StarStatusConversation
from tests.wire.played import play

NOISE = b"\xf8\x00\xff\x80"

# number in the sheet, n of DLE EOT, reply, attribute, value
EOT_VECTORS = [
    (1, 1, 0x12, "online", True),
    (2, 1, 0x16, "drawer_pin_high", True),
    (3, 1, 0x1A, "online", False),
    (4, 2, 0x16, "cover", Cover.OPEN),
    (5, 2, 0x32, "cover", Cover.CLOSED),
    (7, 3, 0x1A, "error", PrinterError.CUTTER),
    (8, 3, 0x32, "error", PrinterError.UNRECOVERABLE),
    (9, 3, 0x52, "error", PrinterError.AUTO_RECOVERABLE),
    (10, 4, 0x12, "paper", Paper.ENOUGH),
    (11, 4, 0x1E, "paper", Paper.NEAR_END),
    (12, 4, 0x7E, "paper", Paper.OUT),
]


def _printer_that_says(n: int, byte: int) -> Callable[[bytes], bytes]:
    """Return a printer whose reply to one question is this byte, and healthy to the others."""
    healthy = escpos.encode(PrinterState())
    return lambda data: bytes([byte if data[-1] == n else healthy[data[-1]]])


@pytest.mark.parametrize("vector", EOT_VECTORS)
@pytest.mark.parametrize("noise", [b"", NOISE, b"\x11", b"\x13\x11"])
def test_status_vectors_with_and_without_noise(
    vector: tuple[int, int, int, str, object], noise: bytes
) -> None:
    number, n, byte, attribute, value = vector
    # Noise comes before the very first answer; XON and XOFF (vector 24) in front of each.
    left = [noise]
    device = _printer_that_says(n, byte)
    flow = noise if set(noise) <= {0x11, 0x13} else b""

    def noisy(data: bytes) -> bytes:
        return (flow or (left.pop() if left else b"")) + device(data)

    for piece in (1, 100):
        left[:] = [noise]
        asked = PrinterStatusConversation(limit_s=0.5)
        play(asked, noisy, piece=piece)
        assert asked.failure is None, number
        assert getattr(asked.state, attribute) == value, number


def test_status_vectors_cut_short_are_silence_and_no_state() -> None:
    # Vector 14; a one-byte reply cut short is nothing at all.
    asked = PrinterStatusConversation(limit_s=0.5)
    play(asked, lambda _: b"")
    assert asked.failure is not None
    assert asked.failure.failure is FailureKind.SILENT
    assert asked.state == PrinterState()


def test_out_of_paper_by_three_questions() -> None:
    # Vectors 6 and 13.
    state = escpos.decode({1: 0x1A, 2: 0x32, 4: 0x7E})
    assert (state.online, state.paper) == (False, Paper.OUT)
    replies = escpos.encode(PrinterState(error=PrinterError.CUTTER))
    assert replies[2] == 0x52


@pytest.mark.parametrize("reply", ["1004", "8101800210"])
def test_invalid_vectors(reply: str) -> None:
    # Vectors 15 and 16.
    asked = PrinterStatusConversation(limit_s=0.5)
    play(asked, lambda _: bytes.fromhex(reply))
    assert asked.failure is not None
    assert asked.failure.failure is FailureKind.PROTOCOL_ERROR
    assert asked.state == PrinterState()


def test_one_byte_vectors() -> None:
    # Vectors 17, 18, 20, 21.
    assert decode_paper_sensor(0x00) is Paper.ENOUGH
    assert decode_paper_sensor(0x03) is Paper.NEAR_END
    assert decode_paper_sensor(0x0F) is Paper.OUT
    assert decode_paper_sensor(0x01) is Paper.INCONSISTENT
    assert decode_drawer(0x01) is True
    assert decode_drawer(0x00) is False
    assert decode_ink(0x5A) == Ink(near_end=False, end=True, no_cartridge=False, cleaning=True)
    assert decode_peeler(0x12) == Peeler(waiting_for_removal=False, no_paper=False)
    assert decode_type_id(0x02) == TypeId(
        two_byte_characters=False, cutter=True, customer_display=False
    )


@pytest.mark.parametrize(
    "decode", [decode_paper_sensor, decode_drawer, decode_ink, decode_peeler, decode_type_id]
)
def test_one_byte_answers_with_wrong_fixed_bits(decode: Callable[[int], object]) -> None:
    for byte in (0x90, 0x80, 0xFF):
        with pytest.raises(RemoteWireError):
            decode(byte)


# state -> automatic status; device sheet 1.5
AUTOMATIC = [
    (PrinterState(), "10000000"),
    (PrinterState(drawer_pin_high=True), "14000000"),
    (PrinterState(paper=Paper.NEAR_END), "10000300"),
    (PrinterState(paper=Paper.OUT), "18000F00"),
    (PrinterState(cover=Cover.OPEN), "38000000"),
    (PrinterState(feeding=True), "58000000"),
    (PrinterState(error=PrinterError.CUTTER), "18080000"),
    (PrinterState(error=PrinterError.UNRECOVERABLE), "18200000"),
    (PrinterState(error=PrinterError.AUTO_RECOVERABLE), "18400000"),
]


@pytest.mark.parametrize(("state", "block"), AUTOMATIC)
def test_automatic_status_both_ways(state: PrinterState, block: str) -> None:
    raw = bytes.fromhex(block)
    assert encode_automatic(state) == raw
    seen = decode_automatic(raw)
    assert seen.paper == (state.paper or Paper.ENOUGH)
    assert seen.cover == (state.cover or Cover.CLOSED)
    assert seen.error == (state.error or PrinterError.NONE)
    assert seen.online == (raw[0] & 0x08 == 0)
    for cut in range(4):
        with pytest.raises(RemoteWireError):
            decode_automatic(raw[:cut])
    for noisy in (NOISE + raw, raw + b"\x00", b"\x12" + raw[1:], raw[:3] + b"\x90"):
        with pytest.raises(RemoteWireError):
            decode_automatic(noisy)


def test_paper_end_without_a_near_end_sensor() -> None:
    assert decode_automatic(bytes.fromhex("18000C00")).paper is Paper.OUT
    assert decode_automatic(bytes.fromhex("10000400")).paper is Paper.INCONSISTENT


@pytest.mark.parametrize("piece", [1, 100])
def test_automatic_status_alone_says_the_state_but_is_no_answer(piece: int) -> None:
    # Vector 19 and its sisters; a printer that sends it unasked and answers nothing.
    block = encode_automatic(PrinterState(paper=Paper.OUT))
    asked = PrinterStatusConversation(limit_s=0.5)
    play(asked, lambda _: block, piece=piece)
    assert asked.failure is not None
    assert asked.failure.failure is FailureKind.PROTOCOL_ERROR
    assert asked.state.paper is Paper.OUT
    noisy = PrinterStatusConversation(limit_s=0.5)
    play(noisy, lambda _: NOISE + block, piece=piece)
    assert noisy.state == PrinterState()


def test_an_answer_goes_before_what_came_unasked() -> None:
    old = encode_automatic(PrinterState(paper=Paper.OUT))
    printer = escpos.StatusPrinter(PrinterState())
    asked = PrinterStatusConversation(limit_s=0.5)
    play(asked, lambda data: old + printer.feed(data))
    assert asked.failure is None
    assert asked.state.paper is Paper.ENOUGH
    assert asked.state.online is True


@pytest.mark.parametrize(
    ("n", "reply", "text"),
    [
        (MAKER, "5F43726F7373457363506F7300", "CrossEscPos"),
        (MODEL, "5F454D552D383000", "EMU-80"),
        (MODEL, "3D43454D552D383000", "EMU-80"),
        (FIRMWARE, "5F00", ""),
    ],
)
def test_text_vectors(n: int, reply: str, text: str) -> None:
    # Vectors 22 and 23.
    raw = bytes.fromhex(reply)
    assert request_text(n) == bytes((0x1D, 0x49, n))
    assert decode_text(raw) == text
    for wrong in (raw[:-1], NOISE + raw, b"", raw[:1], raw[:-1] + b"\x07\x00"):
        with pytest.raises(RemoteWireError):
            decode_text(wrong)


def test_texts_that_cannot_be() -> None:
    assert decode_text(encode_text("TM-T88V")) == "TM-T88V"
    for text in ("打印机", "A" * 95, "a\nb"):
        with pytest.raises(LocalWireError):
            encode_text(text)
    for n in (1, 64, 70):
        with pytest.raises(LocalWireError):
            request_text(n)
    with pytest.raises(LocalWireError):
        encode_automatic(PrinterState(paper=Paper.INCONSISTENT))


@pytest.mark.parametrize("piece", [1, 100])
@pytest.mark.parametrize("noise", [b"", NOISE])
def test_a_printer_says_what_it_is(piece: int, noise: bytes) -> None:
    printer = escpos.StatusPrinter(PrinterState(), {MAKER: "CrossEscPos", MODEL: "EMU-80"})
    identity = PrinterIdentityConversation()
    played = play(identity, lambda data: noise + printer.feed(data), piece=piece)
    assert identity.told == {"maker": "CrossEscPos", "model": "EMU-80"}
    assert [data[:2] for data in played.sent] == [b"\x1d\x49"] * 3
    assert bytes(printer.printed) == b""


@pytest.mark.parametrize(("end", "kind"), [(Ended.EOF, FailureKind.CLOSED), (None, None)])
def test_a_printer_that_does_not_say_what_it_is(
    end: Ended | None, kind: FailureKind | None
) -> None:
    identity = PrinterIdentityConversation()
    play(identity, lambda _: b"", end=end)
    assert identity.told == {}
    assert (identity.failure.failure if identity.failure else None) is kind


def _cut(raw: bytes, cut: int, _: bytes) -> bytes:
    return raw[:cut]


STAR = [
    # Vectors 25 and 26, then one bit each: HSP7000 manual pp. 5-8 to 5-11.
    ("230600000000000000", "error", PrinterError.NONE),
    ("230600000000000000", "online", True),
    ("230600000000000000", "paper", Paper.ENOUGH),
    ("230628000008000000", "cover", Cover.OPEN),
    ("230628000008000000", "paper", Paper.OUT),
    ("230628000008000000", "online", False),
    ("230600080000000000", "error", PrinterError.CUTTER),
    ("230600200000000000", "error", PrinterError.UNRECOVERABLE),
    ("230600400000000000", "error", PrinterError.AUTO_RECOVERABLE),
    ("230600040000000000", "error", PrinterError.RECOVERABLE),
    ("230600000400000000", "error", PrinterError.RECOVERABLE),
    ("230600000004000000", "paper", Paper.NEAR_END),
    ("0F020000000000", "online", True),
]


@pytest.mark.parametrize(("block", "attribute", "value"), STAR)
@pytest.mark.parametrize("noise", [b"", NOISE, b"\x11"])
@pytest.mark.parametrize("piece", [1, 100])
def test_star_vectors(block: str, attribute: str, value: object, noise: bytes, piece: int) -> None:
    raw = bytes.fromhex(block)
    assert getattr(star.decode(raw).state, attribute) == value
    asked = StarStatusConversation(limit_s=0.5)
    played = play(asked, lambda _: noise + raw, piece=piece)
    assert asked.failure is None
    assert getattr(asked.state, attribute) == value
    assert played.sent == [b"\x1b\x06\x01"]
    for cut in range(len(raw)):
        with pytest.raises(RemoteWireError):
            star.decode(raw[:cut])
        short = StarStatusConversation(limit_s=0.5)
        play(short, partial(_cut, raw, cut), piece=piece)
        assert short.state == PrinterState()
        assert short.failure is not None
        silent = FailureKind.PROTOCOL_ERROR if cut else FailureKind.SILENT
        assert short.failure.failure is silent


def test_star_lengths_and_versions() -> None:
    # Device sheet 1.8.
    lengths = {0x0F: 7, 0x21: 8, 0x23: 9, 0x25: 10, 0x27: 11, 0x29: 12, 0x2B: 13, 0x2D: 14}
    assert {header: star.block_length(header) for header in lengths} == lengths
    versions = {0x02: 1, 0x04: 2, 0x06: 3, 0x08: 4, 0x0E: 7, 0x20: 8, 0x22: 9}
    for byte, version in versions.items():
        assert star.decode(bytes((0x0F, byte, 0, 0, 0, 0, 0))).version == version
    assert star.decode(bytes.fromhex("230600004000000000")).overflowed is True


@pytest.mark.parametrize("state", [state for state, _ in AUTOMATIC if not state.feeding])
def test_star_both_ways(state: PrinterState) -> None:
    seen = star.decode(star.encode(state)).state
    assert seen.paper == (state.paper or Paper.ENOUGH)
    assert seen.cover == (state.cover or Cover.CLOSED)
    assert seen.error == (state.error or PrinterError.NONE)
    assert seen.drawer_pin_high == bool(state.drawer_pin_high)


def test_star_and_escpos_do_not_take_each_others_answers() -> None:
    asked = StarStatusConversation(limit_s=0.5)
    play(asked, lambda _: b"\x12")
    assert asked.failure is not None
    assert asked.failure.failure is FailureKind.PROTOCOL_ERROR
    printer = star.StarPrinter(PrinterState())
    assert printer.feed(b"\x10\x04\x01") == b""
    assert bytes(printer.printed) == b"\x10\x04\x01"
    assert printer.feed(b"x\x1b\x1b\x06\x01") == star.encode(PrinterState())


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Ended.EOF, FailureKind.CLOSED),
        (Ended.BUDGET, FailureKind.CENSORED),
        (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_why_a_star_printer_says_nothing(why: Ended, kind: FailureKind) -> None:
    asked = StarStatusConversation(limit_s=0.5)
    play(asked, lambda _: b"", end=why)
    assert asked.failure is not None
    assert asked.failure.failure is kind


def test_a_star_printer_that_holds_us_up_is_busy_and_one_that_babbles_is_garbage() -> None:
    busy = StarStatusConversation(limit_s=0.5)
    play(busy, lambda _: b"\x13")
    assert busy.failure is not None
    assert busy.failure.failure is FailureKind.BUSY
    babbling = StarStatusConversation(limit_s=0.5)
    play(babbling, lambda _: b"\x80" * 300)
    assert babbling.failure is not None
    assert babbling.failure.failure is FailureKind.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0x18, PrinterState()),
        (0x58, PrinterState()),
        (0x38, PrinterState(paper=Paper.OUT)),
        (0x10, PrinterState(error=PrinterError.RECOVERABLE)),
        (0x30, PrinterState(paper=Paper.OUT, error=PrinterError.RECOVERABLE)),
        (0x08, PrinterState(online=False)),
        (0x00, PrinterState(online=False)),
    ],
)
def test_usb_port_status(status: int, state: PrinterState) -> None:
    # Vector 27: 18 is what is always said, so it says nothing; never "paper ok".
    assert usb_printer.decode(status) == state


def test_usb_port_status_never_says_that_all_is_well() -> None:
    for status in range(256):
        try:
            state = usb_printer.decode(status)
        except RemoteWireError:
            assert status & 0x07
            continue
        assert state.paper in (None, Paper.OUT)
        assert state.online in (None, False)
    assert usb_printer.encode(PrinterState()) == 0x18
    assert usb_printer.encode(PrinterState(paper=Paper.OUT)) == 0x38
    assert usb_printer.encode(PrinterState(error=PrinterError.CUTTER)) == 0x10
    with pytest.raises(LocalWireError):
        usb_printer.encode(PrinterState(paper=Paper.INCONSISTENT))


def test_a_line_is_printed_and_the_status_asked_afterwards() -> None:
    printer = escpos.StatusPrinter(PrinterState())
    after = PrinterStatusConversation(limit_s=0.5)
    played = play(PrintedLineConversation(after), printer.feed)
    assert bytes(printer.printed) == TEST_PRINT
    assert not set(TEST_PRINT) & {0x1B, 0x1D, 0x10, 0x0C}
    assert after.failure is None
    assert 1.5 <= played.took_s < 2.5
    gone = PrinterStatusConversation(limit_s=0.5)
    play(PrintedLineConversation(gone), lambda _: b"", end=Ended.EOF)
    assert gone.failure is not None
    assert gone.failure.failure is FailureKind.CLOSED
