"""A page as an SVG picture, for the project's own documents; made from a real run.

Drawn here and not by rich: that one counts a Chinese character as one column and fetches its font
from a server.
"""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from posdiag.text.width import display_width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from posdiag.report.sheet import Sheet

_CELL, _LINE, _MARGIN, _BAR = 9.0, 20.0, 16.0, 34.0
_BASELINE = 14.5
_INK, _PAPER, _FRAME = "#d4d7d6", "#22252a", "#3b4048"
_COLORS: Mapping[str, str] = {
    "fault": "#f2777a",
    "risk": "#e6c06a",
    "unsure": "#e6c06a",
    "fine": "#8fc98a",
    "label": "#7fb5cc",
    "weak": "#9a9fa6",
    "quiet": "#9a9fa6",
    "bar": "#c397d8",
    "command": "#7fb5cc",
}
_BOLD = frozenset({"fault", "risk", "unsure", "fine", "title", "strong", "command"})
_WORDS = re.compile(r"\S+")
_STYLE = """text { font: 15px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono',
'Noto Sans Mono CJK SC', 'PingFang SC', 'Microsoft YaHei', monospace; white-space: pre; }
.b { font-weight: bold; }
.w { letter-spacing: 3px; }"""


def sheet_svg(sheet: Sheet, *, title: str) -> str:
    """Return a page as a standalone SVG, drawn like a terminal window.

    Every word stands at the place that its column says, whatever font the viewer has.

    Args:
        sheet: the page; its own width is the window's.
        title: written in the window's frame, such as the command.
    """
    lines = sheet.spans()
    width = (sheet.edge + 1) * _CELL + 2 * _MARGIN
    height = len(lines) * _LINE + _BAR + 2 * _MARGIN
    middle = f'x="{width / 2:g}" y="22" text-anchor="middle" fill="{_INK}"'
    label = f'width="{width:g}" role="img" aria-label="{escape(title)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {label}>',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{_PAPER}" stroke="{_FRAME}"/>',
        *(
            f'<circle cx="{20 + 18 * place}" cy="17" r="5.5" fill="{color}"/>'
            for place, color in enumerate(("#f2777a", "#e6c06a", "#8fc98a"))
        ),
        f'<text class="b" {middle}>{escape(title)}</text>',
    ]
    for number, line in enumerate(lines):
        y = _BAR + _MARGIN + number * _LINE + _BASELINE
        column = 0
        for text, role in line:
            parts += _words(text, role, column, y)
            column += display_width(text)
    return "\n".join([*parts, "</svg>", ""])


def _words(text: str, role: str, column: int, y: float) -> Iterator[str]:
    color = _COLORS.get(role, _INK)
    for word in _WORDS.finditer(text):
        at = column + display_width(text[: word.start()])
        # Wide and narrow signs apart: a font need not make one twice as wide as the other.
        for _, signs in groupby(word.group(), key=lambda sign: display_width(sign) > 1):
            run = "".join(signs)
            columns = display_width(run)
            wide = columns > len(run)
            kinds = " ".join(["b"] * (role in _BOLD) + ["w"] * wide)
            # Narrow signs are held to their length; for wide ones the style adds what one em lacks
            # of two columns, since not every viewer looks at a length.
            length = "" if wide else f' textLength="{columns * _CELL:g}"'
            place = f'x="{_MARGIN + at * _CELL:g}" y="{y:g}"{length}'
            yield f'<text class="{kinds}" {place} fill="{color}">{escape(run)}</text>'
            at += columns
