"""What a terminal is sent in a whole run, and what a person is shown before."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.engine.chain import run_chain
from posdiag.engine.plan import make_plan
from posdiag.knowledge import load_knowledge
from posdiag.model.knowledge import Effect
from posdiag.model.observation import Measured
from posdiag.model.report import Report
from posdiag.model.site import Site
from posdiag.probes import discover
from posdiag.simulate.nexo_terminal import NexoFaults
from posdiag.simulate.scenario import Scenario
from posdiag.simulate.shop import SimulatedShop
from posdiag.simulate.zvt_terminal import ZvtFaults
from posdiag.site import load_site
from tests.cli.typed import typed

SCENARIO = Scenario(
    zvt=ZvtFaults(tid="87654321"), nexo=NexoFaults(), site={"tid": "87654321"}, facts={"presses": 1}
)


def site_of(shop: SimulatedShop, folder: Path) -> Site:
    """Return the shop's site."""
    path = folder / "site.toml"
    path.write_text(shop.site, encoding="utf-8")
    return load_site(path)


def run(site: Site, consents: frozenset[str] = frozenset()) -> Report:
    """Run every probe."""
    return run_chain(
        site, probes=discover(), knowledge=load_knowledge(), budget_s=15.0, consents=consents
    )


def test_a_default_run_asks_for_the_status_and_nothing_else(tmp_path: Path) -> None:
    with SimulatedShop(SCENARIO, pty=False) as shop:
        report = run(site_of(shop, tmp_path))
        assert shop.zvt is not None
        assert shop.zvt.commands == ["0501"]
        assert b"".join(shop.zvt.journal) == bytes.fromhex("050100" + "800000")
        assert not shop.zvt.printed
        assert shop.nexo is not None
        assert shop.nexo.asked == [False]
        assert len(shop.nexo.journal) == 1
        assert shop.printer is not None
        assert shop.printer.printed == b""
    # The terminal's own number is in the report, but not whole.
    seen = [one for outcome in report.outcomes for one in outcome.observations]
    tids = [one.result for one in seen if one.name == "terminal.tid"]
    assert tids == [Measured("87…21")]
    numbers = [one for one in report.evidence if one.variable == "id_param"]
    assert [one.level for one in numbers] == ["match"]


def test_with_every_consent_all_of_it_is_sent(tmp_path: Path) -> None:
    consents = frozenset({"terminal-session", "online-diagnosis", "print"})
    with SimulatedShop(SCENARIO, pty=False) as shop:
        run(site_of(shop, tmp_path), consents)
        assert shop.zvt is not None
        assert shop.zvt.commands == ["0600", "0501", "0670", "061A", "0602"]
        assert shop.nexo is not None
        assert shop.nexo.asked == [False, True]


def test_the_plan_says_what_each_consent_would_do(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with SimulatedShop(SCENARIO, pty=False) as shop:
        site = site_of(shop, tmp_path)
        assert shop.zvt is not None
        assert shop.nexo is not None
        zvt_port, nexo_port = shop.zvt.path, f"https://127.0.0.1:{shop.nexo.port}"
        plan = make_plan(site, discover(), consents=frozenset({"print"}))
        shown = typed(capfd, "run", str(tmp_path / "site.toml"), "--plan", "--allow", "print")
        assert shop.zvt.journal == []
        assert shop.nexo.connects == 0
    (line,) = [line for line in plan.lines if line.probe == "terminal"]
    assert line.targets == [f"{zvt_port} zvt", f"{nexo_port} nexo"]
    steps = {step.consent: step for step in line.steps}
    assert {name: step.allowed for name, step in steps.items()} == {
        "terminal-session": False,
        "online-diagnosis": False,
        "print": True,
    }
    assert steps["terminal-session"].targets == [zvt_port]
    assert steps["online-diagnosis"].targets == [zvt_port, nexo_port]
    assert steps["terminal-session"].effect is Effect.INTERRUPTS_SERVICE
    assert "does not bring back" in steps["terminal-session"].sends
    text = " ".join(shown.out.split())
    assert "only with --allow terminal-session: ZVT registration" in text.replace(
        "interrupts service ", ""
    )
    assert "also, as allowed: print system configuration" in text


def test_a_terminal_without_frames_or_protocol_has_no_such_step() -> None:
    plan = make_plan(Site(simulated=True), discover())
    (line,) = [line for line in plan.lines if line.probe == "terminal"]
    assert line.left_out.startswith("not_declared")
    assert line.steps == []
