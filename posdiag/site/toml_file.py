"""Reads a TOML file into a Struct and, where it is wrong, names every mistake of the file."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TypeVar

import msgspec

from posdiag.model.errors import InputError, Mistake, SiteError

MAX_BYTES = 1 << 20
"""Site files and profiles have a few KiB; anything this big is another file."""

BUILTIN_TYPES = (datetime.datetime, datetime.date, datetime.time)
"""TOML has dates of its own; a date in quotes is a text."""

# `tid = 00001234`: TOML knows no leading zeros, and a terminal number is a text.
_LEADING_ZERO = re.compile(r"""^\s*(?P<key>[\w."'-]+)\s*=\s*(?P<number>0\d+)\s*(#.*)?$""")
_KEY = re.compile(r"""^\s*(?P<key>[\w."'-]+)\s*=""")
_LINE = re.compile(r"\(at line (\d+), column \d+\)")

T = TypeVar("T")


def read_text(
    path: Path,
    *,
    error: type[InputError] = SiteError,
    max_bytes: int = MAX_BYTES,
    encodings: Sequence[str] = ("utf-8-sig",),
) -> str:
    """Return the text of a file.

    Args:
        path: as the user wrote it; stands in the message.
        error: class to raise.
        max_bytes: a bigger file is refused.
        encodings: tried in this order; Windows' editors write a byte order mark.

    Raises:
        InputError: as ``error``, with one mistake: not there, not a file, unreadable, too big, not
            text in one of the encodings, or empty.
    """
    raw = _read_bytes(path, error=error, max_bytes=max_bytes)
    if not raw.removeprefix(b"\xef\xbb\xbf").strip():
        raise error([Mistake(str(path), "", "a file with something in it", "an empty file")])
    wanted = "a text in UTF-8" + (" or GB18030" if "gb18030" in encodings else "")
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise error([Mistake(str(path), "", f"{wanted}: save it again", "UTF-16")])
    position = 0
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as refusal:
            position = position or refusal.start
    line = raw.count(b"\n", 0, position) + 1
    raise error([Mistake(str(path), "", f"{wanted}: save it again", f"other bytes in line {line}")])


def _read_bytes(path: Path, *, error: type[InputError], max_bytes: int) -> bytes:
    name = str(path)
    try:
        if path.is_dir():
            raise error([Mistake(name, "", "a file", "a folder")])
        # A pipe without a writer would hold us for ever: nothing but files.
        if path.exists() and not path.is_file():
            raise error([Mistake(name, "", "a file", "a device or a pipe")])
        with path.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise error([Mistake(name, "", "a file that is there", "no such file")]) from None
    except (OSError, ValueError) as refusal:
        reason = getattr(refusal, "strerror", None) or str(refusal)
        raise error([Mistake(name, "", "a file that can be read", reason.lower())]) from None
    if len(raw) > max_bytes:
        limit = f"a file of at most {max_bytes >> 20} MiB"
        raise error([Mistake(name, "", limit, "a bigger one")])
    return raw


def parse_toml(text: str, *, file: str, error: type[InputError] = SiteError) -> dict[str, object]:
    """Return the tables of a TOML text.

    Args:
        text: the whole text.
        file: its name in the message.
        error: class to raise.

    Raises:
        InputError: as ``error``, with one mistake that names line and column.
    """
    try:
        tables: dict[str, object] = tomllib.loads(text)
    except RecursionError:
        raise error([Mistake(file, "", "TOML, not so deeply nested")]) from None
    except ValueError as refusal:  # TOMLDecodeError, or a number of thousands of digits
        raise error([_not_toml(text, file, str(refusal))]) from None
    return tables


def _not_toml(text: str, file: str, refusal: str) -> Mistake:
    place = _LINE.search(refusal)
    lines = text.splitlines()
    line = lines[int(place[1]) - 1] if place and int(place[1]) <= len(lines) else ""
    zero = _LEADING_ZERO.match(line)
    if zero and place:
        quoted = f'a text in quotes: {zero["key"]} = "{zero["number"]}"'
        return Mistake(file, zero["key"].strip("\"'"), quoted, f"{zero['number']} {place[0]}")
    key = _KEY.match(line)
    wish = "TOML (key = value, texts in quotes)"
    return Mistake(file, key["key"].strip("\"'") if key else "", wish, f"this: {refusal}")


def decode(
    tables: Mapping[str, object],
    type_: type[T],
    *,
    file: str,
    error: type[InputError] = SiteError,
) -> T:
    """Return the tables as a Struct.

    Args:
        tables: what TOML gave.
        type_: a msgspec Struct.
        file: name in the messages.
        error: class to raise.

    Raises:
        InputError: as ``error``, with every mistake.
    """
    mistakes = find_mistakes(tables, type_, file=file)
    if mistakes:
        raise error(mistakes)
    return msgspec.convert(tables, type_, builtin_types=BUILTIN_TYPES, str_keys=True)


def find_mistakes(tables: Mapping[str, object], type_: type, *, file: str) -> list[Mistake]:
    """Return every mistake of the tables against a Struct, in the order of the keys; none if fine.

    Args:
        tables: what TOML gave.
        type_: a msgspec Struct.
        file: name in the messages.
    """
    mistakes = [
        Mistake(file, key, "a number that is finite", str(value))
        for key, value in walk(tables)
        if isinstance(value, float) and not isfinite(value)
    ]
    try:
        msgspec.convert(tables, type_, builtin_types=BUILTIN_TYPES, str_keys=True)
    except msgspec.ValidationError as refusal:
        # msgspec stops at the first mistake. The rest comes from jsonschema, which costs 30 ms and
        # is imported only here.
        from posdiag.site.schema_words import schema_mistakes

        named = {mistake.key for mistake in mistakes}
        found = schema_mistakes(tables, type_, file=file)
        mistakes += [mistake for mistake in found if mistake.key not in named]
        return mistakes or [_only_msgspec_knows(str(refusal), file)]
    return mistakes


def _only_msgspec_knows(refusal: str, file: str) -> Mistake:
    wish, _, path = refusal.partition(" - at `$")
    return Mistake(file, path.strip("`."), wish.removeprefix("Expected ").replace("`", ""))


def load(path: Path, type_: type[T], *, error: type[InputError] = SiteError) -> T:
    """Return the file as a Struct.

    Args:
        path: as the user wrote it.
        type_: a msgspec Struct.
        error: class to raise.

    Raises:
        InputError: as ``error``, with every mistake of the file.
    """
    tables = parse_toml(read_text(path, error=error), file=str(path), error=error)
    return decode(tables, type_, file=str(path), error=error)


def walk(value: object, key: str = "") -> list[tuple[str, object]]:
    """Return the dotted key and the value of every leaf; list items count from 0.

    An empty table or list is a leaf.

    Args:
        value: tables, lists and leaves as TOML gives them.
        key: of ``value`` itself.
    """
    if isinstance(value, Mapping | list) and not value:
        return [(key, value)]
    if isinstance(value, Mapping):
        items = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, list):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return [(key, value)]
    return [leaf for name, item in items for leaf in walk(item, f"{key}.{name}" if key else name)]
