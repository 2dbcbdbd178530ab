from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from posdiag.model.errors import ProfileError, SiteError
from posdiag.model.observation import Part
from posdiag.model.site import (
    Complaint,
    ComplaintKind,
    ComplaintOutcome,
    Device,
    DeviceKind,
    LaptopAt,
    Site,
    YesNo,
)
from posdiag.site import load_site
from posdiag.site.facts import FactTable
from posdiag.site.missing import missing_hints

FULL = """
name = "Corner shop"
terminal = "generic_countertop_eth"
acquirer = "unionpay_tcp_private_apn"
laptop_at = "same_lan"
tid = "00001234"
mid = "104110045110012"

[network]
gateway = "192.168.1.1"
resolvers = ["192.168.1.1", "[2001:db8::1]:5353"]

[[devices]]
kind = "printer"
port = "/dev/ttyUSB0"
part = "till_printer"
shared = true

[complaint]
kind = "sign_on"
outcome = "failed"

[facts]
screen = "通讯超时"
menu_timer = 45

[set]
"acquirer.limits.echo_s" = 3.0
"acquirer.hosts" = [{ role = "primary", address = "127.0.0.1", port = 40001 }]
"terminal.signon_needs_printer" = "yes"
network.series = 10
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def full(tmp_path: Path) -> Path:
    return write(tmp_path, FULL)


def test_nothing_said_is_a_site_that_lacks_everything() -> None:
    site = load_site()
    assert site == msgspec.structs.replace(Site(), missing=site.missing)
    assert site.missing == ["terminal", "acquirer", "laptop_at", "tid", "mid", "network.resolvers"]


def test_a_site_file_with_all_there_is(full: Path, facts: FactTable) -> None:
    site = load_site(full, table=facts)

    assert site.terminal
    assert site.acquirer
    assert site.terminal.signon_needs_printer is YesNo.YES
    assert [(host.address, host.port) for host in site.acquirer.hosts] == [("127.0.0.1", 40001)]
    assert site.acquirer.limits.echo_s == 3.0
    assert site.acquirer.limits.connect_s == 10.0
    assert (site.laptop_at, site.tid) == (LaptopAt.SAME_LAN, "00001234")
    assert (site.network.gateway, site.network.series) == ("192.168.1.1", 10)
    assert site.devices == [
        Device(kind=DeviceKind.PRINTER, port="/dev/ttyUSB0", part=Part.TILL_PRINTER, shared=True)
    ]
    assert site.facts == {"screen": "通讯超时", "menu_timer": 45.0}
    assert site.missing == ["acquirer.echo.test_tid", "acquirer.echo.tpdu"]


def test_options_go_before_set_and_set_before_the_file(full: Path, facts: FactTable) -> None:
    settings = ["acquirer.limits.echo_s=9", "network.series=30", "name=By option", "tid=12345678"]
    site = load_site(
        full,
        terminal="generic_android",
        laptop_at="hotspot",
        settings=[*settings, "acquirer.hosts.0.port=7003", "laptop_at=same_wifi"],
        facts=["menu_timer=30"],
        facts_file=Path("-"),
        stdin=io.StringIO("menu_timer=20\npaper=none\n"),
        complaint="transaction",
        table=facts,
    )

    assert site.terminal
    assert site.acquirer
    assert site.terminal.id == "generic_android"
    assert site.terminal.signon_needs_printer is YesNo.YES
    assert site.acquirer.limits.echo_s == 9.0
    assert site.acquirer.hosts[0].port == 7003
    assert (site.name, site.tid, site.laptop_at) == ("By option", "12345678", LaptopAt.HOTSPOT)
    assert site.network.series == 30
    assert site.facts == {"screen": "通讯超时", "menu_timer": 30.0, "paper": "none"}
    assert site.complaint == Complaint(ComplaintKind.TRANSACTION, ComplaintOutcome.FAILED)


@pytest.mark.parametrize(
    ("text", "kind", "outcome"),
    [
        ("sign_on", "sign_on", "failed"),
        ("transaction/unknown", "transaction", "unknown"),
        ("none", "sign_on", "none"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_a_complaint_as_an_option(text: str, kind: str, outcome: str) -> None:
    complaint = load_site(complaint=text).complaint
    assert (complaint.kind, complaint.outcome) == (kind, outcome)


def test_an_option_keeps_the_hour_of_the_files_complaint(tmp_path: Path) -> None:
    path = write(tmp_path, "[complaint]\nhour = 9\n")
    assert load_site(path, complaint="unknown").complaint.hour == 9


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("name", '--set: expected key=value, the key with dots, found "name"'),
        ("a..b=1", "--set: expected key=value"),
        ("colour=red", "--set: colour: expected a key that is known here"),
        ("set.x=1", "--set: set: expected a key that is known here"),
        ("network.serie=3", '--set: network.serie: expected a key that is known here'),
        ("network.series=many", "--set: network.series: expected a whole number from 5 to 2000"),
        ("network.gateway=router", "--set: network.gateway: expected an IP address"),
        ("tid=12", "--set: tid: expected 8 letters and digits"),
        ("terminal.mobile=yes", '--set: terminal.mobile: expected true or false, found "yes"'),
        ("terminal.timers.attempts=0", "--set: terminal.timers.attempts: expected a whole"),
        ("acquirer.hosts.7.port=1", "--set: acquirer.hosts.7.port: expected a position"),
        ("acquirer.hosts.first.port=1", "--set: acquirer.hosts.first: expected a key"),
        ("acquirer.hosts=[]", "--set: acquirer.hosts: expected at least one host"),
        ("acquirer.politeness.echoes=4", "--set: acquirer.politeness.echoes: expected at most 3"),
        ("acquirer.echo.dialect=hypercom", "--set: acquirer.echo.header: expected no"),
        ("simulated=1\nname='x'", "--set: simulated: expected true or false"),
        ("facts.paper=full", "--set: facts.paper: expected one of enough"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(setting: str, message: str, full: Path, facts: FactTable) -> None:
    with pytest.raises(SiteError) as caught:
        load_site(full, settings=[setting], table=facts)
    (mistake,) = caught.value.mistakes
    assert message in str(mistake)


def test_mistakes_of_file_options_and_facts_come_together(tmp_path: Path, facts: FactTable) -> None:
    path = write(tmp_path, 'tid = 1\nterminal = "nix"\n[set]\n"acquirer.reach" = "public"\n')
    with pytest.raises(SiteError) as caught:
        load_site(
            path,
            settings=["colour=red"],
            facts=["scren=x", "menu_timer=0"],
            facts_file=tmp_path / "nowhere",
            laptop_at="moon",
            table=facts,
        )
    places = [(Path(mistake.file).name, mistake.key) for mistake in caught.value.mistakes]
    assert places == [
        ("site.toml", "tid"),
        ("nowhere", ""),
        ("--fact", "scren"),
        ("--fact", "menu_timer"),
        ("--set", "colour"),
        ("--at", "laptop_at"),
        ("site.toml", "set.acquirer.reach"),
        ("site.toml", "terminal"),
    ]


def test_a_setting_is_not_blamed_for_its_neighbour(tmp_path: Path) -> None:
    path = write(tmp_path, '[network]\ngateway = "router"\n')
    with pytest.raises(SiteError) as caught:
        load_site(path, settings=["network.series=30"])
    (mistake,) = caught.value.mistakes
    assert (mistake.file, mistake.key) == (str(path), "network.gateway")


def test_only_profiles_wrong_is_a_profile_error() -> None:
    with pytest.raises(ProfileError) as caught:
        load_site(terminal="nix", acquirer="nix")
    assert [mistake.file for mistake in caught.value.mistakes] == ["--terminal", "--acquirer"]


def test_a_profile_beside_the_site_file(tmp_path: Path) -> None:
    (tmp_path / "shops").mkdir()
    path = write(tmp_path / "shops", 'terminal = "../mine.toml"\n')
    (tmp_path / "mine.toml").write_text(
        'id = "mine"\nlink_class = "wifi"\ntid_length = 4\n[title]\nen = "a"\nzh = "b"\n'
        '[sources]\nlink_class = "x"\ntid_length = "x"\n',
        encoding="utf-8",
    )
    site = load_site(path, settings=["tid=0012"])
    assert site.terminal
    assert (site.terminal.id, site.tid) == ("mine", "0012")


def test_profile_dirs_go_first(tmp_path: Path) -> None:
    folder = tmp_path / "terminals"
    folder.mkdir()
    (folder / "generic_android.toml").write_text(
        'id = "generic_android"\nlink_class = "cell"\n[title]\nen = "a"\nzh = "b"\n'
        '[sources]\nlink_class = "x"\n',
        encoding="utf-8",
    )
    site = load_site(terminal="generic_android", profile_dirs=[tmp_path])
    assert site.terminal
    assert site.terminal.title.en == "a"


def test_placeholders_of_a_profile_are_never_asked() -> None:
    site = load_site(acquirer="unionpay_tls_public")
    assert site.acquirer
    assert {host.address for host in site.acquirer.hosts} == {""}
    assert site.acquirer.echo.test_tid == ""
    assert "acquirer.hosts" in site.missing


def test_a_host_that_is_said_leaves_the_other_unasked() -> None:
    site = load_site(
        acquirer="unionpay_tls_public",
        settings=[
            "acquirer.hosts.0.address=pos.bank.test",
            "acquirer.echo.test_tid=00000001",
            "acquirer.echo.test_mid=000000000000001",
        ],
    )
    assert site.acquirer
    assert [host.address for host in site.acquirer.hosts] == ["pos.bank.test", ""]
    assert site.acquirer.echo.test_tid == "00000001"
    assert "acquirer.hosts" not in site.missing
    assert site.acquirer.sources["hosts.address"] == "--set"


def test_a_simulated_site_is_as_its_profile_says(tmp_path: Path) -> None:
    path = write(tmp_path, 'simulated = true\nacquirer = "unionpay_tls_public"\n')
    site = load_site(path)
    assert site.acquirer
    assert site.acquirer.echo.test_tid == "12345678"
    assert site.acquirer.hosts[0].address == "signon.acquirer.example"
    assert site.missing == []


def test_a_limit_of_politeness_can_be_lowered() -> None:
    site = load_site(acquirer="unionpay_tls_public", settings=["acquirer.politeness.echoes=1"])
    assert site.acquirer
    assert site.acquirer.politeness.echoes == 1


def test_sources_do_not_tell_the_path_of_the_site_file(full: Path, facts: FactTable) -> None:
    site = load_site(full, table=facts)
    assert str(full) not in msgspec.json.encode(site).decode()


def test_every_key_that_can_be_missing_has_a_hint_in_both_languages() -> None:
    for key, hint in missing_hints().items():
        assert hint.en, key
        assert hint.zh, key
    assert set(load_site().missing) <= set(missing_hints())
