"""Wrong site files, profiles and facts files: each is refused with all its mistakes at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from posdiag.model.errors import ProfileError, SiteError
from posdiag.site import load_site
from posdiag.site.facts import FactTable
from posdiag.site.facts_file import read_facts
from posdiag.site.profiles import check_profile

FOLDER = Path(__file__).parents[1] / "data" / "invalid"
KINDS = ("site", "terminals", "acquirers", "facts")
EXPECTED: dict[str, list[str]] = tomllib.loads(
    (FOLDER / "site_messages.toml").read_text(encoding="utf-8")
)
FILES = sorted(
    f"{kind}/{path.name}" for kind in KINDS for path in (FOLDER / kind).iterdir() if path.is_file()
)


def read(name: str, table: FactTable) -> None:
    if name.startswith("site/"):
        load_site(FOLDER / name, table=table)
    elif name.startswith("facts/"):
        read_facts(FOLDER / name, table)
    else:
        check_profile(FOLDER / name)


@pytest.mark.parametrize("name", FILES)
def test_every_mistake_of_a_wrong_file_is_named(name: str, facts: FactTable) -> None:
    with pytest.raises((ProfileError, SiteError)) as caught:
        read(name, facts)

    told = [str(mistake) for mistake in caught.value.mistakes]
    # Each expected line follows the name of the file; "*" stands for a list that may grow.
    expected = [
        re.escape(line).replace(r"\*", ".*").replace("FILE", re.escape(str(FOLDER / name)))
        for line in EXPECTED[name]
    ]
    expected = [line.replace("FOLDER", re.escape(str((FOLDER / name).parent))) for line in expected]
    assert len(told) == len(expected), told
    for line, pattern in zip(told, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def test_there_is_a_message_for_every_file_and_a_file_for_every_message() -> None:
    assert sorted(EXPECTED) == FILES
    assert len(FILES) >= 60
