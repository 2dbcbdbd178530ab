from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdiag.model.errors import KnowledgeError, SiteError
from posdiag.model.observation import Measured, Part, Value, Vantage
from posdiag.model.site import Site
from posdiag.site.facts import (
    FactTable,
    FactType,
    fact_observations,
    fact_table,
    nii_of,
    parse_fact,
    read_fact_table,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("screen=通讯超时", "通讯超时"),
        (" screen = a = b ", "a = b"),
        ("screen＝通讯超时", "通讯超时"),
        ("menu_timer=60", 60.0),
        ("menu_timer=60.5", 60.5),
        ("menu_timer=60 s", 60.0),
        ("menu_timer=６０", 60.0),
        ("wifi_dbm=-67dBm", -67.0),
        ("menu_port=8583", 8583),
        ("menu_port=8583.0", 8583),
        ("paper=Near_End", "near_end"),
        ("prompt_left=yes", True),
        ("prompt_left=否", False),
        ("menu_nii=6000030000", "0003"),
        ("menu_nii=3", "0003"),
        ("menu_mid=4111111111111111", "4111111111111111"),
    ],
)
def test_a_fact_as_typed(text: str, value: Value, facts: FactTable) -> None:
    name, found = parse_fact(text, facts)
    assert name == text.replace("＝", "=").partition("=")[0].strip()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("screen", '--fact: expected name=value, found "screen"'),
        ("=x", '--fact: expected name=value, found "=x"'),
        ("scren=x", 'did you mean "screen"?'),
        ("screen=", "screen: expected a text of 1 to 200 characters"),
        ("screen=" + "x" * 201, "screen: expected a text of 1 to 200 characters"),
        ("screen=a\x1b[2J", "screen: expected a text of 1 to 200 characters"),
        ("menu_timer=soon", 'menu_timer: expected a number from 1 to 900 (s), found "soon"'),
        ("menu_timer=nan", "menu_timer: expected a number from 1 to 900 (s)"),
        ("menu_timer=1_0", "menu_timer: expected a number from 1 to 900 (s)"),
        ("menu_timer=60 min", "menu_timer: expected a number from 1 to 900 (s)"),
        ("menu_timer=900.1", "menu_timer: expected a number from 1 to 900 (s)"),
        ("menu_port=85.5", "menu_port: expected a whole number from 1 to 65535"),
        ("wifi_dbm=1", "wifi_dbm: expected a number, at most 0 (dBm)"),
        ("paper=full", "paper: expected one of enough, near_end, none"),
        ("prompt_left=perhaps", "prompt_left: expected yes or no"),
    ],
)
def test_a_wrong_fact_says_what_was_expected(text: str, message: str, facts: FactTable) -> None:
    with pytest.raises(SiteError) as caught:
        parse_fact(text, facts)
    assert message in str(caught.value)
    assert caught.value.mistakes[0].file == "--fact"


def test_a_card_number_on_the_screen_is_masked(facts: FactTable) -> None:
    _, text = parse_fact("screen=卡 4111 1111 1111 1111 超时 1234567890123", facts)
    assert text == "卡 411111…1111 超时 1234567890123"


@settings(max_examples=200)
@given(text=st.text(max_size=40), name=st.sampled_from(["menu_timer", "menu_port", "screen"]))
def test_any_text_is_a_value_or_a_mistake(text: str, name: str, facts: FactTable) -> None:
    try:
        found, value = parse_fact(f"{name}={text}", facts)
    except SiteError:
        return
    assert found == name
    if name == "menu_timer":
        assert isinstance(value, float)
        assert 1 <= value <= 900
    if name == "menu_port":
        assert isinstance(value, int)
        assert 1 <= value <= 65535


@pytest.mark.parametrize(
    ("text", "nii"),
    [("6000030000", "0003"), ("60 00 03 00 00", "0003"), ("003", "0003"), ("三", "三"), ("", "")],
)
def test_the_nii_of_a_menu(text: str, nii: str) -> None:
    assert nii_of(text) == nii


def test_facts_become_observations_of_a_person(facts: FactTable) -> None:
    site = Site(facts={"paper": "none", "menu_timer": 60.0})
    timer, paper = fact_observations(site, facts)

    assert (timer.name, paper.name) == ("fact.menu_timer", "fact.paper")
    assert timer.vantage is paper.vantage is Vantage.OPERATOR
    assert (timer.part, paper.part) == (Part.TERMINAL, Part.OPERATOR)
    assert timer.result == Measured(60.0, "s")
    assert paper.result == Measured("none")


def test_no_facts_no_observations_and_no_table_read() -> None:
    assert fact_observations(Site(), {}) == []


def test_a_fact_that_the_table_does_not_have_is_not_passed_on(facts: FactTable) -> None:
    with pytest.raises(SiteError, match="scren"):
        fact_observations(Site(facts={"scren": "x"}), facts)


QUESTION = 'question = { en = "?", zh = "？" }'


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (f'[a]\ntype = "choice"\n{QUESTION}', "choices belong to a choice"),
        (f'[a]\ntype = "text"\nchoices = ["x"]\n{QUESTION}', "choices belong to a choice"),
        (f'[a]\ntype = "text"\nmin = 1\n{QUESTION}', "belong to a number"),
        (f'[a]\ntype = "number"\nmin = 2\nmax = 1\n{QUESTION}', "min is above max"),
        (f'[a]\ntype = "number"\ncolour = "red"\n{QUESTION}', "facts.a.colour"),
        ('[a]\ntype = "number"', "facts.a.question"),
    ],
)
def test_a_table_that_contradicts_itself_is_our_own_fault(table: str, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        read_fact_table(table)


def test_the_shipped_table_is_sound() -> None:
    table = fact_table()
    assert {"screen", "menu_timer", "failed_hour"} <= set(table)
    for name, fact in table.items():
        assert name.replace("_", "").isalnum(), name
        assert fact.question.zh.strip(), name
        assert fact.hint, name
        if fact.type is FactType.CHOICE:
            assert all(choice in fact.question.en for choice in fact.choices), name
