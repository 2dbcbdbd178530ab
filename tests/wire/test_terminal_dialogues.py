"""Whatever a terminal sends, a dialogue with it ends, and says how."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from posdiag.model.frames import FrameSettings
from posdiag.model.observation import Failed
from posdiag.wire.conversation import Conversation, Done, Ended, Send, Wait
from posdiag.wire.ecr_dialogue import FrameDialogue
from posdiag.wire.ecr_frames import encode_frame
from posdiag.wire.http import HttpExchange
from posdiag.wire.nexo_dialogue import LengthExchange
from posdiag.wire.zvt import Apdu, encode_apdu
from posdiag.wire.zvt_commands import DIAGNOSIS, LOG_OFF, STATUS_ENQUIRY, registration
from posdiag.wire.zvt_dialogue import ZvtDialogue
from posdiag.wire.zvt_serial import encode_serial

FRAMES = msgspec.convert(
    {
        "kind": "stx_etx",
        "progress": True,
        "requests": [
            {"name": "a", "send": "A", "effect": "safe"},
            {"name": "b", "send": "B", "effect": "prints", "answer": "ack"},
        ],
    },
    FrameSettings,
)
UNITS = [
    Apdu("8000"),
    Apdu("846B"),
    Apdu("060F", b"\x00"),
    Apdu("061E", b"\x9b"),
    Apdu("04FF", b"\xd2\x01"),
    Apdu("06D1", b"\x00abc"),
    Apdu("0401", bytes.fromhex("AA2611240C120000")),
]
SINGLE = [b"\x05", b"\x06", b"\x15", b"\x04", b"\x10\x02"]
ON_LINE = [*SINGLE, *(encode_serial(encode_apdu(unit)) for unit in UNITS)]
ON_TCP = [encode_apdu(unit) for unit in UNITS]
IN_FRAMES = [*SINGLE, *(encode_frame(FRAMES, data) for data in (b"A", b"ok", b"B"))]
COMMANDS = [registration(), STATUS_ENQUIRY, DIAGNOSIS, LOG_OFF]
HTTP = [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n\r\n", b"{}", b"0\r\n"]

Dialogue = ZvtDialogue | FrameDialogue | HttpExchange | LengthExchange
CASES: dict[str, tuple[Callable[[], Dialogue], list[bytes]]] = {
    "zvt on a line": (lambda: ZvtDialogue(COMMANDS, serial=True), ON_LINE),
    "zvt over tcp": (lambda: ZvtDialogue(COMMANDS, serial=False), ON_TCP),
    "frames": (lambda: FrameDialogue(FRAMES, FRAMES.requests), IN_FRAMES),
    "http": (lambda: HttpExchange(b"x", limit_s=5.0), HTTP),
    "length": (lambda: LengthExchange(b"x", limit_s=5.0), [b"\0\0\0\2", b"ab"]),
}


def run(dialogue: Conversation, said: list[bytes], draw: random.Random) -> int:
    """Step a dialogue with a peer that says anything; return how many events it took."""
    now_s, sends = 0.0, 0
    for events in range(3000):
        match dialogue.step(now_s):
            case Send(data):
                assert data
                sends += 1
                assert sends < 2000
            case Wait(limit_s, _):
                assert limit_s > 0
                chance = draw.random()
                if chance < 0.75:
                    now_s += min(limit_s, 0.01)
                    data = draw.choice(said) if draw.random() < 0.8 else draw.randbytes(5)
                    dialogue.receive(data, now_s)
                elif chance < 0.99:
                    now_s += limit_s
                    dialogue.ended(Ended.LIMIT, now_s, limit_s)
                else:
                    dialogue.ended(draw.choice(list(Ended)), now_s, 0.0)
            case Done():
                return events
    raise AssertionError("it does not end")


@pytest.mark.parametrize("name", CASES)
def test_a_dialogue_ends_whatever_comes(name: str) -> None:
    make, said = CASES[name]
    draw = random.Random(name)
    for _ in range(300):
        dialogue = make()
        run(dialogue, said, draw)
        assert dialogue.failure is None or isinstance(dialogue.failure, Failed)


def test_a_request_that_is_not_safe_goes_out_once_after_it_was_taken() -> None:
    printing = [request for request in FRAMES.requests if request.effect == "prints"]
    asked = msgspec.structs.replace(printing[0], answer="frame")
    dialogue = FrameDialogue(FRAMES, [asked])
    sends, now_s = 0, 0.0
    for _ in range(50):
        match dialogue.step(now_s):
            case Send():
                sends += 1
                dialogue.receive(b"\x06", now_s)
            case Wait(limit_s, _):
                now_s += limit_s
                dialogue.ended(Ended.LIMIT, now_s, limit_s)
            case Done():
                break
    assert sends == 1
    assert dialogue.failure is not None
    assert dialogue.failure.detail == "acknowledged, but no answer"
