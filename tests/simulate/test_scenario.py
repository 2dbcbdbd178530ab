"""Scenario files: all that come with posdiag load, and wrong ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.model.errors import InputError
from posdiag.simulate.host import HostFaults
from posdiag.simulate.scenario import Scenario, load_scenario, scenario_ids


@pytest.mark.parametrize("name", scenario_ids())
def test_every_scenario_loads(name: str) -> None:
    scenario = load_scenario(name)
    assert name == "healthy" or scenario != Scenario()


def test_what_is_not_named_is_healthy(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('without = ["ups"]\n[facts]\npresses = 2\n', encoding="utf-8")
    scenario = load_scenario(str(path))
    assert scenario == Scenario(without=["ups"], facts={"presses": 2})
    assert scenario.host == HostFaults(tls=True)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[hots]\n", "hots"),
        ("[host]\nrefused = true\n", "refused"),
        ("[name_server]\nmute = true\n", "mute"),
        ("[gateway]\ndelays_s = 3\n", "gateway.delays_s"),
        ("[printer]\npaper = 'gone'\n", "printer.paper"),
        ("[pin_pad]\nloud = true\n", "loud"),
        ("[ups]\nvolts = 3\n", "volts"),
        ("[card]\nexpires = 'never'\n", "card.expires"),
        ("without = ['host']\n", "without"),
        ("cause = 'net_dns_dead'\n", "cause"),
        ("[facts\n", "line 1"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_scenario(str(path))
    assert str(path) in str(caught.value)
    assert named in str(caught.value)


def test_no_such_scenario(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="healthy"):
        load_scenario("no_such_scenario")
    with pytest.raises(InputError, match=r"missing\.toml"):
        load_scenario(str(tmp_path / "missing.toml"))
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(InputError, match=r"latin\.toml"):
        load_scenario(str(tmp_path / "latin.toml"))
