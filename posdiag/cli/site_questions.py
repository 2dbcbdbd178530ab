"""The questions for a new site file; each answer is checked as the file would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posdiag.cli.mistake_words import in_reader_words
from posdiag.cli.output import tell
from posdiag.cli.questions import read_line
from posdiag.model.errors import InputError
from posdiag.model.site import LaptopAt
from posdiag.site.missing import missing_hints
from posdiag.site.new_site import NewSite
from posdiag.site.profiles import ProfileKind, list_profiles, profile_folders
from posdiag.site.site_file import SiteMerge

if TYPE_CHECKING:
    from collections.abc import Callable

    from posdiag.text.words import Words

_TRIES = 3
_MOST_PORT = 65535


class _Asker:
    """Asks, checks and asks again."""

    def __init__(self, folders: Sequence[Path], words: Words) -> None:
        self._folders = folders
        self._words = words

    def ask(self, question: str, check: Callable[[str], None], choices: Sequence[str] = ()) -> str:
        """Return a checked answer, empty where it was skipped or wrong each time."""
        words = self._words
        tell("\n" + question)
        if choices:
            tell("  " + ", ".join(choices))
        for _ in range(_TRIES):
            answer = read_line("> ")
            if not answer:
                return ""
            try:
                check(answer)
            except InputError as wrong:
                expected = in_reader_words(wrong.mistakes[0].expected, words)
                tell(words("expected {expected}", expected=expected))
            else:
                return answer
        return ""

    def site_key(self, question: str, key: str, choices: Sequence[str] = ()) -> str:
        """Return an answer that fits a key of the site file."""

        def check(answer: str) -> None:
            merge = SiteMerge(profile_dirs=self._folders)
            merge.add(key, key, [answer] if key == "network.resolvers" else answer)
            merge.site()

        return self.ask(question, check, choices)


def ask_for_site(folders: Sequence[Path], words: Words) -> NewSite:
    """Return what a person says about a shop.

    Args:
        folders: of further profiles.
        words: of the reader.
    """
    asker = _Asker(folders, words)
    hints = missing_hints()
    found = profile_folders(folders)

    def ids(kind: ProfileKind) -> list[str]:
        return [entry.id for entry in list_profiles(kind, found)]

    def hinted(key: str, choices: Sequence[str] = ()) -> str:
        return asker.site_key(words.of(hints[key]), key, choices)

    tell(words("Enter skips a question."))
    name = asker.site_key(words("What is the shop called?"), "name")
    terminal = hinted("terminal", ids(ProfileKind.TERMINAL))
    acquirer = hinted("acquirer", ids(ProfileKind.ACQUIRER))
    host, port, tls = _ask_for_host(asker, words) if acquirer else ("", 0, False)
    places = [str(place) for place in LaptopAt if place is not LaptopAt.UNKNOWN]
    at = hinted("laptop_at", places)
    return NewSite(
        name=name,
        terminal=terminal,
        acquirer=acquirer,
        laptop_at=LaptopAt(at) if at else LaptopAt.UNKNOWN,
        tid=hinted("tid"),
        mid=hinted("mid"),
        host=host,
        port=port,
        tls=tls,
        gateway=asker.site_key(words("Address of the shop's router?"), "network.gateway"),
        resolvers=[one] if (one := hinted("network.resolvers")) else [],
        printer=asker.ask(
            words("Port of the receipt printer (posdiag ports lists them)?"), lambda _answer: None
        ),
    )


def _ask_for_host(asker: _Asker, words: Words) -> tuple[str, int, bool]:
    from posdiag.model.errors import Mistake, SiteError

    def is_port(answer: str) -> None:
        if not (answer.isdecimal() and 1 <= int(answer) <= _MOST_PORT):
            raise SiteError([Mistake("port", "", "a whole number from 1 to 65535", answer)])

    def is_yes_no(answer: str) -> None:
        if answer not in ("yes", "no"):
            raise SiteError([Mistake("tls", "", "yes or no", answer)])

    host = asker.ask(words("Address of the acquirer's host?"), lambda _answer: None)
    port = asker.ask(words("Its port?"), is_port) if host else ""
    if not port:
        return "", 0, False
    tls = asker.ask(words("Is it spoken to in TLS?"), is_yes_no, ["yes", "no"])
    return host, int(port), tls == "yes"
