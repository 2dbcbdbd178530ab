"""The rules that hold between the parts of the knowledge base."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import TypeAlias

import msgspec

from posdiag.knowledge.reading_checks import reading_mistakes
from posdiag.knowledge.shapes import Entry
from posdiag.model.errors import Mistake
from posdiag.model.knowledge import Cause, EvidenceVariable, Group, Meta
from posdiag.model.messages import Maker, Message
from posdiag.model.report import NOTHING_WRONG, OTHER
from posdiag.model.response_codes import ResponseCodes
from posdiag.model.text import Text

SUM_ERROR = 0.02
"""How far a distribution written by hand may be from 1; it is scaled when it is used."""
GAPS = frozenset({"subject", "value", "detail"})
"""What a level's sentence may ask for."""
_ID = re.compile(r"[a-z][a-z0-9_]*")

Mistakes: TypeAlias = Iterator[Mistake]


@dataclass(frozen=True, slots=True)
class Row:
    """A distribution over a variable's levels, stated with a cause or with the variable."""

    file: str
    cause: str
    variable: str
    levels: list[float]


@dataclass(slots=True)
class Draft:
    """What was read, before it is believed.

    Attributes:
        rows: the rows that stand in evidence files.
        declared_causes: ids, also of entries whose shape is wrong.
        declared_variables: likewise.
    """

    meta: Meta | None = None
    causes: list[Entry[Cause]] = field(default_factory=list)
    variables: list[Entry[EvidenceVariable]] = field(default_factory=list)
    messages: list[Entry[Message]] = field(default_factory=list)
    makers: dict[str, Maker] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    response_codes: ResponseCodes = field(default_factory=dict)
    declared_causes: set[str] = field(default_factory=set)
    declared_variables: set[str] = field(default_factory=set)

    def levels(self) -> dict[str, list[str]]:
        """Return the levels of each variable that could be read."""
        return {entry.value.id: entry.value.levels for entry in self.variables}

    def all_rows(self) -> list[Row]:
        """Return every row, wherever it is stated."""
        with_causes = [
            Row(entry.file, entry.value.id, variable, row)
            for entry in self.causes
            for variable, row in entry.value.shifts.items()
        ]
        return with_causes + self.rows


def find_contradictions(draft: Draft) -> list[Mistake]:
    """Return every mistake across entries, in the order of the rules.

    Args:
        draft: all that could be read; what could not is not blamed again.
    """
    return [
        *_ids(draft),
        *_rows(draft),
        *_variables(draft),
        *_cycles(draft),
        *_causes(draft),
        *_messages(draft),
        *_meta(draft),
        *_empty_texts(draft),
    ]


def _ids(draft: Draft) -> Mistakes:
    fixes = [(entry.file, fix.id) for entry in draft.causes for fix in entry.value.fixes]
    kinds: list[tuple[str, list[tuple[str, str]]]] = [
        ("cause", [(entry.file, entry.value.id) for entry in draft.causes]),
        ("variable", [(entry.file, entry.value.id) for entry in draft.variables]),
        ("message", [(entry.file, entry.value.id) for entry in draft.messages]),
        ("fix", fixes),
    ]
    for kind, named in kinds:
        first: dict[str, str] = {}
        for file, name in named:
            if not _ID.fullmatch(name):
                yield Mistake(file, f"{name}.id", "an id in lower case letters, digits and _", name)
            if name in first:
                wish = f"an id that no other {kind} has ({first[name]})"
                yield Mistake(file, f"{name}.id", wish, name)
            first.setdefault(name, file)
    for entry in draft.causes:
        if entry.value.id in (OTHER, NOTHING_WRONG):
            yield Mistake(entry.file, f"{entry.value.id}.id", "an id that is no hypothesis of ours")


def _rows(draft: Draft) -> Mistakes:
    levels = draft.levels()
    stated: dict[tuple[str, str], str] = {}
    for row in draft.all_rows():
        key = f"{row.cause}.shifts.{row.variable}"
        if row.cause not in draft.declared_causes:
            yield Mistake(row.file, key, "a cause that is known", row.cause)
        pair = (row.cause, row.variable)
        if pair in stated:
            yield Mistake(row.file, key, f"this row stated once ({stated[pair]} has it too)")
        stated.setdefault(pair, row.file)
        yield from _fits(row, key, draft, levels)


def _fits(row: Row, key: str, draft: Draft, levels: Mapping[str, Sequence[str]]) -> Mistakes:
    file, variable = row.file, row.variable
    if variable not in draft.declared_variables:
        yield Mistake(file, key, "a variable that is known", variable)
    elif variable in levels and len(row.levels) != len(levels[variable]):
        wish = f"{len(levels[variable])} values, one per level of {variable}"
        yield Mistake(file, key, wish, str(len(row.levels)))
    yield from _distribution(file, key, row.levels)


def _distribution(file: str, key: str, row: Sequence[float]) -> Mistakes:
    if any(not 0 <= value <= 1 for value in row):
        yield Mistake(file, key, "probabilities from 0 to 1", str(list(row)))
    elif not abs(sum(row) - 1) <= SUM_ERROR:
        yield Mistake(file, key, f"values that sum to 1 (±{SUM_ERROR})", f"{sum(row):.4g}")


def _variables(draft: Draft) -> Mistakes:
    for entry in draft.variables:
        variable, file, name = entry.value, entry.file, entry.value.id
        if len(variable.levels) < 2 or len(set(variable.levels)) < len(variable.levels):
            yield Mistake(file, f"{name}.levels", "two or more levels, each once")
        if len(variable.base) != len(variable.levels):
            wish = f"{len(variable.levels)} values, one per level"
            yield Mistake(file, f"{name}.base", wish, str(len(variable.base)))
        yield from _distribution(file, f"{name}.base", variable.base)
        for need in variable.needs:
            if need not in draft.declared_variables:
                yield Mistake(file, f"{name}.needs", "a variable that is known", need)
        for level in variable.blocking:
            if level not in variable.levels:
                yield Mistake(file, f"{name}.blocking", "a level of this variable", level)
        yield from _sentences(file, variable)
        if not variable.readings:
            yield Mistake(file, f"{name}.readings", "at least one reading")
        for number, reading in enumerate(variable.readings):
            key = f"{name}.readings[{number}]"
            yield from reading_mistakes(reading, variable.levels, file=file, key=key)


def _sentences(file: str, variable: EvidenceVariable) -> Mistakes:
    for level in variable.levels:
        if level not in variable.says:
            yield Mistake(file, f"{variable.id}.says.{level}", "a sentence in both languages")
    for level, text in variable.says.items():
        key = f"{variable.id}.says.{level}"
        if level not in variable.levels:
            yield Mistake(file, key, "a level of this variable", level)
        for language, sentence in (("en", text.en), ("zh", text.zh)):
            for gap in _gaps(sentence):
                if gap not in GAPS:
                    wish = "no other gap than " + ", ".join(f"{{{one}}}" for one in sorted(GAPS))
                    yield Mistake(file, f"{key}.{language}", wish, f"{{{gap}}}")


def _gaps(sentence: str) -> list[str]:
    try:
        return [name for _, name, _, _ in Formatter().parse(sentence) if name is not None]
    except ValueError:
        return [sentence]


def _cycles(draft: Draft) -> Mistakes:
    needs = {entry.value.id: entry.value.needs for entry in draft.variables}
    for entry in draft.variables:
        seen: set[str] = set()
        ahead = list(entry.value.needs)
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += needs.get(name, [])
        if entry.value.id in seen:
            key = f"{entry.value.id}.needs"
            yield Mistake(entry.file, key, "variables that do not need this one", "a circle")


def _causes(draft: Draft) -> Mistakes:
    for entry in draft.causes:
        cause, file, name = entry.value, entry.file, entry.value.id
        if not cause.fixes:
            yield Mistake(file, f"{name}.fixes", "at least one [[cause.fixes]] table")
        for other in cause.confusable:
            if other == name or other not in draft.declared_causes:
                yield Mistake(file, f"{name}.confusable", "another cause that is known", other)
        for other in cause.follows:
            if other == name or other not in draft.declared_causes:
                yield Mistake(file, f"{name}.follows", "another cause that is known", other)
        for link in cause.mult:
            if cause.classes and link not in cause.classes:
                wish = "a class where this cause can occur"
                yield Mistake(file, f"{name}.mult", wish, str(link))


def _messages(draft: Draft) -> Mistakes:
    levels = draft.levels()
    first: dict[str, str] = {}
    for entry in draft.messages:
        message, file, name = entry.value, entry.file, entry.value.id
        yield from _wordings(message, first, file=file)
        yield from _makers(message, draft, file=file)
        for variable, says in message.says.items():
            key = f"{name}.says.{variable}"
            if variable not in draft.declared_variables:
                yield Mistake(file, key, "a variable that is known", variable)
                continue
            if not says or not max(says.values()) > 0:
                yield Mistake(file, key, "a level with a likelihood above 0")
            for level in says:
                if variable in levels and level not in levels[variable]:
                    yield Mistake(file, f"{key}.{level}", f"a level of {variable}", level)


def _wordings(message: Message, first: dict[str, str], *, file: str) -> Mistakes:
    """Yield what is wrong with an entry's wordings; two makers may show the same text."""
    key = f"{message.id}.wordings"
    if not message.texts:
        yield Mistake(file, key, "at least one wording")
    for at, wording in enumerate([*message.wordings, *message.texts]):
        same = wording.casefold().strip()
        if not same:
            yield Mistake(file, key, "a wording with something in it")
        twice = at < len(message.wordings) and same in first
        if twice or first.get(same, message.id) != message.id:
            wish = f"a wording that no other message has ({first[same]})"
            yield Mistake(file, key, wish, wording)
        first.setdefault(same, message.id)


def _makers(message: Message, draft: Draft, *, file: str) -> Mistakes:
    for maker, texts in message.shown.items():
        key = f"{message.id}.shown.{maker}"
        if maker not in draft.makers:
            yield Mistake(file, key, "a maker that is known", maker)
        if not texts:
            yield Mistake(file, key, "at least one wording")
    for code in [*message.host_codes, *message.local_codes]:
        if not (code.isascii() and code.isalnum()):
            yield Mistake(file, f"{message.id}.host_codes", "a code: letters and digits", code)


def _meta(draft: Draft) -> Mistakes:
    meta, file = draft.meta, "meta.toml"
    if meta is None:
        return
    levels = draft.levels()
    for variable, values in meta.other_shifts.items():
        row = Row(file, OTHER, variable, values)
        yield from _fits(row, f"other_shifts.{variable}", draft, levels)
    for pair in meta.pairs:
        first, _, second = pair.partition("__")
        for cause in (first, second):
            if cause not in draft.declared_causes:
                yield Mistake(file, f"pairs.{pair}", "cause__cause, both known", cause)
        if first == second:
            yield Mistake(file, f"pairs.{pair}", "two causes", first)
    for group in Group:
        if group not in meta.groups:
            yield Mistake(file, f"groups.{group}", "a title in both languages")
    for name in ("kappa", "nff_share", "other_share", "other_s", "temperature"):
        if not getattr(meta, name) > 0:
            yield Mistake(file, name, "a number above 0")
    if not meta.nff_share + meta.other_share < 1000:
        yield Mistake(file, "nff_share", "room for listed causes below 1000 per mille")


def _empty_texts(draft: Draft) -> Mistakes:
    entries: Iterable[tuple[str, str, msgspec.Struct]] = [
        *((entry.file, entry.value.id, entry.value) for entry in draft.causes),
        *((entry.file, entry.value.id, entry.value) for entry in draft.variables),
        *((entry.file, entry.value.id, entry.value) for entry in draft.messages),
        *([("meta.toml", "", draft.meta)] if draft.meta else []),
    ]
    for file, name, value in entries:
        for key, text in _texts(value, name):
            if not text.strip():
                yield Mistake(file, key, "a text with something in it")


def _texts(value: object, key: str) -> Iterator[tuple[str, str]]:
    """Yield the texts that must not be empty: both languages, and where a row is from."""
    match value:
        case Text():
            yield f"{key}.en", value.en
            yield f"{key}.zh", value.zh
        case msgspec.Struct():
            for name in value.__struct_fields__:
                item = getattr(value, name)
                inner = f"{key}.{name}" if key else name
                if name in ("source", "rationale", "family", "version"):
                    yield inner, item
                else:
                    yield from _texts(item, inner)
        case dict():
            for name, item in value.items():
                yield from _texts(item, f"{key}.{name}")
        case list():
            for number, item in enumerate(value):
                yield from _texts(item, f"{key}[{number}]")
        case _:
            return
