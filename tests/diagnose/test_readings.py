"""One reading of each kind: what it makes of observations, failures and their absence."""

from __future__ import annotations

import msgspec
import pytest

from posdiag.diagnose.evidence import Gaps, weigh
from posdiag.model.knowledge import Case
from posdiag.model.observation import Observation, Part
from posdiag.model.site import YesNo
from tests.diagnose.small_knowledge import CASE, KNOWLEDGE, fact, failed, measured, series

NO_GAPS = Gaps([], {}, {})


def row(name: str, *observations: Observation, case: Case = CASE) -> list[float] | None:
    """Return the likelihood row of one variable, None where it is unknown."""
    evidence = weigh(KNOWLEDGE, case, observations, NO_GAPS)
    return evidence.likelihoods().get(name)


def top(name: str, *observations: Observation, case: Case = CASE) -> str | None:
    """Return the most likely level of one variable."""
    evidence = weigh(KNOWLEDGE, case, observations, NO_GAPS)
    return next((found.level for found in evidence.found if found.variable == name), None)


def test_threshold_takes_the_median_of_all_samples() -> None:
    assert top("dns", measured("name_lookup.time", 0.02, "s")) == "ok"
    assert top("dns", measured("name_lookup.time", [0.1, 3.0, 4.0], "s")) == "slow"


def test_silence_is_its_own_level() -> None:
    silent = failed("name_lookup.time", "silent", "resolve", waited_s=10.0)
    assert row("dns", silent) == [0.0, 0.0, 1.0]


def test_a_cut_wait_is_weaker_than_silence() -> None:
    cut = failed("host_echo.answer_time", "censored", "echo_test", waited_s=12.0)
    assert row("echo", cut) == pytest.approx([0.0, 2 / 12, 1.0])
    short = failed("host_echo.answer_time", "censored", "echo_test", waited_s=1.0)
    assert row("echo", short) == pytest.approx([0.5, 1.0, 1.0])


def test_a_failure_without_a_meaning_says_nothing() -> None:
    assert row("dns", failed("name_lookup.time", "permission", "resolve")) is None


def test_some_answers_then_none_is_between() -> None:
    answered = measured("host_echo.answer_time", 0.1, "s")
    silent = failed("host_echo.answer_time", "silent", "echo_test", waited_s=4.0)
    assert row("echo", answered, silent) == pytest.approx([1.0, 0.0, 1.0], abs=1e-6)
    assert row("echo", silent, answered) == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)


def test_proportion_is_binomial_and_softer_for_few() -> None:
    assert row("wan_loss", *series("reference", 20, 20)) == pytest.approx([0, 0, 1], abs=1e-6)
    few = row("wan_loss", *series("reference", 1, 5))
    many = row("wan_loss", *series("reference", 20, 100))
    assert few is not None
    assert many is not None
    assert few[1] == many[1] == 1.0
    assert few[0] > many[0]


def test_loss_before_the_gateway_is_taken_off() -> None:
    shared = [*series("gateway", 4, 20), *series("reference", 4, 20)]
    assert top("wan_loss", *shared) == "none"
    assert top("wan_loss", *series("reference", 4, 20)) == "some"


def test_excess_is_the_delay_beyond_the_gateway() -> None:
    near = measured("gateway.round_trip", [0.4, 0.5, 0.6], "s")
    far = measured("reference.round_trip", [0.45, 0.55, 0.65], "s")
    assert top("wan_delay", near, far) == "ok"
    assert top("wan_delay", far) == "high"


def test_codes_depend_on_the_dialect_and_the_worst_counts() -> None:
    codes = [measured("host_echo.response_code", code) for code in ("03", "00")]
    assert top("host_code", *codes) == "id_reject"
    other = Case(path_shared=YesNo.YES, dialect="iso1987")
    assert top("host_code", *codes, case=other) == "ok"
    assert row("host_code", measured("host_echo.response_code", "Z7")) is None


def test_certainty_leaves_room_for_a_mistake() -> None:
    assert row("echo", fact("echo", "silent")) == pytest.approx([1 / 18, 1 / 18, 1.0])


@pytest.mark.parametrize(
    ("days", "level"), [(-3, "expired"), (0, "soon"), (13.9, "soon"), (14, "ok")]
)
def test_date_margin(days: float, level: str) -> None:
    assert top("cert_days", measured("host_tls.certificate_days_left", days, "day")) == level


def test_only_the_terminals_own_part_counts_unless_shared() -> None:
    till = measured("printer.paper", "out", part=Part.TILL_PRINTER)
    assert top("paper", till) is None
    assert top("paper", measured("printer.paper", "out")) == "out"
    shared = Case(path_shared=YesNo.YES, shared_parts=[Part.TILL_PRINTER])
    assert top("paper", till, case=shared) == "out"


def test_ratio_needs_its_answer_and_its_limit() -> None:
    answer = measured("host_echo.answer_time", 2.5, "s")
    timer = fact("menu_timer", 3, "s")
    name = measured("name_lookup.time", 1.0, "s")
    assert row("timer_margin", answer) is None
    assert row("timer_margin", timer, name) is None
    assert top("timer_margin", answer, timer) == "tight"
    assert top("timer_margin", answer, timer, name) == "short"
    silent = failed("host_echo.answer_time", "silent", waited_s=4.0)
    assert row("timer_margin", silent, timer) is None


def test_stage_is_where_the_chain_broke() -> None:
    name = measured("name_lookup.time", 0.1, "s")
    assert top("fail_stage", failed("name_lookup.time", "silent", waited_s=5.0)) == "connect"
    assert top("fail_stage", name, failed("host_echo.answer_time", "closed")) == "wait_reply"
    assert top("fail_stage", name, measured("host_echo.answer_time", 0.1, "s")) == "none"
    assert row("fail_stage", name) is None


def test_comparison_ignores_case_and_needs_a_sheet() -> None:
    assert top("port_param", fact("menu_port", 8583)) == "match"
    assert top("port_param", fact("menu_port", 9999)) == "differs"
    assert row("port_param", fact("menu_port", 9999), case=Case()) is None


def test_one_value_that_differs_is_not_hidden_by_one_that_does_not() -> None:
    case = msgspec.structs.replace(CASE, expected={"port": "8583", "host": "a.example"})
    port, host = fact("menu_port", 8583), fact("menu_host", "B.example")
    assert top("port_param", port, host, case=case) == "differs"
    assert top("port_param", port, fact("menu_host", "A.example."), case=case) == "match"


def test_a_message_speaks_through_its_entry() -> None:
    said = fact("screen", "接收超时")
    assert top("fail_stage", said) == "wait_reply"
    assert top("unknown_signal", said) == "no"
    strange = fact("screen", "qorvex")
    assert top("unknown_signal", strange) == "yes"
    assert row("fail_stage", strange) is None


def test_a_path_that_is_not_the_terminals_is_not_read() -> None:
    slow = measured("name_lookup.time", 3.0, "s")
    assert row("dns", slow, case=Case(path_shared=YesNo.NO)) is None
    assert row("dns", slow, case=Case(path_shared=YesNo.UNKNOWN)) == pytest.approx(
        [0.5, 1.0, 0.5], abs=1e-6
    )


def test_what_a_person_says_counts_on_any_path() -> None:
    assert top("echo", fact("echo", "ok"), case=Case(path_shared=YesNo.NO)) == "ok"


def test_the_first_reading_that_can_be_read_counts() -> None:
    answer = measured("host_echo.answer_time", 0.1, "s")
    assert top("echo", answer, fact("echo", "silent")) == "ok"


def test_nothing_seen_is_nothing_known() -> None:
    assert weigh(KNOWLEDGE, CASE, [], NO_GAPS).found == []
