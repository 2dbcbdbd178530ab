"""One JSON document: there and back, by its schema, with every mistake named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from posdiag.model.errors import ReportError
from posdiag.model.report import End, Report, State
from posdiag.report import json_document
from posdiag.report.json_document import decode, encode, error_report, schema

Sample = Callable[[str], Report]


def test_there_and_back(sample: Sample, variant: str) -> None:
    report = sample(variant)
    document = encode(report)
    assert document.endswith(b"}\n")
    assert document.count(b"\n") == 1
    assert decode(document) == report
    assert encode(decode(document)) == document


def test_document_follows_its_schema(sample: Sample, variant: str) -> None:
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(json.loads(encode(sample(variant))))


def test_schema_is_one_document_with_definitions() -> None:
    found = schema()
    assert found["$schema"].endswith("2020-12/schema")
    assert found["title"] == "posdiag report, version 1"
    assert found["$ref"] == "#/$defs/Report"
    assert {"Report", "Diagnosis", "Completed", "NotRun", "Crashed"} <= set(found["$defs"])
    json.dumps(found)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_cannot_say_is_our_bug(sample: Sample, number: float) -> None:
    report = msgspec.structs.replace(
        sample("fault"),
        time_budget=msgspec.structs.replace(sample("fault").time_budget, exceeds=number),
    )
    with pytest.raises(ValueError, match=r"\$\.time_budget\.exceeds is"):
        encode(report)


def broken(report: Report, change: Callable[[dict[str, Any]], object]) -> bytes:
    found = json.loads(encode(report))
    change(found)
    return json.dumps(found).encode()


def test_every_mistake_is_named_at_once(sample: Sample) -> None:
    def change(found: dict[str, Any]) -> None:
        found["state"] = "fine"
        found["exit_code"] = "2"
        found["diagnoses"][0]["posterior"] = 1.5
        del found["site"]["tid"]
        found["outcomes"][1]["reason"] = "no reason"

    with pytest.raises(ReportError) as caught:
        decode(broken(sample("fault"), change), file="a.json")
    said = "\n".join(str(mistake) for mistake in caught.value.mistakes)
    assert len(caught.value.mistakes) == 5
    assert "a.json: state: expected one of cannot_say, fault, nothing_wrong, risk" in said
    assert "a.json: exit_code: expected integer, found '2'" in said
    assert "a.json: diagnoses[0].posterior: expected 1.5 is greater than the maximum of 1" in said
    assert "a.json: site: expected the keys tid" in said
    assert "a.json: outcomes[1].reason: expected one of" in said


def test_mistakes_have_an_end(sample: Sample) -> None:
    def change(found: dict[str, Any]) -> None:
        found["diagnoses"] = [1] * 1000

    with pytest.raises(ReportError) as caught:
        decode(broken(sample("fault"), change))
    assert len(caught.value.mistakes) == 20


def test_a_report_of_a_newer_posdiag_is_refused_as_such(sample: Sample) -> None:
    def change(found: dict[str, Any]) -> None:
        found["schema_version"] = 99
        found["state"] = "brand_new"

    with pytest.raises(ReportError, match="newer posdiag"):
        decode(broken(sample("fault"), change))


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"no json", b"\xff\xfe{}", b"[]", b"null", b"1", b'{"a": 1}', b'"\xed\xa0\x80"'],
)
def test_what_is_no_report_raises_report_error(document: bytes) -> None:
    with pytest.raises(ReportError):
        decode(document)


def test_a_document_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "MOST_BYTES", 10)
    with pytest.raises(ReportError, match="at most"):
        decode(b" " * 11)


def test_error_report_is_a_report_too() -> None:
    report = error_report("it\n  broke", 70, posdiag_version="0.1.0", created_at="2026-01-02")
    assert report.error == "it broke"
    assert report.end is End.ERROR
    assert report.state is State.CANNOT_SAY
    assert report.exit_code == 70
    assert decode(encode(report)) == report
    Draft202012Validator(schema()).validate(json.loads(encode(report)))
    assert error_report("x", 70).created_at.endswith("Z")
