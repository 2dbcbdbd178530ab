"""Response codes against the verdict groups of the ISO 8583 fact sheet, section 4."""

from __future__ import annotations

import pytest

from posdiag.diagnose.evidence import Gaps, weigh
from posdiag.knowledge import load_knowledge
from posdiag.model.knowledge import Case
from posdiag.model.observation import Measured, Observation, Vantage
from posdiag.model.report import EvidenceFound
from posdiag.model.response_codes import COMMON_CODES, CodeGroup, response_code
from posdiag.model.site import Dialect

KNOWLEDGE = load_knowledge()

# dialect -> level -> codes. An empty level: no group, so no known rejection.
SHEET = {
    "unionpay": {
        "id_reject": "03 58 89 97",
        "batch": "22 77 79 94 95",
        "key_reject": "99 A0",
        "system_error": "06 68 90 91 92 96 98",
        "": "00 01 04 05 07 12 13 14 19 30 33 36 40 41 51 54 55 57 61 65 75 Z7 80 85",
    },
    "iso1993": {
        "id_reject": "109 120",
        "batch": "913 915",
        "key_reject": "916 917 919",
        "system_error": "906 907 908 909 911",
        "": "800 100 902 904 97 96",
    },
    # Hosts of the Hypercom kind: 97 and 95 mean other things there.
    "hypercom": {
        "id_reject": "03 25 89",
        "batch": "80 85 95",
        "system_error": "96 97",
        "": "99 12",
    },
    "iso1987": {
        "id_reject": "03 25 58 89",
        "batch": "80 85 94 95",
        "system_error": "06 68 91 96 97",
        "": "00 05 12 30 51 77 78 99",
    },
    # An acquirer that is not said: what means two things weighs as no known rejection.
    "": {"id_reject": "03 58", "key_reject": "A0", "system_error": "91 96", "": "22 97 99"},
}
TABLE = [
    (dialect, level, code)
    for dialect, groups in SHEET.items()
    for level, codes in groups.items()
    for code in codes.split()
]


def seen(name: str, value: str) -> Observation:
    fact = name.startswith("fact.")
    vantage = Vantage.OPERATOR if fact else Vantage.LAPTOP
    return Observation(name=name, vantage=vantage, result=Measured(value))


def read(dialect: str, *observations: Observation) -> dict[str, EvidenceFound]:
    evidence = weigh(KNOWLEDGE, Case(dialect=dialect), observations, Gaps([], {}, {}))
    return {found.variable: found for found in evidence.found}


@pytest.mark.parametrize(("dialect", "level", "code"), TABLE)
def test_code_on_the_screen(dialect: str, level: str, code: str) -> None:
    found = read(dialect, seen("fact.screen_code", code))["host_code"]
    assert found.level == (level or "ok")
    if not level:
        # A code that no group has leaves the others possible.
        assert min(found.likelihood) > 0.1
    else:
        assert sorted(found.likelihood)[-2] < 0.05


def test_code_may_be_typed_in_small_letters() -> None:
    assert read("unionpay", seen("fact.screen_code", "a0"))["host_code"].level == "key_reject"


@pytest.mark.parametrize("code", ["00", "03", "58", "97", "A0", "99", "77", "Z7"])
def test_a_test_number_says_nothing_about_this_terminal(code: str) -> None:
    assert "host_code" not in read("unionpay", seen("host_echo.response_code", code))


@pytest.mark.parametrize("code", ["91", "96", "90"])
def test_a_test_number_shows_a_fault_of_the_host(code: str) -> None:
    found = read("unionpay", seen("host_echo.response_code", code))["host_code"]
    assert found.level == "system_error"


def test_the_live_number_goes_before_the_screen() -> None:
    found = read(
        "unionpay",
        seen("host_echo.live_response_code", "97"),
        seen("fact.screen_code", "96"),
    )
    assert found["host_code"].level == "id_reject"
    accepted = read("unionpay", seen("host_echo.live_response_code", "00"))["host_code"]
    assert accepted.level == "ok"
    assert min(accepted.likelihood) > 0.1  # many hosts do not look at the number in an echo


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("fact.screen_code", "Z7", "odd_code"),
        ("host_echo.response_code", "Z7", "odd_code"),
        ("fact.screen_code", "51", "no"),
        ("host_echo.response_code", "00", "no"),
        ("fact.screen", "qorvex 4471 frimdal", "odd_words"),
        ("fact.screen", "商户未登记", "no"),
    ],
)
def test_what_no_list_has(name: str, value: str, level: str) -> None:
    assert read("unionpay", seen(name, value))["unknown_signal"].level == level


def test_an_odd_code_is_seen_beside_a_known_text_and_odd_words_beside_a_good_echo() -> None:
    text = seen("fact.screen", "交易超时")
    odd = read("unionpay", text, seen("host_echo.response_code", "Z7"))
    assert odd["unknown_signal"].level == "odd_code"
    words = seen("fact.screen", "qorvex 4471 frimdal")
    odd = read("unionpay", words, seen("host_echo.response_code", "00"))
    assert odd["unknown_signal"].level == "odd_words"


def test_every_family_of_dialects_has_a_table() -> None:
    families = {dialect.family for dialect in Dialect}
    assert families | {COMMON_CODES} == set(KNOWLEDGE.response_codes)


def test_every_code_has_a_meaning_in_both_languages() -> None:
    for table in KNOWLEDGE.response_codes.values():
        for code, known in table.items():
            assert code == code.upper().strip()
            assert known.meaning.en, code
            assert known.meaning.zh, code


# Verdict groups of a sign-on in the fact sheet, section 4, for UnionPay.
GROUPS = {
    CodeGroup.IDENTITY: "03 97 58 89",
    CodeGroup.FORMAT: "12 30 40",
    CodeGroup.STATE: "22 77 79 94 95",
    CodeGroup.KEYS: "99 A0",
    CodeGroup.HOST: "06 68 90 91 92 96 98",
    CodeGroup.CARD: "01 02 04 05 07 13 14 15 19 33 34 35 36 37 38 39 41 42 43 44 51 52 53 54 55"
    " 56 57 59 60 61 62 63 64 65 66 67 75",
    CodeGroup.ACCEPTED: "00 10 11",
}


@pytest.mark.parametrize(
    ("group", "code"), [(group, code) for group in GROUPS for code in GROUPS[group].split()]
)
def test_the_verdict_groups_of_the_sheet(group: CodeGroup, code: str) -> None:
    known = response_code(KNOWLEDGE.response_codes, "unionpay", code)
    assert known is not None
    assert known.group is group


def test_the_meaning_of_a_code_is_told_in_both_languages() -> None:
    unionpay = read("unionpay", seen("host_echo.live_response_code", "97"))["host_code"].text
    assert "97 (terminal number not found)" in unionpay.en
    assert "97（POS 终端号找不到）" in unionpay.zh
    hypercom = read("hypercom", seen("host_echo.live_response_code", "97"))["host_code"].text
    assert "97 (host unavailable)" in hypercom.en
