"""Turns the tables of a knowledge file into values, and names every mistake of their shape."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Generic, TypeVar

import msgspec

from posdiag.model.errors import Mistake

T = TypeVar("T", bound=msgspec.Struct)

_PLACE = re.compile(r" - at (`key` in )?`\$(?P<path>[^`]*)`$")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A value and the file that states it.

    Attributes:
        file: path below ``posdiag/knowledge``, with forward slashes.
    """

    file: str
    value: T


def parse(text: str, *, file: str, mistakes: list[Mistake]) -> dict[str, object]:
    """Return the tables of a TOML text; none, and one mistake more, where it is no TOML.

    Args:
        text: the whole file.
        file: name in the messages.
        mistakes: added to.
    """
    try:
        return tomllib.loads(text)
    except ValueError as refusal:
        mistakes.append(Mistake(file, "", "TOML", str(refusal)))
        return {}


def take_list(
    tables: dict[str, object], key: str, *, file: str, mistakes: list[Mistake]
) -> list[dict[str, object]]:
    """Remove and return the tables of ``[[key]]``.

    Args:
        tables: of a file; the key is taken out of them.
        key: ``cause``, ``variable`` or ``message``.
        file: name in the messages.
        mistakes: added to where there is no such table.
    """
    found = tables.pop(key, None)
    if isinstance(found, list) and found and all(isinstance(item, dict) for item in found):
        return found
    mistakes.append(Mistake(file, key, f"at least one [[{key}]] table"))
    return []


def refuse_rest(tables: Mapping[str, object], *, file: str, mistakes: list[Mistake]) -> None:
    """Add a mistake for each key that is left over.

    Args:
        tables: of a file, without the keys that were taken.
        file: name in the messages.
        mistakes: added to.
    """
    mistakes += [Mistake(file, key, "no such key") for key in tables]


def name_of(table: Mapping[str, object], kind: str, number: int) -> str:
    """Return how an entry is called in messages: its id, else its kind and number from 1."""
    name = table.get("id")
    return name if isinstance(name, str) and name else f"{kind} {number}"


def shaped(
    table: Mapping[str, object], type_: type[T], *, file: str, key: str, mistakes: list[Mistake]
) -> T | None:
    """Return a table as a Struct, None where its shape is wrong.

    Args:
        table: as TOML gave it.
        type_: the Struct.
        file: name in the messages.
        key: of the table, empty for a whole file.
        mistakes: every mistake of the table is added, with the key at fault.
    """
    prefix = f"{key}." if key else ""
    endless = [
        Mistake(file, prefix + place, "a number that is finite", str(number))
        for place, number in _numbers(table)
        if not isfinite(number)
    ]
    mistakes += endless
    try:
        value = msgspec.convert(dict(table), type_)
    except msgspec.ValidationError:
        mistakes += _misshapen(table, type_, file, prefix)
        return None
    return None if endless else value


def _misshapen(
    table: Mapping[str, object], type_: type[msgspec.Struct], file: str, prefix: str
) -> Iterator[Mistake]:
    """Yield every mistake; msgspec stops at the first, so each key is converted alone."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for name in table:
        if name not in fields:
            yield Mistake(file, prefix + name, "no such key")
    for name, field in fields.items():
        if name in table:
            try:
                msgspec.convert(table[name], field.type)
            except msgspec.ValidationError as refusal:
                yield _refused(file, prefix + name, str(refusal))
        elif field.required:
            yield Mistake(file, prefix + name, "this key")


def _refused(file: str, key: str, refusal: str) -> Mistake:
    """Return msgspec's ``Expected X, got Y - at `$.z``` as a mistake."""
    place = _PLACE.search(refusal)
    wish, _, found = refusal.partition(" - at ")[0].removeprefix("Expected ").partition(", got ")
    inner = place["path"] if place else ""
    return Mistake(file, key + inner, wish.replace("`", ""), found.replace("`", ""))


def _numbers(value: object, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _numbers(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _numbers(item, f"{key}[{number}]")
