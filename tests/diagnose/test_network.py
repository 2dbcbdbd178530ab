"""Which causes and variables a case has, how likely each is beforehand, and what it shifts."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.diagnose.network import (
    TRIAL,
    TRIAL_SPLIT,
    CauseNode,
    Network,
    applicable_causes,
    applicable_variables,
    build_network,
    cumulative,
    sign_on_sufficiency,
    sufficiency_in_effect,
)
from posdiag.model.knowledge import Case, KnowledgeBase
from posdiag.model.report import OTHER
from posdiag.model.site import LinkClass, YesNo
from tests.diagnose.small_knowledge import META, cause, variable

KAPPA, NFF, UNLISTED, OTHER_S = 0.19, 120, 40, 0.9
ROOM = 1000 - NFF - UNLISTED

CAUSES = [
    cause("wire_cut", 30, 0.9, {"loss": [0.1, 0.9]}, classes=["eth", "dial"], mult={"dial": 3}),
    cause("signal_weak", 50, 0.5, {"signal": [0.2, 0.8]}, classes=["cell"]),
    cause("host_down", 20, 0.8, {"loss": [0.5, 0.5]}, mult={"cell": 0.5}),
    cause(
        "card_bad",
        10,
        0.08,
        {},
        s_transaction=0.95,
        when={"site": "signon_needs_card", "yes": 0.9, "no": 0.0},
    ),
    cause(
        "paper_out",
        30,
        0.25,
        {"trial": [0.5, 0.1, 0.4]},
        when={"site": "signon_needs_printer", "yes": 0.7, "no": 0.01},
    ),
]
VARIABLES = [
    variable("loss", ["none", "some"], [0.95, 0.05]),
    variable("signal", ["good", "weak"], [0.9, 0.1], classes=["cell"]),
    variable("trial", ["ok", "mixed", "fails"], [0.93, 0.05, 0.02]),
]


def knowledge(*, variables: list[dict[str, Any]] = VARIABLES, **meta: Any) -> KnowledgeBase:
    numbers = {"kappa": KAPPA, "nff_share": NFF, "other_share": UNLISTED, "other_s": OTHER_S}
    numbers |= {"epsilon": 0.0, "family_rho": 0.25, "temperature": 0.8, "other_mix_uniform": 0.15}
    whole = {
        "meta": META | numbers | {"other_shifts": {}, "pairs": {}} | meta,
        "causes": CAUSES,
        "variables": variables,
        "messages": [],
    }
    return msgspec.convert(whole, KnowledgeBase)


def node(network: Network, name: str) -> CauseNode:
    return next(one for one in network.causes if one.id == name)


def share(network: Network, name: str, s: float) -> float:
    """Return the per-mille share that a cause's prior odds stand for."""
    return node(network, name).odds * s * 1000 / KAPPA


class TestWhatApplies:
    @pytest.mark.parametrize(
        ("link", "expected"),
        [
            (LinkClass.ETH, ["card_bad", "host_down", "paper_out", "wire_cut"]),
            (LinkClass.CELL, ["card_bad", "host_down", "paper_out", "signal_weak"]),
            (LinkClass.BT, ["card_bad", "host_down", "paper_out"]),
            (None, ["card_bad", "host_down", "paper_out", "signal_weak", "wire_cut"]),
        ],
    )
    def test_causes_by_link_class(self, link: LinkClass | None, expected: list[str]) -> None:
        case = Case(link_class=link)
        assert [one.id for one in applicable_causes(knowledge(), case)] == expected
        network = build_network(knowledge(), case)
        assert [one.id for one in network.causes] == sorted([*expected, OTHER])

    @pytest.mark.parametrize(
        ("link", "expected"),
        [
            (LinkClass.ETH, ["loss", "trial"]),
            (LinkClass.CELL, ["loss", "signal", "trial"]),
            (None, ["loss", "signal", "trial"]),
        ],
    )
    def test_variables_by_link_class(self, link: LinkClass | None, expected: list[str]) -> None:
        case = Case(link_class=link)
        assert [one.id for one in applicable_variables(knowledge(), case)] == expected
        network = build_network(knowledge(), case)
        assert list(network.variables) == expected
        assert all(set(one.rows) <= set(expected) for one in network.causes)


class TestPriors:
    def test_shares_fill_the_room_of_the_listed_causes(self) -> None:
        network = build_network(knowledge(), Case(link_class=LinkClass.ETH))
        raw = {"wire_cut": (30, 0.9), "host_down": (20, 0.8), "card_bad": (10, 0.08)}
        raw["paper_out"] = (30, 0.25)
        for name, (stated, s) in raw.items():
            assert share(network, name, s) == pytest.approx(stated * ROOM / 90)

    def test_a_class_multiplies_the_share_before_that(self) -> None:
        network = build_network(knowledge(), Case(link_class=LinkClass.DIAL))
        assert share(network, "wire_cut", 0.9) == pytest.approx(90 * ROOM / 150)
        assert share(network, "host_down", 0.8) == pytest.approx(20 * ROOM / 150)

    def test_an_unknown_class_multiplies_nothing(self) -> None:
        network = build_network(knowledge(), Case())
        assert share(network, "wire_cut", 0.9) == pytest.approx(30 * ROOM / 140)

    @pytest.mark.parametrize("link", [None, *LinkClass])
    def test_all_shares_make_a_thousand(self, link: LinkClass | None) -> None:
        network = build_network(knowledge(), Case(link_class=link))
        stated = {one.id: one.s for one in knowledge().causes} | {OTHER: OTHER_S}
        total = sum(share(network, one.id, stated[one.id]) for one in network.causes)
        assert total + network.leak * 1000 / KAPPA == pytest.approx(1000)

    def test_what_the_site_needs_does_not_change_how_often_paper_is_out(self) -> None:
        odds = {
            node(build_network(knowledge(), Case(signon_needs_printer=answer)), "paper_out").odds
            for answer in YesNo
        }
        assert len(odds) == 1

    def test_leak_and_knobs_come_from_the_shared_numbers(self) -> None:
        network = build_network(knowledge(), Case())
        assert network.leak == pytest.approx(KAPPA * NFF / 1000)
        assert (network.rho, network.temperature) == (0.25, 0.8)

    @pytest.mark.parametrize(
        ("outcome", "failed"), [("failed", True), ("none", False), ("unknown", False)]
    )
    def test_only_a_failure_must_be_explained(self, outcome: str, failed: bool) -> None:
        assert build_network(knowledge(), Case(complaint_outcome=outcome)).failed is failed


class TestSufficiency:
    @pytest.mark.parametrize(
        ("name", "answer", "expected"),
        [
            ("card_bad", YesNo.YES, 0.9),
            ("card_bad", YesNo.NO, 0.0),
            ("card_bad", YesNo.UNKNOWN, 0.08),
            ("paper_out", YesNo.YES, 0.7),
            ("paper_out", YesNo.NO, 0.01),
            ("paper_out", YesNo.UNKNOWN, 0.25),
            ("host_down", YesNo.YES, 0.8),
            ("host_down", YesNo.NO, 0.8),
        ],
    )
    def test_of_a_sign_on_by_site(self, name: str, answer: YesNo, expected: float) -> None:
        about = "signon_needs_card" if name == "card_bad" else "signon_needs_printer"
        case = msgspec.convert({about: answer}, Case)
        found = next(one for one in knowledge().causes if one.id == name)
        assert sign_on_sufficiency(found, case) == expected
        assert sufficiency_in_effect(found, case) == expected
        assert node(build_network(knowledge(), case), name).sufficiency == expected

    @pytest.mark.parametrize(
        ("needs_card", "needs_printer", "card", "paper"),
        [(YesNo.YES, YesNo.NO, 0.9, 0.01), (YesNo.NO, YesNo.YES, 0.0, 0.7)],
    )
    def test_each_property_speaks_of_its_own_causes(
        self, needs_card: YesNo, needs_printer: YesNo, card: float, paper: float
    ) -> None:
        case = Case(signon_needs_card=needs_card, signon_needs_printer=needs_printer)
        network = build_network(knowledge(), case)
        assert node(network, "card_bad").sufficiency == card
        assert node(network, "paper_out").sufficiency == paper

    @pytest.mark.parametrize("answer", YesNo)
    @pytest.mark.parametrize(
        ("kind", "transaction"),
        [("sign_on", False), ("unknown", False), ("transaction", True), ("signature", True)],
    )
    def test_by_what_is_complained_of(self, kind: str, transaction: bool, answer: YesNo) -> None:
        case = Case(complaint_kind=kind, signon_needs_card=answer, signon_needs_printer=answer)
        network = build_network(knowledge(), case)
        sign_on = {YesNo.YES: 0.9, YesNo.NO: 0.0, YesNo.UNKNOWN: 0.08}[answer]
        assert node(network, "card_bad").sufficiency == (0.95 if transaction else sign_on)
        # Without a number of its own for a transaction: the general one, whatever the site needs.
        sign_on = {YesNo.YES: 0.7, YesNo.NO: 0.01, YesNo.UNKNOWN: 0.25}[answer]
        assert node(network, "paper_out").sufficiency == (0.25 if transaction else sign_on)


class TestRows:
    def test_a_supervised_sign_on_follows_from_the_sufficiency(self) -> None:
        network = build_network(knowledge(), Case())
        some, always = TRIAL_SPLIT
        expected = cumulative([0.2, some * 0.8, always * 0.8])
        assert node(network, "host_down").rows[TRIAL] == pytest.approx(expected)
        assert node(network, "paper_out").rows[TRIAL] == pytest.approx((0.5, 0.6, 1.0))

    def test_a_supervised_sign_on_is_no_transaction(self) -> None:
        case = Case(complaint_kind="transaction", signon_needs_card=YesNo.NO)
        assert node(build_network(knowledge(), case), "card_bad").rows[TRIAL] == (1.0, 1.0, 1.0)

    def test_a_trial_of_other_levels_is_left_alone(self) -> None:
        two = variable("trial", ["ok", "fails"], [0.9, 0.1])
        given = knowledge(variables=[VARIABLES[0], two])
        network = build_network(given, Case(link_class=LinkClass.ETH))
        assert TRIAL not in node(network, "host_down").rows

    def test_a_cause_has_rows_only_where_it_shifts(self) -> None:
        network = build_network(knowledge(), Case())
        assert set(node(network, "wire_cut").rows) == {"loss", TRIAL}
        assert node(network, "wire_cut").rows["loss"] == pytest.approx((0.1, 1.0))

    def test_every_row_is_contaminated(self) -> None:
        network = build_network(knowledge(epsilon=0.01), Case())
        assert node(network, "wire_cut").rows["loss"][0] == pytest.approx(0.99 * 0.1 + 0.005)
        assert network.variables["loss"].base[0] == pytest.approx(0.99 * 0.95 + 0.005)
        row = node(network, "card_bad").rows[TRIAL]
        assert row[0] == pytest.approx(0.99 * 0.92 + 0.01 / 3)

    def test_families_are_kept(self) -> None:
        network = build_network(knowledge(), Case())
        assert {one.id: one.family for one in network.variables.values()} == {
            "loss": "loss",
            "signal": "signal",
            "trial": "trial",
        }

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.floats(0, 0.5))
    def test_cumulative(self, weights: list[float], epsilon: float) -> None:
        row = [(weight + 0.01) / sum(each + 0.01 for each in weights) for weight in weights]
        sums = cumulative(row, epsilon)
        steps = [after - before for before, after in itertools.pairwise((0.0, *sums))]
        mixed = [(1 - epsilon) * value + epsilon / len(row) for value in row]
        assert sums[-1] == 1.0
        assert steps == pytest.approx(mixed, abs=1e-12)

    def test_cumulative_mends_a_rounded_row(self) -> None:
        assert cumulative([0.333, 0.333, 0.333]) == pytest.approx((1 / 3, 2 / 3, 1.0))


class TestUnlisted:
    def test_prior_and_sufficiency(self) -> None:
        other = node(build_network(knowledge(), Case()), OTHER)
        assert other.sufficiency == OTHER_S
        assert other.odds == pytest.approx(KAPPA * UNLISTED / (1000 * OTHER_S))

    def test_is_a_little_of_everything(self) -> None:
        network = build_network(knowledge(), Case())
        other = node(network, OTHER)
        assert set(other.rows) == set(network.variables)
        assert other.rows["loss"][0] == pytest.approx(0.85 * 0.95 + 0.15 / 2)

    def test_has_rows_of_its_own(self) -> None:
        given = knowledge(other_shifts={"loss": [0.3, 0.7], "absent": [0.5, 0.5]})
        other = node(build_network(given, Case()), OTHER)
        assert other.rows["loss"] == pytest.approx((0.3, 1.0))
        assert "absent" not in other.rows


class TestPairs:
    PAIRS = {"wire_cut__host_down": 0.7, "paper_out__signal_weak": 0.4}  # noqa: RUF012 (constant)

    def test_by_ascending_position_whatever_the_spelling(self) -> None:
        network = build_network(knowledge(pairs=self.PAIRS), Case())
        at = {one.id: place for place, one in enumerate(network.causes)}
        assert network.pairs == {
            (at["host_down"], at["wire_cut"]): 0.7,
            (at["paper_out"], at["signal_weak"]): 0.4,
        }
        assert all(low < high for low, high in network.pairs)

    def test_only_where_both_can_occur(self) -> None:
        network = build_network(knowledge(pairs=self.PAIRS), Case(link_class=LinkClass.CELL))
        assert list(network.pairs.values()) == [0.4]
