"""Asks a receipt printer what it is (``GS I``), as a conversation.

Only where a person wants one port identified and the printer has answered its status questions: the
request waits behind print data, and a printer of another language may print it.
"""

from __future__ import annotations

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import Failed, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.escpos import XOFF, XON
from posdiag.wire.escpos_replies import MAX_TEXT, REQUESTS, decode_text, request_text
from posdiag.wire.printer_status import KINDS

LIMIT_S = 1.0
_HEADERS = (0x5F, 0x3D)


class PrinterIdentityConversation:
    """Asks for maker, model and firmware, each once.

    Attributes:
        told: ``maker``, ``model``, ``firmware`` -> text; what is not available is not in it.
        failure: why it ended early; a question without an answer is none.
    """

    def __init__(self) -> None:
        """Prepare; nothing is sent yet."""
        self.told: dict[str, str] = {}
        self.failure: Failed | None = None
        self._left = list(REQUESTS)
        self._asked_s: float | None = None
        self._text = bytearray()

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self.failure is not None or not self._left:
            return Done()
        if self._asked_s is None:
            self._asked_s = now_s
            self._text.clear()
            return Send(request_text(self._left[0]))
        left_s = self._asked_s + LIMIT_S - now_s
        if left_s > 0:
            return Wait(left_s, Operation.READ_STATUS)
        self._next()
        return self.step(now_s)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the printer."""
        for byte in data:
            if self._left and byte not in (XON, XOFF) and (self._text or byte in _HEADERS):
                self._text.append(byte)
                if byte == 0 or len(self._text) > MAX_TEXT:
                    self._complete()

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if why is Ended.LIMIT:
            self._next()
        elif self.failure is None:
            wait_s = waited_s if why is Ended.BUDGET else None
            self.failure = Failed(KINDS[why], Operation.READ_STATUS, "", wait_s)

    def _complete(self) -> None:
        try:
            text = decode_text(bytes(self._text))
        except RemoteWireError:
            text = ""
        if text:
            self.told[REQUESTS[self._left[0]]] = text
        self._next()

    def _next(self) -> None:
        self._asked_s = None
        self._text.clear()
        del self._left[:1]
