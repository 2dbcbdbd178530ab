"""Sentences of findings in both languages."""

from __future__ import annotations

import pytest

from posdiag.diagnose.sentences import amount, sentence
from posdiag.model.text import Text
from tests.diagnose.small_knowledge import measured


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0123, "s", "12 ms"),
        (0.0004, "s", "0.4 ms"),
        (3.14159, "s", "3.1 s"),
        (120.0, "s", "120 s"),
        (35.0, "s", "35 s"),
        (0.3, "ratio", "30 %"),
        (0.123, "ratio", "12.3 %"),
        (8583, "port", "8583"),
        (-72.0, "dBm", "-72 dBm"),
        (200.4, "day", "200"),
        (3, "count", "3"),
    ],
)
def test_amount(value: float, unit: str, shown: str) -> None:
    assert amount(value, unit) == shown


def test_parts_are_filled_in() -> None:
    template = Text(en="{subject} answers in {value}", zh="{subject} 应答 {value}")
    seen = [measured("a", 1, subject="192.0.2.1"), measured("a", 1, subject="192.0.2.1")]
    said = sentence(template, seen, "12 ms", "")
    assert said == Text(en="192.0.2.1 answers in 12 ms", zh="192.0.2.1 应答 12 ms")


def test_what_was_not_read_leaves_no_gap() -> None:
    template = Text(
        en="no answer within {value} ({detail}), {nothing}", zh="{value} 内无应答（{detail}）"
    )
    said = sentence(template, [], "", "")
    assert said.en == "no answer within"
    assert said.zh == "内无应答"
