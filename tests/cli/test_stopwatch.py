"""The stopwatch: two presses of Enter, and what they become."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from posdiag.cli.stopwatch import timed_sign_on
from posdiag.model.site import Site
from posdiag.text.words import Words

ROOT = Path(__file__).parents[2]


def timed(monkeypatch: pytest.MonkeyPatch, typed: str, seconds: float) -> Site:
    times = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return timed_sign_on(Site(), Words("en"), clock=lambda: next(times))


def test_an_error_is_timed_and_its_text_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    site = timed(monkeypatch, "\n\n\n通讯超时\n", 30.24)
    assert site.facts == {"trial": "fails", "seconds_to_error": 30.2, "screen": "通讯超时"}
    assert set(site.fact_origins.values()) == {"stopwatch"}


def test_a_success_is_a_supervised_trial_without_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert timed(monkeypatch, "\n\ny\n", 4.0).facts == {"trial": "ok"}


def test_run_with_a_stopwatch(tmp_path: Path) -> None:
    skips = [part for name in PROBES for part in ("--skip", name)]
    done = subprocess.run(
        [sys.executable, "-m", "posdiag", "run", "--stopwatch", "--json", "--no-save", *skips],
        cwd=ROOT,
        input="\n\n\nno dial tone\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    report = json.loads(done.stdout)
    facts = {fact["name"]: fact for fact in report["facts"]}
    assert facts["fact.trial"]["result"]["value"] == "fails"
    assert facts["fact.screen"]["result"]["value"] == "no dial tone"
    assert 0 <= facts["fact.seconds_to_error"]["result"]["value"] < 10
    assert facts["fact.screen"]["subject"] == "stopwatch"


def test_a_stopwatch_needs_somebody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "posdiag", "run", "--stopwatch", "--no-input"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 64
    assert "--stopwatch" in done.stderr


PROBES = sorted(
    path.stem
    for path in (ROOT / "posdiag" / "probes").glob("*.py")
    if path.stem not in ("__init__", "probe")
)
