"""The knowledge that comes with posdiag, against the probes, the facts and the site's keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest

from posdiag.diagnose.evidence import observations_of
from posdiag.diagnose.readings import CASE_TIMER
from posdiag.knowledge import load_knowledge
from posdiag.model.knowledge import (
    Codes,
    Comparison,
    DateMargin,
    EvidenceVariable,
    Excess,
    Group,
    MessageReading,
    Proportion,
    Ratio,
    Reading,
    Threshold,
    TimerSums,
)
from posdiag.model.observation import Part
from posdiag.model.site import Dialect, Site
from posdiag.model.text import Text
from posdiag.probes import discover
from posdiag.site.facts import FactType, fact_table

KNOWLEDGE = load_knowledge()
VARIABLES = {variable.id: variable for variable in KNOWLEDGE.variables}
FACTS = {f"fact.{name}": fact for name, fact in fact_table().items()}
PROBES = discover()
MADE_BY = {made.name: probe.name for probe in PROBES.values() for made in probe.observables}
UNITS = {made.name: made.unit for probe in PROBES.values() for made in probe.observables}
READINGS = [
    (f"{variable.id}[{number}]", reading)
    for variable in KNOWLEDGE.variables
    for number, reading in enumerate(variable.readings)
]
SHEET_KEYS = {"host", "port", "tpdu", "nii", "tid", "mid", "apn", "dial_number", "attempts"}
"""What an acquirer's sheet can say."""
OF_THE_PATH = ("gateway.", "reference.", "name_lookup.", "host_name.", "host_tcp.", "host_echo.")
OF_A_DEVICE = ("printer.", "serial.", "ups.")
MADE_BY_ENGINE = {"notice.active", "notice.ended_lately", "host_status.state", CASE_TIMER}
OF_THE_LAPTOP = ("interface.", "laptop_clock.", "laptop_power.", "host_echo.clock_difference")
CODES_ANYWHERE = ("host_echo.response_code", "host_echo.live_response_code")


def test_every_group_has_causes_and_the_list_is_long_enough() -> None:
    assert len(KNOWLEDGE.causes) >= 30
    assert {cause.group for cause in KNOWLEDGE.causes} == set(Group)


def test_every_cause_can_be_seen() -> None:
    # At least one variable tells it from nothing: P(level | cause) three times what it is else.
    for cause in KNOWLEDGE.causes:
        ratios = [
            given / base
            for name, row in cause.shifts.items()
            for given, base in zip(row, VARIABLES[name].base, strict=True)
            if name not in ("fail_stage", "trial")
        ]
        assert max(ratios) > 3, cause.id


def names_in(reading: Reading) -> Iterator[str]:
    yield from observations_of(reading)
    if isinstance(reading, Excess):
        yield from reading.upstream
    if isinstance(reading, Proportion) and reading.upstream_count and reading.upstream_total:
        yield from (reading.upstream_count, reading.upstream_total)


def test_reading_names_what_somebody_observes() -> None:
    for where, reading in READINGS:
        known = set(MADE_BY) | set(FACTS) | MADE_BY_ENGINE
        assert set(names_in(reading)) <= known, where


def test_codes_are_values_that_can_be_typed() -> None:
    for where, reading in READINGS:
        if not isinstance(reading, Codes) or reading.observation not in FACTS:
            continue
        fact = FACTS[reading.observation]
        if fact.type is FactType.CHOICE:
            assert set(reading.codes) <= set(fact.choices), where
        elif fact.type is FactType.YES_NO:
            assert set(reading.codes) <= {"true", "false"}, where
        elif fact.type is FactType.NUMBER:
            assert all(value.isdigit() for value in reading.codes), where


def test_numbers_are_read_from_numbers() -> None:
    for where, reading in READINGS:
        if isinstance(reading, Threshold | Ratio | Excess | DateMargin | Proportion):
            for name in set(names_in(reading)) - {CASE_TIMER}:
                if name in FACTS:
                    assert FACTS[name].type is FactType.NUMBER, where
                else:
                    assert UNITS[name], name
        if isinstance(reading, MessageReading):
            assert FACTS[reading.observation].type is FactType.TEXT
        if isinstance(reading, DateMargin):
            assert UNITS[reading.observation] == "day"


def test_cuts_lie_where_a_fact_can_be() -> None:
    for where, reading in READINGS:
        if isinstance(reading, Threshold) and reading.observation in FACTS:
            fact = FACTS[reading.observation]
            for cut in reading.cuts:
                assert fact.min is None or fact.min < cut, where
                assert fact.max is None or cut <= fact.max, where


def test_dialects_and_sheet_keys_exist() -> None:
    for where, reading in READINGS:
        if isinstance(reading, Codes):
            assert set(reading.dialects) <= set(Dialect), where
        if isinstance(reading, Comparison):
            assert set(reading.compared.values()) <= SHEET_KEYS, where


def test_the_laptop_is_not_the_terminal() -> None:
    for where, reading in READINGS:
        names = list(names_in(reading))
        # Its own variable shifts no cause: it only hides what the laptop says of certificates.
        if not where.startswith("laptop_clock["):
            assert not [name for name in names if name.startswith(OF_THE_LAPTOP)], where
        # What goes over the laptop's own path counts only where the terminal's is the same.
        if any(name.startswith(OF_THE_PATH) for name in names) and names[0] not in CODES_ANYWHERE:
            assert reading.path, where
        # The till has a printer and the counter a UPS: only what is or counts as the terminal's.
        if any(name.startswith(OF_A_DEVICE) for name in names):
            assert reading.parts == [Part.TERMINAL], where


def test_an_unknown_root_says_nothing() -> None:
    # The laptop need not have the acquirer's own root, nor a client certificate.
    failures = {kind for reading in VARIABLES["tls"].readings for kind in reading.failures}
    assert not failures & {"certificate_untrusted", "client_certificate_required"}


@pytest.mark.parametrize("variable", KNOWLEDGE.variables, ids=lambda variable: variable.id)
def test_variable_can_be_found_out(variable: EvidenceVariable) -> None:
    read = {name for reading in variable.readings for name in names_in(reading)}
    assert variable.ask or variable.probe, "neither a question nor a probe"
    if variable.ask:
        # The answer must weigh: the next test would ask for nothing.
        assert f"fact.{variable.ask}" in FACTS
        assert f"fact.{variable.ask}" in read
    if variable.probe:
        assert variable.probe in {MADE_BY.get(name) for name in read}


def test_every_level_can_be_reached() -> None:
    for variable in KNOWLEDGE.variables:
        reached: set[str] = set()
        for reading in variable.readings:
            reached |= levels_of(reading, variable)
        said = [message.says.get(variable.id, {}) for message in KNOWLEDGE.messages]
        reached |= {level for says in said for level, weight in says.items() if weight >= 0.5}
        missing = set(variable.levels) - reached
        # A sign-on that did not fail stops nowhere: nobody can tell that about a failed one.
        assert missing <= ({"none"} if variable.id == "fail_stage" else set()), variable.id


def levels_of(reading: Reading, variable: EvidenceVariable) -> set[str]:
    found = set(reading.failures.values())
    match reading:
        case Threshold() | Excess() | Ratio() | DateMargin():
            found |= set(reading.levels)
        case Codes():
            found |= set(reading.codes.values()) | ({reading.default} if reading.default else set())
            found |= {level for table in reading.dialects.values() for level in table.values()}
        case Comparison():
            found |= {reading.match, reading.differs}
        case MessageReading():
            found |= {level for level in (reading.unknown, reading.known) if level}
        case Proportion():
            found |= set(variable.levels)
        case TimerSums():
            found |= {reading.name, reading.connect, reading.answer}
        case _:
            raise AssertionError(reading)
    return found


def test_rows_have_their_source() -> None:
    for variable in KNOWLEDGE.variables:
        assert len(variable.source) > 10, variable.id
        # Base and cuts are nowhere published: what is not sourced is called a guess.
        assert "guess" in variable.source, variable.id
    for cause in KNOWLEDGE.causes:
        assert len(cause.source) > 5, cause.id
    for message in KNOWLEDGE.messages:
        assert len(message.source) > 5, message.id


def texts(value: object, key: str = "") -> Iterator[tuple[str, Text]]:
    match value:
        case Text():
            yield key, value
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from texts(getattr(value, name), f"{key}.{name}")
        case dict():
            for name, item in value.items():
                yield from texts(item, f"{key}.{name}")
        case list():
            for number, item in enumerate(value):
                yield from texts(item, f"{key}[{getattr(item, 'id', number)}]")
        case _:
            return


def test_words_are_in_both_languages() -> None:
    ideograph = re.compile("[\u4e00-\u9fff]")
    found = dict(texts(KNOWLEDGE))
    assert len(found) > 500
    for key, text in found.items():
        assert ideograph.search(text.zh), key
        assert not ideograph.search(text.en), key
        assert re.search("[a-zA-Z]", text.en), key


def test_both_languages_show_the_same_values() -> None:
    gap = re.compile(r"\{(\w+)\}")
    for variable in KNOWLEDGE.variables:
        for level, text in variable.says.items():
            assert sorted(gap.findall(text.en)) == sorted(gap.findall(text.zh)), variable.id + level


def test_messages_speak_of_variables_that_read_them() -> None:
    reads = {
        variable.id
        for variable in KNOWLEDGE.variables
        if any(isinstance(reading, MessageReading) for reading in variable.readings)
    }
    for message in KNOWLEDGE.messages:
        assert set(message.says) <= reads, message.id


def test_what_loses_data_says_so() -> None:
    # A restart or an exchange of the terminal can lose an open batch; advice must say so.
    words = re.compile("restart|replace the terminal|cold", re.IGNORECASE)
    for cause in KNOWLEDGE.causes:
        for fix in cause.fixes:
            if words.search(fix.text.en) and "router" not in fix.text.en.lower():
                assert fix.effect != "safe", fix.id


def test_site_can_tell_every_key_it_tells() -> None:
    from posdiag.site.case import expected_of

    assert set(expected_of(Site(tid="00001234", mid="123456789012345"))) <= SHEET_KEYS


def test_the_laptops_clock_is_no_sign_of_any_cause() -> None:
    assert not [cause.id for cause in KNOWLEDGE.causes if "laptop_clock" in cause.shifts]
