"""``run --watch`` and when to look again."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from posdiag.engine import watch
from posdiag.simulate.scenario import load_scenario
from posdiag.simulate.shop import SimulatedShop
from tests.cli.typed import typed

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with SimulatedShop(load_scenario("healthy"), pty=False) as shop:
        path: Path = tmp_path_factory.mktemp("watch") / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        yield str(path)


def test_rounds_are_told_and_summed_up(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, healthy: str
) -> None:
    monkeypatch.setattr(watch, "LEAST_EVERY_S", 1.0)
    told = ["--watch", "8s", "--budget", "4", "--no-save", "--complaint", "unknown"]
    done = typed(capfd, "run", healthy, *told, "--lang", "zh")
    assert done.code == 0
    rounds = [
        line for line in done.err.splitlines() if re.match(r"\d\d:\d\d:\d\d  第 \d/2 轮", line)
    ]
    assert len(rounds) == 2
    # Two looks: 1 - 0.05 ** (1/2).
    assert "78 %" in done.out


def test_one_document_of_the_worst_round(capfd: pytest.CaptureFixture[str], healthy: str) -> None:
    done = typed(
        capfd, "run", healthy, "--watch", "1s", "--budget", "8", "--json", "--no-save",
        "--complaint", "unknown",
    )  # fmt: skip
    found = done.document["watch"]
    assert (found["rounds"], found["planned"], found["detects"]) == (1, 1, 0.95)
    assert found["every_s"] == 30.0


@LANGUAGES
def test_a_complaint_of_another_hour_says_when_to_look_again(
    capfd: pytest.CaptureFixture[str], healthy: str, language: str
) -> None:
    later = (datetime.datetime.now().astimezone().hour + 8) % 24
    arguments = ["run", healthy, "--set", f"complaint.hour={later}", "--no-save", "--no-input"]
    done = typed(capfd, *arguments, "--lang", language)
    assert done.code == 3
    assert f"{later:02d}:00" in done.out
    assert "posdiag run --watch 30m" in done.out
    as_json = json.loads(typed(capfd, *arguments, "--json").out)
    assert as_json["complaint"]["hour"] == later
    assert as_json["case"]["complaint_elsewhen"] is True


@pytest.mark.parametrize("typed_time", ["0", "0s", "m", "25h", "ten minutes", "nan"])
def test_a_time_that_is_none_is_refused(capfd: pytest.CaptureFixture[str], typed_time: str) -> None:
    done = typed(capfd, "run", "--watch", typed_time)
    assert done.code == 64
    assert "60s or 10m" in done.err
