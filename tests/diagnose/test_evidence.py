"""What hides what, and why something is not known."""

from __future__ import annotations

from posdiag.diagnose.evidence import Gaps, weigh
from posdiag.model.knowledge import Case
from posdiag.model.observation import NotRunReason, Observation, Unmeasured
from posdiag.model.site import YesNo
from tests.diagnose.small_knowledge import CASE, KNOWLEDGE, fact, failed, measured, series

MADE_BY = {"reference.lost": "path", "reference.sent": "path", "name_lookup.time": "dns"}
NO_GAPS = Gaps([], {}, MADE_BY)
NO_NAMES = failed("name_lookup.time", "silent", "resolve", waited_s=10.0)
NAMES = measured("name_lookup.time", 0.02, "s", subject="192.0.2.53")
LINE_DOWN = series("reference", 20, 20)


def reasons(*observations: Observation, gaps: Gaps = NO_GAPS, case: Case = CASE) -> dict[str, str]:
    evidence = weigh(KNOWLEDGE, case, observations, gaps)
    return {unknown.variable: unknown.reason for unknown in evidence.unknown}


def found(*observations: Observation, case: Case = CASE) -> dict[str, str]:
    evidence = weigh(KNOWLEDGE, case, observations, NO_GAPS)
    return {one.variable: one.level for one in evidence.found}


def test_behind_a_dead_line_nothing_bad_is_known() -> None:
    silent = failed("host_echo.answer_time", "silent", "echo_test", waited_s=4.0)
    assert reasons(*LINE_DOWN, NO_NAMES)["dns"] == "masked"
    # At any distance, even where what lies between was not looked at.
    assert reasons(*LINE_DOWN, silent)["echo"] == "masked"
    assert reasons(NO_NAMES, silent)["echo"] == "masked"


def test_what_answers_is_not_hidden_and_refutes_the_block() -> None:
    assert reasons(*LINE_DOWN, NAMES)["wan_loss"] == "contradicted"
    assert found(*LINE_DOWN, NAMES)["dns"] == "ok"


def test_another_vantage_does_not_refute() -> None:
    # What the terminal does by another way does not make the laptop's lost round trips unseen.
    assert found(*LINE_DOWN, fact("echo", "ok"))["wan_loss"] == "total"


def test_each_gap_says_why() -> None:
    gaps = Gaps(
        [
            Unmeasured(
                name="reference.*", reason=NotRunReason.NOT_DECLARED, detail="network.reference"
            ),
            Unmeasured(name="printer.paper", reason=NotRunReason.UNSUPPORTED),
        ],
        {"dns": "skipped"},
        MADE_BY,
    )
    why = reasons(gaps=gaps)
    assert why["wan_loss"] == "not_declared"
    assert why["paper"] == "unsupported"
    assert why["dns"] == "skipped"
    assert why["trial"] == "no_observation"


def test_the_laptops_path_elsewhere_is_not_reachable_from_here() -> None:
    away = Case(path_shared=YesNo.NO)
    assert reasons(NAMES, case=away)["dns"] == "not_reachable_from_here"
    assert reasons(case=away)["paper"] == "no_observation"


def test_every_variable_is_found_or_unknown() -> None:
    evidence = weigh(KNOWLEDGE, CASE, [NAMES, *LINE_DOWN], NO_GAPS)
    names = [one.variable for one in evidence.found] + [one.variable for one in evidence.unknown]
    assert sorted(names) == sorted(variable.id for variable in KNOWLEDGE.variables)


def test_a_finding_says_what_was_seen_from_where() -> None:
    evidence = weigh(KNOWLEDGE, CASE, [NAMES, fact("trial", "ok")], NO_GAPS)
    by_name = {one.variable: one for one in evidence.found}
    assert by_name["dns"].text.en == "dns ok: 192.0.2.53 20 ms"
    assert by_name["dns"].vantage == "laptop"
    assert by_name["dns"].observations == ["name_lookup.time"]
    assert by_name["trial"].vantage == "operator"
