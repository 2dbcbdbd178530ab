"""Consoles that lack a sign, and text that would move the cursor."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.text.console_signs import can_show, make_safe, printable, readable_language, safe
from posdiag.text.width import display_width

ENCODINGS = ["ascii", "latin-1", "cp936", "gbk", "cp437", "cp1252", "utf-8", "utf-16"]


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a · b", "ascii", "a - b"),
        ("a · b", "cp936", "a · b"),
        ("███", "ascii", "###"),
        ("┌─┐│", "ascii", "+-+|"),
        ("5 ≥ 3 → ok ✓", "latin-1", "5 >= 3 -> ok ok"),
        ("café", "ascii", "cafe"),
        ("签到", "ascii", "????"),
        ("签到：失败", "ascii", "????: ????"),
        ("签到（约七成）", "cp936", "签到（约七成）"),
        ("😀", "cp936", "??"),
        ("\udcff", "utf-8", "?"),
        ("a·", "no such encoding", "a-"),
    ],
)
def test_safe(text: str, encoding: str, expected: str) -> None:
    assert safe(text, encoding) == expected


def test_columns_stay_where_they_were_on_a_console_without_chinese() -> None:
    text = "依据      一（二）；三"
    assert len(safe(text, "ascii")) == display_width(text)


@settings(max_examples=300)
@given(st.text(max_size=30), st.sampled_from(ENCODINGS))
def test_no_text_raises_on_any_console(text: str, encoding: str) -> None:
    assert isinstance(safe(text, encoding), str)
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    make_safe(stream).write(text)
    stream.flush()


def test_a_stream_that_holds_text_itself_stays_as_it_is() -> None:
    stream = io.StringIO()
    assert make_safe(stream) is stream


def test_language_falls_back_only_where_the_console_cannot_show_it() -> None:
    assert readable_language("zh", "ascii") == "en"
    assert readable_language("zh", "cp936") == "zh"
    assert readable_language("zh", "utf-8") == "zh"
    assert readable_language("zh", None) == "zh"
    assert readable_language("en", "ascii") == "en"
    assert not can_show("签", "no such encoding")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 签到", "plain 签到"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\r\nb\tc", "a  b c"),
        ("a\u202eb", "ab"),
        ("a\x9b2Jb", "a2Jb"),
        ("\u2028", " "),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected
