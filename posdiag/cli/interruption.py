"""Ctrl-C and SIGTERM while a run goes on: it ends early, and says what it knows."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self

from posdiag.cli.exits import BY_SIGNAL

_MANY = 3
"""So many signals mean that somebody wants out, whatever is lost."""


class Interrupted(BaseException):
    """A signal came where nothing else looks at ``Interruption.event``."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        self.number = number
        super().__init__(number)

    @property
    def exit_code(self) -> int:
        """Return 128 plus the signal's number."""
        return BY_SIGNAL + self.number


class Interruption:
    """Takes both signals from entering to leaving; a context manager of the main thread.

    Attributes:
        event: set by the first signal.
        number: of the first signal, 0 before it.
    """

    def __init__(self) -> None:
        """Take nothing yet."""
        self.event = threading.Event()
        self.number = 0
        self._count = 0
        self._raises = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        """Take the signals."""
        for wanted in (signal.SIGINT, signal.SIGTERM):
            self._before[wanted] = signal.signal(wanted, self._taken)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back to whom they belonged."""
        for wanted, before in self._before.items():
            signal.signal(wanted, before if callable(before) else signal.SIG_DFL)

    def _taken(self, number: int, _frame: FrameType | None) -> None:
        self._count += 1
        self.number = self.number or number
        self.event.set()
        if self._raises or self._count >= _MANY:
            raise Interrupted(self.number)

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raise ``Interrupted`` at a signal: for waits that do not look at the event.

        Raises:
            Interrupted: also at once where a signal came before.
        """
        self._raises = True
        try:
            if self.event.is_set():
                raise Interrupted(self.number)
            yield
        finally:
            self._raises = False

    @property
    def exit_code(self) -> int | None:
        """Return 128 plus the signal's number, None where no signal came."""
        return BY_SIGNAL + self.number if self.number else None


def raise_terminated(number: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM outside a run: leave as Ctrl-C does."""
    raise Interrupted(number)
