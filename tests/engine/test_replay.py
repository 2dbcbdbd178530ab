"""A saved report diagnosed again: the same, byte for byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import msgspec
import pytest

from posdiag.engine.chain import run_chain
from posdiag.engine.replay import replay
from posdiag.model.errors import ReportError
from posdiag.model.report import End, Report, State, Verdict
from posdiag.probes.probe import ProbeContext, ProbeYield
from posdiag.report.json_document import decode, encode, error_report
from tests.diagnose.small_knowledge import KNOWLEDGE
from tests.engine.made_up_shop import (
    concluded,
    crashes,
    diagnosed,
    host_is_silent,
    no_permission,
    shop,
    shop_probes,
)


def _interrupted() -> Report:
    interrupt = threading.Event()

    def stuck(context: ProbeContext) -> Iterator[ProbeYield]:
        yield context.measured("printer.paper", "out")
        interrupt.set()
        time.sleep(30)

    return run_chain(
        shop(),
        probes=shop_probes(host=host_is_silent, printer=stuck),
        knowledge=KNOWLEDGE,
        budget_s=20.0,
        interrupt=interrupt,
    )


def _odd_numbers(context: ProbeContext) -> Iterator[ProbeYield]:
    # Whole numbers where floats are meant, and what binary fractions cannot hold.
    yield context.measured("name_lookup.time", [1, 0.1 + 0.2, 1e-17, 3], "s")


REPORTS = {
    "healthy": lambda: diagnosed(shop(facts={"trial": "ok"})),
    "fault": lambda: diagnosed(shop(facts={"screen": "接收超时"}), host=host_is_silent),
    "numbers": lambda: diagnosed(
        shop(facts={"menu_tid": "10203041", "menu_port": 9000, "menu_timer": 60.0})
    ),
    "odd_numbers": lambda: diagnosed(dns=_odd_numbers),
    "crashed": lambda: diagnosed(dns=crashes, host=no_permission),
    "interrupted": _interrupted,
}


@pytest.mark.parametrize("name", list(REPORTS))
def test_the_same_byte_for_byte(name: str) -> None:
    saved = encode(REPORTS[name]())
    report = decode(saved)
    again = replay(report, KNOWLEDGE, probes=shop_probes())
    for member in ("diagnoses", "unknown", "next_test"):
        before = msgspec.json.encode(getattr(report, member))
        assert msgspec.json.encode(getattr(again, member)) == before
    assert encode(again) == saved
    assert concluded(replay(again, KNOWLEDGE, probes=shop_probes())) == concluded(report)


def test_they_are_different_reports() -> None:
    # Else a replay that returned one constant would pass.
    assert len({concluded(make()) for make in REPORTS.values()}) == len(REPORTS)


def test_the_verdict_is_made_again_and_not_copied() -> None:
    report = diagnosed(host=host_is_silent)
    forged = msgspec.structs.replace(
        report, state=State.NOTHING_WRONG, exit_code=0, diagnoses=[], unknown=[], next_test=None
    )
    assert encode(replay(forged, KNOWLEDGE, probes=shop_probes())) == encode(report)


def test_other_knowledge_gives_another_verdict_on_the_same_findings() -> None:
    report = diagnosed(host=host_is_silent)
    other = msgspec.structs.replace(
        KNOWLEDGE,
        meta=msgspec.structs.replace(KNOWLEDGE.meta, version="other"),
        causes=[cause for cause in KNOWLEDGE.causes if cause.id != "host_silent"],
    )
    again = replay(report, other, probes=shop_probes())
    assert report.diagnoses[0].cause == "host_silent"
    assert "host_silent" not in [found.cause for found in again.diagnoses]
    assert again.knowledge_version == "other"
    assert (again.outcomes, again.facts, again.plan) == (
        report.outcomes,
        report.facts,
        report.plan,
    )
    assert (again.created_at, again.end, again.case) == (
        report.created_at,
        report.end,
        report.case,
    )


def test_a_run_without_a_verdict_cannot_be_replayed() -> None:
    report = error_report("the disk is full", 74)
    assert report.end is End.ERROR
    with pytest.raises(ReportError, match="the disk is full"):
        replay(report, KNOWLEDGE, probes=shop_probes())


def test_a_report_holds_every_member_of_a_verdict() -> None:
    assert set(Verdict.__struct_fields__) <= set(Report.__struct_fields__)
