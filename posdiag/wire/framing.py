"""Length prefixes in front of messages on a byte stream.

Sample, before 52 bytes::

    00 34         binary2            00 52         bcd2       00 00 34      binary3
    00 36         binary2_inclusive  30 30 35 32   ascii4     00 00 00 34   binary4
    34 00         binary2_le         30 30 33 34   hex4       00 34 00 00   binary2_filler2

Source: UnionPay host code and jPOS channel classes (NACChannel, its ``include-header-length``,
BCDChannel, ASCIIChannel, HEXChannel, CMFChannel, RawChannel, CSChannel) as collected from public
code; little endian is what Wireshark assumes.
"""

from __future__ import annotations

import re

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.site import Framing

MAX_BODY = 4096
"""Bytes. The longest message of the dialects that we speak is under 1 KiB."""

_HEX4 = re.compile(r"[0-9A-Fa-f]{4}", re.ASCII)
_PREFIX_BYTES = {
    Framing.BINARY2: 2,
    Framing.BINARY2_INCLUSIVE: 2,
    Framing.BINARY2_LE: 2,
    Framing.BCD2: 2,
    Framing.ASCII4: 4,
    Framing.HEX4: 4,
    Framing.BINARY3: 3,
    Framing.BINARY4: 4,
    Framing.BINARY2_FILLER2: 4,
}


def encode_frame(framing: Framing, body: bytes) -> bytes:
    """Return the body with its length in front.

    Args:
        framing: how the length is written.
        body: 0 to ``MAX_BODY`` bytes; an empty body is a keep-alive.

    Raises:
        LocalWireError: the body is too long.
    """
    if len(body) > MAX_BODY:
        raise LocalWireError(f"a body of {len(body)} bytes", field="length", offset=0)
    match framing:
        case Framing.BINARY2:
            prefix = len(body).to_bytes(2)
        case Framing.BINARY2_INCLUSIVE:
            prefix = (len(body) + 2).to_bytes(2)
        case Framing.BCD2:
            prefix = bytes.fromhex(f"{len(body):04d}")
        case Framing.ASCII4:
            prefix = f"{len(body):04d}".encode("ascii")
        case Framing.HEX4:
            prefix = f"{len(body):04X}".encode("ascii")
        case Framing.BINARY2_LE:
            prefix = len(body).to_bytes(2, "little")
        case Framing.BINARY3 | Framing.BINARY4:
            prefix = len(body).to_bytes(_PREFIX_BYTES[framing])
        case Framing.BINARY2_FILLER2:
            prefix = len(body).to_bytes(2) + bytes(2)
    return prefix + body


def _body_length(framing: Framing, prefix: bytes) -> int:
    """Return how many bytes follow; -1 where the prefix is no number of this framing."""
    match framing:
        case Framing.BINARY2 | Framing.BINARY3 | Framing.BINARY4:
            return int.from_bytes(prefix)
        case Framing.BINARY2_LE:
            return int.from_bytes(prefix, "little")
        case Framing.BINARY2_FILLER2:
            # The filler may hold flags of the host: only the length counts.
            return int.from_bytes(prefix[:2])
        case Framing.HEX4:
            text = prefix.decode("latin-1")
            return int(text, 16) if _HEX4.fullmatch(text) else -1
        case Framing.BINARY2_INCLUSIVE:
            # Hosts that count the prefix still send 00 00 as a poll.
            stated = int.from_bytes(prefix)
            return stated - 2 if stated else 0
        case Framing.BCD2:
            digits = prefix.hex()
        case Framing.ASCII4:
            digits = prefix.decode("latin-1")
    return int(digits) if digits.isascii() and digits.isdigit() else -1


class FrameDecoder:
    """Cuts a byte stream into message bodies, however the bytes are split.

    Attributes:
        keepalives: frames of length zero that were skipped. Several hosts poll with them
            (source: jPOS BASE24, VAP and CMF channels); they are never an answer.
    """

    def __init__(self, framing: Framing, *, max_body: int = MAX_BODY) -> None:
        """Start empty."""
        self._framing = framing
        self._max_body = max_body
        self._buffer = bytearray()
        self._taken = 0
        self.keepalives = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they came; ``next_body`` gives what they hold."""
        self._buffer += data

    def next_body(self) -> bytes | None:
        """Return the next whole body, None where more bytes are needed.

        Raises:
            RemoteWireError: the prefix is not a length of this framing, or one above the limit.
                The stream cannot be read any further.
        """
        size = _PREFIX_BYTES[self._framing]
        while len(self._buffer) >= size:
            length = _body_length(self._framing, bytes(self._buffer[:size]))
            if not 0 <= length <= self._max_body:
                what = "no number" if length < 0 else f"{length} bytes, more than any message has"
                raise RemoteWireError(f"length prefix: {what}", field="length", offset=self._taken)
            if len(self._buffer) < size + length:
                return None
            body = bytes(self._buffer[size : size + length])
            del self._buffer[: size + length]
            self._taken += size + length
            if body:
                return body
            self.keepalives += 1
        return None

    def rest(self) -> tuple[int, int]:
        """Return (bytes of an unfinished frame that are here, bytes that it should have).

        The second is 0 while not even the prefix is whole.
        """
        size = _PREFIX_BYTES[self._framing]
        if len(self._buffer) < size:
            return len(self._buffer), 0
        length = _body_length(self._framing, bytes(self._buffer[:size]))
        return len(self._buffer), size + max(0, length)
