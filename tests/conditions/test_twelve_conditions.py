"""Twelve conditions of a shop's line, end to end: what leads, and whether the figures are true.

All run at the same time, four by four: each mostly waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conditions.measured import Outcome, measure, observed
from tests.conditions.twelve import CONDITIONS
from tests.testbed.needs import needs_links

AT_ONCE = 4
LEGS = ("gateway", "reference")
SEPARATING = ("menu_port", "menu_host", "neighbours", "net_firewall_block", "set_wrong_host")
"""What tells a dead host from a blocked port and a wrong address: the menu, the other shops, the
same connect over another network."""

pytestmark = [needs_links, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def outcomes() -> Mapping[str, Outcome]:
    """Return what a run says under each condition, and the truth."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        runs = {name: pool.submit(measure, name, one) for name, one in CONDITIONS.items()}
        return {name: run.result() for name, run in runs.items()}


@pytest.mark.parametrize("name", CONDITIONS)
def test_what_leads(name: str, outcomes: Mapping[str, Outcome]) -> None:
    report = outcomes[name].report
    crashed = [one for one in report["outcomes"] if one["status"] == "crashed"]
    assert crashed == []
    leads = CONDITIONS[name].leads
    ranked = [one["cause"] for one in report["diagnoses"]]
    assert set(ranked[: len(leads)]) == set(leads), ranked[:4]


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("name", CONDITIONS)
def test_the_median_round_trip_is_what_the_links_delayed(
    name: str, leg: str, outcomes: Mapping[str, Outcome]
) -> None:
    outcome = outcomes[name]
    delayed_s = outcome.delayed_s[leg]
    measured = observed(outcome.report, f"{leg}.round_trip_p50")
    assert measured
    assert delayed_s is not None
    assert measured[0] == pytest.approx(delayed_s, rel=0.05, abs=0.002)


@pytest.mark.parametrize("leg", LEGS)
def test_the_interval_of_the_loss_holds_what_the_links_dropped(
    leg: str, outcomes: Mapping[str, Outcome]
) -> None:
    outside = {}
    for name, outcome in outcomes.items():
        low = observed(outcome.report, f"{leg}.loss_low")[0]
        high = observed(outcome.report, f"{leg}.loss_high")[0]
        truth = outcome.lost_share[leg]
        if not low <= truth <= high:
            outside[name] = (low, truth, high)
    assert len(outside) <= 1, outside


def test_the_place_of_a_queue_is_found(outcomes: Mapping[str, Outcome]) -> None:
    assert observed(outcomes["line_full"].report, "route.queue_begins") == ["access"]
    assert observed(outcomes["lan_flaps"].report, "route.loss_begins") == ["shop"]
    assert observed(outcomes["good_dsl"].report, "route.queue_begins") == ["nowhere"]
    assert observed(outcomes["good_dsl"].report, "route.loss_begins") == ["nowhere"]


def test_a_reset_port_is_said_to_be_ambiguous(outcomes: Mapping[str, Outcome]) -> None:
    report = outcomes["port_reset"].report
    assert report["separable"] is False
    assert report["next_test"]["id"] in SEPARATING


def test_percentiles_need_their_numbers(outcomes: Mapping[str, Outcome]) -> None:
    for name, outcome in outcomes.items():
        for leg in LEGS:
            answers = len((observed(outcome.report, f"{leg}.round_trip") or [[]])[0])
            p99 = observed(outcome.report, f"{leg}.round_trip_p99")
            assert bool(p99) == (answers >= 300), (name, leg, answers)
