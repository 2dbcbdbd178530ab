"""Reads a file of facts: lines ``name=value``, a TOML table or a JSON object."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from posdiag.model.errors import Mistake, SiteError
from posdiag.model.observation import Value
from posdiag.site.facts import FactTable, check_facts, parse_fact
from posdiag.site.toml_file import MAX_BYTES, parse_toml, read_text

STDIN = "-"


def read_facts(
    path: Path, table: FactTable | None = None, *, stdin: TextIO | None = None
) -> dict[str, Value]:
    """Return the checked facts of a file.

    Args:
        path: of the file; ``-`` is standard input.
        table: None: our own.
        stdin: standard input.

    Raises:
        SiteError: with every mistake of the file.
    """
    if str(path) != STDIN:
        return facts_of(read_text(path), file=str(path), table=table)
    if stdin is None:
        raise SiteError([Mistake("--facts", "", "a file", "- without standard input")])
    try:
        text = stdin.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        wish = "a text that can be read"
        raise SiteError([Mistake("standard input", "", wish, "other bytes")]) from None
    if len(text) > MAX_BYTES:
        raise SiteError([Mistake("standard input", "", "at most 1 MiB", "more")])
    return facts_of(text, file="standard input", table=table)


def facts_of(text: str, *, file: str, table: FactTable | None = None) -> dict[str, Value]:
    """Return the checked facts of a text; its form is told from what it holds.

    Args:
        text: a JSON object, lines ``name=value`` (also TOML where that is all it holds), or TOML.
        file: name in the messages.
        table: None: our own.

    Raises:
        SiteError: with every mistake of the text.
    """
    if not text.strip():
        raise SiteError([Mistake(file, "", "facts, one name=value per line", "nothing")])
    lines = _lines(text)
    if text.lstrip().startswith("{"):
        facts, mistakes = check_facts(_json(text, file), table, file=file)
    elif lines is not None:
        facts, mistakes = _from_lines(lines, file, table)
    else:
        tables = parse_toml(text, file=file)
        inner = tables.get("facts")
        values = inner if isinstance(inner, Mapping) and len(tables) == 1 else tables
        facts, mistakes = check_facts(values, table, file=file)
    if mistakes:
        raise SiteError(mistakes)
    return facts


def _json(text: str, file: str) -> Mapping[str, object]:
    import msgspec

    try:
        found: dict[str, object] = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as refusal:
        raise SiteError([Mistake(file, "", "a JSON object", f"this: {refusal}")]) from None
    return found


def _lines(text: str) -> list[tuple[int, str, str]] | None:
    """Return (number, name, rest) of each line, None where one is not ``name=value``."""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        name, equals, rest = bare.partition("=")
        rest = rest.strip()
        if not equals or bare.startswith("[") or rest.startswith(('"""', "'''", "[", "{")):
            return None
        lines.append((number, name.strip().strip("\"'"), rest))
    return lines


def _from_lines(
    lines: list[tuple[int, str, str]], file: str, table: FactTable | None
) -> tuple[dict[str, Value], list[Mistake]]:
    facts: dict[str, Value] = {}
    mistakes: list[Mistake] = []
    for number, name, rest in lines:
        place = f"{file}, line {number}"
        try:
            known, value = parse_fact(f"{name}={_bare(rest)}", table, file=place)
        except SiteError as wrong:
            mistakes += wrong.mistakes
            continue
        if known in facts:
            mistakes.append(Mistake(place, name, "each fact once", "it a second time"))
        facts[known] = value
    return facts, mistakes


def _bare(rest: str) -> str:
    """Return a value without quotes and without the comment behind it, if TOML would read it so."""
    try:
        value = tomllib.loads(f"v = {rest}")["v"]
    except ValueError:
        return rest
    return value if isinstance(value, str) else rest.partition("#")[0].strip()
