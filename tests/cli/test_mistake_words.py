"""Mistakes in the reader's language: every form that the checks use has one."""

from __future__ import annotations

import re
import tomllib

import pytest

from posdiag.cli.mistake_words import in_reader_words, mistake_words
from posdiag.model.errors import Mistake
from posdiag.site.facts import fact_table, in_words
from posdiag.text.words import Words
from tests.cli.typed import ROOT, typed

ZH, EN = Words("zh"), Words("en")
LINES: dict[str, list[str]] = tomllib.loads(
    (ROOT / "tests/data/invalid/site_messages.toml").read_text(encoding="utf-8")
)
EXPECTED = sorted(
    {
        line.partition(": expected ")[2].partition(", found ")[0]
        for lines in LINES.values()
        for line in lines
    }
)
FOUND = sorted(
    {
        line.rpartition(", found ")[2]
        for lines in LINES.values()
        for line in lines
        # What a file says itself stays as it is.
        if re.fullmatch(r"[a-z][a-z ]*", line.rpartition(", found ")[2])
    }
)
AS_THEY_ARE = {"true", "false", "nan", "inf"}


def is_chinese(text: str) -> bool:
    return bool(re.search(r"[一-鿿]", text))


@pytest.mark.parametrize("text", EXPECTED)
def test_what_was_expected_is_told_in_chinese(text: str) -> None:
    assert is_chinese(in_reader_words(text, ZH))
    assert in_reader_words(text, EN) == text


@pytest.mark.parametrize("text", [text for text in FOUND if text not in AS_THEY_ARE])
def test_what_was_found_is_told_in_chinese(text: str) -> None:
    assert is_chinese(in_reader_words(text, ZH))


@pytest.mark.parametrize("name", list(fact_table()))
def test_what_a_fact_can_be_is_told_in_chinese(name: str) -> None:
    text = in_words(fact_table()[name])
    assert is_chinese(in_reader_words(text, ZH))
    for number in re.findall(r"\d+", text):
        assert number in in_reader_words(text, ZH)


def test_forms_inside_forms() -> None:
    text = 'a key that is known here, did you mean "name"? (known: name, tid)'
    said = in_reader_words(text, ZH)
    assert '"name"' in said
    assert "name, tid" in said
    assert "known" not in said
    assert "did you mean" not in said


def test_a_form_that_is_not_listed_stays_as_it_is() -> None:
    assert in_reader_words("something quite different", ZH) == "something quite different"


def test_a_whole_mistake() -> None:
    mistake = Mistake("shop.toml", "network.series", "a whole number from 5 to 100", '"20"')
    assert mistake_words(mistake, EN) == str(mistake)
    said = mistake_words(mistake, ZH)
    assert said == 'shop.toml: network.series：应为 5 到 100 之间的整数，实为 "20"'


def test_through_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "tests/data/invalid/site/five_mistakes.toml"
    done = typed(capfd, "--lang", "zh", "run", str(path))
    assert done.code == 65
    for line in done.err.splitlines():
        assert "expected" not in line
        assert "应为" in line
