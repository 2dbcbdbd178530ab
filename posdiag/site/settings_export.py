"""Reads a terminal's settings, from an export or as somebody typed them, as facts.

An export is CSV, INI, JSON or plain lines; each maker calls the values differently, so
labels are looked up in a table of names. A label that is not in the table is passed over, and its
value is never kept: exports hold keys and passwords too.
"""

from __future__ import annotations

import configparser
import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from posdiag.model.errors import Mistake, SiteError
from posdiag.model.observation import Value
from posdiag.site.facts import FactTable, parse_fact
from posdiag.site.facts_file import STDIN
from posdiag.site.toml_file import MAX_BYTES, read_text

LABELS: Mapping[str, tuple[str, ...]] = {
    "menu_host": (
        *("host", "host ip", "host address", "primary host", "primary ip", "pri host ip"),
        *("server", "server ip", "server address", "server host", "remote ip", "ip1", "host name"),
        *("主机ip", "主机地址", "主机ip地址", "服务器ip", "服务器地址", "服务器主机ip", "主用ip"),
        *("主机ip1", "第一主机ip", "主服务器ip", "中心ip", "银行主机ip", "通讯ip", "目的ip"),
    ),
    "menu_port": (
        *("port", "host port", "primary port", "pri host port", "server port", "remote port"),
        *(
            "port1",
            "tcp port",
            "端口",
            "主机端口",
            "端口号",
            "服务器端口",
            "主机端口号",
            "主用端口",
        ),
        *("主机端口1", "第一主机端口", "主服务器端口", "中心端口", "通讯端口", "目的端口"),
    ),
    "menu_nii": ("tpdu", "nii", "tpdu地址", "tpdu nii", "网络标识", "nii地址"),
    "menu_tid": (
        *("tid", "terminal id", "terminal number", "terminal no", "term id", "card acceptor tid"),
        *("终端号", "终端编号", "终端代码", "终端id", "受卡机终端标识码"),
    ),
    "menu_mid": (
        *("mid", "merchant id", "merchant number", "merchant no", "card acceptor id"),
        *("商户号", "商户编号", "商户代码", "商户id", "受卡方标识码"),
    ),
    "menu_apn": (
        "apn",
        "apn name",
        "access point",
        "access point name",
        "接入点",
        "apn名称",
        "接入点名称",
    ),
    "menu_dial_number": (
        *("phone number", "phone 1", "dial number", "telephone", "telephone number", "phone"),
        *("电话号码", "拨号号码", "电话号码1", "交易电话号码1", "第一电话号码", "交易电话"),
    ),
    "menu_timer": (
        *("response timeout", "receive timeout", "recv timeout", "host timeout", "timeout"),
        *("response time out", "net resp time", "tcp timeout", "response timer", "timer"),
        *(
            "超时时间",
            "应答超时",
            "接收超时",
            "接收超时时间",
            "应答超时时间",
            "通讯超时时间",
            "响应超时",
        ),
        *("交易超时时间", "等待应答时间", "超时"),
    ),
    "menu_attempts": (
        *("retries", "retry count", "attempts", "redial", "redial count", "connect attempts"),
        *("重拨次数", "重试次数", "连接次数", "拨号次数", "重连次数"),
    ),
    "menu_comm_mode": (
        "comm mode",
        "comm type",
        "communication",
        "通讯方式",
        "通讯类型",
        "连接方式",
    ),
    "menu_ip_mode": ("dhcp", "ip mode", "use dhcp", "ip获取方式", "自动获取ip", "ip方式"),
}
"""Fact -> what exports and menus call it; compared without blanks, signs and case."""

_CHOICES: Mapping[str, Mapping[str, str]] = {
    "menu_comm_mode": {
        **dict.fromkeys(("ethernet", "lan", "tcpip", "tcp", "以太网", "网线", "有线"), "eth"),
        **dict.fromkeys(("dial", "modem", "pstn", "拨号", "电话线", "电话"), "dial"),
        **dict.fromkeys(("wifi", "wlan", "无线局域网"), "wifi"),
        **dict.fromkeys(("gprs", "4g", "3g", "cdma", "lte", "sim", "移动网络", "无线"), "cell"),
        **dict.fromkeys(("bluetooth", "bt", "蓝牙"), "bt"),
    },
    "menu_ip_mode": {
        **dict.fromkeys(
            ("1", "on", "yes", "true", "auto", "dhcp", "开", "是", "自动", "自动获取"), "dhcp"
        ),
    },
}
_SEPARATOR = re.compile(r"^\s*(?P<label>[^:：=＝\t,;|]{1,60}?)\s*[:：=＝\t|]\s*(?P<value>.+?)\s*$")
_BLANK = re.compile(r"^\s*(?P<label>\S.{0,60}?)\s+(?P<value>\S+)\s*$")
_MILLISECONDS = re.compile(r"^(?P<number>[0-9]{4,6})\s*(ms|毫秒)?$", re.IGNORECASE)
_SECONDS = re.compile(r"\s*(秒钟?|sec|secs|seconds|s)$", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"^(?P<host>[^\s:/]+):(?P<port>[0-9]{1,5})$")


@dataclass(frozen=True, slots=True)
class Found:
    """One labelled value and the place where it stands."""

    place: str
    label: str
    value: str


@dataclass(slots=True)
class SettingsRead:
    """What an export says.

    Attributes:
        facts: checked.
        origins: fact -> where its value came from.
        passed_over: how many labelled values have no fact; they are not kept.
    """

    facts: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    passed_over: int = 0


def read_settings(
    path: Path, table: FactTable | None = None, *, stdin: TextIO | None = None
) -> SettingsRead:
    """Return the settings of an export.

    Args:
        path: in UTF-8 or GB18030; ``-`` is standard input: pasted, or typed until an empty line.
        table: of facts; None: our own.
        stdin: standard input.

    Raises:
        SiteError: with every mistake: unreadable, nothing that is known, or a value that cannot be.
    """
    if str(path) != STDIN:
        text = read_text(path, encodings=("utf-8-sig", "gb18030"))
        return settings_of(text, file=str(path), table=table)
    if stdin is None:
        raise SiteError([Mistake("--settings", "", "a file", "- without standard input")])
    return settings_of(typed_text(stdin), file="standard input", table=table, typed=True)


def typed_text(stdin: TextIO) -> str:
    """Return what is piped, or what somebody types until an empty line."""
    if not stdin.isatty():
        return stdin.read(MAX_BYTES)
    return "".join(iter(stdin.readline, "\n"))


def settings_of(
    text: str, *, file: str, table: FactTable | None = None, typed: bool = False
) -> SettingsRead:
    """Return the settings of a text; its form is told from what it holds.

    Args:
        text: JSON, CSV with a label and a value per row or a heading and one row, INI, or lines
            ``label: value``.
        file: name in the messages.
        table: of facts; None: our own.
        typed: it was typed or pasted: lines, whatever they look like.

    Raises:
        SiteError: as :func:`read_settings`.
    """
    known = {_plain(name): fact for fact, names in LABELS.items() for name in (fact, *names)}
    read, mistakes = SettingsRead(), []
    for one in _lines(text, "typed") if typed and not _is_json(text) else _found(text, file):
        fact = known.get(_plain(one.label))
        if fact is None:
            read.passed_over += 1
            continue
        mistakes += _take(read, fact, one, file, table)
    if not read.facts and not mistakes:
        wish = "settings of a terminal: host, port, TPDU, terminal number, APN, timer ..."
        mistakes.append(Mistake(file, "", wish, "none of these names"))
    if mistakes:
        raise SiteError(mistakes)
    return read


def _take(
    read: SettingsRead, fact: str, one: Found, file: str, table: FactTable | None
) -> list[Mistake]:
    """Put one value into what was read; the first of two of a kind counts (the primary host's)."""
    origin = f"{one.place}: {one.label}"
    values = {fact: one.value}
    both = _HOST_AND_PORT.match(one.value)
    if fact == "menu_host" and both:
        values = {"menu_host": both["host"], "menu_port": both["port"]}
    mistakes = []
    for name, value in values.items():
        if name in read.facts:
            continue
        try:
            checked = parse_fact(f"{name}={_meant(name, value)}", table, file=file)[1]
        except SiteError as wrong:
            mistakes += [
                Mistake(file, origin, mistake.expected, mistake.found) for mistake in wrong.mistakes
            ]
            continue
        read.facts[name], read.origins[name] = checked, origin
    return mistakes


def _meant(fact: str, value: str) -> str:
    """Return a value as the table of facts writes it."""
    if fact in _CHOICES:
        return _CHOICES[fact].get(_plain(value), value)
    if fact == "menu_timer":
        long = _MILLISECONDS.match(value)
        return str(int(long["number"]) / 1000) if long else _SECONDS.sub("", value)
    return value


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def _is_json(text: str) -> bool:
    # "[section]" begins an INI file.
    return re.match(r"\s*(\{|\[\s*[\[{])", text) is not None


def _found(text: str, file: str) -> Iterator[Found]:
    """Yield labelled values, by the form of the text."""
    if _is_json(text):
        try:
            yield from _in_json(json.loads(text), "json")
        except (ValueError, RecursionError):
            raise SiteError([Mistake(file, "", "JSON", "other text")]) from None
        return
    first = next((line for line in text.splitlines() if line.strip()), "")
    if re.match(r"^\s*\[[^\]]+\]\s*$", first):
        yield from _in_ini(text, file)
        return
    delimiter = max(",;\t", key=first.count)
    if delimiter in first and not _SEPARATOR.match(first.partition(delimiter)[0]):
        yield from _in_table(text, delimiter)
        return
    yield from _lines(text, "pasted")


def _in_json(value: object, place: str) -> Iterator[Found]:
    """Yield every number and text; a table with a name and a value is one labelled value."""
    if isinstance(value, Mapping):
        keys = {str(key).casefold(): key for key in value}
        name = next((keys[key] for key in ("name", "label", "key", "名称") if key in keys), None)
        held = next((keys[key] for key in ("value", "val", "值") if key in keys), None)
        if name is not None and held is not None and not isinstance(value[held], dict | list):
            yield Found(place, str(value[name]), str(value[held]))
            return
        for key, inner in value.items():
            if isinstance(inner, Mapping | list):
                yield from _in_json(inner, f"{place}.{key}")
            elif inner is not None:
                yield Found(place, str(key), str(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _in_json(inner, f"{place}[{at}]")


def _in_ini(text: str, file: str) -> Iterator[Found]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # labels as they stand
    try:
        parser.read_string(text)
    except configparser.Error as refusal:
        wish = "an INI file: [section], name=value"
        raise SiteError([Mistake(file, "", wish, str(refusal).partition("\n")[0])]) from None
    for section in parser.sections():
        for label, value in parser[section].items():
            yield Found(f"ini [{section}]", label, value)


def _in_table(text: str, delimiter: str) -> Iterator[Found]:
    """Yield the cells of a table: a heading above one terminal's row, else a label in front."""
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    names = {_plain(name) for names in LABELS.values() for name in names}
    heading = [_plain(cell) in names for cell in rows[0]]
    if sum(heading) > 1 and len(rows) == 2:
        for label, value in zip(rows[0], rows[1], strict=False):
            if _cell(value):
                yield Found("csv, line 2", label.strip(), _cell(value))
        return
    for number, row in enumerate(rows, 1):
        cells = [_cell(cell) for cell in row]
        at = next((at for at, cell in enumerate(cells[:-1]) if _plain(cell) in names), 0)
        if len(cells) > at + 1 and cells[at + 1]:
            yield Found(f"csv, line {number}", cells[at], cells[at + 1])


def _cell(text: str) -> str:
    # Excel keeps leading zeros only in ="00001234".
    return text.strip().removeprefix('="').removesuffix('"')


def _lines(text: str, place: str) -> Iterator[Found]:
    for number, line in enumerate(text.splitlines(), 1):
        found = _SEPARATOR.match(line) or _BLANK.match(line)
        if found:
            yield Found(f"{place}, line {number}", found["label"], found["value"])
