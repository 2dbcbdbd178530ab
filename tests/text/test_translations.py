"""The Chinese catalogue holds every message of the source, no other, with the same placeholders."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "posdiag/text/locale/zh_CN/LC_MESSAGES/posdiag.po"
KEYWORDS = {"words": None, "plural": (1, 2), "N_": None}


@cache
def in_source() -> dict[str, set[str]]:
    """Return message id -> files that hold it, as the commands in babel.cfg find them."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as stream:
        methods, options = parse_mapping_cfg(stream)  # type: ignore[no-untyped-call]
    found: dict[str, set[str]] = {}
    for file, _, message, _, _ in extract_from_dir(
        ROOT / "posdiag", methods, options, keywords=KEYWORDS
    ):
        name = message if isinstance(message, str) else message[0]
        found.setdefault(name, set()).add(Path(file).as_posix())
    return found


@cache
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as stream:
        return read_po(stream, abort_invalid=True)


def in_catalogue() -> dict[str, Message]:
    return {_english(entry): entry for entry in catalogue() if entry.id}


def _english(entry: Message) -> str:
    return entry.id if isinstance(entry.id, str) else entry.id[0]


def _chinese(entry: Message) -> list[str]:
    return [entry.string] if isinstance(entry.string, str) else list(entry.string or ())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_something_is_extracted() -> None:
    assert "Next test" in in_source()
    assert "{n} observation" in in_source()
    assert "strong" in in_source()


def test_no_message_hides_behind_a_name_that_is_not_looked_for() -> None:
    hidden = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "posdiag").rglob("*.py"))
        if re.search(r"[._]_?words\(\s*f?[\"']", path.read_text(encoding="utf-8"))
    ]
    assert hidden == [], 'only words("...") is found by the extraction'


def test_every_message_has_a_chinese_translation() -> None:
    # A probe's own two lines may stay English: adding a probe touches no file but its own.
    needed = {
        message
        for message, files in in_source().items()
        if not all(file.startswith("probes/") for file in files)
    }
    entries = in_catalogue()
    missing = sorted(
        message
        for message in needed
        if message not in entries or not all(_chinese(entries[message]))
    )
    assert missing == [], "see the commands in babel.cfg"


def test_nothing_in_the_catalogue_is_obsolete_or_doubtful() -> None:
    assert sorted(set(in_catalogue()) - set(in_source())) == []
    assert list(catalogue().obsolete) == []
    assert [_english(entry) for entry in catalogue() if entry.id and entry.fuzzy] == []


def test_translations_have_the_placeholders_of_their_message() -> None:
    wrong = []
    for english, entry in in_catalogue().items():
        for chinese in _chinese(entry):
            if chinese and placeholders(chinese) != placeholders(english):
                wrong.append((english, chinese))
    assert wrong == []


def test_plural_messages_agree_with_each_other() -> None:
    for entry in catalogue():
        if not isinstance(entry.id, str):
            assert placeholders(entry.id[0]) == placeholders(entry.id[1])


@pytest.mark.parametrize("sign", [",", "(", ")", ";", "?"])
def test_chinese_sentences_use_chinese_marks(sign: str) -> None:
    wrong = [
        chinese
        for entry in in_catalogue().values()
        for chinese in _chinese(entry)
        for before, mark in pairwise(chinese)
        if mark == sign and "\u4e00" <= before <= "\u9fff"
    ]
    assert wrong == []
