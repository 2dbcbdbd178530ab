"""Runs the whole program under a condition, and keeps what the emulated links know."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conditions.shop_line import GATEWAY, LINKS, REFERENCE, ShopLine
from tests.conditions.twelve import Condition
from tests.testbed.linkemu import ROOT

FACT = "menu_timer"
SERIES = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run under a condition.

    Attributes:
        report: its JSON document.
        delayed_s: per leg: median of what the links delayed its echoes; None: none came back.
        lost_share: per leg: share of round trips lost meanwhile, by the links' own counters.
    """

    report: dict[str, Any]
    delayed_s: dict[str, float | None]
    lost_share: dict[str, float]


def measure(name: str, condition: Condition, *, budget_s: float = 20.0) -> Outcome:
    """Return what a run says under a condition, and the truth."""
    far_end = {
        "host": {"tls": True, **condition.host},
        "name_server": condition.name_server,
    }
    tag = f"{os.getpid()}{name[:2]}{sum(map(ord, name)) % 97}"
    with ShopLine(
        tag, seed=condition.seed, far_end=far_end, host_is_there=condition.host_is_there
    ) as line:
        facts = {FACT: condition.timer_s, **condition.facts}
        site = line.site(terminal=condition.terminal, at=condition.at, facts=facts, series=SERIES)
        for link, settings in condition.links.items():
            line.links[link].set(**settings)
        if condition.ports:
            line.links["core"].set("ab", ports={str(line.ports["host"]): condition.ports})
        if condition.fills:
            line.fill()
            _wait_until_full(line)
        report = _run(line, site, budget_s)
        ways = {"gateway": (GATEWAY, ("lan",)), "reference": (REFERENCE, LINKS)}
        truth = {
            leg: line.truth(target, links, _series(report, leg))
            for leg, (target, links) in ways.items()
        }
        return Outcome(
            report,
            {leg: delayed_s for leg, (delayed_s, _lost) in truth.items()},
            {leg: lost for leg, (_delayed, lost) in truth.items()},
        )


def _series(report: dict[str, Any], leg: str) -> list[float]:
    found: list[list[float]] = observed(report, f"{leg}.round_trip")
    return found[0] if found else []


def _wait_until_full(line: ShopLine) -> None:
    import time

    for _ in range(100):
        if line.links["line"].stats()["ab"].get("drop_queue", 0):
            return
        time.sleep(0.1)
    raise RuntimeError("the line did not fill")


def _run(line: ShopLine, site: str, budget_s: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.toml"
        path.write_text(site, encoding="utf-8")
        command = [sys.executable, "-m", "posdiag", "run", str(path), "--json", "--no-save"]
        command += ["--no-input", "--budget", str(budget_s)]
        done = line.links["lan"].run("a", command, timeout=budget_s + 30, cwd=ROOT)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def observed(report: dict[str, Any], name: str) -> list[Any]:
    """Return the values of an observation, in order."""
    return [
        one["result"]["value"]
        for outcome in report["outcomes"]
        for one in outcome["observations"]
        if one["name"] == name and one["result"]["kind"] == "measured"
    ]
