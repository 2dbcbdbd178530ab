"""Overrides by dotted key: ``[set]`` in a site file, ``--set key=value``, and single options."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence

import msgspec

from posdiag.model.errors import Mistake
from posdiag.site.profile_rules import without_positions
from posdiag.site.schema_words import Schema, SchemaTree, dotted, shown, unknown_key
from posdiag.site.toml_file import find_mistakes


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One override.

    Attributes:
        file: where it was said: the site file, ``--set``, ``--at`` ...
        key: dotted; list items count from 0.
        value: as TOML reads it.
        raw: as typed on the command line, None from a file; stands where a text is expected.
        prefix: of the key in messages (``set.`` in a site file).
    """

    file: str
    key: str
    value: object
    raw: str | None = None
    prefix: str = ""

    @property
    def path(self) -> list[str]:
        """Return the steps of the key."""
        return self.key.split(".")


def typed_settings(texts: Sequence[str]) -> tuple[list[Setting], list[Mistake]]:
    """Return the settings of several ``--set key=value``, and every mistake in them.

    Args:
        texts: as typed. The value is read as TOML, and as plain text where it is none.
    """
    settings, mistakes = [], []
    for text in texts:
        key, equals, raw = (part.strip() for part in text.partition("="))
        if not equals or not all(key.split(".")):
            mistakes.append(Mistake("--set", "", "key=value, the key with dots", shown(text)))
            continue
        settings.append(Setting(file="--set", key=key, value=_toml_value(raw), raw=raw))
    return settings, mistakes


def _toml_value(raw: str) -> object:
    try:
        found = tomllib.loads(f"v = {raw}")
    except (ValueError, RecursionError):
        return raw
    # A line break would have let a second key in.
    return found["v"] if len(found) == 1 else raw


def file_settings(table: Mapping[str, object], *, file: str, above: str = "") -> list[Setting]:
    """Return the settings of a ``[set]`` table; tables in it are opened, lists replace.

    Args:
        table: keys may be dotted in quotes (``"acquirer.limits.echo_s"``) or without.
        file: name of the site file.
        above: dotted key of the table itself.
    """
    settings: list[Setting] = []
    for name, value in table.items():
        key = f"{above}.{name}" if above else str(name)
        if isinstance(value, Mapping):
            settings += file_settings(value, file=file, above=key)
        else:
            settings.append(Setting(file=file, key=key, value=value, prefix="set."))
    return settings


def apply_settings(
    base: Mapping[str, object], settings: Sequence[Setting], type_: type, *, root: str = ""
) -> tuple[dict[str, object], list[Mistake]]:
    """Return the tables with the settings put in, and the mistakes that the settings make.

    Args:
        base: tables without mistakes of their own, or whose mistakes were told already.
        settings: in order; a later one goes before an earlier one.
        type_: Struct that the tables must fit.
        root: first step of the settings' keys (``acquirer``), empty for keys of the site.
    """
    tables = copy.deepcopy(dict(base))
    if not settings:
        return tables, []
    tree = SchemaTree(type_)
    mistakes = []
    placed = []
    for setting in settings:
        wrong = _put(tables, setting, tree, root)
        if wrong:
            mistakes.append(wrong)
        else:
            placed.append(setting)
    before = {mistake.key for mistake in find_mistakes(base, type_, file="")}
    after = [m for m in find_mistakes(tables, type_, file="") if m.key not in before]
    return tables, mistakes + blame(after, placed, root=root)


def _put(
    tables: dict[str, object], setting: Setting, tree: SchemaTree, root: str
) -> Mistake | None:
    path = setting.path[1:] if root else setting.path
    where = (setting.prefix + root).strip(".").split(".") if setting.prefix + root else []
    for length in range(1, len(path) + 1):
        if tree.at(path[:length]) is None:
            known = tree.keys_at(path[: length - 1])
            return unknown_key(setting.file, [*where, *path[:length]], known)
    value = setting.value
    if setting.raw is not None and _is_text(tree.at(path)):
        value = _unquoted(setting)
    place: object = tables
    for step in path[:-1]:
        place = _inside(place, step)
    if isinstance(place, dict):
        place[path[-1]] = copy.deepcopy(value)
    elif isinstance(place, list) and path[-1].isdecimal() and int(path[-1]) < len(place):
        place[int(path[-1])] = copy.deepcopy(value)
    else:
        wish = "a position in the list, from 0 to one less than its length"
        return Mistake(setting.file, dotted([*where, *path]), wish, shown(setting.key))
    return None


def _inside(place: object, step: str) -> object:
    if isinstance(place, dict):
        inner = place.setdefault(step, {})
        if not isinstance(inner, dict | list):
            inner = place[step] = {}
        return inner
    if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
        return place[int(step)]
    return None


def _is_text(schema: Schema | None) -> bool:
    schema = schema or {}
    return (schema.get("type") == "string" and "format" not in schema) or "enum" in schema


def _unquoted(setting: Setting) -> object:
    # `--set tid=00001234` and `--set tid=12345678` are texts; `--set 'tid="00001234"'` as well.
    return setting.value if isinstance(setting.value, str) else setting.raw


def blame(
    mistakes: Sequence[Mistake], settings: Sequence[Setting], *, root: str = ""
) -> list[Mistake]:
    """Return the mistakes of merged tables, told of the settings that made them.

    Args:
        mistakes: keys are those of the merged tables.
        settings: that were put in.
        root: first step of the settings' keys.
    """
    told = []
    for mistake in mistakes:
        key = f"{root}.{mistake.key}" if root else mistake.key
        nearest = max(
            enumerate(settings), key=lambda item: (_shared(item[1].key, key), item[0]), default=None
        )
        if nearest is None:
            continue
        setting = nearest[1]
        told.append(Mistake(setting.file, setting.prefix + key, mistake.expected, mistake.found))
    return told


def _shared(one: str, other: str) -> int:
    shared = 0
    for left, right in zip(one.split("."), other.split("."), strict=False):
        if left != right:
            break
        shared += 1
    return shared


def with_sources(sources: Mapping[str, str], settings: Sequence[Setting]) -> dict[str, str]:
    """Return a profile's sources, with the settings named as source of what they replace.

    Args:
        sources: of the profile.
        settings: with the profile's name as first step of the key.
    """
    known = dict(sources)
    for setting in settings:
        key = without_positions(".".join(setting.path[1:]))
        known = {name: text for name, text in known.items() if not f"{name}.".startswith(f"{key}.")}
        # Not the file's name: sources go into reports, and a path can name a person.
        known[key] = "site file" if setting.prefix else setting.file
    return known
