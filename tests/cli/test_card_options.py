"""The options on cards: what they plan, what they refuse, and what they ask of a person."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.typed import NO_PROBES, spawned, typed


def _targets(out: str) -> dict[str, list[str]]:
    return {line["probe"]: line["targets"] for line in json.loads(out)["plan"]}


def test_they_plan_the_laptops_own_readers(capfd: pytest.CaptureFixture[str]) -> None:
    without = _targets(typed(capfd, "run", "--plan", "--json").out)
    assert (without["card"], without["stripe"]) == ([], [])
    planned = _targets(typed(capfd, "run", "--plan", "--json", "--cards", "2", "--swipe").out)
    assert (planned["card"], planned["stripe"]) == (["pcsc"], ["keyboard"])


def test_a_reader_of_the_site_goes_first(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        'cards = 3\n[[devices]]\nkind = "card_reader"\nport = "pcsc:ACS"\n', encoding="utf-8"
    )
    planned = _targets(typed(capfd, "run", str(site), "--plan", "--json", "--cards", "2").out)
    assert planned["card"] == ["pcsc:ACS"]


@pytest.mark.parametrize(
    "arguments",
    [["--cards", "0"], ["--cards", "6"], ["--cards", "two"], ["--swipe", "--facts", "-"]],
)
def test_they_refuse(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    done = typed(capfd, "run", *arguments)
    assert done.code == 64
    assert done.out == ""


def test_a_card_port_that_is_none(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[[devices]]\nkind = "card_reader"\nport = "COM3"\n', encoding="utf-8")
    done = typed(capfd, "run", str(site))
    assert done.code == 65
    assert "pcsc, pcsc:NAME or socket://host:port" in done.err


def test_without_a_service_it_says_what_to_install(tmp_path: Path) -> None:
    done = spawned(
        "probe", "card", "--cards", "1", "--json", PCSCLITE_CSOCK_NAME=str(tmp_path / "none")
    )
    assert done.code == 3
    (outcome,) = json.loads(done.out)["outcomes"]
    assert outcome["status"] == "not_run"
    if sys.platform.startswith("linux"):
        assert outcome["reason"] == "package_missing"
        assert "apt install" in outcome["detail"] or "systemctl" in outcome["detail"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Swipe the card now"), ("zh", "请现在刷卡")]
)
def test_a_person_is_asked_in_their_language(language: str, words: str) -> None:
    others = [name for name in NO_PROBES if name not in {"--skip", "stripe"}]
    skips = [word for name in others for word in ("--skip", name)]
    # Standard input has ended: nobody swipes, and that is no finding.
    done = spawned("--lang", language, "run", "--no-save", "--no-input", "--swipe", *skips)
    assert words in done.err
    assert done.code in (0, 1, 2, 3)
