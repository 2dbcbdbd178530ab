"""On a terminal the verdict comes at the budget, and again when the host has answered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from posdiag.simulate.host import HostFaults
from posdiag.simulate.scenario import Scenario
from posdiag.simulate.shop import SimulatedShop
from tests.cli.test_questions import at_a_terminal
from tests.cli.typed import NO_PROBES, typed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="other system: no pty")
SKIPPED = [
    word
    for name, skipped in zip(NO_PROBES[::2], NO_PROBES[1::2], strict=True)
    if skipped != "host"
    for word in (name, skipped)
]


def test_a_verdict_at_the_budget_and_one_after_the_answer(tmp_path: Path) -> None:
    with SimulatedShop(Scenario(host=HostFaults(delay_s=3.2)), pty=False) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        told = ["--budget", "1.5", "--fact", "menu_timer=20", "--no-input", "--no-save"]
        with at_a_terminal("run", str(path), *told, *SKIPPED) as person:
            person.leaves()
            screen = person.screen
    first, listening, second = screen.partition("Listening for the host's answer for 24 s")
    assert listening
    assert "wait was cut" in first
    assert "wait was cut" not in second
    assert "The verdict after that:" in second
    # What the time line says of the host: three seconds and a little.
    assert "host answers" in second
    (line,) = [line for line in second.splitlines() if "host answers" in line and "#" in line]
    assert " 3." in line, line


def test_nobody_at_a_terminal_waits_no_longer(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with SimulatedShop(Scenario(host=HostFaults(delay_s=3.2)), pty=False) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        told = ["--budget", "1.5", "--fact", "menu_timer=20", "--no-input", "--no-save"]
        done = typed(capfd, "run", str(path), *told, *SKIPPED)
    assert "Listening" not in done.out + done.err
    assert "wait was cut" in done.out
