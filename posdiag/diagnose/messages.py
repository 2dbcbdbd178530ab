"""Finds what a screen says in the dictionary of messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from posdiag.model.knowledge import Message

SHORTEST_PART = 2
"""Signs of a wording or a typed text that may be found as a part of the other."""


def normal_form(text: str) -> str:
    """Return letters, digits and ideographs of a text, folded: case, width and punctuation gone."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def matching(text: str, messages: Sequence[Message]) -> list[Message]:
    """Return the entries whose wording is in the text, or the text in a wording; best first.

    The longest common wording is best. A wording of one sign must be the whole text.

    Args:
        text: as typed.
        messages: the dictionary.
    """
    typed = normal_form(text)
    if not typed:
        return []
    scored = [(_score(typed, message), message) for message in messages]
    found = [(score, message) for score, message in scored if score > 0]
    found.sort(key=lambda pair: (-pair[0], pair[1].id))
    return [message for _, message in found]


def _score(typed: str, message: Message) -> float:
    """Return signs in common with the best wording; a text that is only a part counts half."""
    best = 0.0
    for wording in message.wordings:
        known = normal_form(wording)
        if typed == known:
            best = max(best, len(known) + 1.0)
        elif _is_part(known, typed):
            best = max(best, float(len(known)))
        elif _is_part(typed, known):
            best = max(best, len(typed) / 2)
    return best


def _is_part(part: str, whole: str) -> bool:
    """Return whether one is in the other; Latin words and codes only from three signs on."""
    least = SHORTEST_PART if part and not part.isascii() else SHORTEST_PART + 1
    return len(part) >= least and part in whole
