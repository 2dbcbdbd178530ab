"""Columns of Chinese text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.text.width import clip, display_width, pad, wrap


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("签到", 4),
        ("DNS 没有", 8),
        ("（约）", 6),
        ("é", 1),
        ("e\u0301", 1),
        ("a\u200bb", 2),
        ("·", 1),
    ],
)
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize("text", ["签到失败 DNS", "plain", "（约七成）", "한국어", "カタカナ"])
def test_width_is_what_rich_counts(text: str) -> None:
    from rich.cells import cell_len

    assert display_width(text) == cell_len(text)


def test_pad_and_clip() -> None:
    assert pad("签到", 6) == "签到  "
    assert pad("签到", 6, "right") == "  签到"
    assert pad("签到失败", 6) == "签到失败"
    assert clip("签到失败", 8) == "签到失败"
    assert clip("签到失败了", 8) == "签到..."
    assert clip("abcdef", 5) == "ab..."


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("one  two\nthree", 20, ["one two three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("x abcdefghij", 4, ["x", "abcd", "efgh", "ij"]),
        ("签到失败了", 4, ["签到", "失败", "了"]),
        # A closing mark never begins a line, an opening one never ends it.
        ("签到失败，请", 8, ["签到失", "败，请"]),
        ("签到（失败）", 6, ["签到", "（失", "败）"]),
        ("改用 DNS，再", 8, ["改用", "DNS，再"]),
    ],
)
def test_wrap(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


def test_the_first_line_may_be_narrower() -> None:
    assert wrap("aa bb cc", 8, 5) == ["aa bb", "cc"]
    assert wrap("abcdefgh", 8, 4) == ["abcd", "efgh"]


@settings(max_examples=300)
@given(st.text(alphabet="ab签到，。（）(). -", max_size=80), st.integers(6, 40), st.integers(6, 40))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int, first: int) -> None:
    lines = wrap(text, width, first)
    assert display_width(lines[0]) <= first
    assert all(display_width(line) <= width for line in lines[1:])
    assert "".join("".join(lines).split()) == "".join(text.split())
