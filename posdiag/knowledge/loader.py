"""Reads the knowledge base: a folder of TOML files, checked as a whole.

::

    meta.toml              numbers that the whole model shares
    causes/GROUP.toml      [[cause]]; the file's name is the group
    evidence/NAME.toml     [[variable]], and [shifts.CAUSE] where a row stands with its variable
    response_codes.toml    [DIALECT] with what each response code means; may be missing
    messages/NAME.toml     [[message]], and [makers.ID] whose texts they are
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec

from posdiag.knowledge.cross_checks import Draft, Row, find_contradictions
from posdiag.knowledge.shapes import Entry, name_of, parse, refuse_rest, shaped, take_list
from posdiag.model.errors import KnowledgeError, Mistake
from posdiag.model.knowledge import Cause, EvidenceVariable, Group, KnowledgeBase, Meta
from posdiag.model.messages import Maker, Message
from posdiag.model.response_codes import ResponseCode, ResponseCodes

T = TypeVar("T", bound=msgspec.Struct)


@functools.cache
def load_knowledge() -> KnowledgeBase:
    """Return the knowledge that comes with posdiag.

    Raises:
        KnowledgeError: it contradicts itself; the message has one line per mistake.
    """
    return read_knowledge(files("posdiag.knowledge"))


def read_knowledge(folder: Traversable) -> KnowledgeBase:
    """Return the knowledge in a folder. Files are read in the order of their names.

    Args:
        folder: holds ``meta.toml``, ``causes``, ``evidence`` and ``messages``.

    Raises:
        KnowledgeError: with every mistake: file, key, what was expected.
    """
    reader = _Reader(folder)
    draft = reader.draft()
    mistakes = [*reader.mistakes, *find_contradictions(draft)]
    if mistakes or draft.meta is None:
        raise KnowledgeError("\n".join(str(mistake) for mistake in mistakes))
    return KnowledgeBase(
        meta=draft.meta,
        causes=[_with_rows(entry.value, draft.rows) for entry in draft.causes],
        variables=[entry.value for entry in draft.variables],
        messages=[entry.value for entry in draft.messages],
        response_codes=draft.response_codes,
        makers=draft.makers,
    )


def _with_rows(cause: Cause, rows: list[Row]) -> Cause:
    """Return a cause with the rows that stand with their variables."""
    own = {row.variable: row.levels for row in rows if row.cause == cause.id}
    return msgspec.structs.replace(cause, shifts={**cause.shifts, **own}) if own else cause


@dataclass(slots=True)
class _Reader:
    """Reads the files one by one and gathers what is wrong with their shape."""

    folder: Traversable
    mistakes: list[Mistake] = field(default_factory=list)

    def draft(self) -> Draft:
        """Return all that could be read."""
        draft = Draft(meta=self._meta())
        for file, tables in self._files("causes"):
            self._causes(file, tables, draft)
        for file, tables in self._files("evidence"):
            self._evidence(file, tables, draft)
        for file, tables in self._files("messages"):
            self._messages(file, tables, draft)
        draft.response_codes = self._response_codes()
        return draft

    def _response_codes(self) -> ResponseCodes:
        name = "response_codes.toml"
        file = self.folder / name
        if not file.is_file():
            return {}
        tables = parse(file.read_text(encoding="utf-8"), file=name, mistakes=self.mistakes)
        found: ResponseCodes = {}
        for dialect, codes in tables.items():
            known = found.setdefault(dialect, {})
            for code, table in codes.items() if isinstance(codes, dict) else [("", codes)]:
                key = f"{dialect}.{code}".rstrip(".")
                if not isinstance(table, dict):
                    self.mistakes.append(Mistake(name, key, "a table with group and meaning"))
                    continue
                value = shaped(table, ResponseCode, file=name, key=key, mistakes=self.mistakes)
                if value is not None:
                    known[code] = value
        return found

    def _meta(self) -> Meta | None:
        file = self.folder / "meta.toml"
        if not file.is_file():
            self.mistakes.append(Mistake("meta.toml", "", "this file"))
            return None
        text = file.read_text(encoding="utf-8")
        tables = parse(text, file="meta.toml", mistakes=self.mistakes)
        if not tables:
            return None
        return shaped(tables, Meta, file="meta.toml", key="", mistakes=self.mistakes)

    def _files(self, name: str) -> Iterator[tuple[str, dict[str, object]]]:
        folder = self.folder / name
        found = [item for item in folder.iterdir() if item.name.endswith(".toml")]
        for item in sorted(found, key=lambda item: item.name):
            file = f"{name}/{item.name}"
            tables = parse(item.read_text(encoding="utf-8"), file=file, mistakes=self.mistakes)
            if tables:
                yield file, tables

    def _causes(self, file: str, tables: dict[str, object], draft: Draft) -> None:
        group = file.rpartition("/")[2].removesuffix(".toml")
        listed = self._listed(file, tables, "cause")
        if group not in set(Group):
            groups = ", ".join(Group)
            self.mistakes.append(Mistake(file, "", f"a file name out of {groups}", group))
            return
        for number, table in enumerate(listed, 1):
            if "group" in table:
                key = f"{name_of(table, 'cause', number)}.group"
                self.mistakes.append(Mistake(file, key, "no such key: the file's name is it"))
            table["group"] = group
        draft.declared_causes |= {str(table.get("id")) for table in listed}
        draft.causes += self._entries(file, listed, "cause", Cause)
        refuse_rest(tables, file=file, mistakes=self.mistakes)

    def _evidence(self, file: str, tables: dict[str, object], draft: Draft) -> None:
        shifts = tables.pop("shifts", {})
        listed = self._listed(file, tables, "variable")
        draft.declared_variables |= {str(table.get("id")) for table in listed}
        draft.variables += self._entries(file, listed, "variable", EvidenceVariable)
        refuse_rest(tables, file=file, mistakes=self.mistakes)
        try:
            stated = msgspec.convert(shifts, dict[str, dict[str, list[float]]])
        except msgspec.ValidationError as refusal:
            self.mistakes.append(Mistake(file, "shifts", "[shifts.CAUSE] with rows", str(refusal)))
            return
        draft.rows += [
            Row(file, cause, variable, row)
            for cause, rows in stated.items()
            for variable, row in rows.items()
        ]

    def _messages(self, file: str, tables: dict[str, object], draft: Draft) -> None:
        makers = tables.pop("makers", None)
        if isinstance(makers, dict):
            for name, table in makers.items():
                key = f"makers.{name}"
                maker = shaped(table, Maker, file=file, key=key, mistakes=self.mistakes)
                if maker is not None:
                    draft.makers[name] = maker
        elif makers is not None:
            self.mistakes.append(Mistake(file, "makers", "[makers.ID] tables"))
        # A file may hold makers alone.
        if makers is None or "message" in tables:
            listed = self._listed(file, tables, "message")
            draft.messages += self._entries(file, listed, "message", Message)
        refuse_rest(tables, file=file, mistakes=self.mistakes)

    def _listed(self, file: str, tables: dict[str, object], kind: str) -> list[dict[str, object]]:
        return take_list(tables, kind, file=file, mistakes=self.mistakes)

    def _entries(
        self, file: str, listed: list[dict[str, object]], kind: str, type_: type[T]
    ) -> list[Entry[T]]:
        found: list[Entry[T]] = []
        for number, table in enumerate(listed, 1):
            key = name_of(table, kind, number)
            value = shaped(table, type_, file=file, key=key, mistakes=self.mistakes)
            if value is not None:
                found.append(Entry(file, value))
        return found
