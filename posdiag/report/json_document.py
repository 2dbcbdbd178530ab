"""The report as one JSON document: written, read back with every mistake named, and its schema."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from posdiag.model.errors import Mistake, ReportError
from posdiag.model.knowledge import Case
from posdiag.model.report import (
    SCHEMA_VERSION,
    End,
    Report,
    SiteSummary,
    State,
    TimeBudget,
    WrongInput,
)
from posdiag.model.site import Complaint, LaptopAt
from posdiag.model.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_BYTES = 32 * 1024 * 1024
"""A longer document is no report of ours and is not read."""
_MOST_MISTAKES = 20
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def encode(report: Report) -> bytes:
    """Return the report as one JSON document in UTF-8 with a line end.

    Raises:
        ValueError: a number is not finite (our bug): JSON cannot say it.
    """
    for path, number in _numbers(msgspec.to_builtins(report), "$"):
        if not isfinite(number):
            raise ValueError(f"{path} is {number}")
    return msgspec.json.encode(report) + b"\n"


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _numbers(inner, f"{path}[{number}]")


def decode(document: bytes, *, file: str = "report") -> Report:
    """Return the report that a document holds.

    Args:
        document: UTF-8 JSON.
        file: its name, for the mistakes.

    Raises:
        ReportError: with every mistake (at most 20), or the one that the document is no JSON, is
            too long, or was written by a newer posdiag.
    """
    if len(document) > MOST_BYTES:
        raise ReportError(
            [Mistake(file, "", "a report of at most 32 MiB", f"{len(document)} bytes")]
        )
    try:
        return msgspec.json.decode(document, type=Report)
    except msgspec.ValidationError as error:
        first = str(error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError([Mistake(file, "", "one JSON document", str(error))]) from error
    try:
        found: object = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError([Mistake(file, "", "one JSON document", str(error))]) from error
    raise ReportError(_mistakes(found, file, first))


def _mistakes(found: object, file: str, first: str) -> list[Mistake]:
    """Return all mistakes of a document; msgspec itself stops at the first."""
    from jsonschema import Draft202012Validator

    version = found.get("schema_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        expected = f"a version up to {SCHEMA_VERSION} (this report is of a newer posdiag)"
        return [Mistake(file, "schema_version", expected, str(version))]
    errors = sorted(
        Draft202012Validator(schema()).iter_errors(found), key=lambda error: error.json_path
    )
    mistakes = [_mistake(file, error) for error in errors[:_MOST_MISTAKES]]
    return mistakes or [Mistake(file, "", first)]


def _mistake(file: str, error: Any) -> Mistake:  # noqa: ANN401  (jsonschema's own type)
    """Return one mistake; of alternatives, in the one that is meant."""
    while error.context:
        error = _meant(error)
    key = error.json_path.removeprefix("$").removeprefix(".")
    found = repr(error.instance)
    match error.validator:
        case "type":
            kinds = error.validator_value
            expected = kinds if isinstance(kinds, str) else " or ".join(kinds)
        case "enum" | "const":
            values = error.validator_value
            choices = values if isinstance(values, list) else [values]
            expected = "one of " + ", ".join(str(choice) for choice in choices)
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return Mistake(file, key, "the keys " + ", ".join(missing))
        case _:
            return Mistake(file, key, error.message[:200])
    return Mistake(file, key, expected, found if len(found) <= 60 else found[:57] + "...")


def _meant(error: Any) -> Any:  # noqa: ANN401  (jsonschema's own type)
    """Return the first mistake of the alternative whose tag fits, else of the nearest one."""
    from jsonschema.exceptions import relevance

    tag = error.schema.get("discriminator", {}).get("propertyName")
    alternatives: dict[int, list[Any]] = {}
    for inner in error.context:
        alternatives.setdefault(inner.schema_path[0], []).append(inner)

    def distance(found: list[Any]) -> tuple[bool, int]:
        return any(list(inner.path)[-1:] == [tag] for inner in found), len(found)

    nearest = min(alternatives.values(), key=distance)
    return max(nearest, key=relevance)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a report."""
    return {
        "$schema": SCHEMA_ID,
        "title": f"posdiag report, version {SCHEMA_VERSION}",
        **msgspec.json.schema(Report),
    }


def error_report(
    text: str,
    exit_code: int,
    *,
    posdiag_version: str = "",
    knowledge_version: str = "",
    site: SiteSummary | None = None,
    created_at: str | None = None,
    mistakes: Sequence[Mistake] = (),
) -> Report:
    """Return the document of a run that came to no verdict, so that ``--json`` always prints one.

    Args:
        text: what went wrong, one line, no secrets.
        exit_code: of the process.
        posdiag_version: of the program.
        knowledge_version: where it was loaded.
        site: where it was read.
        created_at: UTC, ISO 8601; None: now.
        mistakes: of an input that is wrong.
    """
    nowhere = SiteSummary(
        name="",
        terminal=None,
        acquirer=None,
        tid="",
        laptop_at=LaptopAt.UNKNOWN,
        simulated=False,
        missing=[],
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Report(
        posdiag_version=posdiag_version,
        knowledge_version=knowledge_version,
        created_at=now if created_at is None else created_at,
        end=End.ERROR,
        exit_code=exit_code,
        site=site or nowhere,
        complaint=Complaint(),
        case=Case(),
        state=State.CANNOT_SAY,
        diagnoses=[],
        evidence=[],
        unknown=[],
        next_test=None,
        other_tests=[],
        time_budget=TimeBudget(stages=[], timer_s=None, timer_basis="unknown"),
        also_fix=[],
        conflict=False,
        separable=True,
        facts=[],
        plan=[],
        outcomes=[],
        basis=Text(en="no diagnosis was made", zh="没有作出诊断"),
        error=" ".join(text.split()),
        mistakes=[
            WrongInput(file=one.file, key=one.key, expected=one.expected, found=one.found)
            for one in mistakes
        ],
    )
