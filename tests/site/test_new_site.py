from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posdiag.model.site import LaptopAt
from posdiag.model.text import Language
from posdiag.site import load_site
from posdiag.site.facts import FactTable
from posdiag.site.new_site import NewSite, site_text


def test_answers_come_back(tmp_path: Path, facts: FactTable) -> None:
    path = tmp_path / "site.toml"
    answers = NewSite(
        name='Corner "shop" \\ 店',
        terminal="generic_countertop_eth",
        acquirer="unionpay_tls_public",
        laptop_at=LaptopAt.SAME_LAN,
        tid="00001234",
        mid="104110045110012",
        host="pos.bank.test",
        port=7003,
        tls=True,
        gateway="192.0.2.1",
        resolvers=["192.0.2.1", "192.0.2.2"],
        printer="COM3",
        facts={"screen": "通讯超时", "menu_timer": 60.0, "prompt_left": True},
    )
    path.write_text(site_text(answers), encoding="utf-8")

    site = load_site(path, table=facts)
    assert site.terminal
    assert site.acquirer
    assert (site.name, site.tid, site.mid) == (answers.name, answers.tid, answers.mid)
    assert (site.terminal.id, site.acquirer.id) == (answers.terminal, answers.acquirer)
    (host,) = site.acquirer.hosts
    assert (host.address, host.port, host.tls) == ("pos.bank.test", 7003, True)
    assert (site.laptop_at, site.network.gateway) == (LaptopAt.SAME_LAN, "192.0.2.1")
    assert site.network.resolvers == answers.resolvers
    assert [device.port for device in site.devices] == ["COM3"]
    assert site.facts == answers.facts


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_answers_everything_is_there_to_fill_in(
    tmp_path: Path, language: Language, facts: FactTable
) -> None:
    path = tmp_path / "site.toml"
    text = site_text(NewSite(), language=language)
    path.write_text(text, encoding="utf-8")
    assert load_site(path) == load_site()

    # The examples are right: a file with every line filled in is a good one.
    examples = [
        line.removeprefix("# ") if " = " in line or "[[" in line else line
        for line in text.splitlines()
    ]
    path.write_text("\n".join(examples), encoding="utf-8")
    site = load_site(path, table=facts)
    assert site.missing == ["acquirer.echo.test_tid"]
    assert site.devices
    assert ("店" in text) == (language == "zh")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=30))
def test_any_name_gives_a_file_that_can_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(site_text(NewSite(name=name)), encoding="utf-8")
    assert load_site(path).name == name


def test_half_a_character_does_not_break_the_file(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(site_text(NewSite(name="a\ud800b")), encoding="utf-8")
    assert load_site(path).name == "a\ufffdb"
