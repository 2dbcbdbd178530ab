"""What people did and what the menu holds: from a journal, an export, or typed facts alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from posdiag.diagnose import Gaps, diagnose
from posdiag.knowledge import load_knowledge
from posdiag.model.knowledge import Case
from posdiag.model.observation import Measured, Observation, Part, Vantage
from posdiag.model.report import Verdict
from posdiag.model.site import LinkClass, TerminalTimers, YesNo
from posdiag.probes import discover
from tests.scenarios.demo_runs import Run, demo, run_json

FIVE_IN_20_S = """2026-11-24 09:12:00 签到
2026-11-24 09:12:05 签到
2026-11-24 09:12:10 签到
2026-11-24 09:12:15 签到
2026-11-24 09:12:20 签到
2026-11-24 09:12:24 签到失败：通讯超时
"""
PROMPT_LEFT = "09:00:01 签到\n09:00:02 请输入操作员号\n09:01:02 操作超时\n"
LOCKED = "09:00:03 操作员密码错误\n09:00:20 操作员已锁定\n"
PATH_CAUSES = {"host_overload", "net_peak_congestion", "set_timeout_short"}


def run(*options: str) -> Run:
    skips = [part for name in discover() for part in ("--skip", name)]
    command = [sys.executable, "-m", "posdiag", "run", "--json", "--no-save", "--no-input"]
    return run_json([*command, "--terminal", "generic_countertop_eth", *skips, *options])


@pytest.mark.parametrize(
    ("journal", "cause"),
    [
        (FIVE_IN_20_S, "op_repeat_keys"),
        (PROMPT_LEFT, "op_prompt_abandoned"),
        (LOCKED, "op_login_locked"),
    ],
)
def test_from_a_journal(journal: str, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.txt"
    path.write_text(journal, encoding="utf-8")
    found = run("--journal", str(path))
    assert found.order(1) == [cause]
    assert found.posterior(cause) >= 1.2 * found.report["diagnoses"][1]["posterior"]
    assert all(fact["subject"].startswith("journal, lines") for fact in found.report["facts"])


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (("presses=5", "seconds_between_presses=5"), "op_repeat_keys"),
        (("prompt_left=yes",), "op_prompt_abandoned"),
        (("login_error=yes",), "op_login_locked"),
    ],
)
def test_from_typed_facts_alone(facts: tuple[str, ...], cause: str) -> None:
    found = run(*(part for fact in facts for part in ("--fact", fact)))
    assert found.order(1) == [cause]


def _on_a_path(answer_s: float, **facts: float) -> Verdict:
    seen = [
        Observation(name=name, part=Part.HOST, result=Measured(seconds, "s"))
        for name, seconds in {
            "host_name.time": 0.02,
            "host_tcp.connect_time": 0.05,
            "host_tls.handshake_time": 0.2,
            "host_echo.answer_time": answer_s,
        }.items()
    ]
    typed: dict[str, float] = {"presses": 5, "seconds_between_presses": 5.0, **facts}
    seen += [
        Observation(
            name=f"fact.{name}",
            vantage=Vantage.OPERATOR,
            part=Part.OPERATOR,
            result=Measured(value),
        )
        for name, value in typed.items()
    ]
    case = Case(
        link_class=LinkClass.ETH, path_shared=YesNo.YES, timer_s=60.0, timers=TerminalTimers()
    )
    return diagnose(load_knowledge(), case, seen, Gaps([], {}, {}))


@pytest.mark.parametrize("facts", [{}, {"menu_timer": 60.0}])
def test_the_same_presses_on_a_path_of_58_s_follow_from_it(facts: dict[str, float]) -> None:
    verdict = _on_a_path(57.7, **facts)
    lead = verdict.diagnoses[0]
    assert lead.cause in PATH_CAUSES
    presses = next(one for one in verdict.diagnoses if one.cause == "op_repeat_keys")
    assert presses.consequence_of == lead.title
    assert presses.posterior < lead.posterior / 2
    # On a quick path the very same presses are the cause.
    quick = _on_a_path(0.3)
    assert quick.diagnoses[0].cause == "op_repeat_keys"
    assert quick.diagnoses[0].consequence_of is None


@pytest.mark.parametrize(
    ("scenario", "found", "expected"),
    [
        ("wrong_port", "port 9999", "≠ "),
        ("wrong_nii", "nii 0013", "≠ 0003"),
        ("wrong_tid", "tid 10…24", "≠ 10…42"),
        ("wrong_apn", "apn cmnet", "≠ unionpay.pos"),
        ("timer_short", "5 s", "< 10"),
    ],
)
def test_a_wrong_setting_is_said_with_what_it_should_be(
    scenario: str, found: str, expected: str
) -> None:
    lead = demo(scenario).report["diagnoses"][0]
    assert lead["group"] == "settings"
    first = lead["because"][0]["text"]
    for language in ("en", "zh"):
        assert found in first[language]
        assert expected in first[language]


def test_an_export_against_the_sheet(tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    export.write_text(
        "参数名称,参数值\n终端号,10000024\n主密钥,0123456789ABCDEF\n", encoding="utf-8"
    )
    found = run("--settings", str(export), "--set", "tid=10000042", "--fact", "trial=fails")
    assert found.order(1) == ["set_wrong_tid"]
    assert "10…24 ≠ 10…42" in found.report["diagnoses"][0]["because"][0]["text"]["en"]
    assert {fact["subject"] for fact in found.report["facts"]} == {"csv, line 2: 终端号", ""}
    assert "0123456789ABCDEF" not in str(found.report)
    assert "10000024" not in str(found.report)


def test_a_timer_in_force_goes_before_the_menus() -> None:
    both = run("--fact", "menu_timer=60", "--fact", "effective_timer=30")
    budget = both.report["time_budget"]
    assert (budget["timer_s"], budget["timer_basis"], budget["menu_s"]) == (30.0, "effective", 60.0)
    menu = run("--fact", "menu_timer=60").report["time_budget"]
    assert (menu["timer_s"], menu["timer_basis"], menu["menu_s"]) == (60.0, "menu", 60.0)
    assert run().report["time_budget"]["timer_basis"] == "profile"


def test_a_code_of_the_terminals_own_says_nothing_of_the_host() -> None:
    hosts = run("--fact", "screen_code=99", "--set", 'acquirer="unionpay_tls_public"')
    own = run(
        *("--fact", "screen_code=99", "--set", 'acquirer="unionpay_tls_public"'),
        *("--fact", "code_origin=terminal"),
    )
    assert hosts.posterior("sec_key_mismatch") > 3 * own.posterior("sec_key_mismatch")
    assert "host_code" in {one["variable"] for one in hosts.report["evidence"]}
    assert "host_code" not in {one["variable"] for one in own.report["evidence"]}
