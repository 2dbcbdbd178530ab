"""A page as an SVG picture, for the project's own documents; made from a real run."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posdiag.report.sheet import Sheet

# The stylesheet that rich writes fetches its font from a server; a picture should not.
_FETCHED_FONTS = re.compile(r"\s*@font-face\s*\{.*?\}", re.DOTALL)
_FONT = re.compile(r"Fira Code, monospace|Fira Code")
_FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"


def sheet_svg(sheet: Sheet, *, title: str) -> str:
    """Return a page as a standalone SVG, drawn like a terminal window.

    Args:
        sheet: the page; its own width is the window's.
        title: written in the window's frame, such as the command.
    """
    from rich.console import Console

    console = Console(
        record=True,
        width=sheet.edge + 1,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        highlight=False,
        no_color=False,
    )
    console.print(sheet)
    # The id is fixed: rich would derive it from the content and change every line of a new picture.
    picture = console.export_svg(title=title, unique_id="posdiag")
    return _FONT.sub(_FONTS, _FETCHED_FONTS.sub("", picture))
