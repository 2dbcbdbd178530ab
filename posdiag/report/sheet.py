"""Lines of styled words in columns: the same text with and without colour.

A page is laid out once, here, as plain text with named roles. Colour is put on afterwards, so it
cannot say anything that the words do not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from posdiag.text.console_signs import make_safe, printable
from posdiag.text.width import clip, display_width, pad, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.text import Text as RichText

Span = tuple[str, str]
"""Words and their role (a key of ``STYLES``, or empty)."""

WIDTH = 80
_WIDEST = 100

STYLES: Mapping[str, str] = {
    "fault": "bold red",
    "risk": "bold yellow",
    "unsure": "bold yellow",
    "fine": "bold green",
    "title": "bold",
    "label": "cyan",
    "strong": "bold",
    "some": "",
    "weak": "dim",
    "quiet": "dim",
    "bar": "magenta",
    "command": "bold cyan",
}


class Sheet:
    """A page that grows line by line.

    Attributes:
        edge: columns that may be used; one fewer than the console has, since some consoles start a
            new line of their own after the last column.
    """

    def __init__(self, width: int = 80) -> None:
        """Begin an empty page.

        Args:
            width: columns of the console; fewer than 40 count as 40.
        """
        self.edge = max(width, 40) - 1
        self._lines: list[tuple[Span, ...]] = []

    def blank(self) -> None:
        """Add an empty line, never two in a row and none at the top."""
        if self._lines and self._lines[-1]:
            self._lines.append(())

    def line(self, *spans: Span) -> None:
        """Add one line as it is."""
        self._lines.append(tuple((printable(text), role) for text, role in spans))

    def paragraph(self, text: str, role: str = "", *, indent: int = 0, hang: int = 0) -> None:
        """Add wrapped text.

        Args:
            text: any length.
            role: of the whole text.
            indent: blanks before every line.
            hang: further blanks before every line but the first.
        """
        room = self.edge - indent
        for number, part in enumerate(wrap(printable(text), room - hang, room)):
            self.line((" " * (indent + (hang if number else 0)), ""), (part, role))

    def row(
        self,
        label: str,
        text: str,
        *,
        column: int,
        indent: int = 0,
        right: str = "",
        label_role: str = "label",
        role: str = "",
        right_role: str = "",
    ) -> None:
        """Add a label, text that wraps in its own column, and words at the right edge.

        Args:
            label: at ``indent``; cut where it does not fit before ``column``.
            text: wraps between ``column`` and the words at the right.
            column: where the text begins.
            indent: where the label begins.
            right: ends at the right edge of the first line.
            label_role: role of the label.
            role: role of the text.
            right_role: role of the words at the right.
        """
        label, right = printable(label), printable(right)
        room = self.edge - column - (display_width(right) + 2 if right else 0)
        head = " " * indent + pad(clip(label, max(3, column - indent)), column - indent)
        for number, part in enumerate(wrap(printable(text), max(room, 12))):
            if number:
                self.line((" " * column, ""), (part, role))
            elif right:
                gap = " " * max(2, self.edge - column - display_width(part + right))
                self.line((head, label_role), (part, role), (gap, ""), (right, right_role))
            else:
                self.line((head, label_role), (part, role))

    def items(self, items: Sequence[str], *, indent: int = 0, role: str = "") -> None:
        """Add items joined by a dot; a line breaks between items, inside one only if it must."""
        line = ""
        for item in map(printable, items):
            if line and display_width(f"{line} · {item}") > self.edge - indent:
                self.paragraph(line, role, indent=indent)
                line = item
            else:
                line = f"{line} · {item}" if line else item
        if line:
            self.paragraph(line, role, indent=indent)

    def spans(self) -> list[tuple[Span, ...]]:
        """Return the lines, each as its spans from left to right."""
        return list(self._lines)

    def plain(self) -> str:
        """Return the page as text, each line ended, no blanks at line ends."""
        return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in self._lines)

    def __rich__(self) -> RichText:
        """Return the page with its colours, for a rich console."""
        from rich.text import Text as RichText

        page = RichText(no_wrap=True, overflow="ignore")
        for number, line in enumerate(self._lines):
            if number:
                page.append("\n")
            styled = RichText()
            for text, role in line:
                styled.append(text, STYLES.get(role))
            styled.rstrip()
            page.append_text(styled)
        return page


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether a stream takes colour: a terminal, not dumb, and ``NO_COLOR`` not set."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def console_width(stream: TextIO) -> int:
    """Return the columns to use: a terminal's own up to 100, else 80."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return WIDTH
    return min(columns, _WIDEST) if columns > 0 else WIDTH


def print_sheet(sheet: Sheet, stream: TextIO, *, color: bool) -> None:
    """Write a page to a stream; no sign that the stream cannot encode raises.

    Raises:
        OSError: the stream cannot be written.
    """
    make_safe(stream)
    if not color:
        stream.write(sheet.plain())
        return
    from rich.console import Console

    Console(
        file=stream, force_terminal=True, width=sheet.edge + 1, highlight=False, soft_wrap=True
    ).print(sheet)
