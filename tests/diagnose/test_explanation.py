"""Weights of evidence against figures worked out by hand, and the conflict flag."""

from __future__ import annotations

import pytest

from posdiag.diagnose.evidence import Gaps, weigh
from posdiag.diagnose.explanation import Explanation, findings_conflict
from posdiag.diagnose.network import CauseNode, Network, VariableNode, build_network
from posdiag.diagnose.posterior import infer
from posdiag.model.report import NOTHING_WRONG, EvidenceFound
from posdiag.model.text import Text
from tests.diagnose.small_knowledge import CASE, KNOWLEDGE, fact, failed, measured


def _found(name: str, likelihood: list[float]) -> EvidenceFound:
    return EvidenceFound(
        variable=name,
        level="x",
        likelihood=likelihood,
        text=Text(en=name, zh=name),
        observations=[name],
        vantage="laptop",
    )


def test_worked_example() -> None:
    # Diagnosis science, section 2.10: weights of D and P for dns and paper.
    network = Network(
        causes=(
            CauseNode("dns", 0.10, 0.90, {"D": (0.02, 0.20, 1.0)}),
            CauseNode("paper", 0.20, 0.15, {"P": (0.03, 1.0)}),
            CauseNode("zcong", 0.15, 0.60, {"D": (0.60, 0.95, 1.0), "W": (0.08, 1.0)}),
        ),
        variables={
            "D": VariableNode("D", (0.955, 0.990, 1.0), "D"),
            "P": VariableNode("P", (0.99, 1.0), "P"),
            "W": VariableNode("W", (0.90, 1.0), "W"),
        },
        leak=0.02,
    )
    rows = {"D": [0.0, 0.2, 0.8], "P": [0.0, 1.0]}
    explanation = Explanation(infer(network, rows), [_found(name, rows[name]) for name in rows])
    because, although = explanation.weights("dns")
    assert [one.variable for one in because] == ["D"]
    assert because[0].decibans == pytest.approx(10.854, abs=5e-4)
    assert [one.variable for one in although] == ["P"]
    assert although[0].decibans == pytest.approx(-0.799, abs=5e-4)
    assert because[0].strength == "strong"
    assert although[0].strength == "weak"
    because, although = explanation.weights("paper")
    assert because[0].decibans == pytest.approx(19.869, abs=5e-4)
    assert although[0].decibans == pytest.approx(-2.156, abs=5e-4)


def test_what_speaks_for_nothing_wrong() -> None:
    seen = [fact("trial", "ok")]
    evidence = weigh(KNOWLEDGE, CASE, seen, Gaps([], {}, {}))
    posterior = infer(build_network(KNOWLEDGE, CASE), evidence.likelihoods())
    because, _ = Explanation(posterior, evidence.found).weights(NOTHING_WRONG)
    assert [one.variable for one in because] == ["trial"]


def test_one_finding_cannot_conflict_and_agreeing_ones_do_not() -> None:
    network = build_network(KNOWLEDGE, CASE)
    silent = failed("name_lookup.time", "silent", waited_s=5.0)
    one = weigh(KNOWLEDGE, CASE, [silent], Gaps([], {}, {}))
    assert not findings_conflict(infer(network, one.likelihoods()))
    two = weigh(KNOWLEDGE, CASE, [silent, fact("screen", "通讯超时")], Gaps([], {}, {}))
    assert not findings_conflict(infer(network, two.likelihoods()))


def test_findings_that_one_cause_cannot_both_explain_conflict() -> None:
    # Three rare findings of three causes that exclude each other in one visit.
    names = ["a", "b", "c", "d"]
    network = Network(
        causes=tuple(CauseNode(f"c{name}", 0.001, 0.9, {name: (0.0001, 1.0)}) for name in names),
        variables={name: VariableNode(name, (0.9999, 1.0), name) for name in names},
        leak=0.01,
    )
    assert findings_conflict(infer(network, {name: [0.0, 1.0] for name in names}))


def test_strengths() -> None:
    seen = [measured("printer.paper", "out"), fact("trial", "fails")]
    evidence = weigh(KNOWLEDGE, CASE, seen, Gaps([], {}, {}))
    posterior = infer(build_network(KNOWLEDGE, CASE), evidence.likelihoods())
    because, _ = Explanation(posterior, evidence.found).weights("paper_out")
    assert because[0].variable == "paper"
    assert because[0].strength == ("strong" if because[0].decibans >= 10 else "some")
