"""What terminals display: wordings, by whom, what they mean, and the codes beside them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from posdiag.model.probability import Probability
from posdiag.model.text import Text


class Maker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vendor family whose displayed texts are known from a document.

    Attributes:
        source: the document: a manual's page, or files of public code.
    """

    title: Text
    source: str


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a screen or receipt can say.

    Attributes:
        wordings: any language, by no maker that is known (unconfirmed).
        shown: maker -> texts that its document says its terminals display.
        host_codes: codes of the host's answer (F39) that terminals show with such a text.
        local_codes: codes that a terminal makes up itself; never part of a host's answer.
        meaning: what it usually means.
        says: variable -> level -> likelihood (relative; levels not named get 0.02).
        source: of the meaning: document, or ``unconfirmed``.
    """

    id: str
    family: str
    wordings: list[str] = []
    shown: dict[str, list[str]] = {}
    host_codes: list[str] = []
    local_codes: list[str] = []
    meaning: Text
    says: dict[str, dict[str, Probability]]
    source: str

    @property
    def texts(self) -> list[str]:
        """Return every wording once, those of makers first."""
        said = [text for texts in self.shown.values() for text in texts]
        return list(dict.fromkeys([*said, *self.wordings]))


class CodeOrigin(StrEnum):
    """Who made a code: the host's answer (F39), or the terminal for itself."""

    HOST = "host"
    TERMINAL = "terminal"


class Match(msgspec.Struct, frozen=True):
    """An entry that was found for what a screen says.

    Attributes:
        sure: a wording stands in the text, or the text in a wording; else they are only alike.
        wording: the one that was found.
    """

    message: Message
    sure: bool
    wording: str


class CodeMeaning(msgspec.Struct, frozen=True):
    """What a bare code means if it was made by one of the two that can make it."""

    message: Message
    code: str
    origin: CodeOrigin
