"""The page on a cause and the page on a message."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from posdiag.model.knowledge import KnowledgeBase
from posdiag.model.messages import CodeMeaning, CodeOrigin, Match
from posdiag.report.explain_page import cause_page, message_page
from posdiag.text.width import display_width


def text(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def cause(name: str, **other: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": text(f"Title of {name}", f"{name} 的名称"),
        "group": "network",
        "share": 60,
        "s": 0.9,
        "rationale": "the router answers names for the terminal",
        "source": "expert guess",
        "test": {
            "text": text("ask another name server", "改问另一台域名服务器"),
            "seconds": 30,
            "actor": "technician",
        },
        "fixes": [
            {
                "id": f"{name}_restart",
                "text": text("Restart the router.", "重启路由器。"),
                "minutes": 3,
                "actor": "merchant",
                "works": 0.8,
                "effect": "interrupts_service",
            },
            {
                "id": f"{name}_replace",
                "text": text("Replace the router.", "更换路由器。"),
                "minutes": 4320,
                "actor": "it",
                "works": 0.97,
                "verify": text("names resolve", "域名能解析"),
            },
        ],
        "workaround": text("use a phone's hotspot", "改用手机热点"),
        "warning": text("look-ups take longer each week", "解析时间逐周变长"),
    } | other


def variable(name: str, **other: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": text(f"{name} seen", f"{name} 情况"),
        "family": "names",
        "levels": ["answers", "silent"],
        "base": [0.95, 0.05],
        "seconds": 5,
        "says": {
            "silent": text(
                "{subject} silent to {value} queries", "{subject} 对 {value} 次查询无应答"
            )
        },
        "source": "expert guess",
    } | other


def knowledge(**other: Any) -> KnowledgeBase:
    meta = {
        "version": "1",
        "kappa": 1.0,
        "nff_share": 0.1,
        "other_share": 0.1,
        "other_s": 0.5,
        "epsilon": 0.001,
        "family_rho": 0.5,
        "other_mix_uniform": 0.5,
        "other_shifts": {},
        "pairs": {},
        "groups": {"network": text("Network and congestion", "网络拥堵")},
    }
    first = cause(
        "resolver_silent",
        shifts={"resolver": [0.1, 0.9], "weak_sign": [0.94, 0.06], "echo": [0.5, 0.5]},
        confusable=["host_silent", "not_there"],
        classes=["eth", "wifi"],
    )
    second = cause("host_silent", when={"site": "signon_needs_card", "yes": 0.95, "no": 0.0})
    message = {
        "id": "timeout",
        "family": "timeouts",
        "wordings": ["通讯超时", "COMM TIMEOUT"],
        "meaning": text("no answer came in time", "没有及时收到应答"),
        "says": {"resolver": {"silent": 0.9, "answers": 0.2}, "gone": {"x": 1.0}},
        "source": "unconfirmed",
    }
    found = {
        "meta": meta,
        "causes": [first, second],
        "variables": [variable("resolver"), variable("weak_sign"), variable("echo", says={})],
        "messages": [message],
    }
    return msgspec.convert(found | other, KnowledgeBase)


def page(name: str, language: Literal["en", "zh"] = "en", width: int = 80) -> str:
    known = knowledge()
    found = next(cause for cause in known.causes if cause.id == name)
    return cause_page(found, known, language=language, width=width).plain()


def test_page_in_english() -> None:
    assert (
        page("resolver_silent")
        == """\
Title of resolver_silent
Network and congestion · resolver_silent

What it is     the router answers names for the terminal
How often      about 60 of 1000 failed sign-ons (expert prior, before anything
               is measured)
               alone it stops a sign-on 9 in 10
               only on links of the kind eth, wifi

Signs of it    resolver seen: ... silent to ... queries          90 %, else 5 %
               echo seen: silent                                 50 %, else 5 %
Mistaken for   Title of host_silent                                 host_silent
               not_there                                              not_there
Cheapest test  ask another name server
               30 s · technician · safe

Fixes          Restart the router.
               3 min · merchant · works 8 in 10 · interrupts service
               then check: one sign-on at the terminal, watched
               Replace the router.
               3 days · the shop's IT · works more than 9 in 10 · safe
               then check: names resolve
Meanwhile      use a phone's hotspot
Seen coming    look-ups take longer each week
Source         expert guess
"""
    )


def test_page_in_chinese() -> None:
    shown = page("resolver_silent", "zh")
    for part in (
        "网络拥堵 · resolver_silent",
        "resolver 情况：... 对 ... 次查询无应答",
        "90 %，否则 5 %",
        "3 分钟 · 商户可做 · 八成有效 · 会中断营业",
        "改用手机热点",
        "解析时间逐周变长",
    ):
        assert part in shown
    assert "works" not in shown


def test_a_cause_that_needs_a_card_says_so() -> None:
    shown = " ".join(page("host_silent").split())
    assert "more than 9 in 10 where that needs a card, else less than 1 in 10" in shown
    assert "Signs of it" not in shown


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80])
def test_pages_fit(language: Literal["en", "zh"], width: int) -> None:
    known = knowledge()
    for shown in (
        page("resolver_silent", language, width),
        page("host_silent", language, width),
        spoken("通讯超时", known, language, width),
    ):
        assert all(display_width(line) < width for line in shown.splitlines())


def spoken(
    text: str, known: KnowledgeBase, language: Literal["en", "zh"] = "en", width: int = 80
) -> str:
    found = [Match(message, sure=True, wording=text) for message in known.messages]
    return message_page(text, found, [], known, language=language, width=width).plain()


def test_message_page() -> None:
    known = knowledge()
    shown = spoken("通讯超时", known)
    assert shown.splitlines()[0] == "no answer came in time"
    assert "Unconfirmed    通讯超时 / COMM TIMEOUT" in shown
    assert "Speaks for     resolver seen: ... silent to ... queries" in shown
    assert "A message is a hint and no cause" in shown
    assert 'posdiag run --fact screen="通讯超时"' in shown
    assert "gone" not in shown


def test_a_message_that_nobody_knows() -> None:
    shown = message_page("E99", [], [], knowledge(), language="en").plain()
    assert shown.startswith('"E99" is in no list of messages\n')
    assert '"E99"' in message_page("E99", [], [], knowledge(), language="zh").plain()


def test_a_code_is_told_from_who_made_it() -> None:
    known = knowledge()
    codes = [CodeMeaning(known.messages[0], "99", origin) for origin in CodeOrigin]
    shown = message_page("99", [], codes, known, language="en").plain()
    assert "99 in the host's answer" in shown
    assert "99 made up by the terminal itself" in shown
    assert 'posdiag run --fact screen_code="99"' in shown
