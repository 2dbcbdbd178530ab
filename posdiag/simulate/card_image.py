"""A card as data: its answer to reset, what it answers to each command, and how it fails."""

from __future__ import annotations

import importlib.resources
from typing import Annotated, Final, Literal

import msgspec

Hex = Annotated[str, msgspec.Meta(pattern="^([0-9A-F]{2})*$")]

_FALLBACKS: Final = {0xA4: "6A82", 0xB2: "6A83", 0xA8: "6985", 0xCA: "6A88"}
"""No such name, no such record, conditions not satisfied, no such data."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a card answers to one command.

    Attributes:
        to: the command without its Le, in hex.
        data: data and status word, in hex.
        within: name (in hex) that must be selected for it, empty: at any time. A directory and an
            application may both have a file 1.
    """

    to: Hex
    data: Hex
    within: Hex = ""


class CardImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A card.

    Attributes:
        about: what it stands for, one line.
        atr: answer to reset, in hex.
        mute: it does not answer its reset.
        get_response: it announces data by 61xx and waits to be asked for them, as T=0 cards do.
        after: commands that it answers before ``then``; None: all.
        then: ``silent`` says nothing more, ``removed`` is taken out, ``short`` answers one byte.
    """

    about: str
    atr: Hex
    mute: bool = False
    get_response: bool = False
    answers: list[Answer] = []
    after: int | None = None
    then: Literal["silent", "removed", "short"] = "silent"


class PlayedCard:
    """A card that answers as its image says.

    Attributes:
        commands: how many came since it was put in.
    """

    def __init__(self, image: CardImage) -> None:
        """Start with nothing selected."""
        self._image = image
        self._answers = {
            (answer.within, answer.to): bytes.fromhex(answer.data) for answer in image.answers
        }
        self._selected = ""
        self._kept = b""
        self.commands = 0

    def reset(self) -> None:
        """Forget what was selected, as at power-up."""
        self._selected, self._kept = "", b""

    def answer_to_reset(self) -> bytes:
        """Return what goes into the virtual reader's frame: over 33 bytes means a mute chip.

        A reader asks for it several times a second to see whether the card is there: it changes
        nothing.
        """
        return bytes(34) if self._image.mute else bytes.fromhex(self._image.atr)

    def answer(self, command: bytes) -> bytes | None:
        """Return the card's answer; None: it says nothing, empty: it was taken out."""
        self.commands += 1
        image = self._image
        if image.after is not None and self.commands > image.after:
            return {"silent": None, "removed": b"", "short": b"\x6f"}[image.then]
        if command[1] == 0xC0 and self._kept:
            kept, self._kept = self._kept, b""
            return kept
        found = self._found(command)
        if image.get_response and len(found) > 2 and len(found) <= 258:
            self._kept = found
            return bytes([0x61, len(found) - 2])
        return found

    def _found(self, command: bytes) -> bytes:
        # Le stands after Lc data, or alone; images leave it out.
        asked = command[: 5 + command[4]] if len(command) > 5 else command[:4]
        key = asked.hex().upper()
        within = self._answers.get((self._selected, key))
        found = within if within is not None else self._answers.get(("", key))
        if found is None and command[1] == 0xA8:
            # Whatever the terminal tells: one answer for all.
            found = self._answers.get((self._selected, "80A80000"))
        if found is None:
            return bytes.fromhex(_FALLBACKS.get(command[1], "6D00"))
        if command[1] == 0xA4:
            self._selected = asked[5:].hex().upper()
        return found


def image_names() -> list[str]:
    """Return the names of the cards that come with posdiag."""
    folder = importlib.resources.files("posdiag.simulate") / "cards"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".json"))


def load_image(name: str) -> CardImage:
    """Return a card that comes with posdiag.

    Raises:
        ValueError: no card of that name.
    """
    if name not in image_names():
        raise ValueError(f"no card {name!r}, only {', '.join(image_names())}")
    folder = importlib.resources.files("posdiag.simulate") / "cards"
    return msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=CardImage)
