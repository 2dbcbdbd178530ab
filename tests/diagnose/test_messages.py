"""What a screen says is found in the dictionary, however it was typed."""

from __future__ import annotations

import pytest

from posdiag.diagnose.messages import matching, normal_form
from tests.diagnose.small_knowledge import KNOWLEDGE


@pytest.mark.parametrize(
    ("typed", "entry"),
    [
        ("通讯超时", "timeout"),
        ("通讯 超时！", "timeout"),
        ("错误：通讯超时，请重试", "timeout"),
        ("COMMUNICATION-TIMEOUT", "timeout"),
        ("ｃｏｍｍｕｎｉｃａｔｉｏｎ timeout 99", "timeout"),
        ("接收超时", "receive_timeout"),
        ("接收", "receive_timeout"),
        ("timeout", "timeout"),
    ],
)
def test_found(typed: str, entry: str) -> None:
    assert matching(typed, KNOWLEDGE.messages)[0].id == entry


@pytest.mark.parametrize("typed", ["", "   ", "！？", "请插卡", "to", "批次不符", "e"])
def test_not_found(typed: str) -> None:
    assert matching(typed, KNOWLEDGE.messages) == []


def test_the_longest_wording_is_best() -> None:
    found = matching("接收超时 通讯超时", KNOWLEDGE.messages)
    assert {entry.id for entry in found} == {"timeout", "receive_timeout"}
    assert matching("超时", KNOWLEDGE.messages)[0].id == "receive_timeout"


def test_normal_form_keeps_letters_and_digits_only() -> None:
    assert normal_form(" Ａ0-校验 错！") == "a0校验错"
