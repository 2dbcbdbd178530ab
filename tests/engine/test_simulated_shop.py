"""Scenarios through the whole chain in one process, with the real probes and knowledge."""

from __future__ import annotations

import functools
import tempfile
import tomllib
from pathlib import Path

import msgspec
import pytest

from posdiag.engine.chain import Measurement, conclude, measure
from posdiag.engine.replay import replay
from posdiag.knowledge import load_knowledge
from posdiag.model.observation import NotRun, NotRunReason
from posdiag.model.report import NOTHING_WRONG, End, Report
from posdiag.model.site import Complaint, ComplaintKind, ComplaintOutcome, Site
from posdiag.probes import discover
from posdiag.report.json_document import decode, encode
from posdiag.simulate.card import TEST_PAN
from posdiag.simulate.scenario import load_scenario
from tests.engine.made_up_shop import concluded
from tests.engine.real_shop import open_shop

SCENARIOS = ["healthy", "dns_dead", "certificate_expired", "dns_and_paper"]
LABELS = tomllib.loads(
    (Path(__file__).parents[2] / "posdiag/cli/scenario_labels.toml").read_text(encoding="utf-8")
)


@functools.cache
def _measured(name: str) -> tuple[Site, Measurement]:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_shop(load_scenario(name), Path(folder)) as site,
    ):
        return site, measure(site, probes=discover(), budget_s=20.0)


def _report(name: str, **said: Complaint) -> Report:
    site, measurement = _measured(name)
    return conclude(
        msgspec.structs.replace(site, **said),
        measurement,
        probes=discover(),
        knowledge=load_knowledge(),
    )


def test_one_fault_comes_first() -> None:
    for name in ("dns_dead", "certificate_expired"):
        report = _report(name)
        assert [report.diagnoses[0].cause] == LABELS[name]["causes"]
        assert report.exit_code in (1, 2)
        assert report.end is End.FINISHED
        assert report.diagnoses[0].because


def test_two_faults_are_among_the_first_three() -> None:
    first = {found.cause for found in _report("dns_and_paper").diagnoses[:3]}
    assert set(LABELS["dns_and_paper"]["causes"]) <= first


@pytest.mark.parametrize("outcome", [ComplaintOutcome.UNKNOWN, ComplaintOutcome.FAILED])
def test_a_healthy_shop_has_nothing_wrong(outcome: ComplaintOutcome) -> None:
    report = _report("healthy", complaint=Complaint(ComplaintKind.SIGN_ON, outcome))
    assert report.exit_code == 0
    assert report.diagnoses[0].cause == NOTHING_WRONG
    assert max(found.posterior for found in report.diagnoses[1:]) <= 0.20


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_replay_is_the_same_byte_for_byte(name: str) -> None:
    report = _report(name)
    saved = encode(report)
    again = replay(decode(saved), load_knowledge())
    assert concluded(again) == concluded(report)
    assert encode(again) == saved


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_secret_is_left(name: str) -> None:
    site, _ = _measured(name)
    document = encode(_report(name)).decode()
    assert TEST_PAN not in document
    for number in (site.tid, site.mid):
        assert not number or number not in document


@pytest.mark.parametrize("name", ["healthy", "dns_and_paper"])
@pytest.mark.parametrize("probe", sorted(discover()))
def test_without_one_probe_unknown_is_not_bad(name: str, probe: str) -> None:
    site, measurement = _measured(name)
    whole = _report(name)
    gone = NotRun(probe=probe, reason=NotRunReason.SKIPPED)
    kept = [gone if outcome.probe == probe else outcome for outcome in measurement.outcomes]
    report = conclude(
        site,
        msgspec.structs.replace(measurement, outcomes=kept),
        probes=discover(),
        knowledge=load_knowledge(),
    )
    read = {found.variable for found in report.evidence}
    unknown = {gap.variable for gap in report.unknown}
    assert {found.variable for found in whole.evidence} - read <= unknown
    if name == "healthy":
        assert report.exit_code != 2


def test_the_order_of_probes_is_irrelevant() -> None:
    for name in SCENARIOS:
        site, measurement = _measured(name)
        turned = msgspec.structs.replace(measurement, outcomes=measurement.outcomes[::-1])
        probes = dict(reversed(list(discover().items())))
        again = conclude(site, turned, probes=probes, knowledge=load_knowledge())
        assert concluded(again) == concluded(_report(name))
