"""Text in columns: Chinese characters take two of them, and lines may break between them."""

from __future__ import annotations

import re
from typing import Literal
from unicodedata import category, east_asian_width

# Marks that must not begin a line, and marks that must not end one (GB/T 15834-2011, section 5).
_CLOSING = "，。、；：？！）】》”’％·…,.;:?!)]}%"
_OPENING = "（【《“‘([{"
_RUN = re.compile(r"\s+|\S")


def display_width(text: str) -> int:
    """Return how many columns a text takes: 2 for wide characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if east_asian_width(character) in "WF":
        return 2
    return 0 if category(character) in {"Mn", "Me", "Cf"} else 1


def pad(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """Return the text filled with blanks up to a number of columns; a longer text stays whole."""
    blanks = " " * max(0, width - display_width(text))
    return blanks + text if align == "right" else text + blanks


def clip(text: str, width: int) -> str:
    """Return the text cut to a number of columns; three dots stand for what is missing.

    Args:
        text: one line.
        width: columns, at least 3.
    """
    if display_width(text) <= width:
        return text
    kept, room = "", width - 3
    for character in text:
        room -= _character_width(character)
        if room < 0:
            break
        kept += character
    return kept.rstrip() + "..."


def wrap(text: str, width: int, first: int | None = None) -> list[str]:
    """Return the text broken into lines; at least one, which may be empty.

    Breaks at blanks and between wide characters, never before a closing mark or after an opening
    one. What fits on no line (an address, a path) is cut.

    Args:
        text: without line breaks (they count as blanks).
        width: columns of a line, at least 4.
        first: columns of the first line, where it is narrower or wider.
    """
    lines: list[str] = []
    line, room = "", first if first is not None else width
    for piece in _pieces(text):
        if display_width(line) + display_width(piece.rstrip()) <= room:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
            line, room = "", width
        parts = _cut(piece.lstrip(), room, width)
        lines += parts[:-1]
        if parts[:-1]:
            room = width
        line = parts[-1]
    lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> list[str]:
    """Return what must stay together, each with the blanks that follow it."""
    pieces: list[str] = []
    for unit in _RUN.findall(" ".join(text.split())):
        before = pieces[-1] if pieces else ""
        joined = bool(before) and (
            unit.isspace() or (not before[-1].isspace() and _sticks(before[-1], unit))
        )
        if joined:
            pieces[-1] += unit
        else:
            pieces.append(unit)
    return pieces


def _sticks(before: str, after: str) -> bool:
    if after in _CLOSING or before in _OPENING:
        return True
    return _character_width(before) < 2 and _character_width(after) < 2


def _cut(piece: str, first: int, width: int) -> list[str]:
    """Return a piece in parts that fit; one part where it fits as it is."""
    parts: list[str] = []
    part, room = "", first
    for character in piece:
        if part and display_width(part) + _character_width(character) > room:
            if character.isspace():
                continue
            parts.append(part)
            part, room = "", width
        part += character
    parts.append(part)
    return parts
