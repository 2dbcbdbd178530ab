"""A printer's test line, then its status: only with consent, and the only thing that prints."""

from __future__ import annotations

from typing import Final

from posdiag.model.observation import Operation
from posdiag.wire.conversation import Conversation, Ended, Send, Step, Wait

TEST_PRINT: Final = b"posdiag test print\r\n\r\n\r\n\r\n"
"""Text and line feeds, which every receipt printer understands; nothing is cut."""
PRINTING_S: Final = 1.5
"""What a line may take: 100 mm/s and slower, and a head that first warms up (choice)."""


class PrintedLineConversation:
    """Prints the line, waits, then lets a status conversation ask how the printer is now."""

    def __init__(self, afterwards: Conversation) -> None:
        """Keep what is asked afterwards; its result stays in it."""
        self._afterwards = afterwards
        self._sent = False
        self._waited = False
        self._since_s = 0.0

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if not self._sent:
            self._sent, self._since_s = True, now_s
            return Send(TEST_PRINT)
        left_s = self._since_s + PRINTING_S - now_s
        if not self._waited and left_s > 0:
            return Wait(left_s, Operation.READ_STATUS)
        self._waited = True
        return self._afterwards.step(now_s)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes; what comes while it prints was not asked for."""
        if self._waited:
            self._afterwards.receive(data, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        is_over = self._waited or why is not Ended.LIMIT
        self._waited = True
        if is_over:
            self._afterwards.ended(why, now_s, waited_s)
