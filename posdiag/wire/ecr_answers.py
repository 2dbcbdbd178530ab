"""What a request of a terminal profile sends, and what its answer says."""

from __future__ import annotations

from math import isfinite
from typing import Final

from posdiag.model.frames import FrameRead, FrameRequest
from posdiag.model.terminal_word import TOPICS, Saying
from posdiag.wire.iso8583_fields import without_pans

_MOST_TEXT: Final = 1024
_MOST_PARTS: Final = 200


def request_bytes(request: FrameRequest, tid: str) -> bytes:
    """Return what a request sends, before it is framed."""
    if request.send_hex:
        return bytes.fromhex(request.send_hex)
    return request.send.replace("{tid}", tid).encode("latin-1", "replace")


def readable(data: bytes) -> str:
    """Return bytes as text: one character each."""
    return data[:_MOST_TEXT].decode("latin-1")


def sayings_of(request: FrameRequest, data: bytes) -> list[Saying]:
    """Return what an answer says; what it does not hold is not said."""
    text = readable(data)
    found = [_saying(read, _place(read, text)) for read in request.reads]
    return list(dict.fromkeys(one for one in found if one is not None))


def _place(read: FrameRead, text: str) -> str | None:
    """Return the text that a read points at, None where the answer ends before."""
    if read.separator:
        parts = text.split(read.separator, _MOST_PARTS)
        if read.prefix:
            parts = [part.removeprefix(read.prefix) for part in parts if _begins(part, read)][:1]
            text = parts[0] if parts else ""
        else:
            text = parts[read.part] if read.part < len(parts) else ""
    elif read.prefix:
        if not _begins(text, read):
            return None
        text = text.removeprefix(read.prefix)
    end = read.at + read.length if read.length else len(text)
    if len(text) < end or read.at >= len(text):
        return None
    return text[read.at : end]


def _begins(part: str, read: FrameRead) -> bool:
    return part.startswith(read.prefix)


def _saying(read: FrameRead, text: str | None) -> Saying | None:
    if text is None:
        return None
    text = text.strip()
    if TOPICS[read.topic].is_number:
        try:
            number = round(float(text) * read.scale, 6)
        except ValueError:
            return None
        return Saying(read.topic, number) if isfinite(number) else None
    if TOPICS[read.topic].words or read.codes:
        word = read.codes.get(text, read.default)
        return None if word is None else Saying(read.topic, word)
    shown = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return Saying(read.topic, without_pans(shown)) if shown else None
