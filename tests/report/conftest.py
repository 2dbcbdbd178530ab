"""Hand-made reports, one per state of a verdict; built by conversion, which checks bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from posdiag.model.report import Report


def text(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def weight(strength: str, en: str, zh: str, vantage: str = "laptop") -> dict[str, Any]:
    decibans = {"strong": 14.0, "some": 6.0, "weak": 1.5}[strength]
    return {
        "variable": "resolver",
        "level": "silent",
        "decibans": decibans,
        "strength": strength,
        "text": text(en, zh),
        "observations": ["name_lookup.time"],
        "vantage": vantage,
    }


def fix(name: str, en: str, zh: str, **other: object) -> dict[str, Any]:
    return {
        "id": name,
        "text": text(en, zh),
        "minutes": 3.0,
        "actor": "merchant",
        "effect": "safe",
        "works": 0.8,
        "score": 0.2,
        "verify": text("one sign-on at the terminal", "在终端上签到一次"),
    } | other


def cause(name: str, en: str, zh: str, posterior: float, **other: object) -> dict[str, Any]:
    return {
        "cause": name,
        "title": text(en, zh),
        "group": "network",
        "posterior": posterior,
        "present": posterior,
        "prior": 0.05,
    } | other


DNS_SILENT = cause(
    "resolver_silent",
    "Router's DNS does not answer",
    "路由器 DNS 没有应答",
    0.71,
    because=[
        weight(
            "strong",
            "192.168.1.1 silent to 3 queries, 5 s each",
            "192.168.1.1 对 3 次查询均无应答，每次 5 秒",
        ),
        weight(
            "some",
            "error after 35 s fits 3 DNS waits and one connect",
            "35 秒后报错，与 3 次 DNS 等待加一次连接相符",
            "operator",
        ),
    ],
    although=[
        weight("weak", "a second resolver answered in 12 ms", "备用解析服务器 12 毫秒内应答")
    ],
    fixes=[
        fix(
            "restart_relay",
            "Restart the router's DNS relay, or set the terminal's DNS to the line's own.",
            "重启路由器 DNS，或把终端 DNS 改为运营商地址。",
        ),
        fix(
            "new_router",
            "Replace the router.",
            "更换路由器。",
            minutes=45.0,
            actor="technician",
            effect="interrupts_service",
        ),
    ],
    workaround=text(
        "phone hotspot for the terminal, or the shop's QR code",
        "终端改用手机热点，或让顾客扫店内收款码",
    ),
)
HOST_SILENT = cause(
    "host_silent",
    "Acquirer's host does not answer",
    "收单主机没有应答",
    0.12,
    group="host",
    because=[
        weight(
            "weak",
            "no echo answer within 12.0 s (cut by the run's budget)",
            "12.0 秒内没有回响应答（本次运行时间已到）",
        )
    ],
    although=[
        weight("some", "TCP and TLS to it were fine a minute ago", "一分钟前 TCP 与 TLS 正常")
    ],
    fixes=[
        fix(
            "call_help_desk",
            "Ask the acquirer's help desk.",
            "致电收单机构客服。",
            minutes=10.0,
            actor="acquirer",
            works=0.97,
            effect="loses_data",
        )
    ],
)
OTHER = cause("other", "other", "其他", 0.06, group=None)
NOTHING = cause("nothing_wrong_now", "nothing", "无", 0.04, group=None)
TINY = cause("paper_out", "Paper is out", "缺纸", 0.01, group="device")


def evidence(en: str, zh: str, likelihood: list[float]) -> dict[str, Any]:
    return {
        "variable": "gateway_loss",
        "level": "none",
        "likelihood": likelihood,
        "text": text(en, zh),
        "observations": ["gateway.lost"],
        "vantage": "laptop",
    }


FINE = [
    evidence("gateway answers in 2 ms", "网关 2 毫秒应答", [1.0, 0.1]),
    evidence("no loss in 20 round trips", "20 次往返无丢包", [1.0, 0.2]),
    evidence("TLS certificate is valid for 200 days", "TLS 证书还有 200 天有效", [1.0, 0.0]),
    evidence("printer has paper", "打印机有纸", [1.0, 0.0]),
]
BAD = evidence("192.168.1.1 silent to 3 queries", "192.168.1.1 三次查询均无应答", [0.01, 1.0])


def gap(en: str, zh: str, reason: str) -> dict[str, Any]:
    return {"variable": "x", "title": text(en, zh), "reason": reason}


def test_of(kind: str, en: str, zh: str, **other: object) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": "echo",
        "text": text(en, zh),
        "seconds": 120.0,
        "actor": "technician",
        "effect": "safe",
        "bits": 0.8,
        "command": "posdiag run --fact echo=ok",
    } | other


ECHO = test_of(
    "action",
    "Echo test from the terminal's menu: tells the shop's network from the host",
    "在终端菜单做回响测试：区分店内网络与主机",
)
TIME = {
    "stages": [
        {"stage": "name", "seconds": 15.0, "state": "silent", "detail": ""},
        {"stage": "connect", "seconds": 0.03, "state": "measured"},
        {"stage": "tls", "seconds": None, "state": "unknown"},
        {"stage": "host", "seconds": 12.0, "state": "censored"},
    ],
    "timer_s": 60.0,
    "timer_basis": "menu",
    "exceeds": 0.31,
    "exceeds_low": 0.24,
    "exceeds_high": 0.39,
    "samples": 20,
}
NO_TIME = {
    "stages": [
        {"stage": stage, "seconds": None, "state": "unknown"}
        for stage in ("name", "connect", "tls", "host")
    ],
    "timer_s": None,
    "timer_basis": "unknown",
}


def seen(name: str, result: dict[str, Any], **other: object) -> dict[str, Any]:
    return {"name": name, "result": result} | other


OUTCOMES: list[dict[str, Any]] = [
    {
        "status": "completed",
        "probe": "dns",
        "start_s": 0.0,
        "end_s": 15.2,
        "observations": [
            seen(
                "name_lookup.time",
                {"kind": "failed", "failure": "silent", "operation": "resolve", "waited_s": 5.0},
                subject="192.168.1.1",
                part="shop_network",
            ),
            seen(
                "gateway.round_trip",
                {"kind": "measured", "value": [0.002, 0.003, 0.009], "unit": "s"},
                subject="192.168.1.1",
            ),
        ],
        "unmeasured": [
            {"name": "host_tls.*", "reason": "earlier_step_failed", "detail": "no address"}
        ],
    },
    {"status": "not_run", "probe": "printer", "reason": "not_declared"},
    {"status": "crashed", "probe": "power", "error": "ValueError", "traceback": ["a.py:1 f"]},
]
PLAN = [
    {
        "probe": "dns",
        "targets": ["192.168.1.1"],
        "sends": "One name query per try.",
        "effect": "safe",
    },
    {
        "probe": "printer",
        "targets": [],
        "sends": "A status request.",
        "effect": "safe",
        "left_out": "not_declared",
    },
]
UNKNOWN = [
    gap("printer", "打印机", "not_declared"),
    gap("card", "银行卡", "not_declared"),
    gap("terminal's clock", "终端时钟", "no_observation"),
    gap("host's answer", "主机应答", "masked"),
]
BASE: dict[str, Any] = {
    "posdiag_version": "0.1.0",
    "knowledge_version": "1",
    "created_at": "2026-01-02T03:04:05Z",
    "end": "finished",
    "exit_code": 2,
    "site": {
        "name": "Corner shop",
        "terminal": "generic_countertop_eth",
        "acquirer": None,
        "tid": "****1234",
        "laptop_at": "same_lan",
        "simulated": False,
        "missing": ["acquirer: --acquirer ID (on the sticker below the terminal)"],
    },
    "complaint": {"kind": "sign_on", "outcome": "failed"},
    "case": {"path_shared": "no"},
    "state": "fault",
    "diagnoses": [DNS_SILENT, HOST_SILENT, OTHER, NOTHING, TINY],
    "evidence": [*FINE, BAD],
    "unknown": UNKNOWN,
    "next_test": ECHO,
    "other_tests": [
        test_of(
            "probe", "Ask the name server again", "再次查询名称服务器", command="posdiag probe dns"
        )
    ],
    "time_budget": TIME,
    "also_fix": [
        fix(
            "paper",
            "Paper is nearly out: put in a new roll.",
            "纸将用尽：换一卷新纸。",
            minutes=1.0,
        )
    ],
    "conflict": False,
    "separable": True,
    "facts": [
        seen(
            "fact.screen",
            {"kind": "measured", "value": "通讯超时"},
            vantage="operator",
            part="operator",
        )
    ],
    "plan": PLAN,
    "outcomes": OUTCOMES,
    "basis": text("expert priors, 0 confirmed visits", "专家先验，0 次现场确认"),
    "saved_to": "/home/tech/.local/state/posdiag/reports/2026-01-02T030405Z.json",
}
SITE: dict[str, Any] = BASE["site"]
VARIANTS: dict[str, dict[str, Any]] = {
    "fault": {},
    "cannot_say": {
        "state": "cannot_say",
        "exit_code": 3,
        "diagnoses": [HOST_SILENT | {"posterior": 0.18}, DNS_SILENT | {"posterior": 0.16}, OTHER],
        "evidence": FINE,
        "unknown": [gap("host's answer", "主机应答", "not_reachable_from_here"), *UNKNOWN],
        "time_budget": NO_TIME,
        "also_fix": [],
    },
    "risk": {
        "state": "risk",
        "exit_code": 1,
        "diagnoses": [NOTHING | {"posterior": 0.5}, DNS_SILENT | {"posterior": 0.3}, OTHER],
        "complaint": {"kind": "sign_on", "outcome": "unknown"},
        "end": "budget_spent",
    },
    "nothing_wrong": {
        "state": "nothing_wrong",
        "exit_code": 0,
        "diagnoses": [NOTHING | {"posterior": 0.83}, OTHER],
        "evidence": FINE,
        "site": SITE | {"laptop_at": "terminal_cable", "missing": []},
        "case": {"path_shared": "yes"},
        "next_test": None,
        "other_tests": [],
        "time_budget": TIME | {"exceeds": 0.0, "exceeds_low": 0.0, "exceeds_high": 0.004},
        "outcomes": OUTCOMES[:1],
        "also_fix": [],
    },
    "empty": {
        "state": "cannot_say",
        "exit_code": 3,
        "diagnoses": [],
        "evidence": [],
        "unknown": [],
        "next_test": None,
        "other_tests": [],
        "time_budget": NO_TIME,
        "also_fix": [],
        "facts": [],
        "plan": [],
        "outcomes": [],
        "saved_to": "",
    },
    "interrupted": {
        "end": "interrupted",
        "exit_code": 130,
        "conflict": True,
        "separable": False,
        "case": {"path_shared": "unknown"},
    },
    "all_not_run": {
        "state": "cannot_say",
        "exit_code": 3,
        "diagnoses": [DNS_SILENT | {"posterior": 0.1, "because": [], "although": []}],
        "evidence": [],
        "outcomes": [
            {"status": "not_run", "probe": name, "reason": reason}
            for name, reason in (("dns", "no_permission"), ("printer", "not_declared"))
        ],
        "facts": [],
        "time_budget": NO_TIME,
        "site": SITE | {"laptop_at": "unknown", "simulated": True},
    },
}


@pytest.fixture
def sample() -> Callable[[str], Report]:
    """Return the report of a variant by its name."""

    def build(name: str) -> Report:
        return msgspec.convert(BASE | VARIANTS[name], Report)

    return build


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "variant" in metafunc.fixturenames:
        metafunc.parametrize("variant", sorted(VARIANTS))
