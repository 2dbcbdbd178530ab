"""Finds what a screen says in the dictionary of messages, also half remembered or misspelt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from posdiag.diagnose.likeness import like
from posdiag.model.messages import CodeMeaning, CodeOrigin, Match, Message

SHORTEST_PART = 2
"""Signs of a wording or a typed text that may be found as a part of the other."""
_CODE = re.compile(r"[0-9A-Za-z]+")


def normal_form(text: str) -> str:
    """Return letters, digits and ideographs of a text, folded: case, width and punctuation gone."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def matching(text: str, messages: Sequence[Message]) -> list[Message]:
    """Return the entries that :func:`matches` finds, best first."""
    return [match.message for match in matches(text, messages)]


def matches(text: str, messages: Sequence[Message]) -> list[Match]:
    """Return the entries whose wording is in the text, or the text in a wording; best first.

    The longest common wording is best. A wording of one sign must be the whole text. A terminal's
    own code counts where it stands alone. Where nothing is found so, entries that are alike count.

    Args:
        text: as typed.
        messages: the dictionary.
    """
    typed = normal_form(text)
    if not typed:
        return []
    codes = {code.casefold() for code in _CODE.findall(unicodedata.normalize("NFKC", text))}
    scored = [(*_score(typed, codes, message), message) for message in messages]
    found = [one for one in scored if one[0] > 0]
    sure = bool(found)
    if not sure:
        scored = [(*_likeness(text, message), message) for message in messages]
        found = [one for one in scored if one[0] > 0]
    # "Sign-on failed" beside another text says nothing more.
    found.sort(key=lambda one: (not one[2].says, -one[0], one[2].id))
    return [Match(message, sure, wording) for _, wording, message in found]


def code_meanings(text: str, messages: Sequence[Message]) -> list[CodeMeaning]:
    """Return what a text that is nothing but a code means, by who made it.

    Terminals show codes of the host's answer and codes of their own in the same place, and some
    give a host's code to a failure of their own (99 for any failed exchange).

    Args:
        text: as typed.
        messages: the dictionary.
    """
    code = normal_form(text).upper()
    found = []
    for message in messages:
        for origin, codes in (
            (CodeOrigin.HOST, message.host_codes),
            (CodeOrigin.TERMINAL, message.local_codes),
        ):
            if code in codes:
                found.append(CodeMeaning(message, code, origin))
    return found


def _score(typed: str, codes: set[str], message: Message) -> tuple[float, str]:
    """Return signs in common with the best wording; a text that is only a part counts half."""
    best, which = 0.0, ""
    for wording in message.texts:
        known = normal_form(wording)
        score = 0.0
        if typed == known:
            score = len(known) + 1.0
        elif _is_part(known, typed):
            score = float(len(known))
        elif _is_part(typed, known):
            score = len(typed) / 2
        if score > best:
            best, which = score, wording
    for code in message.local_codes:
        # A code of two signs is more often the host's.
        if len(code) > SHORTEST_PART and code.casefold() in codes and len(code) > best:
            best, which = float(len(code)), code
    return best, which


def _is_part(part: str, whole: str) -> bool:
    """Return whether one is in the other; Latin words and codes only from three signs on."""
    least = SHORTEST_PART if part and not part.isascii() else SHORTEST_PART + 1
    return len(part) >= least and part in whole


def _likeness(text: str, message: Message) -> tuple[float, str]:
    """Return how alike the best wording is, 0 where none is alike enough."""
    scored = [(like(text, wording), wording) for wording in message.texts]
    return max(scored, default=(0.0, ""))
