"""Likelihoods in words, amounts with units, times with bars."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from posdiag.model.observation import Failed, Measured
from posdiag.model.report import TimeBudget
from posdiag.report.amounts import duration_words, result_words, seconds_words
from posdiag.report.likelihood import about, brief, likelihood_word, percent, tenths
from posdiag.report.sheet import Sheet
from posdiag.report.time_lines import write_time_budget
from posdiag.text.words import Words

EN, ZH = Words("en"), Words("zh")


@pytest.mark.parametrize(
    ("probability", "english", "chinese", "about_english", "about_chinese"),
    [
        (1.0, "almost certain", "几乎可以肯定", "more than 9 in 10", "九成以上"),
        (0.95, "almost certain", "几乎可以肯定", "more than 9 in 10", "九成以上"),
        (0.9, "almost certain", "几乎可以肯定", "about 9 in 10", "约九成"),
        (0.89, "likely", "较可能", "about 9 in 10", "约九成"),
        (0.7, "likely", "较可能", "about 7 in 10", "约七成"),
        (0.6, "likely", "较可能", "about 6 in 10", "约六成"),
        (0.5, "possible", "有可能", "about 5 in 10", "约五成"),
        (0.35, "possible", "有可能", "about 4 in 10", "约四成"),
        (0.25, "less likely", "可能性较小", "about 3 in 10", "约三成"),
        (0.15, "less likely", "可能性较小", "about 2 in 10", "约二成"),
        (0.1, "unlikely", "不太可能", "about 1 in 10", "约一成"),
        (0.05, "unlikely", "不太可能", "about 1 in 10", "约一成"),
        (0.04, "unlikely", "不太可能", "less than 1 in 10", "不到一成"),
        (0.0, "unlikely", "不太可能", "less than 1 in 10", "不到一成"),
    ],
)
def test_likelihoods(
    probability: float, english: str, chinese: str, about_english: str, about_chinese: str
) -> None:
    assert likelihood_word(probability, EN) == english
    assert likelihood_word(probability, ZH) == chinese
    assert about(probability, EN) == about_english
    assert about(probability, ZH) == about_chinese


def test_brief_and_tenths() -> None:
    assert brief(0.71, EN) == "likely, 7 in 10"
    assert brief(0.71, ZH) == "较可能 七成"
    assert tenths(0.97, EN) == "more than 9 in 10"


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (0.0, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.31, "31 %"),
        (0.994, "99.4 %"),
        (1.0, "> 99.9 %"),
    ],
)
def test_percent_never_says_never(probability: float, shown: str) -> None:
    assert percent(probability) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 s"),
        (0.0004, "< 0.001 s"),
        (0.004, "0.004 s"),
        (0.034, "0.03 s"),
        (5.0, "5.0 s"),
        (120.0, "120 s"),
    ],
)
def test_seconds(seconds: float, shown: str) -> None:
    assert seconds_words(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.2, "1 s", "1 秒"),
        (20, "20 s", "20 秒"),
        (180, "3 min", "3 分钟"),
        (7200, "2 h", "2 小时"),
        (259200, "3 days", "3 天"),
    ],
)
def test_durations(seconds: float, english: str, chinese: str) -> None:
    assert duration_words(seconds, EN) == english
    assert duration_words(seconds, ZH) == chinese


def failed(failure: str, **other: Any) -> Failed:
    return msgspec.convert(
        {"kind": "failed", "failure": failure, "operation": "send"} | other, Failed
    )


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (Measured(0.0123, "s"), "12.3 ms"),
        (Measured(12.0, "s"), "12.0 s"),
        (Measured(-3600.0, "s"), "-3600 s"),
        (Measured([0.002, 0.003, 0.009], "s"), "median 3 ms of 3 (2 ms to 9 ms)"),
        (Measured([0.002], "s"), "2 ms"),
        (Measured([], "s"), ""),
        (Measured(["a", "b"]), "a, b"),
        (Measured(value=True), "yes"),
        (Measured(value=False), "no"),
        (Measured("closed"), "closed"),
        (Measured(0.07, "ratio"), "7 %"),
        (Measured(-3, "day"), "-3 days"),
        (Measured(4, "count"), "4"),
        (Measured(229.5, "V"), "229.5 V"),
        (failed("refused"), "refused"),
        (failed("refused", detail="by 192.0.2.1"), "refused (by 192.0.2.1)"),
        (failed("silent", waited_s=5.0), "no answer in 5.0 s"),
        (
            failed("censored", waited_s=12.0),
            "no answer within 12.0 s, then the run's time was spent",
        ),
        (failed("refused", waited_s=1.0), "refused"),
    ],
)
def test_results(result: Measured | Failed, shown: str) -> None:
    assert result_words(result, EN) == shown


def budget(**other: Any) -> TimeBudget:
    base = {
        "stages": [
            {"stage": "name", "seconds": 15.0, "state": "silent"},
            {"stage": "connect", "seconds": 0.03, "state": "measured"},
            {"stage": "tls", "seconds": None, "state": "unknown"},
            {"stage": "host", "seconds": 30.0, "state": "censored"},
        ],
        "timer_s": 60.0,
        "timer_basis": "menu",
    }
    return msgspec.convert(base | other, TimeBudget)


def lines(given: TimeBudget, width: int = 80) -> list[str]:
    sheet = Sheet(width)
    write_time_budget(sheet, given, EN)
    return sheet.plain().splitlines()


def test_bars_are_drawn_against_the_timer() -> None:
    shown = lines(budget())
    assert "timer of 60 s (read in the terminal's menu)" in shown[0]
    # 15 of 60 seconds: a quarter of 30 columns; what has any time has at least one.
    assert shown[1].count("#") == 8
    assert shown[2].count("#") == 1
    assert shown[3].split() == ["TLS", "-", "not", "measured"]
    assert shown[4].count("?") == 15
    assert "> 30.0 s" in shown[4]
    assert len(shown) == 5


def test_each_bar_begins_where_the_one_above_ends() -> None:
    shown = lines(budget())
    name, connect, host = (
        shown[number].index(sign) for number, sign in ((1, "#"), (2, "#"), (4, "?"))
    )
    assert connect == name + 8
    assert host == connect


def test_stages_longer_than_the_timer_fill_the_width() -> None:
    shown = lines(budget(timer_s=10.0))
    assert shown[1].count("#") == 10
    assert shown[4].count("?") == 20
    assert shown[4].index("?") == shown[1].index("#") + 10


def test_a_timer_that_was_seen_is_told_from_the_menus() -> None:
    shown = lines(budget(timer_s=35.0, timer_basis="effective", menu_s=60.0, effective_s=35.0))
    assert "timer of 35 s (a wait was seen to end then)" in shown[0]
    assert shown[-1] == "   the menu says 60 s"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (
            {"smallest_s": 9.0, "smallest_high_s": 13.0, "supported": 0.63},
            (
                "a timer of 9.0 s keeps it under 0.1 %, 13.0 s at worst (extrapolated: samples"
                " alone support 63 %)"
            ),
        ),
        (
            {"smallest_s": 9.0, "smallest_high_s": None, "supported": 0.0005},
            "a timer of 9.0 s keeps it under 0.1 %, none at worst",
        ),
        ({"smallest_s": None}, "no timer keeps it under 0.1 %: mend the line or the host"),
    ],
)
def test_the_timer_that_would_do(values: dict[str, float], shown: str) -> None:
    given = budget(exceeds=0.1, target=0.001, eats="connect", **values)
    said = " ".join(" ".join(lines(given, 100)).split())
    assert "most of a slow sign-on: connect" in said
    assert said.endswith(shown)


def test_without_a_timer_no_chance_is_named() -> None:
    shown = lines(budget(timer_s=None, timer_basis="unknown", exceeds=0.3))
    assert shown[0] == "Time of one sign-on; the terminal's timer is not known"
    assert not any("chance" in line for line in shown)


def test_nothing_is_drawn_where_nothing_is_known() -> None:
    assert lines(budget(stages=[{"stage": "name", "seconds": None, "state": "unknown"}])) == []
    assert lines(budget(stages=[])) == []


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"exceeds": 0.31}, "31 %"),
        (
            {"exceeds": 0.31, "exceeds_low": 0.24, "exceeds_high": 0.39, "samples": 20},
            "31 % (24 % to 39 %; from 20 samples)",
        ),
        (
            {"exceeds": 0.0, "exceeds_low": 0.0, "exceeds_high": 0.004, "samples": 1},
            "under 0.4 % (from 1 sample)",
        ),
        ({"exceeds": 0.0}, "< 0.1 %"),
        ({"exceeds": 1.0, "exceeds_low": 1.0, "exceeds_high": 1.0}, "> 99.9 %"),
    ],
)
def test_the_chance_that_the_timer_runs_out(values: dict[str, float], shown: str) -> None:
    assert lines(budget(**values))[-1] == f"   chance that a sign-on outlasts 60 s: {shown}"


def test_what_failed_says_how() -> None:
    stages = [{"stage": "connect", "seconds": 1.0, "state": "failed", "detail": "refused"}]
    assert lines(budget(stages=stages))[1].endswith("failed: refused")
    stages[0]["detail"] = "a detail that is much too long for what is left of one line"
    shown = lines(budget(stages=stages))
    assert " ".join(" ".join(shown[1:]).split()).endswith("left of one line")
    assert all(len(line) < 80 for line in shown)
