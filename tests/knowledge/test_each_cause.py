"""For each cause what a person would see and type, and nothing measured: it must come first."""

from __future__ import annotations

from typing import Any

import pytest

from posdiag.diagnose import diagnose
from posdiag.diagnose.evidence import Gaps
from posdiag.knowledge import load_knowledge
from posdiag.model.knowledge import Case
from posdiag.model.observation import Measured, Observation, Value, Vantage
from posdiag.model.report import Verdict
from posdiag.model.site import LinkClass, YesNo
from posdiag.site.facts import check_facts, fact_table

KNOWLEDGE = load_knowledge()
SHEET = {"host": "pos.example", "port": "7001", "nii": "0003", "tid": "12345678"}

# cause -> link class, facts
SEEN: dict[str, tuple[str, dict[str, Value]]] = {
    "op_repeat_keys": ("eth", {"presses": 7, "trial": "ok"}),
    "op_prompt_abandoned": ("eth", {"prompt_left": True, "last_progress": "none"}),
    "op_login_locked": ("eth", {"login_error": True, "last_progress": "none"}),
    "op_batch_unsettled": ("eth", {"screen": "请先结算", "settle_prompt": True}),
    "net_peak_congestion": (
        "cell",
        {"phone_same_network": "slow", "busy_hour_only": "only_busy", "neighbours": "some_fail"},
    ),
    "net_local_saturation": (
        "eth",
        {"quicker_with_others_paused": True, "phone_same_network": "slow", "neighbours": "ok"},
    ),
    "net_lan_unplugged": ("eth", {"lan_led": "off", "last_progress": "connecting"}),
    "net_lan_flaky": ("eth", {"lan_led": "comes_and_goes", "switch_port_errors": 60}),
    "net_gateway_down": (
        "wifi",
        {"router_lights": "all_off", "wifi_joined": "yes", "last_progress": "connecting"},
    ),
    "net_isp_outage": ("eth", {"router_lights": "internet_off", "neighbours": "ok"}),
    "net_dns_failure": ("eth", {"screen": "域名解析失败", "menu_host": "pos.example"}),
    "net_firewall_block": (
        "eth",
        {
            "screen": "连接主机失败",
            "phone_same_network": "opens",
            "menu_port": 7001,
            "neighbours": "ok",
            "lan_led": "on",
            "mode_fits_wiring": True,
            "trial": "fails",
        },
    ),
    "net_nat_idle_drop": ("eth", {"second_try_ok": True}),
    "net_mtu_blackhole": ("eth", {"large_packets": "lost", "screen": "SSL握手失败"}),
    "net_wifi_weak": ("wifi", {"wifi_bars": 1, "wifi_joined": "yes"}),
    "net_wifi_auth": ("wifi", {"wifi_joined": "no"}),
    "net_cell_weak": ("cell", {"csq": 5, "cell_registered": "comes_and_goes"}),
    "net_sim_suspended": ("cell", {"screen": "未检测到SIM卡", "modem_found": True, "csq": 20}),
    "net_pstn_line": ("dial", {"dial_tone": "no", "modem_found": True}),
    "net_bt_drop": ("bt", {"bt_connected": "drops"}),
    "dev_paper_out": ("eth", {"paper": "none", "screen": "缺纸"}),
    "dev_paper_jam": ("eth", {"printer_feeds": "jammed", "screen": "卡纸"}),
    "dev_printer_fault": ("eth", {"printer_feeds": "nothing", "paper": "enough"}),
    "dev_power_unstable": ("eth", {"flickers_when_touched": True, "reboots_today": 6}),
    "dev_battery_weak": ("cell", {"battery_percent": 4, "signal_bars": 4}),
    "dev_serial_cable": ("eth", {"serial_plug": "loose", "screen": "密码键盘错误"}),
    "dev_modem_fault": ("cell", {"modem_found": False}),
    "dev_pinpad_fault": ("eth", {"pinpad": "dark", "serial_plug": "firm", "tamper_message": False}),
    "dev_terminal_hang": ("android", {"menu_opens_s": 120}),
    "dev_reader_fault": ("eth", {"cards": "all", "this_card": "not_read"}),
    "host_maintenance": ("eth", {"notice": "now", "screen_code": "96", "neighbours": "all_fail"}),
    "host_outage": (
        "eth",
        {
            "notice": "none",
            "screen": "连接主机失败",
            "neighbours": "all_fail",
            "busy_hour_only": "any_hour",
        },
    ),
    "host_overload": ("eth", {"echo": "slow", "menu_timer": 60, "neighbours": "some_fail"}),
    "host_backend_no_reply": (
        "eth",
        {"echo": "silent", "menu_nii": "6000030000", "neighbours": "ok", "trial": "fails"},
    ),
    "host_merchant_disabled": ("eth", {"screen_code": "97", "menu_tid": "12345678"}),
    "card_expired": ("eth", {"card_date_over": True, "this_card": "rejected"}),
    "card_damaged": (
        "eth",
        {"this_card": "not_read", "reader_good_card": "read", "card_date_over": False},
    ),
    "card_blocked": (
        "eth",
        {"this_card": "rejected", "reader_good_card": "read", "card_date_over": False},
    ),
    "set_timeout_short": ("eth", {"menu_timer": 5}),
    "set_wrong_host": ("eth", {"menu_host": "old.example", "screen": "连接主机失败"}),
    "set_access_params": ("cell", {"screen": "APN设置错误", "csq": 22, "cell_registered": "yes"}),
    "set_ip_params": ("eth", {"menu_ip_mode": "static_other_net"}),
    "set_wrong_tid": ("eth", {"menu_tid": "12345679", "screen_code": "97"}),
    "set_airplane_mode": ("android", {"airplane_mode": True}),
    "set_comm_mode": ("eth", {"mode_fits_wiring": False}),
    "sec_key_missing": ("eth", {"keys_missing": True, "tamper_message": False}),
    "sec_key_mismatch": ("eth", {"screen_code": "A0"}),
    "sec_tamper": ("eth", {"tamper_message": True}),
    "sec_cert_expired": ("eth", {"screen": "证书已过期", "clock_off_minutes": 0}),
    "net_tls_inspection": ("eth", {"issuer_elsewhere": "known_one", "screen": "SSL握手失败"}),
    "sec_tls_mismatch": ("eth", {"screen": "SSL握手失败", "software_is_latest": False}),
    "clk_wrong_time": ("eth", {"screen": "证书未生效", "clock_off_minutes": 3000000}),
}


CARD = ["card_expired", "card_damaged", "card_blocked", "dev_reader_fault"]
PRINTER = ["dev_paper_out", "dev_paper_jam", "dev_printer_fault"]


def told(
    link: str, facts: dict[str, Any], *, card: YesNo = YesNo.NO, printer: YesNo = YesNo.NO
) -> Verdict:
    checked, mistakes = check_facts(facts, file="test")
    assert not mistakes
    table = fact_table()
    seen = [
        Observation(
            name=f"fact.{name}",
            vantage=Vantage.OPERATOR,
            part=table[name].part,
            result=Measured(value, table[name].unit),
        )
        for name, value in checked.items()
    ]
    return diagnose(
        KNOWLEDGE,
        Case(
            link_class=LinkClass(link),
            dialect="unionpay",
            expected=SHEET,
            signon_needs_card=card,
            signon_needs_printer=printer,
        ),
        seen,
        Gaps([], {}, {}),
    )


def test_every_cause_has_its_signs_here() -> None:
    assert set(SEEN) == {cause.id for cause in KNOWLEDGE.causes}


def needs(cause: str, causes: list[str]) -> YesNo:
    return YesNo.YES if cause in causes else YesNo.NO


@pytest.mark.parametrize("cause", list(SEEN))
def test_cause_comes_first(cause: str) -> None:
    verdict = told(*SEEN[cause], card=needs(cause, CARD), printer=needs(cause, PRINTER))
    order = [(found.cause, round(found.posterior, 3)) for found in verdict.diagnoses]
    assert order[0][0] == cause, order[:4]


@pytest.mark.parametrize("cause", CARD + PRINTER)
def test_what_a_sign_on_does_not_need_is_there_and_no_reason(cause: str) -> None:
    link, facts = SEEN[cause]
    facts = {name: value for name, value in facts.items() if name != "screen"}
    before = {found.cause: found for found in told(link, {}).diagnoses}[cause]
    after = {found.cause: found for found in told(link, facts).diagnoses}[cause]
    assert after.present > 5 * before.present
    assert after.posterior < 0.01
