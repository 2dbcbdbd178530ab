"""A table of the probes while they run, on a terminal's standard error; elsewhere nothing."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

from posdiag.report.amounts import seconds_words
from posdiag.report.sheet import wants_color
from posdiag.text.console_signs import make_safe, printable
from posdiag.text.words import N_, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from rich.live import Live
    from rich.table import Table

    from posdiag.model.text import Language

_STATUS: Mapping[str, str] = {
    "waiting": N_("waiting"),
    "running": N_("running"),
    "completed": N_("done"),
    "not_run": N_("not run"),
    "crashed": N_("our own bug"),
}
_ROLES: Mapping[str, str] = {
    "waiting": "dim",
    "running": "bold cyan",
    "completed": "green",
    "not_run": "dim",
    "crashed": "bold red",
}


class _Row:
    """What is known of one probe."""

    __slots__ = ("count", "ended_s", "last", "started_s", "status")

    def __init__(self) -> None:
        self.status = "waiting"
        self.count = 0
        self.last = ""
        self.started_s: float | None = None
        self.ended_s: float | None = None


class LiveTable:
    """The table; a context manager. Its calls may come from any thread, before, in and after it."""

    def __init__(
        self,
        probes: Sequence[str],
        *,
        budget_s: float,
        language: Language,
        stream: TextIO,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the plan.

        Args:
            probes: names in the order of the plan; one that is not named is added when it starts.
            budget_s: seconds that the run may take.
            language: of the words.
            stream: standard error; nothing is written to it unless it is a terminal.
            environ: ``NO_COLOR`` and ``TERM=dumb`` are looked up here; a dumb terminal gets none.
            clock: monotonic seconds.
        """
        self._words = Words(language)
        self._stream = stream
        self._clock = clock
        self._budget_s = budget_s
        self._rows = {name: _Row() for name in probes}
        self._lock = threading.Lock()
        self._begun_s = clock()
        self._shown = stream.isatty() and environ.get("TERM") != "dumb"
        self._color = wants_color(stream, environ)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin to show it, where the stream is a terminal."""
        self._begun_s = self._clock()
        if self._shown:
            from rich.console import Console
            from rich.live import Live

            make_safe(self._stream)
            console = Console(
                file=self._stream, no_color=not self._color, highlight=False, soft_wrap=False
            )
            self._live = Live(
                get_renderable=self.table, console=console, refresh_per_second=5, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take it off the terminal again, whatever happened."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def started(self, probe: str) -> None:
        """Note that a probe has begun."""
        with self._lock:
            row = self._rows.setdefault(probe, _Row())
            row.status, row.started_s = "running", self._clock()

    def observed(self, probe: str, name: str) -> None:
        """Note that a probe has made an observation."""
        with self._lock:
            row = self._rows.setdefault(probe, _Row())
            row.count += 1
            row.last = name

    def asked(self, text: str) -> None:
        """Show a line above the table that stays."""
        live = self._live
        if live is not None:
            live.console.print(printable(self._words(text)), style="bold", markup=False)
        else:
            self._stream.write(f"{printable(self._words(text))}\n")
            self._stream.flush()

    def ended(self, probe: str, status: str) -> None:
        """Note how a probe ended: ``completed``, ``not_run`` or ``crashed``."""
        with self._lock:
            row = self._rows.setdefault(probe, _Row())
            row.status, row.ended_s = status, self._clock()

    def table(self) -> Table:
        """Return the table as it stands now."""
        from rich.table import Table
        from rich.text import Text

        words, now_s = self._words, self._clock()
        left = max(0.0, self._budget_s - (now_s - self._begun_s))
        title = words("measuring: {left} left", left=seconds_words(left))
        table = Table(
            box=None, title=title, title_justify="left", show_header=False, padding=(0, 2)
        )
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        with self._lock:
            for name, row in self._rows.items():
                known = _STATUS.get(row.status)
                status = words(known) if known else row.status
                spent_s = 0.0
                if row.started_s is not None:
                    spent_s = (now_s if row.ended_s is None else row.ended_s) - row.started_s
                took = f"{spent_s:.1f} s" if row.started_s is not None else ""
                seen = f"{row.count}  {printable(row.last)}" if row.count else ""
                table.add_row(name, Text(status, _ROLES.get(row.status, "")), took, seen)
        return table
