"""Magnetic stripe as a reader types or sends it: tracks, checks, and what went wrong.

Source: ISO 7811/7813 as described in the card read fact sheet; MagTek and Extech reader manuals for
marks of tracks that a reader could not read. Test number of the sheet:

    %B6200000000000005^TEST/CARD^3512201?;6200000000000005=3512201?>    LRC > after track 2

Only first 6 / last 4, the month and the service code leave this module.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from typing import Final, NamedTuple

from posdiag.model.errors import RemoteWireError
from posdiag.wire import pan

MOST_CHARACTERS: Final = 512
"""Three tracks (79 + 40 + 107), prefixes and a second swipe."""
_LONGEST: Final = {1: 79, 2: 40, 3: 107}
_STARTS: Final = {"%": 1, ";": 2, "+": 3, "!": 3, "#": 3}
_READER_ERRORS: Final = {
    "01": "parity",
    "02": "checksum",
    "03": "no end sign",
    "04": "too long",
    "05": "time-out",
    "06": "invalid character",
}
"""Extech: ``ESC E nn``."""
_CHIP: Final = "26"
"""First digit of a service code: the card has a chip, a terminal asks for it."""


@dataclass(slots=True)
class StripeRead:
    """What a swipe gave.

    Attributes:
        state: ``ok``, ``chip_card`` (fine, but a terminal will ask for its chip), ``blank``,
            ``half_read``, ``reader_error`` (the reader marked a track), ``wrong_checksum``,
            ``wrong_check_digit``, ``wrong_layout`` (signs of another keyboard, or another speed) or
            ``unreadable``. Dates are not judged here.
        tracks: per track that came, its own state.
        masked_pan: first 6 and last 4, else empty.
        digits: of the card number; 0 where it was not read whole.
        expires_on: last day of validity, None where the stripe does not say.
        detail: what a reader reported, for people; never card data.
    """

    state: str = "blank"
    tracks: dict[int, str] = field(default_factory=dict)
    masked_pan: str = ""
    digits: int = 0
    expires_on: datetime.date | None = None
    service_code: str = ""
    detail: str = ""


_WORST: Final = (
    "reader_error",
    "half_read",
    "wrong_checksum",
    "unreadable",
    "wrong_check_digit",
    "chip_card",
    "ok",
    "blank",
)
"""The first that any track shows is the swipe's; a blank track beside a good one is normal."""


def parse(data: bytes) -> StripeRead:
    """Return what a swipe gave.

    Args:
        data: as the reader sent or typed it, one swipe.

    Raises:
        RemoteWireError: more characters than any swipe has.
    """
    if len(data) > MOST_CHARACTERS:
        raise RemoteWireError("more characters than a swipe has", field="track")
    text = data.decode("utf-8", "replace")
    reported = re.search(r"\x1bE(\d\d)", text)
    # Extech writes the number of a track before it (/1/), others STX and ESC.
    plain = re.sub(r"/[123]/|[\x00-\x1f\x7f]+", " ", text).strip()
    read = StripeRead()
    if reported:
        read.state = "reader_error"
        read.detail = _READER_ERRORS.get(reported[1], "")
    elif plain:
        _take(plain, read)
    return read


def _take(text: str, read: StripeRead) -> None:
    pieces = _pieces(text)
    for piece in pieces:
        facts = _track(piece)
        read.tracks[piece.track] = facts.state
        if facts.number:
            read.masked_pan, read.digits = pan.masked(facts.number), len(facts.number)
            read.expires_on, read.service_code = facts.expires_on, facts.service_code
    if not pieces:
        read.state = _without_start(text)
        return
    read.state = min(read.tracks.values(), key=_WORST.index)
    if read.state in ("half_read", "reader_error") and _wrong_signs(text):
        read.state = "wrong_layout"


def _without_start(text: str) -> str:
    """Return what a text without any start sign is."""
    if _wrong_signs(text):
        return "wrong_layout"
    ends = "?" in text or "=" in text or "^" in text
    return "half_read" if ends or re.search(r"\d{5}", text) else "unreadable"


def _wrong_signs(text: str) -> bool:
    """Return whether digits of a card number stand between signs that no track has.

    A keyboard set to another language types other signs for ``% ; = ? ^``: the digits are right.
    """
    found = re.search(r"\d{12,19}", text)
    if found is None:
        return False
    before, after = text[: found.start()].strip(), text[found.end() :].strip()
    starts_right = bool(before) and (before[-1] in _STARTS or before.endswith(("%B", "%b")))
    parts_right = bool(after) and after[0] in "=^?"
    return bool(before and after) and not starts_right and not parts_right


class _Piece(NamedTuple):
    """One track: from its start sign to its end sign.

    Attributes:
        body: without the signs.
        whole: it has an end sign.
        check: the character after the end sign, empty where the reader strips it.
    """

    track: int
    start: str
    body: str
    whole: bool
    check: str

    def __repr__(self) -> str:
        return f"_Piece({self.track})"


def _pieces(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at = 0
    while at < len(text):
        track = _STARTS.get(text[at])
        if track is None:
            at += 1
            continue
        end = text.find("?", at)
        if end < 0:
            pieces.append(_Piece(track, text[at], text[at + 1 :].strip(), whole=False, check=""))
            break
        check = _check_after(text, end)
        pieces.append(_Piece(track, text[at], text[at + 1 : end], whole=True, check=check))
        at = end + 1 + len(check)
    return pieces


def _check_after(text: str, end: int) -> str:
    """Return the checksum character after an end sign; empty where a track or nothing follows."""
    rest = text[end + 1 : end + 3]
    if not rest or rest[0] == " ":
        return ""
    alone = len(rest) == 1 or rest[1] == " " or rest[1] in _STARTS
    return rest[0] if alone else ""


class _Facts(NamedTuple):
    """What one track says. Holds the number; never leaves this module."""

    state: str
    number: str = ""
    expires_on: datetime.date | None = None
    service_code: str = ""

    def __repr__(self) -> str:
        return f"_Facts({self.state})"


def _track(piece: _Piece) -> _Facts:
    if piece.body in ("E", "e"):
        return _Facts("reader_error")
    if not piece.whole:
        return _Facts("half_read")
    if not piece.body:
        return _Facts("blank")
    if len(piece.body) + 3 > _LONGEST[piece.track]:
        return _Facts("unreadable")
    if piece.check and not _checksum_ok(piece):
        return _Facts("wrong_checksum")
    if piece.track == 3:
        # Seldom used, and laid out by each country: that it came whole is all that is asked.
        return _Facts("ok" if re.fullmatch(r"[0-9:;<=>]+", piece.body) else "unreadable")
    return _number(piece)


def _number(piece: _Piece) -> _Facts:
    sign = "^" if piece.track == 1 else "="
    number, *rest = piece.body.lstrip("Bb").replace(" ", "").split(sign)
    tail = sign.join(rest[1:] if piece.track == 1 else rest)
    digits = number.isascii() and number.isdigit()
    if not digits or not rest or not pan.SHORTEST <= len(number) <= pan.LONGEST:
        return _Facts("half_read" if digits and not rest else "unreadable")
    month, service_code = _month_and_service(tail, sign)
    expires_on = None
    if month:
        try:
            expires_on = pan.month_end(month, field=f"track {piece.track}")
        except RemoteWireError:
            return _Facts("unreadable")
    if not pan.check_digit_ok(number):
        state = "wrong_check_digit"
    else:
        state = "chip_card" if service_code[:1] in tuple(_CHIP) else "ok"
    return _Facts(state, number, expires_on, service_code)


def _month_and_service(tail: str, sign: str) -> tuple[str, str]:
    """Return YYMM and the service code; one that is not encoded is a separator in its place."""
    if tail.startswith(sign):
        month, rest = "", tail[1:]
    else:
        month, rest = tail[:4], tail[4:]
    code = rest[:3]
    return month, code if len(code) == 3 and code.isascii() and code.isdigit() else ""


def _checksum_ok(piece: _Piece) -> bool:
    """Return whether the data bits of start, body, end and checksum cancel out."""
    base, top = (0x20, 0x3F) if piece.track == 1 else (0x30, 0x0F)
    start = "%" if piece.track == 1 else ";"
    values = [ord(sign) - base for sign in f"{start}{piece.body}?{piece.check}"]
    return all(0 <= value <= top for value in values) and reduce(xor, values) == 0


def checksum(track: int, body: str) -> str:
    """Return the checksum character of a track, for those who write one.

    Args:
        track: 1, 2 or 3.
        body: without start and end sign.
    """
    base = 0x20 if track == 1 else 0x30
    start = "%" if track == 1 else ";"
    return chr(reduce(xor, [ord(sign) - base for sign in f"{start}{body}?"]) + base)
