"""The verdict as a whole, on a knowledge base of a few causes."""

from __future__ import annotations

import random

import msgspec
import pytest

from posdiag.diagnose import Gaps, diagnose, exit_code
from posdiag.diagnose.fixes import ranked_fixes
from posdiag.diagnose.network import CauseNode, Network, VariableNode
from posdiag.diagnose.next_test import entropy, information
from posdiag.diagnose.posterior import infer
from posdiag.model.knowledge import Case, Effect, KnowledgeBase
from posdiag.model.observation import NotRunReason, Observation, Unmeasured
from posdiag.model.report import NOTHING_WRONG, OTHER, State, Verdict
from posdiag.model.site import YesNo
from tests.diagnose.small_knowledge import CASE, KNOWLEDGE, fact, failed, measured, series

MADE_BY = {
    "name_lookup.time": "dns",
    "host_echo.answer_time": "host",
    "reference.lost": "path",
    "reference.sent": "path",
}
SILENT_NAMES = failed("name_lookup.time", "silent", "resolve", waited_s=10.0)
FINE = [
    *series("reference", 0, 100),
    measured("name_lookup.time", 0.02, "s"),
    measured("host_tcp.connect_time", 0.02, "s"),
    measured("host_echo.answer_time", 0.5, "s"),
    fact("trial", "ok"),
    fact("menu_timer", 60, "s"),
    measured("printer.paper", "enough"),
    measured("gateway.round_trip", 0.002, "s"),
    measured("reference.round_trip", 0.02, "s"),
]


def verdict(
    *observations: Observation,
    case: Case = CASE,
    gaps: list[Unmeasured] | None = None,
    reasons: dict[str, str] | None = None,
    knowledge: KnowledgeBase = KNOWLEDGE,
) -> Verdict:
    return diagnose(knowledge, case, observations, Gaps(gaps or [], reasons or {}, MADE_BY))


def order(found: Verdict) -> list[str]:
    return [diagnosis.cause for diagnosis in found.diagnoses]


def chance(found: Verdict, cause: str) -> float:
    return next(one.posterior for one in found.diagnoses if one.cause == cause)


def test_a_fault_leads_with_evidence_and_fixes() -> None:
    found = verdict(SILENT_NAMES)
    lead = found.diagnoses[0]
    assert lead.cause == "dns_dead"
    assert found.state is State.FAULT
    assert lead.because[0].variable == "dns"
    assert [fix.id for fix in lead.fixes] == ["dns_dead_quick", "dns_dead_slow"]
    assert lead.posterior > lead.prior
    assert lead.workaround is not None


def test_all_fine_is_nothing_wrong() -> None:
    found = verdict(*FINE)
    assert found.state is State.NOTHING_WRONG
    assert order(found)[0] == NOTHING_WRONG
    assert found.next_test is None


def test_nothing_seen_cannot_be_judged_and_says_what_to_do() -> None:
    found = verdict(reasons={"dns": "skipped", "host": "skipped", "path": "skipped"})
    assert found.state is State.CANNOT_SAY
    assert found.next_test is not None
    assert found.next_test.kind in {"probe", "fact", "action"}


def test_a_complaint_of_another_hour() -> None:
    case = msgspec.structs.replace(CASE, complaint_elsewhen=True)
    assert verdict(*FINE, case=case).state is State.CANNOT_SAY


def test_an_unlisted_text_speaks_for_the_unlisted_cause() -> None:
    found = verdict(*FINE[:4], fact("screen", "qorvex 4471"), fact("trial", "fails"))
    assert order(found)[0] == OTHER
    assert found.state is State.CANNOT_SAY


def test_a_bystander_is_named_to_be_fixed_too() -> None:
    no_print = msgspec.structs.replace(CASE, signon_needs_printer=YesNo.NO)
    found = verdict(SILENT_NAMES, measured("printer.paper", "out"), case=no_print)
    assert order(found)[0] == "dns_dead"
    assert chance(found, "paper_out") == 0
    assert [fix.id for fix in found.also_fix] == ["paper_out_quick"]
    needed = msgspec.structs.replace(CASE, signon_needs_printer=YesNo.YES)
    first = verdict(measured("printer.paper", "out"), case=needed)
    assert order(first)[0] == "paper_out"


def test_a_measured_risk_without_a_complaint() -> None:
    case = msgspec.structs.replace(CASE, complaint_outcome="unknown")
    no_print = msgspec.structs.replace(case, signon_needs_printer=YesNo.NO)
    found = verdict(*FINE, measured("printer.paper", "out"), case=no_print)
    assert found.state is State.RISK
    assert verdict(*FINE, case=case).state is State.NOTHING_WRONG


def test_a_fault_that_hides_the_rest_is_a_risk_where_nobody_complains() -> None:
    case = msgspec.structs.replace(CASE, complaint_outcome="unknown")
    causes = [
        msgspec.structs.replace(one, share=one.share / 4) if one.id == "dns_dead" else one
        for one in KNOWLEDGE.causes
    ]
    rare = msgspec.structs.replace(KNOWLEDGE, causes=causes)
    found = verdict(SILENT_NAMES, case=case, knowledge=rare)
    assert order(found)[:2] == [NOTHING_WRONG, "dns_dead"]
    assert 0.2 <= chance(found, "dns_dead") < 0.5
    assert found.state is State.RISK
    assert verdict(fact("screen", "通讯超时"), case=case).state is State.CANNOT_SAY


@pytest.mark.parametrize(
    ("state", "code"),
    [(State.FAULT, 2), (State.CANNOT_SAY, 3), (State.RISK, 1), (State.NOTHING_WRONG, 0)],
)
def test_exit_codes(state: State, code: int) -> None:
    assert exit_code(state) == code


def test_the_order_of_observations_does_not_matter() -> None:
    seen = [SILENT_NAMES, *FINE[:2], fact("screen", "通讯超时"), measured("printer.paper", "out")]
    expected = msgspec.json.encode(verdict(*seen))
    shuffled = list(seen)
    random.Random(7).shuffle(shuffled)
    assert shuffled != seen
    assert msgspec.json.encode(verdict(*shuffled)) == expected


def test_a_probe_that_did_not_run_weighs_nothing() -> None:
    seen = [SILENT_NAMES, fact("trial", "fails")]
    before = verdict(*seen)
    gap = Unmeasured(name="printer.*", reason=NotRunReason.NO_PERMISSION)
    after = verdict(*seen, gaps=[gap], reasons={"path": "crashed"})
    assert [one.posterior for one in before.diagnoses] == [one.posterior for one in after.diagnoses]


def test_a_host_out_of_reach_equals_a_host_not_asked() -> None:
    away = msgspec.structs.replace(CASE, path_shared=YesNo.NO)
    seen = [fact("screen", "通讯超时")]
    reached = verdict(*seen, measured("host_echo.answer_time", 9.0, "s"), case=away)
    skipped = verdict(*seen, case=away, reasons={"host": "skipped"})
    for first, second in zip(reached.diagnoses, skipped.diagnoses, strict=True):
        assert first.cause == second.cause
        assert first.posterior == pytest.approx(second.posterior, abs=1e-9)


def test_what_the_terminal_can_tell_itself_comes_first() -> None:
    gap = Unmeasured(name="host_echo.*", reason=NotRunReason.NOT_REACHABLE_FROM_HERE)
    found = verdict(fact("trial", "fails"), gaps=[gap])
    assert found.next_test is not None
    assert (found.next_test.kind, found.next_test.id) == ("fact", "echo")
    assert found.next_test.command == "posdiag run --fact echo=..."


def test_a_skipped_probe_is_offered() -> None:
    found = verdict(fact("trial", "fails"), reasons={"dns": "skipped"})
    tests = [found.next_test, *found.other_tests]
    assert "posdiag probe dns" in [test.command for test in tests if test]


def test_consent_is_named_in_the_command() -> None:
    gap = Unmeasured(
        name="name_lookup.time", reason=NotRunReason.CONSENT_REQUIRED, detail="--allow dns"
    )
    found = verdict(fact("trial", "fails"), gaps=[gap])
    tests = [found.next_test, *found.other_tests]
    offered = {test.command: test.effect for test in tests if test}
    assert offered["posdiag probe dns --allow dns"] is Effect.INTERRUPTS_SERVICE


def test_another_probes_consent_is_not_asked_for() -> None:
    gap = Unmeasured(
        name="name_lookup.time", reason=NotRunReason.CONSENT_REQUIRED, detail="--allow sign-on"
    )
    found = verdict(fact("trial", "fails"), gaps=[gap])
    commands = [test.command for test in [found.next_test, *found.other_tests] if test]
    assert not [command for command in commands if "probe dns" in command]


def test_neighbours_alike_are_said_not_to_be_separable() -> None:
    knowledge = msgspec.structs.replace(
        KNOWLEDGE,
        causes=[
            msgspec.structs.replace(one, confusable=["host_silent", "line_down"], share=40.0)
            for one in KNOWLEDGE.causes
        ],
    )
    assert not verdict(fact("trial", "fails"), knowledge=knowledge).separable
    assert verdict(SILENT_NAMES).separable


def test_information_of_the_worked_example() -> None:
    # Diagnosis science, section 2.10: information gain of W = 0.449247 bit.
    network = Network(
        causes=(
            CauseNode("cong", 0.15, 0.60, {"D": (0.60, 0.95, 1.0), "W": (0.08, 1.0)}),
            CauseNode("dns", 0.10, 0.90, {"D": (0.02, 0.20, 1.0)}),
            CauseNode("paper", 0.20, 0.15, {"P": (0.03, 1.0)}),
        ),
        variables={
            "D": VariableNode("D", (0.955, 0.990, 1.0), "D"),
            "P": VariableNode("P", (0.99, 1.0), "P"),
            "W": VariableNode("W", (0.90, 1.0), "W"),
        },
        leak=0.02,
    )
    posterior = infer(network, {"D": [0.0, 0.2, 0.8], "P": [0.0, 1.0]})
    assert information(posterior, "W") == pytest.approx(0.449247, abs=5e-7)
    assert information(posterior, "D") == 0.0
    assert information(posterior, "nowhere") == 0.0


def test_entropy() -> None:
    assert entropy([0.5, 0.5]) == pytest.approx(1.0)
    assert entropy([1.0, 0.0]) == 0.0


def test_fixes_alike_go_to_who_is_at_the_counter() -> None:
    cause = KNOWLEDGE.causes[0]
    fix = cause.fixes[1]
    near = msgspec.structs.replace(fix, id="z_here", minutes=2.2)
    far = msgspec.structs.replace(fix, id="a_far", actor=KNOWLEDGE.causes[0].fixes[0].actor)
    both = msgspec.structs.replace(cause, fixes=[far, near])
    assert [one.id for one in ranked_fixes(both, 0.8)] == ["z_here", "a_far"]
    much_slower = msgspec.structs.replace(near, minutes=9.0)
    both = msgspec.structs.replace(cause, fixes=[far, much_slower])
    assert [one.id for one in ranked_fixes(both, 0.8)] == ["a_far", "z_here"]
