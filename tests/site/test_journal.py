"""What was done at a terminal becomes facts: counts and seconds, never a cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.model.errors import SiteError
from posdiag.site import load_site
from posdiag.site.journal import events_of, journal_facts

FIVE_PRESSES = """2026-11-24 09:12:00 签到
2026-11-24 09:12:05 签到
2026-11-24 09:12:10 签到
2026-11-24 09:12:15 签到
2026-11-24 09:12:20 签到
2026-11-24 09:12:24 签到失败：通讯超时
"""
TYPED = """09:12:00 press
09:12:05 press
09:12:10 press
09:12:15 press
09:12:20 press
09:12:24 failed: communication timeout
"""


@pytest.mark.parametrize(
    ("text", "screen"), [(FIVE_PRESSES, "通讯超时"), (TYPED, "communication timeout")]
)
def test_repeated_presses(text: str, screen: str) -> None:
    read = journal_facts(text, file="journal")
    assert read.facts == {
        "presses": 5,
        "seconds_between_presses": 5.0,
        "seconds_to_error": 4.0,
        "screen": screen,
    }
    assert set(read.origins.values()) == {"journal, lines 1-6"}


@pytest.mark.parametrize(
    "text",
    [
        "09:00:01 签到\n09:00:02 请输入操作员号\n09:01:02 操作超时\n",
        "20261124090001 sign-on\n20261124090002 prompt: operator number\n20261124090100 sign-on\n",
    ],
)
def test_a_prompt_that_was_left(text: str) -> None:
    assert journal_facts(text, file="journal").facts["prompt_left"] is True


def test_a_prompt_that_was_answered_is_none() -> None:
    text = "09:00:01 签到\n09:00:02 请输入操作员号\n09:00:05 签到\n09:00:09 签到失败：通讯超时\n"
    assert "prompt_left" not in journal_facts(text, file="journal").facts


@pytest.mark.parametrize(
    "line", ["09:00:01 操作员已锁定", "9:00:01 operator locked", "09:00:01 login refused"]
)
def test_a_login_that_is_refused(line: str) -> None:
    assert journal_facts(line, file="journal").facts == {"login_error": True}


def test_sign_on_before_settlement() -> None:
    text = "09:00:00 签到\n09:00:09 请先结算\n09:01:00 结算\n09:02:00 签到\n09:02:05 签到成功\n"
    assert journal_facts(text, file="journal").facts["settle_prompt"] is True
    later = text.replace("请先结算", "签到失败：操作有误，请重试")
    assert journal_facts(later, file="journal").facts["ok_after_settlement"] is True


def test_what_came_before_the_last_success_is_over() -> None:
    text = FIVE_PRESSES + "2026-11-24 09:20:05 签到成功\n2026-11-24 11:00:00 签到\n"
    assert journal_facts(text, file="journal").facts == {"presses": 1}


def test_midnight_does_not_turn_time_back() -> None:
    events = events_of("23:59:50 press\n00:00:10 failed: timeout\n")
    assert events[1].at_s - events[0].at_s == 20.0


def test_lines_without_a_time_are_passed_over_and_nothing_at_all_is_refused() -> None:
    assert journal_facts("POS LOG v1\n" + TYPED, file="journal").passed_over == 1
    with pytest.raises(SiteError, match="a time and what happened"):
        journal_facts("nothing happened\n", file="journal")


def test_facts_of_a_journal_reach_the_site(tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    path.write_text(FIVE_PRESSES, encoding="gb18030")
    site = load_site(None, journal=path, facts=["presses=2"])
    assert site.facts["presses"] == 2
    assert site.fact_origins["screen"] == "journal, lines 1-6"
    assert "presses" not in site.fact_origins
