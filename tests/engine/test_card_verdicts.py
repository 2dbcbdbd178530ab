"""What cards mean: an expired one, one bad among good ones, and whose reader it was."""

from __future__ import annotations

import io

import msgspec
import pytest

from posdiag.engine.chain import Measurement, conclude, measure
from posdiag.knowledge import load_knowledge
from posdiag.model.observation import Completed, Measured, Observation, Part, Value
from posdiag.model.report import End, Report
from posdiag.model.site import Complaint, ComplaintKind, ComplaintOutcome, Site, YesNo
from posdiag.probes import discover
from posdiag.report.terminal import print_report
from posdiag.simulate.card import CardFaults
from posdiag.simulate.scenario import Scenario
from tests.engine.real_shop import open_shop

CARD_CAUSES = {"card_expired", "card_damaged", "card_blocked"}


@pytest.fixture(scope="module")
def expired_shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Measurement]:
    scenario = Scenario(card=CardFaults(image="expired"))
    with open_shop(scenario, tmp_path_factory.mktemp("shop")) as site:
        return site, measure(site, probes=discover(), budget_s=20.0)


def _concluded(site: Site, measurement: Measurement) -> Report:
    return conclude(site, measurement, probes=discover(), knowledge=load_knowledge())


def _complains(site: Site, kind: ComplaintKind, needs_card: YesNo) -> Site:
    assert site.terminal is not None
    return msgspec.structs.replace(
        site,
        terminal=msgspec.structs.replace(site.terminal, signon_needs_card=needs_card),
        complaint=Complaint(kind, ComplaintOutcome.FAILED),
    )


@pytest.mark.parametrize(
    ("kind", "needs_card"),
    [
        (ComplaintKind.TRANSACTION, YesNo.NO),
        (ComplaintKind.SIGNATURE, YesNo.NO),
        (ComplaintKind.SIGN_ON, YesNo.YES),
    ],
)
def test_expired_card_comes_first(
    kind: ComplaintKind, needs_card: YesNo, expired_shop: tuple[Site, Measurement]
) -> None:
    site, measurement = expired_shop
    report = _concluded(_complains(site, kind, needs_card), measurement)
    assert report.diagnoses[0].cause == "card_expired"
    assert report.exit_code == 2


def test_expired_card_is_ruled_out_where_no_card_is_needed(
    expired_shop: tuple[Site, Measurement],
) -> None:
    site, measurement = expired_shop
    report = _concluded(_complains(site, ComplaintKind.SIGN_ON, YesNo.NO), measurement)
    assert not CARD_CAUSES & {found.cause for found in report.diagnoses[:3]}
    expired = next(found for found in report.diagnoses if found.cause == "card_expired")
    assert expired.posterior == 0.0
    assert expired.present > 0.5
    page = io.StringIO()
    print_report(report, language="en", stream=page)
    text = " ".join(page.getvalue().split())
    assert "Operator/bank card expired: it is so, but it does not stop a sign-on here" in text


def _report(
    seen: dict[str, tuple[Value, Part]],
    *,
    kind: ComplaintKind = ComplaintKind.TRANSACTION,
    **facts: Value,
) -> Report:
    """Return the report on a few observations of a card at a shop of which no more is known."""
    observations = [
        Observation(name=name, part=part, result=Measured(value))
        for name, (value, part) in seen.items()
    ]
    outcome = Completed(probe="card", start_s=0.0, end_s=1.0, observations=observations)
    site = Site(facts=dict(facts), complaint=Complaint(kind, ComplaintOutcome.FAILED))
    return _concluded(site, Measurement(plan=[], outcomes=[outcome], end=End.FINISHED))


def _chance(report: Report, cause: str) -> float:
    return next(found.posterior for found in report.diagnoses if found.cause == cause)


def test_one_bad_card_among_good_ones_is_a_card_cause() -> None:
    report = _report(
        {
            "card.state": ("mute", Part.CARD),
            "card.other_state": ("ok", Part.CARD),
            "card.reader_check": ("reads", Part.LAPTOP),
        },
        this_card="not_read",
    )
    assert report.diagnoses[0].cause == "card_damaged"


def test_all_cards_bad_in_our_own_reader_say_nothing_about_cards() -> None:
    nothing = _report({})
    report = _report(
        {
            "card.own_reader_suspect": (True, Part.LAPTOP),
            "card.reader_check": ("reads_none", Part.LAPTOP),
        }
    )
    for cause in (*CARD_CAUSES, "dev_reader_fault"):
        assert _chance(report, cause) == _chance(nothing, cause)


def test_all_cards_bad_in_the_terminals_reader_are_the_readers_fault() -> None:
    report = _report(
        {
            "card.state": ("mute", Part.TERMINAL),
            "card.other_state": ("mute", Part.CARD),
            "card.reader_check": ("reads_none", Part.TERMINAL),
        }
    )
    assert report.diagnoses[0].cause == "dev_reader_fault"


def test_a_card_that_reads_here_and_not_in_the_terminal_speaks_against_its_reader() -> None:
    told = _report({}, this_card="not_read")
    read_here = _report({"card.state": ("ok", Part.CARD)}, this_card="not_read")
    assert _chance(read_here, "dev_reader_fault") > _chance(told, "dev_reader_fault")
    assert _chance(read_here, "card_damaged") < _chance(told, "card_damaged")
    assert read_here.diagnoses[0].cause == "dev_reader_fault"


def test_a_card_that_only_our_reader_tried_weighs_less_than_a_proven_one() -> None:
    alone = _report({"card.state": ("mute", Part.LAPTOP)})
    proven = _report({"card.state": ("mute", Part.CARD)})
    assert _chance(_report({}), "card_damaged") < _chance(alone, "card_damaged")
    assert _chance(alone, "card_damaged") < _chance(proven, "card_damaged")


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("card.application", "blocked", "card_blocked"),
        ("card.pin_tries_left", 0, "card_blocked"),
        ("stripe.expiry_days_left", -40, "card_expired"),
        ("stripe.state", "wrong_checksum", "card_damaged"),
    ],
)
def test_what_a_card_says_of_itself(name: str, value: Value, cause: str) -> None:
    before, after = _report({}), _report({name: (value, Part.CARD)})
    assert _chance(after, cause) > 1.5 * _chance(before, cause)


@pytest.mark.parametrize("state", ["wrong_layout"])
def test_a_reader_of_another_keyboard_says_nothing_about_the_card(state: str) -> None:
    before, after = _report({}), _report({"stripe.state": (state, Part.CARD)})
    assert _chance(after, "card_damaged") == _chance(before, "card_damaged")
