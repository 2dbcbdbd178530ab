"""How a terminal family is asked for its health, as its profile says it: frames, requests, answers.

Everything that differs between families of request and answer is data, so that a new family is a
profile and no code.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
Word = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Wait = Annotated[float, msgspec.Meta(gt=0, le=120)]
Hex = Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{2})*$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1024)]


class FrameKind(StrEnum):
    """How a message is marked off on the line.

    ``stx_etx``: 02 data 03 sum. ``stx_length_etx``: 02, two bytes BCD length, data, 03, sum.
    ``syn_etb``: 16 data 17 sum, with 13, 16 and 17 inside written as 13 and a digit.
    ``dle_stx_etx``: as ZVT on a serial line. ``marked_55aa``: 55 AA, type, ack id, message id, two
    bytes length, data, sum, CC 33. ``length``: a length in front, no sum (TCP).
    """

    STX_ETX = "stx_etx"
    STX_LENGTH_ETX = "stx_length_etx"
    SYN_ETB = "syn_etb"
    DLE_STX_ETX = "dle_stx_etx"
    MARKED_55AA = "marked_55aa"
    LENGTH = "length"


class LengthForm(StrEnum):
    """How the length in front is written: bytes high one first, or four digits."""

    BINARY2 = "binary2"
    BINARY4 = "binary4"
    ASCII4 = "ascii4"


class SumKind(StrEnum):
    """What a check sum is."""

    NONE = "none"
    XOR = "xor"
    CRC16 = "crc16"


class Covers(StrEnum):
    """What a check sum is taken over; a length in front of the data counts as data."""

    DATA = "data"
    DATA_END = "data_end"
    START_DATA_END = "start_data_end"
    START_DATA = "start_data"


class Handshake(StrEnum):
    """How frames are acknowledged.

    ``none``: not at all. ``ack``: each by 06 or 15. ``enq``: so, and 05 is answered by 06 before a
    frame, 04 ends it.
    """

    NONE = "none"
    ACK = "ack"
    ENQ = "enq"


class Parity(StrEnum):
    """Parity of a serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


class TerminalEffect(StrEnum):
    """What a request does to the shop, beyond being answered."""

    SAFE = "safe"
    PRINTS = "prints"
    GOES_ONLINE = "goes_online"
    TAKES_SESSION = "takes_session"

    @property
    def consent(self) -> str:
        """Return what ``--allow`` must name for it, empty where nothing is needed."""
        return _CONSENTS[self]


_CONSENTS = {
    TerminalEffect.SAFE: "",
    TerminalEffect.PRINTS: "print",
    TerminalEffect.GOES_ONLINE: "online-diagnosis",
    TerminalEffect.TAKES_SESSION: "terminal-session",
}


class Expected(StrEnum):
    """What a request is answered by."""

    FRAME = "frame"
    ACK = "ack"


class CheckSum(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A check sum.

    Attributes:
        base: start value of ``xor``.
        poly: of ``crc16``, without the leading bit; so are ``init``, ``reflected``, ``xorout``.
        low_byte_first: order of the two bytes of ``crc16``.
    """

    kind: SumKind = SumKind.XOR
    covers: Covers = Covers.DATA_END
    base: Byte = 0
    poly: Word = 0x1021
    init: Word = 0
    reflected: bool = False
    xorout: Word = 0
    low_byte_first: bool = False


class FrameRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where something stands in an answer, and what it means.

    The text is taken by columns (``at``, ``length``) or, with a ``separator``, out of one part:
    the one numbered ``part``, or the first that begins with ``prefix`` (which is taken off), and
    then by columns inside it. There are no patterns on purpose: a profile's could hang.

    Attributes:
        topic: what the terminal speaks of: an observation ``terminal.*`` without that prefix.
        at: first character, from 0.
        length: characters; 0: to the end.
        codes: text of the answer -> word of the topic.
        default: word for a text in no code; None: such a text says nothing.
        scale: factor on a number.
    """

    topic: str
    at: Count = 0
    length: Count = 0
    separator: Annotated[str, msgspec.Meta(max_length=4)] = ""
    part: Count = 0
    prefix: Annotated[str, msgspec.Meta(max_length=16)] = ""
    codes: dict[str, str] = {}
    default: str | None = None
    scale: float = 1.0


class FrameRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One request to the terminal.

    Attributes:
        send: text of the request; ``{tid}`` stands for the terminal's number.
        send_hex: bytes instead of a text.
        framed: false: the bytes go out as they are (a single ENQ).
        then_hex: bytes that go out as they are after the answer.
        starts_with: what the answer must begin with.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    send: Annotated[str, msgspec.Meta(max_length=256)] = ""
    send_hex: Hex = ""
    framed: bool = True
    effect: TerminalEffect
    answer: Expected = Expected.FRAME
    then_hex: Hex = ""
    starts_with: Annotated[str, msgspec.Meta(max_length=64)] = ""
    reads: list[FrameRead] = []


class FrameSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a terminal family is spoken to.

    Attributes:
        progress: frames ``01`` + 20 characters + ``04`` come in between, without a check sum.
        baud: bits per second where the site's device says nothing.
        ack_s: how long an acknowledgement may take.
        byte_s: the most that two bytes of a frame may be apart.
        answer_s: how long the answer may take after the acknowledgement.
        tries: sends of one frame.
        requests: in order.
    """

    kind: FrameKind
    checksum: CheckSum = CheckSum()
    length: LengthForm = LengthForm.BINARY2
    handshake: Handshake = Handshake.ACK
    progress: bool = False
    baud: Annotated[int, msgspec.Meta(ge=50, le=4_000_000)] = 9600
    data_bits: Annotated[int, msgspec.Meta(ge=7, le=8)] = 8
    parity: Parity = Parity.NONE
    stop_bits: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1
    ack_s: Wait = 2.0
    byte_s: Wait = 0.3
    answer_s: Wait = 5.0
    tries: Annotated[int, msgspec.Meta(ge=1, le=3)] = 3
    requests: Annotated[list[FrameRequest], msgspec.Meta(min_length=1, max_length=16)]
