"""Random and mutated replies for every codec of printers and serial lines.

``python -m tests.wire.device_fuzz 200000`` runs the full size (benchmarks/fuzz_printer_and_serial).
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire import escpos, escpos_replies, star, usb_printer
from posdiag.wire.bit_errors import BitErrorConversation, pattern
from posdiag.wire.conversation import Conversation, Done, Ended, Send
from posdiag.wire.garble import TEXT, Garble, guess
from posdiag.wire.line_control import EnquiryConversation
from posdiag.wire.printer_identity import PrinterIdentityConversation
from posdiag.wire.printer_status import PrinterStatusConversation
from posdiag.wire.star_status import StarStatusConversation
from posdiag.wire.uart import Line, as_read

SEEDS: Sequence[bytes] = [
    bytes.fromhex(text)
    for text in (
        "12",
        "1A327E12",
        "14000000",
        "1808000F",
        "5F43726F7373457363506F7300",
        "3D4130353000",
        "230600000000000000",
        "230628000008000000",
        "0606150686",
        "8101800210",
        "100401",
        "111213",
        "7880E0FE00",
    )
]


def reply(source: random.Random) -> bytes:
    """Return random bytes, or a known reply with bytes changed, cut, doubled or put in."""
    if source.random() < 0.4:
        return source.randbytes(source.randrange(24))
    data = bytearray(source.choice(SEEDS))
    for _ in range(source.randrange(4)):
        at = source.randrange(len(data) + 1)
        match source.randrange(4):
            case 0 if data:
                data[at - 1] ^= 1 << source.randrange(8)
            case 1:
                del data[at:]
            case 2:
                data[at:at] = source.randbytes(source.randrange(1, 4))
            case _:
                data += source.choice(SEEDS)
    return bytes(data)


def _status(data: bytes) -> None:
    escpos.decode(dict(zip(escpos.QUESTIONS, data, strict=False)))


def _parser(data: bytes) -> None:
    parser = escpos.StatusParser()
    parser.expect(escpos.request(4))
    assert sum(len(piece.data) for piece in parser.feed(data)) <= len(data)


def _single_bytes(data: bytes) -> None:
    for byte in data[:1]:
        escpos_replies.decode_paper_sensor(byte)
        escpos_replies.decode_drawer(byte)
        escpos_replies.decode_type_id(byte)
        escpos_replies.decode_ink(byte)
        escpos_replies.decode_peeler(byte)


def _port_status(data: bytes) -> None:
    for byte in data[:1]:
        if usb_printer.decode(byte).paper is not None:
            assert byte & usb_printer.PAPER_EMPTY


def _garble(data: bytes) -> None:
    for expected in (frozenset((0x06, 0x15)), TEXT):
        assert isinstance(guess(data, expected, 9600).kind, Garble)


def _uart(data: bytes) -> None:
    read = as_read(data, Line(9600), 19200)
    assert read.frame_errors <= len(read.data) <= 5 * len(data)


def _converse(conversation: Conversation, data: bytes) -> None:
    """Play the same bytes as the answer to every transmission, then silence."""
    now_s, due = 0.0, b""
    for _ in range(400):
        step = conversation.step(now_s)
        if isinstance(step, Done):
            return
        if isinstance(step, Send):
            due = data
            continue
        if due:
            now_s += 0.001
            conversation.receive(due, now_s)
            due = b""
        else:
            now_s += step.limit_s
            conversation.ended(Ended.LIMIT, now_s, step.limit_s)
    raise AssertionError("the conversation does not end")


def _printer(data: bytes) -> None:
    asked = PrinterStatusConversation(limit_s=0.5)
    _converse(asked, data)
    assert (asked.failure is None) == (len(asked.replies) == 4)
    if not data:
        assert asked.failure is not None
        assert asked.failure.failure is FailureKind.SILENT
        assert asked.state == escpos.PrinterState()


def _star(data: bytes) -> None:
    asked = StarStatusConversation(limit_s=0.5)
    _converse(asked, data)
    assert (asked.failure is None) == (asked.status is not None)


def _identity(data: bytes) -> None:
    asked = PrinterIdentityConversation()
    _converse(asked, data)
    assert all(text.isprintable() for text in asked.told.values())


def _enquiry(data: bytes) -> None:
    asked = EnquiryConversation(count=2)
    _converse(asked, data)
    assert asked.requests <= 2


def _bit_errors(data: bytes) -> None:
    asked = BitErrorConversation(blocks=2)
    _converse(asked, data)
    assert 0 <= asked.wrong <= asked.bits <= 8 * len(pattern(64))


CODECS: dict[str, Callable[[bytes], object]] = {
    "escpos DLE EOT": _status,
    "escpos byte classes": _parser,
    "escpos automatic status": escpos_replies.decode_automatic,
    "escpos GS I text": escpos_replies.decode_text,
    "escpos one-byte answers": _single_bytes,
    "escpos conversation": _printer,
    "escpos identity conversation": _identity,
    "star status": star.decode,
    "star conversation": _star,
    "usb port status": _port_status,
    "enquiry conversation": _enquiry,
    "bit error conversation": _bit_errors,
    "garble": _garble,
    "uart model": _uart,
}


def fuzz(name: str, count: int, seed: int = 20260101) -> int:
    """Give a codec many replies; return how many it refused.

    Raises:
        Exception: what the codec raised beside its own error.
    """
    source, codec, refused = random.Random(seed), CODECS[name], 0
    for _ in range(count):
        try:
            codec(reply(source))
        except RemoteWireError:
            refused += 1
    return refused


if __name__ == "__main__":
    for name in CODECS:
        begun = time.perf_counter()
        refused = fuzz(name, int(sys.argv[1]))
        spent = time.perf_counter() - begun
        print(f"{name:30} {int(sys.argv[1]):>8} replies, {refused:>8} refused, {spent:6.1f} s")  # noqa: T201
