from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.model.errors import ProfileError, SiteError
from posdiag.model.site import LaptopAt, LinkClass
from posdiag.site.inventory import read_inventory, row_as_site

ENGLISH = (
    "tid,mid,name,terminal,acquirer,laptop_at,host,port,note\n"
    "00001234,104110045110012,Corner shop,generic_android,unionpay_tls_public,same_wifi,"
    "pos.bank.test,7003,ok\n"
    '00001235,104110045110012,"Shop, second till",,,,,,\n'
)
CHINESE = (
    "终端号\t商户号\t名称\t终端型号\t收单机构\t主机\t端口\t通讯方式\n"
    '="00001234"\t104110045110012\t街角店\t\tunionpay_tls_public\tpos.bank.test\t7003\t拨号\n'
)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "inventory.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_row_is_a_site(tmp_path: Path) -> None:
    site = row_as_site(write(tmp_path, ENGLISH), "00001234")
    assert site.terminal
    assert site.acquirer
    assert (site.terminal.id, site.tid, site.mid) == (
        "generic_android",
        "00001234",
        "104110045110012",
    )
    assert (site.name, site.laptop_at) == ("Corner shop", LaptopAt.SAME_WIFI)
    assert (site.acquirer.hosts[0].address, site.acquirer.hosts[0].port) == ("pos.bank.test", 7003)
    assert site.acquirer.hosts[1].address == ""


def test_a_row_with_gaps_is_a_site_that_lacks_something(tmp_path: Path) -> None:
    site = row_as_site(write(tmp_path, ENGLISH), "00001235")
    assert site.name == "Shop, second till"
    assert {"terminal", "acquirer", "laptop_at"} <= set(site.missing)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_chinese_spreadsheet(tmp_path: Path, encoding: str) -> None:
    site = row_as_site(write(tmp_path, CHINESE, encoding), "00001234")
    assert site.terminal
    assert site.name == "街角店"
    assert (site.terminal.id, site.terminal.link_class) == (
        "generic_countertop_dial",
        LinkClass.DIAL,
    )


def test_settings_and_facts_go_before_the_row(tmp_path: Path) -> None:
    site = row_as_site(
        write(tmp_path, ENGLISH), "00001234", settings=["name=Mine"], facts=["menu_timer=30"]
    )
    assert (site.name, site.facts) == ("Mine", {"menu_timer": 30.0})


def test_semicolons_and_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "\r\nTID ; Name\r\n00000001;a\r\n;\r\n\r\n00000002;b\r\n")
    assert [(row.line, row.tid) for row in read_inventory(path)][-1][1] == "00000002"
    assert len(read_inventory(path)) == 2


@pytest.mark.parametrize(
    ("text", "tid", "message"),
    [
        (ENGLISH, "99999999", "tid: expected a row with the terminal number \"99999999\""),
        (ENGLISH, "00001236", "did you mean"),
        ("tid\n1234\n", "00001234", '"1234" in line 2: the spreadsheet dropped leading zeros'),
        ("tid\n00001234\n00001234\n", "00001234", "found lines 2, 3"),
        ("number,name\n1,a\n", "1", 'tid: expected a column of terminal numbers'),
        ("tid,终端号\n1,1\n", "1", "tid: expected one column of that meaning, found two"),
        ("", "1", "expected a file with something in it"),
        ("tid,port,acquirer\n1,http,unionpay_tls_public\n", "1", "line 2: acquirer.hosts.0.port: "),
        ("tid,host\n1,pos.bank.test\n", "1", "expected acquirer = a profile"),
        ("tid,link\n00001234,smoke\n", "00001234", "line 2: terminal.link_class"),
        ("tid,laptop_at\n1,moon\n", "1", "line 2: laptop_at: expected one of elsewhere"),
        ("tid,terminal\n1,generic_android\n", "1", "line 2: tid: expected 8 letters and digits"),
        ("tid,resolvers\n1,192.0.2.1 dns\n", "1", "line 2: network.resolvers.1: expected"),
        ("tid\n\0\n", "1", "inventory.csv"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, tid: str, message: str) -> None:
    with pytest.raises(SiteError) as caught:
        row_as_site(write(tmp_path, text), tid)
    assert message in str(caught.value)


def test_an_unknown_profile_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="line 2: terminal: expected a terminal profile"):
        row_as_site(write(tmp_path, "tid,terminal\n1,X990\n"), "1")


def test_a_folder_is_no_inventory(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="found a folder"):
        read_inventory(tmp_path)
