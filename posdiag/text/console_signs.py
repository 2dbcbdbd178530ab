"""What a console can show: signs that its encoding lacks get a substitute, never an error.

Everything that a peer, a screen or an operating system said goes through ``printable`` first, so
that no foreign text can move the cursor or colour the terminal.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import TYPE_CHECKING, TextIO

from posdiag.text.width import display_width

if TYPE_CHECKING:
    from posdiag.model.text import Language

ERRORS = "posdiag_signs"
"""Name of the codec error handling that puts the substitutes in."""

_SUBSTITUTES = {
    "·": "-", "•": "*", "…": "...", "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-",
    "‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"', "×": "x", "±": "+-",
    "≥": ">=", "≤": "<=", "≈": "~", "→": "->", "←": "<-", "°": " deg", "µ": "u", "μ": "u",
    "✓": "ok", "✔": "ok", "✗": "x", "✘": "x", "⚠": "!",
    "█": "#", "▉": "#", "▊": "#", "▋": "#", "▌": "#", "▍": "#", "▎": "#", "▏": "|",
    "▓": "#", "▒": "=", "░": "-", "■": "#", "□": "-", "●": "*", "○": "o", "▁": "_", "▂": "_",
    "▃": ".", "▄": ".", "▅": ":", "▆": ":", "▇": "#",
    "。": ". ", "、": ", ", "《": '"', "》": '"', "【": "[", "】": "]",
}  # fmt: skip
_BOX_LINES = range(0x2500, 0x2580)
_HORIZONTAL, _VERTICAL = "─━┄┅┈┉╌╍═╴╶╸╺", "│┃┆┇┊┋╎╏║╵╷╹╻"
_READABLE_SAMPLE = "签到失败依据"


def substitute(character: str) -> str:
    """Return ASCII that stands for a sign; as wide as the sign where it has no known stand-in."""
    found = _SUBSTITUTES.get(character)
    if found is not None:
        return found
    if ord(character) in _BOX_LINES:
        return "-" if character in _HORIZONTAL else "|" if character in _VERTICAL else "+"
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if part.isascii())
    # Full-width forms become their ASCII twin, letters lose their accents; two question marks for a
    # Chinese character keep the columns where they were.
    return (
        plain.strip().ljust(display_width(character))
        if plain.strip()
        else ("?" * display_width(character))
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(substitute(sign) for sign in error.object[error.start : error.end]), error.end


def safe(text: str, encoding: str) -> str:
    """Return the text as a console of that encoding can show it.

    Args:
        text: any text, lone surrogates included.
        encoding: name of the console's encoding; one that Python does not know counts as ASCII.
    """
    codecs.register_error(ERRORS, _replace)
    try:
        return text.encode(encoding, ERRORS).decode(encoding)
    except LookupError:
        return text.encode("ascii", ERRORS).decode("ascii")


def make_safe(stream: TextIO) -> TextIO:
    """Return the stream, set so that a sign it cannot encode is replaced instead of raised.

    A stream that cannot be set (``io.StringIO``) takes every sign anyway and stays as it is.
    """
    codecs.register_error(ERRORS, _replace)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=ERRORS)
    return stream


def can_show(text: str, encoding: str) -> bool:
    """Return whether an encoding holds every sign of a text."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def readable_language(wanted: Language, encoding: str | None) -> Language:
    """Return the wanted language, or English where the console cannot show Chinese at all.

    Args:
        wanted: the language that the environment asks for; do not ask where a person typed it.
        encoding: of the console; None: not known, so trust it.
    """
    if wanted == "zh" and encoding and not can_show(_READABLE_SAMPLE, encoding):
        return "en"
    return wanted


def printable(text: str) -> str:
    """Return the text on one line without control, direction or private signs.

    Line breaks and tabs become blanks; what is dropped would have moved the cursor or reversed the
    line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if sign in "\n\r\t\v\f\x85\u2028\u2029" else sign
        for sign in text
        if sign in "\n\r\t\v\f\x85\u2028\u2029" or unicodedata.category(sign) not in _DROPPED
    )


_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
