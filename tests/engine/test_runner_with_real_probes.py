"""The runner with the real probes at a simulated shop."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import pytest

from posdiag.engine.events import Event, Observed, ProbeStarted
from posdiag.engine.plan import make_plan
from posdiag.engine.runner import RunResult, run_plan
from posdiag.model.knowledge import Effect
from posdiag.model.observation import Completed, Crashed, Failed, FailureKind, NotRun, NotRunReason
from posdiag.model.report import End
from posdiag.model.site import Site
from posdiag.probes import discover
from posdiag.simulate.card import CardFaults
from posdiag.simulate.host import HostFaults
from posdiag.simulate.printer import PrinterFaults
from posdiag.simulate.scenario import Scenario, load_scenario
from posdiag.simulate.serial_device import SerialDeviceFaults
from posdiag.simulate.ups import UpsFaults
from posdiag.simulate.zvt_terminal import ZvtFaults
from tests.engine.made_up_probes import outcome_of
from tests.engine.real_shop import open_shop

ALL_SILENT = Scenario(
    host=HostFaults(tls=True, delay_s=60.0),
    printer=PrinterFaults(silent=True),
    pin_pad=SerialDeviceFaults(silent=True),
    ups=UpsFaults(silent=True),
    card=CardFaults(silent_after=0),
)


def _run(site: Site, *, budget_s: float = 20.0) -> tuple[RunResult, float]:
    """Run all real probes; return what they gave and the wall time with planning."""
    started = time.monotonic()
    result = run_plan(make_plan(site, discover()), site, discover(), budget_s=budget_s)
    return result, time.monotonic() - started


def test_a_run_takes_little_longer_than_its_longest_probe(tmp_path: Path) -> None:
    with open_shop(ALL_SILENT, tmp_path) as site:
        result, wall_s = _run(site)
    took = {outcome.probe: outcome.end_s - outcome.start_s for outcome in result.outcomes}
    assert sum(took_s >= 2.0 for took_s in took.values()) >= 3, took
    assert wall_s <= 1.3 * max(took.values()), took
    # Each waited its own limit out, so all of it is silence and none of it our budget's doing.
    assert result.end is End.FINISHED
    assert not [outcome for outcome in result.outcomes if isinstance(outcome, Crashed)]


NOT_IN_A_HEALTHY_SHOP = {
    "other_hosts": NotRunReason.NOT_DECLARED,
    "sign_on": NotRunReason.CONSENT_REQUIRED,
}


def test_a_healthy_shop_is_measured_by_all_probes_but_the_laptops(tmp_path: Path) -> None:
    healthy = msgspec.structs.replace(load_scenario("healthy"), zvt=ZvtFaults())
    with open_shop(healthy, tmp_path) as site:
        result, _ = _run(site)
    assert result.end is End.FINISHED
    laptop = {name for name, probe in discover().items() if probe.needs_laptop}
    assert laptop
    for outcome in result.outcomes:
        if outcome.probe in laptop:
            assert isinstance(outcome, NotRun)
            assert outcome.reason is NotRunReason.SIMULATED_SITE
        elif outcome.probe in NOT_IN_A_HEALTHY_SHOP:
            assert isinstance(outcome, NotRun)
            assert outcome.reason is NOT_IN_A_HEALTHY_SHOP[outcome.probe]
        elif discover()[outcome.probe].effect is not Effect.SAFE:
            assert isinstance(outcome, NotRun)
            assert outcome.reason is NotRunReason.CONSENT_REQUIRED
        elif isinstance(outcome, NotRun):
            # Devices that this shop does not have; nobody swipes at a simulated site.
            assert outcome.reason is NotRunReason.NOT_DECLARED
            assert outcome.probe in ("android", "modem", "stripe")
        else:
            assert isinstance(outcome, Completed), outcome
            failed = [seen for seen in outcome.observations if isinstance(seen.result, Failed)]
            assert failed == []


def test_the_budget_cuts_real_waits_into_censored_ones(tmp_path: Path) -> None:
    with open_shop(ALL_SILENT, tmp_path) as site:
        result, wall_s = _run(site, budget_s=1.5)
    assert wall_s <= 1.5 + 0.5 + 2.0
    assert result.end is End.BUDGET_SPENT
    for probe in ("host", "power", "card"):
        kinds = {
            seen.result.failure
            for seen in outcome_of(result, probe).observations
            if isinstance(seen.result, Failed)
        }
        assert FailureKind.SILENT not in kinds, probe
        assert FailureKind.CENSORED in kinds, probe


@pytest.mark.parametrize("probe", ["host", "power"])
def test_an_interrupt_in_the_middle_keeps_what_was_seen(probe: str, tmp_path: Path) -> None:
    interrupt = threading.Event()
    seen: list[str] = []

    def listen(event: Event) -> None:
        # All have started and something was observed: the silent ones are still waiting.
        if isinstance(event, Observed):
            seen.append(event.name)
            interrupt.set()
        elif isinstance(event, ProbeStarted):
            assert not interrupt.is_set()

    with open_shop(ALL_SILENT, tmp_path) as site:
        plan = make_plan(site, discover())
        started = time.monotonic()
        result = run_plan(plan, site, discover(), budget_s=20.0, events=listen, interrupt=interrupt)
        assert time.monotonic() - started <= 2.0
    assert result.end is End.INTERRUPTED
    found = outcome_of(result, probe)
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.INTERRUPTED
    kept = [one.name for outcome in result.outcomes for one in outcome.observations]
    assert set(seen) <= set(kept) | {
        gap.name for outcome in result.outcomes for gap in outcome.unmeasured
    }
