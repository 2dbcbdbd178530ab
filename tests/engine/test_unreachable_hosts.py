"""Hosts that cannot be reached: by design nothing is concluded; by a fault the segment is said."""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path

import msgspec
import pytest

from posdiag.engine.chain import conclude, measure, run_chain
from posdiag.knowledge import load_knowledge
from posdiag.model.maintenance import MaintenanceWindow
from posdiag.model.observation import Failed, NotRun, NotRunReason
from posdiag.model.report import Report
from posdiag.model.site import Complaint, LaptopAt, Reach, Site
from posdiag.probes import discover
from posdiag.report.terminal import render
from posdiag.simulate.host import HostFaults, SimulatedHost
from posdiag.simulate.scenario import load_scenario
from tests.engine.real_shop import open_shop

HOSTS = frozenset({"host", "other_hosts", "dns", "sign_on"})
NOISY = frozenset(discover()) - HOSTS
"""Probes whose values differ from run to run."""


def _run(site: Site, skip: frozenset[str] = frozenset(), budget_s: float = 8.0) -> Report:
    now = datetime.datetime(2026, 11, 24, 10, 0, tzinfo=datetime.UTC)
    return run_chain(
        site,
        probes=discover(),
        knowledge=load_knowledge(),
        budget_s=budget_s,
        skip=skip,
        now=now,
    )


def _private(open_site: Site, facts: dict[str, str | int]) -> Site:
    acquirer = open_site.acquirer
    assert acquirer is not None
    return msgspec.structs.replace(
        open_site,
        acquirer=msgspec.structs.replace(acquirer, reach=Reach.PRIVATE_APN),
        laptop_at=LaptopAt.SAME_LAN,
        complaint=Complaint(),
        facts=facts,
    )


def _same(asked: Report, skipped: Report) -> None:
    assert [found.cause for found in asked.diagnoses] == [
        found.cause for found in skipped.diagnoses
    ]
    for one, other in zip(asked.diagnoses, skipped.diagnoses, strict=True):
        assert abs(one.posterior - other.posterior) <= 1e-9, one.cause
        assert abs(one.present - other.present) <= 1e-9, one.cause
    assert asked.next_test is not None
    assert (asked.next_test.kind, asked.next_test.id) == ("fact", "echo")
    assert asked.exit_code == 3


@pytest.mark.parametrize("facts", [{}, {"seconds_to_error": 60, "screen": "通讯超时"}])
def test_a_private_network_by_design_is_as_if_nobody_had_asked(
    tmp_path: Path, facts: dict[str, str | int]
) -> None:
    with open_shop(load_scenario("healthy"), tmp_path) as open_site:
        site = _private(open_site, facts)
        asked = _run(site, NOISY)
        skipped = _run(site, NOISY | HOSTS)
    _same(asked, skipped)
    assert not [seen for outcome in asked.outcomes for seen in outcome.observations]


def test_a_private_network_beside_everything_else_that_was_measured(tmp_path: Path) -> None:
    with open_shop(load_scenario("healthy"), tmp_path) as open_site:
        site = _private(open_site, {})
        measurement = measure(site, probes=discover(), budget_s=20.0)
    outcomes = [
        NotRun(probe=one.probe, reason=NotRunReason.SKIPPED) if one.probe in HOSTS else one
        for one in measurement.outcomes
    ]
    assert sum(len(outcome.observations) for outcome in outcomes) > 5
    without = msgspec.structs.replace(measurement, outcomes=outcomes)
    reports = [
        conclude(site, one, probes=discover(), knowledge=load_knowledge())
        for one in (measurement, without)
    ]
    _same(*reports)


@pytest.mark.skipif(sys.platform != "linux", reason="other system: no way to drop a SYN")
@pytest.mark.parametrize("budget_s", [3.0, 6.0])
def test_every_host_down_ends_in_time_and_says_where(tmp_path: Path, budget_s: float) -> None:
    scenario = msgspec.structs.replace(
        load_scenario("healthy"), host=HostFaults(connect_silent=True)
    )
    backup = SimulatedHost(HostFaults(connect_silent=True))
    backup.start()
    try:
        with open_shop(scenario, tmp_path) as site:
            acquirer = site.acquirer
            assert acquirer is not None
            further = [
                msgspec.structs.replace(acquirer.hosts[0], role=role, port=backup.port)
                for role in ("backup", "tms")
            ]
            acquirer = msgspec.structs.replace(acquirer, hosts=[*acquirer.hosts, *further])
            further_site = msgspec.structs.replace(
                site, acquirer=msgspec.convert(msgspec.to_builtins(acquirer), type(acquirer))
            )
            began_s = time.monotonic()
            report = _run(further_site, budget_s=budget_s)
            took_s = time.monotonic() - began_s
    finally:
        backup.stop()
    assert took_s < budget_s + 3.0
    levels = {found.variable: found.level for found in report.evidence}
    assert levels["host_tcp"] == "timeout"
    assert levels["wan_loss"] == "none"
    assert levels["dns"] == "ok"
    stages = {stage.stage: stage.state for stage in report.time_budget.stages}
    assert stages["name"] == "measured"
    assert stages["connect"] in ("silent", "censored", "failed")
    first = {found.cause for found in report.diagnoses[:3]}
    assert first & {"host_outage", "net_firewall_block", "host_maintenance"}
    failed = [
        seen.name
        for outcome in report.outcomes
        for seen in outcome.observations
        if isinstance(seen.result, Failed)
    ]
    assert {"host_tcp.connect_time", "backup_tcp.connect_time", "tms_tcp.connect_time"} <= set(
        failed
    )
    page = render(report, language="en", verbose=1).plain()
    assert "no connection to the host" in page


def test_a_window_is_said_first_and_when_it_ends(tmp_path: Path) -> None:
    with open_shop(load_scenario("healthy"), tmp_path) as site:
        acquirer = site.acquirer
        assert acquirer is not None
        window = MaintenanceWindow(
            start=datetime.datetime(2026, 11, 24, 9, 0, tzinfo=datetime.UTC),
            end=datetime.datetime.fromisoformat("2026-11-24T20:30:00+08:00"),
            note="new version",
        )
        ended = msgspec.structs.replace(window, end=window.start + datetime.timedelta(minutes=1))
        reports = [
            _run(
                msgspec.structs.replace(
                    site, acquirer=msgspec.structs.replace(acquirer, maintenance=[one])
                ),
                NOISY | HOSTS,
            )
            for one in (window, ended)
        ]
    inside, after = reports
    first = render(inside, language="en").plain().splitlines()[0]
    assert first.startswith("The acquirer announced maintenance of its host until")
    assert "2026-11-24 20:30 +08:00" in render(inside, language="en").plain()
    assert "new version" in render(inside, language="en").plain()
    assert {found.variable: found.level for found in inside.evidence}["maint_notice"] == "now"
    page = render(after, language="en").plain()
    assert "announced maintenance" not in page.splitlines()[0]
