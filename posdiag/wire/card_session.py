"""One card in one reader, whichever way its answers come: what it said, how it failed."""

from __future__ import annotations

import datetime
from typing import Final

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import FailureKind
from posdiag.wire import atr
from posdiag.wire.emv import CardRead, EmvReading

HINTS: Final = frozenset({"check_digit"})
"""Doubts that do not make a chip damaged."""
_STATES: Final = {
    FailureKind.MUTE: "mute",
    FailureKind.SILENT: "unresponsive",
    FailureKind.GONE: "removed",
    FailureKind.PROTOCOL_ERROR: "damaged",
}


class CardSession:
    """Takes a card from its answer to reset to the last record.

    Attributes:
        atr: None until it came, or where it was none.
        read: what the card said.
        command: what to send next; None before the answer to reset and once all is over.
        failure: why the read ended early, None where it came to its end.
        detail: what was refused, for people; never card data.
        waited_s: seconds of the wait that ended without an answer, else None.
    """

    def __init__(self, today: datetime.date) -> None:
        """Start with a card that has said nothing.

        Args:
            today: local date, for cards that ask for it and for their state.
        """
        self.today = today
        self.atr: atr.Atr | None = None
        self.read = CardRead()
        self.command: bytes | None = None
        self.failure: FailureKind | None = None
        self.detail = ""
        self.waited_s: float | None = None
        self._reading: EmvReading | None = None

    @property
    def powered(self) -> bool:
        """Return whether the card has answered its reset."""
        return self._reading is not None

    def power_up(self, answer: bytes) -> None:
        """Take the answer to reset; ``command`` is then the first one."""
        try:
            self.atr = atr.parse(answer)
        except RemoteWireError as error:
            self.fail(FailureKind.PROTOCOL_ERROR, str(error))
            return
        self._reading = EmvReading(today=self.today, contactless=self.atr.contactless)
        self.read = self._reading.result
        self.command = self._reading.command

    def take(self, answer: bytes) -> None:
        """Take the card's answer to ``command``."""
        if self._reading is None:
            return
        try:
            self._reading.take(answer)
        except RemoteWireError as error:
            self.fail(FailureKind.PROTOCOL_ERROR, str(error))
        else:
            self.command = self._reading.command

    def fail(self, kind: FailureKind, detail: str = "", waited_s: float | None = None) -> None:
        """Record that nothing more comes; the first reason is kept."""
        if self.failure is None:
            self.failure, self.detail, self.waited_s = kind, detail, waited_s
        self.command = None

    @property
    def state(self) -> str:
        """Return one word for the card, empty where nothing is known of it.

        ``ok``, ``expired``, ``not_yet_valid``, ``blocked``, ``refused``, ``not_emv``, ``damaged``,
        ``mute``, ``unresponsive`` or ``removed``.
        """
        if self.failure is not None:
            return _STATES.get(self.failure, "")
        read = self.read
        if read.application == "blocked":
            return "blocked"
        if set(read.doubts) - HINTS:
            return "damaged"
        if read.application in ("none", "refused"):
            return "not_emv" if read.application == "none" else "refused"
        if read.effective_on is not None and read.effective_on > self.today:
            return "not_yet_valid"
        over = read.expires_on is not None and read.expires_on < self.today
        return "expired" if over else "ok"
