"""The dictionary of messages: found however they are typed, and nothing else is found."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from posdiag.diagnose.messages import matching, normal_form
from posdiag.knowledge import load_knowledge

MESSAGES = load_knowledge().messages
WORDINGS = [(message.id, wording) for message in MESSAGES for wording in message.wordings]


def best(text: str) -> str:
    found = matching(text, MESSAGES)
    return found[0].id if found else ""


def test_there_are_enough_and_many_are_chinese() -> None:
    chinese = [m for m in MESSAGES if any(re.search("[\u4e00-\u9fff]", w) for w in m.wordings)]
    assert len(MESSAGES) >= 40
    assert len(chinese) >= 40


def test_every_wording_finds_its_own_entry() -> None:
    assert {wording: best(wording) for _, wording in WORDINGS} == {
        wording: name for name, wording in WORDINGS
    }


def test_no_wording_twice_once_case_and_signs_are_dropped() -> None:
    forms = Counter(normal_form(wording) for _, wording in WORDINGS)
    assert [form for form, count in forms.items() if count > 1] == []
    assert min(len(form) for form in forms) >= 2
    # A short Latin word would be found inside others.
    assert [form for form in forms if form.isascii() and len(form) < 4] == []


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("商户未登记！", "merchant_unknown"),
        ("  商户 未登记 ", "merchant_unknown"),
        ("错误：商户未登记（03）", "merchant_unknown"),
        ("校验错,请重新签到", "check_failed"),
        ("校验错，请重新签到!", "check_failed"),
        ("签到失败,校验错", "check_failed"),
        ("签到失败：缺纸", "paper_out"),
        ("签到失败", "sign_on_failed"),
        ("终端未登记", "terminal_unknown"),
        ("ＮＯ　ＤＩＡＬ　ＴＯＮＥ", "no_dial_tone"),
        ("no dial-tone", "no_dial_tone"),
        ("No Carrier.", "no_carrier"),
        ("Bad  MAC", "check_failed"),
        ("SSL证书错误", "certificate_refused"),
        ("ssl 握手失败", "handshake_failed"),
        ("网络连接失败", "network_failed"),
        ("连接失败", "connect_failed"),
        ("SSL连接失败", "handshake_failed"),
        ("通讯超时，请重试", "comm_timeout"),
        ("交易超时", "transaction_timeout"),
        ("操作超时", "prompt_timed_out"),
        ("Please settle batch", "settle_first"),
        ("DNS解析失败 -2", "name_failed"),
        ("e n001", "name_failed"),
        ("ETHERNET COMMS ERROR – DIAL USED", "dial_backup_used"),
    ],
)
def test_found_however_it_is_typed(typed: str, name: str) -> None:
    assert best(typed) == name


@pytest.mark.parametrize(
    "text",
    [
        "qorvex 4471 frimdal",
        "欢迎光临",
        "今日天气晴",
        "welcome",
        "amount 12.50",
        "E107",
        "99",
        "!!!",
        "请输入金额",
    ],
)
def test_what_is_unrelated_is_not_found(text: str) -> None:
    assert best(text) == ""


def test_each_entry_weighs_what_it_names_above_the_rest() -> None:
    for message in MESSAGES:
        for variable, levels in message.says.items():
            assert max(levels.values()) == 1.0, (message.id, variable)


@pytest.mark.parametrize(
    ("name", "variable", "level"),
    [
        ("merchant_unknown", "host_code", "id_reject"),
        ("terminal_unknown", "host_code", "id_reject"),
        ("sign_on_wanted", "host_code", "batch"),
        ("check_failed", "host_code", "key_reject"),
        ("host_fault", "host_code", "system_error"),
        ("settle_first", "attempts", "settle_prompt"),
        ("login_refused", "attempts", "login_failed"),
        ("tamper_tripped", "tamper", "yes"),
        ("certificate_too_early", "clock", "off_days"),
        ("no_dial_tone", "pstn_dial", "no_tone"),
        ("paper_out", "paper", "out"),
    ],
)
def test_what_an_entry_speaks_for(name: str, variable: str, level: str) -> None:
    message = next(message for message in MESSAGES if message.id == name)
    said = message.says[variable]
    assert max(said, key=lambda one: said[one]) == level


def test_generic_texts_decide_nothing() -> None:
    # "Time-out" is written for many failures: connect and wait stay about as likely.
    for name in ("comm_timeout", "comm_failed"):
        stage = next(message for message in MESSAGES if message.id == name).says["fail_stage"]
        assert 0.5 <= stage["connect"] / stage["wait_reply"] <= 2
