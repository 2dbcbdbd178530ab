"""The whole chain, from a site to a report."""

from __future__ import annotations

import datetime
import itertools
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from posdiag.engine.chain import conclude, measure, run_chain
from posdiag.model.maintenance import MaintenanceWindow
from posdiag.model.observation import (
    Completed,
    Crashed,
    FailureKind,
    Measured,
    NotRun,
    NotRunReason,
    Operation,
    Unmeasured,
    Value,
)
from posdiag.model.report import NOTHING_WRONG, End, Report, State
from posdiag.model.site import Complaint
from posdiag.probes.probe import ProbeContext, ProbeYield
from posdiag.report.json_document import encode
from tests.diagnose.small_knowledge import KNOWLEDGE
from tests.engine.made_up_probes import by_name, made_up
from tests.engine.made_up_shop import (
    MORNING,
    Run,
    acquirer,
    concluded,
    crashes,
    diagnosed,
    host_answers,
    host_is_silent,
    no_permission,
    shop,
    shop_probes,
)

WELL: dict[str, Value] = {"trial": "ok", "menu_timer": 60.0}
HOUR = datetime.timedelta(hours=1)


def _unknown(report: Report) -> dict[str, str]:
    return {gap.variable: gap.reason for gap in report.unknown}


def _read(report: Report) -> dict[str, str]:
    return {found.variable: found.level for found in report.evidence}


def _posteriors(report: Report) -> dict[str, float]:
    return {found.cause: found.posterior for found in report.diagnoses}


def test_what_was_measured_is_weighed() -> None:
    report = diagnosed(host=host_is_silent)
    assert report.diagnoses[0].cause == "host_silent"
    assert _read(report)["echo"] == "no_reply"
    assert (report.state, report.exit_code) == (State.FAULT, 2)
    assert report.end is End.FINISHED
    assert report.created_at == "2025-03-04T01:30:00Z"
    assert report.knowledge_version == KNOWLEDGE.meta.version
    assert [line.probe for line in report.plan] == ["dns", "host", "path", "printer"]
    assert [outcome.probe for outcome in report.outcomes] == ["dns", "host", "path", "printer"]
    assert report.basis.en == "expert priors, 0 confirmed visits"


def test_a_shop_that_works_has_nothing_wrong() -> None:
    report = diagnosed(shop(facts=WELL))
    assert report.diagnoses[0].cause == NOTHING_WRONG
    assert (report.state, report.exit_code) == (State.NOTHING_WRONG, 0)


def test_a_fact_is_evidence_of_a_person() -> None:
    report = diagnosed(shop(facts={"trial": "fails", "menu_timer": 60.0}))
    assert [seen.name for seen in report.facts] == ["fact.trial", "fact.menu_timer"]
    assert {seen.vantage for seen in report.facts} == {"operator"}
    (trial,) = [found for found in report.evidence if found.variable == "trial"]
    assert (trial.vantage, trial.observations) == ("operator", ["fact.trial"])


def test_what_is_left_out_is_unknown_and_says_why() -> None:
    report = run_chain(
        shop(),
        probes=shop_probes(),
        knowledge=KNOWLEDGE,
        budget_s=20.0,
        skip=frozenset({"host", "printer"}),
        now=MORNING,
    )
    assert _unknown(report)["echo"] == "skipped"
    assert _unknown(report)["paper"] == "skipped"
    assert {"echo", "paper"}.isdisjoint(_read(report))


def _not_reachable(_context: ProbeContext) -> Iterator[ProbeYield]:
    for name in ("host_echo.answer_time", "host_echo.response_code"):
        reason = NotRunReason.NOT_REACHABLE_FROM_HERE
        yield Unmeasured(name=name, reason=reason, detail="private_apn")


@pytest.mark.parametrize(
    ("run", "reason", "outcome"),
    [
        (crashes, "crashed", Crashed),
        (no_permission, "no_permission", NotRun),
        (_not_reachable, "not_reachable_from_here", Completed),
    ],
)
def test_what_could_not_be_checked_weighs_nothing(
    run: Run, reason: str, outcome: type[object]
) -> None:
    without = diagnosed(host=lambda _context: iter(()))
    report = diagnosed(host=run)
    assert isinstance(report.outcomes[1], outcome)
    assert _unknown(report)["echo"] == reason
    assert _posteriors(report) == _posteriors(without)
    # Nor does it weigh what an answer or silence weighs.
    assert _posteriors(report) != _posteriors(diagnosed(host=host_answers))
    assert _posteriors(report)["host_silent"] < 0.5
    assert _posteriors(diagnosed(host=host_is_silent))["host_silent"] > 0.5


def test_what_a_probe_saw_before_it_crashed_counts() -> None:
    def half(context: ProbeContext) -> Iterator[ProbeYield]:
        yield from host_is_silent(context)
        raise ZeroDivisionError

    report = diagnosed(host=half)
    assert isinstance(report.outcomes[1], Crashed)
    assert _posteriors(report) == _posteriors(diagnosed(host=host_is_silent))
    assert _unknown(report)["host_code"] == "crashed"


def test_the_order_of_probes_is_irrelevant() -> None:
    site = shop(facts={"screen": "通讯超时", "menu_port": 9000})
    verdicts = set()
    for order in itertools.permutations(shop_probes(host=host_is_silent).items()):
        report = run_chain(
            site, probes=dict(order), knowledge=KNOWLEDGE, budget_s=20.0, now=MORNING
        )
        assert [outcome.probe for outcome in report.outcomes] == [name for name, _ in order]
        verdicts.add(concluded(report))
    assert len(verdicts) == 1


@pytest.mark.parametrize("menu", ["10203040", "10999940", "9z7q"])
def test_no_number_of_the_shop_is_left_in_the_report(menu: str) -> None:
    site = shop(facts={"menu_tid": menu, "menu_mid": "898440154110002"})
    document = encode(diagnosed(site, host=host_is_silent)).decode()
    for number in (site.tid, site.mid, menu, "898440154110002"):
        assert number not in document
    report = msgspec.json.decode(document, type=Report)
    assert report.site.tid == report.case.expected["tid"] == "10…40"
    told = {seen.name: seen.result for seen in report.facts}["fact.menu_tid"]
    assert isinstance(told, Measured)
    assert (told.value == report.case.expected["tid"]) == (menu == site.tid)


@pytest.mark.parametrize(
    ("starts", "ends", "notice"),
    [(-HOUR, HOUR, True), (HOUR, 2 * HOUR, False), (-2 * HOUR, -HOUR, None)],
)
def test_announced_maintenance_is_a_fact_of_the_data_centre(
    starts: datetime.timedelta, ends: datetime.timedelta, notice: bool | None
) -> None:
    window = MaintenanceWindow(start=MORNING + starts, end=MORNING + ends)
    report = diagnosed(shop(acquirer=acquirer(window)))
    found = [seen for seen in report.facts if seen.name == "notice.active"]
    if notice is None:
        assert found == []
    else:
        assert [seen.result for seen in found] == [Measured(notice)]
        assert found[0].vantage == "data_centre"


@pytest.mark.parametrize(("hour", "elsewhen"), [(9, False), (14, True), (None, False)])
def test_a_complaint_of_another_hour(hour: int | None, elsewhen: bool) -> None:
    report = diagnosed(shop(complaint=Complaint(hour=hour), facts=WELL))
    assert report.case.complaint_elsewhen is elsewhen
    # Nothing is wrong now; whether it was then cannot be said.
    assert report.exit_code == (3 if elsewhen else 0)


def test_facts_that_come_after_the_measurement_count() -> None:
    probes = shop_probes(host=no_permission)
    measurement = measure(shop(), probes=probes, budget_s=20.0)
    before, after = (
        conclude(shop(facts=facts), measurement, probes=probes, knowledge=KNOWLEDGE, now=MORNING)
        for facts in ({}, {"echo": "silent"})
    )
    assert before.outcomes == after.outcomes
    assert _posteriors(after)["host_silent"] > _posteriors(before)["host_silent"]


def test_a_budget_that_cuts_says_so_and_ends_the_run() -> None:
    def waits(context: ProbeContext) -> Iterator[ProbeYield]:
        wait_s, _ = context.deadline.cut(60.0)
        time.sleep(wait_s)
        yield context.failed(
            "host_echo.answer_time", FailureKind.CENSORED, Operation.ECHO_TEST, waited_s=wait_s
        )

    started = time.monotonic()
    report = run_chain(
        shop(), probes=shop_probes(host=waits), knowledge=KNOWLEDGE, budget_s=0.5, now=MORNING
    )
    assert time.monotonic() - started < 5.0
    assert report.end is End.BUDGET_SPENT
    # A wait of half a second is no silence.
    silent = _posteriors(diagnosed(host=host_is_silent))["host_silent"]
    assert _posteriors(report)["host_silent"] < silent


def test_with_nothing_at_all_nothing_can_be_said() -> None:
    report = run_chain(shop(), probes={}, knowledge=KNOWLEDGE, budget_s=20.0, now=MORNING)
    assert (report.state, report.exit_code) == (State.CANNOT_SAY, 3)
    assert report.outcomes == []
    assert report.next_test is not None


def _sleeps(seconds: float) -> Callable[[ProbeContext], Iterator[ProbeYield]]:
    def run(context: ProbeContext) -> Iterator[ProbeYield]:
        time.sleep(seconds)
        yield context.measured("made_up.answer", seconds, "s")

    return run


def test_the_engine_adds_little_to_the_longest_probe() -> None:
    slow = [made_up(f"slow_{place}", _sleeps(2.0 + place / 10)) for place in range(4)]
    quick = [made_up(f"quick_{place}", _sleeps(0.0)) for place in range(10)]
    started = time.monotonic()
    report = run_chain(
        shop(), probes=by_name(*slow, *quick), knowledge=KNOWLEDGE, budget_s=20.0, now=MORNING
    )
    wall_s = time.monotonic() - started
    took = [outcome.end_s - outcome.start_s for outcome in report.outcomes]
    assert sum(took_s >= 2.0 for took_s in took) == 4
    assert wall_s <= 1.3 * max(took)
