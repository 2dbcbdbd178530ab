"""A terminal's settings, however they come: what is known becomes facts with their place."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from posdiag.model.errors import SiteError
from posdiag.site import load_site
from posdiag.site.facts import fact_observations
from posdiag.site.settings_export import read_settings, settings_of

WANTED = {
    "menu_host": "10.20.30.40",
    "menu_port": 7001,
    "menu_nii": "0003",
    "menu_tid": "00001234",
    "menu_apn": "cmnet",
    "menu_timer": 60.0,
}
CSV_ROWS = """参数名称,参数值
主机IP,10.20.30.40
主机端口,7001
TPDU,6000030000
终端号,="00001234"
APN,cmnet
应答超时,60 秒
主密钥,0123456789ABCDEF
"""
CSV_HEADING = """Terminal ID;Host IP;Host Port;NII;APN;Response Timeout
00001234;10.20.30.40;7001;003;cmnet;60000
"""
INI = """[Comm]
PrimaryIP=10.20.30.40
PrimaryPort=7001
TPDU=6000030000
apn=cmnet
RecvTimeout=60
[Merchant]
TerminalID=00001234
Password=secret123
"""
JSON = """{"comm": {"host": "10.20.30.40:7001", "tpdu": "6000030000", "apn": "cmnet"},
"parameters": [{"name": "Response Timeout", "value": 60}, {"name": "TID", "value": "00001234"},
{"name": "TMK", "value": "0123456789ABCDEF"}]}"""
PASTED = """主机IP：10.20.30.40
端口 7001
TPDU: 6000030000
终端编号：00001234
接入点: cmnet
超时时间：60秒
店名 快乐超市
"""


@pytest.mark.parametrize("text", [CSV_ROWS, CSV_HEADING, INI, JSON, PASTED])
def test_every_form_gives_the_same_facts(text: str) -> None:
    assert settings_of(text, file="export").facts == WANTED


def test_every_value_says_where_it_came_from() -> None:
    origins = {name: settings_of(text, file="x").origins for name, text in FORMS.items()}
    assert origins["csv"]["menu_port"] == "csv, line 3: 主机端口"
    assert origins["ini"]["menu_tid"] == "ini [Merchant]: TerminalID"
    assert origins["json"]["menu_port"] == "json.comm: host"
    assert origins["pasted"]["menu_host"] == "pasted, line 1: 主机IP"


FORMS = {"csv": CSV_ROWS, "ini": INI, "json": JSON, "pasted": PASTED}


@pytest.mark.parametrize("text", FORMS.values())
def test_keys_and_passwords_are_not_kept(text: str) -> None:
    read = settings_of(text, file="x")
    assert "0123456789ABCDEF" not in repr(read)
    assert "secret123" not in repr(read)
    assert read.passed_over >= 1 or text == PASTED


def test_the_first_of_two_hosts_counts_and_gb18030_is_read(tmp_path: Path) -> None:
    path = tmp_path / "参数.csv"
    path.write_bytes("主机IP,10.0.0.1\n主机IP,10.0.0.2\n通讯方式,以太网\n".encode("gb18030"))
    assert read_settings(path).facts == {"menu_host": "10.0.0.1", "menu_comm_mode": "eth"}


def test_typed_until_an_empty_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = Terminal("port: 7001\napn = cmnet\n\nhost: 1.2.3.4\n")
    read = read_settings(Path("-"), stdin=typed)
    assert read.facts == {"menu_port": 7001, "menu_apn": "cmnet"}
    assert read.origins["menu_port"] == "typed, line 1: port"


@pytest.mark.parametrize(
    ("text", "part"),
    [("hello world\n", "settings of a terminal"), ("port: 99999\n", "65535"), ('{"a": ', "JSON")],
)
def test_what_is_no_export_is_refused(text: str, part: str) -> None:
    with pytest.raises(SiteError) as refused:
        settings_of(text, file="export")
    assert part in str(refused.value)


def test_a_typed_fact_goes_before_the_export(tmp_path: Path) -> None:
    path = tmp_path / "export.ini"
    path.write_text(INI, encoding="utf-8")
    site = load_site(None, settings_file=path, facts=["menu_port=7002"])
    seen = {one.name: one for one in fact_observations(site)}
    assert site.facts["menu_port"] == 7002
    assert seen["fact.menu_port"].subject == ""
    assert seen["fact.menu_apn"].subject == "ini [Comm]: apn"
