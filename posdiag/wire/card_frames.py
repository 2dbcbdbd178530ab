"""Frames between a reader driver and a card over TCP, both roles; the read as a conversation.

Source: the vpcd protocol of the vsmartcard project, as its source has it: both ways a 2-byte
big-endian length, then that many bytes; a single byte from the reader is a control byte (0 power
off, 1 power on, 2 reset: no answer; 4 send the answer to reset); anything longer is a command APDU.

    00 01 04                          reader: send the answer to reset
    00 0C 3B 68 00 00 00 73 ...       card: 12 bytes
"""

from __future__ import annotations

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.wire.atr import MAX_ATR_BYTES
from posdiag.wire.card_session import CardSession
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

POWER_OFF, POWER_ON, RESET, GET_ATR = 0, 1, 2, 4
MAX_FRAME = 1024


def encode(body: bytes) -> bytes:
    """Return one frame.

    Raises:
        LocalWireError: over 1,024 bytes.
    """
    if len(body) > MAX_FRAME:
        raise LocalWireError("frame too long", field="length")
    return len(body).to_bytes(2, "big") + body


class FrameBuffer:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        """Start empty."""
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            RemoteWireError: a frame announces more than 1,024 bytes.
        """
        self._data += data
        if len(self._data) >= 2 and int.from_bytes(self._data[:2], "big") > MAX_FRAME:
            raise RemoteWireError("frame announces too many bytes", field="length", offset=0)

    def next(self) -> bytes | None:
        """Return the next whole frame's body, or None while it is not complete."""
        if len(self._data) < 2:
            return None
        end = 2 + int.from_bytes(self._data[:2], "big")
        if len(self._data) < end:
            return None
        body = bytes(self._data[2:end])
        del self._data[:end]
        return body


class CardReadConversation:
    """Powers a card up, takes its answer to reset and reads it (reader side).

    Attributes:
        card: what it said and how that ended.
    """

    def __init__(self, card: CardSession, *, limit_s: float) -> None:
        """Start; ``limit_s`` is how long the card may be silent after each command."""
        self.card = card
        self._limit_s = limit_s
        self._frames = FrameBuffer()
        self._to_send: list[bytes] = [encode(bytes([POWER_ON])), encode(bytes([GET_ATR]))]
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if self._to_send:
            return Send(self._to_send.pop(0))
        return Wait(self._limit_s, Operation.READ_CARD)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the card."""
        try:
            self._frames.feed(data)
            while not self._over and (body := self._frames.next()) is not None:
                self._answer(body)
        except RemoteWireError as error:
            self._end(FailureKind.PROTOCOL_ERROR, str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why nothing more comes."""
        kinds = {Ended.LIMIT: FailureKind.SILENT, Ended.BUDGET: FailureKind.CENSORED}
        if not self._over:
            waited = waited_s if why in kinds else None
            self._end(kinds.get(why, FailureKind.GONE), waited_s=waited)

    def _answer(self, body: bytes) -> None:
        # An empty answer is a card that was taken out; more than 33 bytes is how the virtual reader
        # shows a chip that does not answer its reset.
        if self.card.powered:
            if not body:
                self._end(FailureKind.GONE)
                return
            self.card.take(body)
        elif not body:
            self._end(FailureKind.NOT_FOUND)
            return
        elif len(body) > MAX_ATR_BYTES:
            self._end(FailureKind.MUTE)
            return
        else:
            self.card.power_up(body)
        if self.card.command is None:
            # Closing the link powers the card off; there is no answer to wait for.
            self._over = True
        else:
            self._to_send.append(encode(self.card.command))

    def _end(self, kind: FailureKind, detail: str = "", waited_s: float | None = None) -> None:
        self.card.fail(kind, detail, waited_s)
        self._over = True
