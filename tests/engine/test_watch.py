"""Rounds of a watch: how many, how polite, which one counts."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from posdiag.diagnose.detection import detectable_share
from posdiag.engine.chain import conclude, measure
from posdiag.engine.watch import WatchPlan, polite, summed_up, watch, watch_plan
from posdiag.knowledge import load_knowledge
from posdiag.link.politeness import HourlyUse
from posdiag.model.report import Report, State
from posdiag.model.site import Politeness, Site
from posdiag.probes import discover
from posdiag.simulate.scenario import load_scenario
from posdiag.simulate.shop import SimulatedShop
from posdiag.site import load_site
from tests.engine.made_up_shop import shop


def limited(**limits: int) -> Site:
    site = shop()
    assert site.acquirer is not None
    acquirer = msgspec.structs.replace(site.acquirer, politeness=Politeness(**limits))
    return msgspec.structs.replace(site, acquirer=acquirer)


@pytest.mark.parametrize(
    ("site", "lasts_s", "rounds", "every_s"),
    [
        (limited(), 600.0, 20, 30.0),
        (limited(), 3600.0, 20, 180.0),
        (limited(), 3 * 3600.0, 60, 180.0),
        (limited(), 5.0, 1, 30.0),
        (limited(echoes_per_hour=4), 3600.0, 4, 900.0),
        (limited(connects_per_hour=10), 3600.0, 5, 720.0),
        (Site(), 600.0, 20, 30.0),
    ],
)
def test_rounds_stay_below_the_caps(
    site: Site, lasts_s: float, rounds: int, every_s: float
) -> None:
    assert watch_plan(site, lasts_s, 20.0) == WatchPlan(rounds, every_s)


def test_a_long_round_is_not_begun_twice() -> None:
    assert watch_plan(Site(), 600.0, 60.0) == WatchPlan(10, 60.0)


def test_one_echo_a_round() -> None:
    quiet = polite(limited(echoes=3))
    assert quiet.acquirer is not None
    assert quiet.acquirer.politeness.echoes == 1
    assert polite(Site()) == Site()


def test_the_hosts_own_counter_stays_below_the_cap(tmp_path: Path) -> None:
    # 25 rounds without a pause: what is over the cap of an hour is not sent.
    probes = {name: probe for name, probe in discover().items() if name == "host"}
    knowledge = load_knowledge()
    reports: list[Report] = []
    with SimulatedShop(load_scenario("healthy"), pty=False) as played:
        path = tmp_path / "site.toml"
        path.write_text(played.site, encoding="utf-8")

        def look(quiet: Site, hour: HourlyUse) -> Report:
            measurement = measure(quiet, probes=probes, budget_s=5.0, hour=hour)
            return conclude(quiet, measurement, probes=probes, knowledge=knowledge)

        reports += watch(load_site(path), WatchPlan(25, 0.0), look, threading.Event())
        journal = list(played.host.journal)
    assert len(reports) == 25
    assert sum(line.startswith("request") for line in journal) == 20
    assert journal.count("connect") <= 60
    refused = [
        gap
        for report in reports[20:]
        for gap in report.outcomes[0].unmeasured
        if gap.reason == "politeness_limit"
    ]
    assert len(refused) >= 5


def round_of(state: State, minute: int, report: Report) -> Report:
    return msgspec.structs.replace(
        report, state=state, created_at=f"2025-03-04T09:{minute:02d}:00Z"
    )


@pytest.fixture(scope="module")
def plain() -> Report:
    knowledge = load_knowledge()
    measurement = measure(Site(), probes={}, budget_s=1.0)
    return conclude(Site(), measurement, probes={}, knowledge=knowledge)


def test_the_worst_round_counts(plain: Report) -> None:
    states = (State.NOTHING_WRONG, State.CANNOT_SAY, State.RISK, State.NOTHING_WRONG)
    rounds = [round_of(state, minute, plain) for minute, state in enumerate(states)]
    found = summed_up(rounds, WatchPlan(20, 30.0))
    assert found.state is State.RISK
    assert found.watch is not None
    assert (found.watch.rounds, found.watch.planned, found.watch.not_fine) == (4, 20, 1)
    assert found.watch.begun_at == "2025-03-04T09:00:00Z"
    assert found.watch.ended_at == "2025-03-04T09:03:00Z"
    assert found.watch.detects == pytest.approx(detectable_share(4), abs=1e-4)


def test_what_several_looks_detect() -> None:
    # 95 % of faults that are there that long are seen: 1 - 0.05 ** (1 / n).
    assert detectable_share(1) == pytest.approx(0.95)
    assert detectable_share(20) == pytest.approx(0.139, abs=1e-3)
    assert detectable_share(59) == pytest.approx(0.0495, abs=1e-3)


def test_a_fault_or_an_interrupt_ends_it(plain: Report) -> None:
    states = iter([State.NOTHING_WRONG, State.FAULT, State.NOTHING_WRONG])

    def look(_site: Site, _hour: HourlyUse) -> Report:
        return round_of(next(states), 0, plain)

    seen = [one.state for one in watch(Site(), WatchPlan(5, 0.0), look, threading.Event())]
    assert seen == [State.NOTHING_WRONG, State.FAULT]
    interrupt = threading.Event()
    interrupt.set()
    assert list(watch(Site(), WatchPlan(5, 0.0), look, interrupt)) == []
