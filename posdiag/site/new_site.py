"""Writes a new site file, with notes on where to read what is still missing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec

from posdiag.model.site import LaptopAt
from posdiag.model.text import Language, Text
from posdiag.site.missing import missing_hints


class NewSite(msgspec.Struct, frozen=True, kw_only=True):
    """Answers for a new site file; what is empty is written as a comment to fill in.

    Attributes:
        terminal: profile id or path.
        acquirer: likewise.
        host: address of the acquirer's host, as the sheet or the menu has it.
        port: its port; only with ``host``.
        tls: whether the host is spoken to in TLS.
        gateway: empty: the system's.
        resolvers: empty: the system's.
        printer: port of the receipt printer.
        facts: checked facts.
    """

    name: str = ""
    terminal: str = ""
    acquirer: str = ""
    laptop_at: LaptopAt = LaptopAt.UNKNOWN
    tid: str = ""
    mid: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False
    gateway: str = ""
    resolvers: list[str] = []
    printer: str = ""
    facts: Mapping[str, bool | int | float | str] = {}


_HEAD = Text(
    en="A shop as posdiag knows it. Lines with # are still to be filled in.",
    zh="posdiag 的站点文件。以 # 开头的行待填写。",
)
_NAME = Text(en="Name of the shop, for reports.", zh="门店名称，显示在报告中。")
_NETWORK = Text(
    en="The shop's network; without it the laptop's own settings count.",
    zh="门店网络；不填则使用本机的设置。",
)
_SET = Text(
    en="Values of the acquirer's sheet that go before the profile's.",
    zh="收单机构装机单上的值，优先于收单配置。",
)
_DEVICES = Text(
    en="Devices that may be asked; posdiag ports shows what is plugged in.",
    zh="可以查询的设备；用 posdiag ports 查看已连接的设备。",
)
_FACTS = Text(
    en="What a person saw; posdiag schema --facts lists what can be said.",
    zh="现场看到的情况；可填写的项目见 posdiag schema --facts。",
)


def site_text(answers: NewSite, *, language: Language = "en") -> str:
    """Return a site file as TOML, with comments in one language.

    Args:
        answers: what is known.
        language: of the comments.
    """
    hints = missing_hints()

    def note(text: Text) -> str:
        return f"# {text.in_language(language)}"

    lines = [note(_HEAD), "", note(_NAME), _line("name", answers.name, "Corner shop")]
    for key, value, example in (
        ("terminal", answers.terminal, "generic_countertop_eth"),
        ("acquirer", answers.acquirer, "unionpay_tls_public"),
        ("laptop_at", _known(answers.laptop_at), "same_lan"),
        ("tid", answers.tid, "00001234"),
        ("mid", answers.mid, "123456789012345"),
    ):
        lines += ["", note(hints[key]), _line(key, value, example)]
    lines += ["", note(_NETWORK), "[network]", _line("gateway", answers.gateway, "192.168.1.1")]
    lines += [note(hints["network.resolvers"])]
    lines += [_line("resolvers", list(answers.resolvers), ["192.168.1.1"])]
    lines += ["", note(_DEVICES), *_printer(answers.printer)]
    lines += ["", note(_FACTS), "[facts]", *(_line(key, v, v) for key, v in answers.facts.items())]
    if "screen" not in answers.facts:
        lines.append(_line("screen", "", "通讯超时"))
    lines += ["", note(_SET), "[set]", note(hints["acquirer.hosts"]), _hosts(answers)]
    lines += [note(hints["acquirer.echo.tpdu"]), _line('"acquirer.echo.tpdu"', "", "6000030000")]
    return "\n".join(lines) + "\n"


def _known(where: LaptopAt) -> str:
    return "" if where is LaptopAt.UNKNOWN else str(where)


def _line(key: str, value: object, example: object) -> str:
    if value in ("", []):
        return f"# {key} = {_toml(example)}"
    return f"{key} = {_toml(value)}"


def _printer(port: str) -> list[str]:
    lines = ["[[devices]]", 'kind = "printer"', f"port = {_toml(port or '/dev/ttyUSB0')}"]
    return lines if port else [f"# {line}" for line in lines]


def _hosts(answers: NewSite) -> str:
    host = {
        "role": "primary",
        "address": answers.host or "192.0.2.10",
        "port": answers.port or 8583,
        "tls": answers.tls,
    }
    line = f'"acquirer.hosts" = [{_toml(host)}]'
    return line if answers.host and answers.port and answers.acquirer else f"# {line}"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return "{ " + inside + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, str):
        # JSON's texts are TOML's, but for DEL; a lone surrogate is no text at all.
        sound = re.sub("[\ud800-\udfff]", "\ufffd", value)
        return json.dumps(sound, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
