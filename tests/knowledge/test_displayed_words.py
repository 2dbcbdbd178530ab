"""Wordings that terminals really display: enough, with their source, found when misspelt."""

from __future__ import annotations

import re

import pytest

from posdiag.diagnose.messages import code_meanings, matches
from posdiag.knowledge import load_knowledge
from posdiag.model.messages import CodeOrigin

KNOWLEDGE = load_knowledge()
MESSAGES = KNOWLEDGE.messages
COMMUNICATION = {"line", "radio", "telephone", "host"}
"""Families of entries about communication or the sign-on's answer."""
DOCUMENTED = [
    (maker, text, message)
    for message in MESSAGES
    for maker, texts in message.shown.items()
    for text in texts
]
# Signs that only a code has: letters and digits without a word.
BARE_CODE = re.compile(r"[A-Z]?[0-9]{2,4}|[A-Z][0-9]")


def test_enough_of_them_have_a_maker_and_a_document() -> None:
    distinct = {text.casefold() for _, text, _ in DOCUMENTED}
    assert not [text for text in distinct if BARE_CODE.fullmatch(text.upper())]
    assert len(distinct) >= 120
    assert len({maker for maker, _, _ in DOCUMENTED}) >= 6
    assert {maker for maker, _, _ in DOCUMENTED} == set(KNOWLEDGE.makers)
    communication = {t.casefold() for _, t, m in DOCUMENTED if m.family in COMMUNICATION}
    assert len(communication) >= 60
    chinese = {text for text in distinct if re.search("[\u4e00-\u9fff]", text)}
    assert len(chinese) >= 40


def test_every_maker_says_where_it_was_read() -> None:
    for name, maker in KNOWLEDGE.makers.items():
        assert re.search(r"[./§]|section", maker.source), name


MISSPELT = [
    ("通迅超时", "comm_timeout"),
    ("通讯朝时", "comm_timeout"),
    ("communcation timeout", "comm_timeout"),
    ("comunication time out", "comm_timeout"),
    ("主机没有应答", "receive_timeout"),
    ("接受超时", "receive_timeout"),
    ("no response host", "receive_timeout"),
    ("链接主机失败", "connect_failed"),
    ("连接主几失败", "connect_failed"),
    ("cannot conect to host", "connect_failed"),
    ("网络链接失败", "network_failed"),
    ("netwrok error", "network_failed"),
    ("域名解释失败", "name_failed"),
    ("请检察网线", "cable_out"),
    ("ETHERNET DOWN", "cable_out"),
    ("no dail tone", "no_dial_tone"),
    ("carier lost", "no_carrier"),
    ("NO SIM CRAD", "no_sim"),
    ("证书以过期", "certificate_expired"),
    ("certifcate expired", "certificate_expired"),
    ("密码键盘没有响应", "pin_pad_silent"),
    ("操作员密码错语", "login_refused"),
    ("终端没登记", "terminal_unknown"),
    ("商户没有登记", "merchant_unknown"),
    ("校验错，请从新签到", "check_failed"),
    ("请向网络中心签道", "sign_on_wanted"),
    ("batch must settle", "settle_first"),
    ("打印机却纸", "paper_out"),
    ("日切处里中", "day_change"),
    ("系统维护种", "host_maintenance"),
    ("密钥教验失败", "working_key_wrong"),
    ("lost comunication with host", "connection_cut"),
    ("MERCHANT SETUP INCOMPLET", "setup_incomplete"),
]


@pytest.mark.parametrize(("typed", "entry"), MISSPELT)
def test_misspelt_or_half_remembered_it_is_found(typed: str, entry: str) -> None:
    assert len(MISSPELT) >= 30
    assert matches(typed, MESSAGES)[0].message.id == entry


UNRELATED = [
    "欢迎光临",
    "今日天气晴",
    "请输入金额",
    "网络正常",
    "签到成功",
    "连接成功",
    "交易成功",
    "打印完成",
    "余额查询",
    "请输入密码",
    "请选择菜单",
    "消费 100.00",
    "结算成功",
    "会员积分",
    "预授权完成",
    "通讯正常",
    "电量充足",
    "今天营业到九点",
    "请插卡或刷卡",
    "微信支付",
    "版本 2.14.15",
    "手机号码",
    "welcome",
    "amount 12.50",
    "thank you",
    "transaction approved",
    "please insert card",
    "enter amount",
    "connection ok",
    "balance inquiry",
    "main menu",
    "sale complete",
    "merchant copy",
    "select language",
    "E107",
    "qorvex 4471 frimdal",
]


@pytest.mark.parametrize("text", UNRELATED)
def test_what_is_unrelated_is_not_found(text: str) -> None:
    assert len(UNRELATED) >= 30
    assert matches(text, MESSAGES) == []


def test_what_is_only_alike_is_less_sure() -> None:
    assert matches("通讯超时", MESSAGES)[0].sure
    assert not matches("通讯朝时", MESSAGES)[0].sure


def test_a_code_is_the_hosts_or_the_terminals_own() -> None:
    assert {one.origin for one in code_meanings("99", MESSAGES)} == set(CodeOrigin)
    assert [one.origin for one in code_meanings(" a0 ", MESSAGES)] == [CodeOrigin.HOST]
    assert [one.origin for one in code_meanings("N002", MESSAGES)] == [CodeOrigin.TERMINAL]
    assert code_meanings("校验错 99", MESSAGES) == []
    assert code_meanings("E107", MESSAGES) == []
