"""Says in plain words what the schema of a Struct expects, and finds every mistake against it."""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

import msgspec

from posdiag.model.errors import Mistake

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

Schema = Mapping[str, object]

SHOWN = 40
"""Characters of a wrong value that a message shows."""

_PATTERNS = {
    "^[a-z][a-z0-9_]*$": "an id: lower-case letters, digits and _, a letter first",
    "^([0-9A-Fa-f]{10})?$": "10 hexadecimal digits in quotes, or nothing",
    "^([0-9]{3})?$": "3 digits in quotes, or nothing",
    "^[0-9]{3}$": "3 digits in quotes",
    "^[ -~]{0,32}$": "at most 32 characters in quotes",
    "^(/[!-~]*)?$": "a path that begins with a slash, or nothing",
    "^([ -~]{8})?$": "8 characters in quotes, or nothing",
    "^([ -~]{15})?$": "15 characters in quotes, or nothing",
    "^([0-9A-Fa-f]{2})*$": "pairs of hexadecimal digits in quotes",
    "^[ -~]{0,64}$": "at most 64 plain characters in quotes",
}
_CHOICES = re.compile(r"^\^\((\w+(?:\|\w+)*)\)\$$")

_TYPES = {
    "string": "a text in quotes",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


class SchemaTree:
    """The schema of a Struct, with references followed."""

    def __init__(self, type_: type) -> None:
        """Make the schema; ``object`` stands for anything.

        Args:
            type_: a msgspec Struct.
        """
        self.document: dict[str, object] = msgspec.json.schema(type_, schema_hook=_anything)
        definitions = self.document.get("$defs", {})
        self._definitions = definitions if isinstance(definitions, Mapping) else {}

    def follow(self, schema: object) -> Schema:
        """Return a schema without reference and without the alternative ``null``."""
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self.follow(self._definitions.get(reference.rsplit("/", 1)[-1]))
        options = schema.get("anyOf")
        if isinstance(options, list):
            rest = [option for option in map(self.follow, options) if option.get("type") != "null"]
            if len(rest) == 1:
                return rest[0]
        return schema

    def at(self, path: Sequence[str]) -> Schema | None:
        """Return the schema at a path of keys, None where there can be no such key.

        Args:
            path: keys, and list positions as digits.
        """
        schema = self.follow(self.document)
        for key in path:
            properties = schema.get("properties")
            if isinstance(properties, Mapping) and key in properties:
                schema = self.follow(properties[key])
            elif schema.get("type") == "array" and key.isdecimal():
                schema = self.follow(schema.get("items"))
            elif isinstance(schema.get("additionalProperties"), Mapping):
                schema = self.follow(schema["additionalProperties"])
            else:
                return None
        return schema

    def keys_at(self, path: Sequence[str]) -> list[str]:
        """Return the keys that a table at a path can have."""
        schema = self.at(path) or {}
        properties = schema.get("properties")
        return list(properties) if isinstance(properties, Mapping) else []

    def in_words(self, schema: object) -> str:
        """Return what a value of this schema looks like, for people."""
        schema = self.follow(schema)
        options = schema.get("anyOf")
        if isinstance(options, list):
            words = dict.fromkeys(self.in_words(option) for option in options)
            return " or ".join(word for word in words if word != "nothing")
        choices = _choices(schema)
        if choices:
            return "one of " + ", ".join(choices)
        form = schema.get("format")
        if form == "date":
            return "a date without quotes such as 2026-11-24"
        if form == "date-time":
            return "a time with its time zone, without quotes, such as 2026-11-24T02:00:00+08:00"
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            return _PATTERNS.get(pattern, f"a text that matches {pattern}")
        kind = str(schema.get("type", ""))
        if kind == "array":
            return f"a list, each {self.in_words(schema.get('items'))}".removesuffix(", each ")
        return _TYPES.get(kind, "something else") + _range(schema)


def _anything(type_: type) -> dict[str, object]:
    if type_ is object:
        return {"description": "anything"}  # an empty schema is refused by msgspec
    raise NotImplementedError(type_)


def _choices(schema: Schema) -> list[str]:
    enum = schema.get("enum")
    if isinstance(enum, list):
        return [str(choice) for choice in enum]
    pattern = _CHOICES.match(str(schema.get("pattern", "")))
    return pattern[1].split("|") if pattern else []


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    parts = []
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        parts.append(f"at least {low}")
    if above is not None:
        parts.append(f"above {above}")
    if high is not None:
        parts.append(f"at most {high}")
    return (" " + " and ".join(parts)) if parts else ""


def schema_mistakes(tables: Mapping[str, object], type_: type, *, file: str) -> list[Mistake]:
    """Return every mistake of the tables against the schema of a Struct.

    Args:
        tables: what TOML gave, with its own dates.
        type_: a msgspec Struct.
        file: name in the messages.
    """
    tree = SchemaTree(type_)
    mistakes = [
        mistake
        for fault in _validator(tree.document).iter_errors(cast("dict[str, str]", dict(tables)))
        for mistake in _told(fault, tree, file)
    ]
    # jsonschema goes by keyword, and can tell one place twice; a reader goes by place.
    order = {key: index for index, key in enumerate(tables)}
    by_place = {mistake.key: mistake for mistake in reversed(mistakes)}
    return sorted(
        by_place.values(), key=lambda m: (order.get(m.key.split(".")[0], len(order)), m.key)
    )


def _validator(document: Schema) -> Validator:
    """Return a validator that knows TOML's own dates."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    plain = Draft202012Validator.VALIDATORS["type"]

    def kind(
        validator: Validator, types: object, instance: object, schema: Schema
    ) -> Iterator[ValidationError]:
        dated = schema.get("format")
        if dated == "date-time":
            good = isinstance(instance, datetime.datetime) and instance.utcoffset() is not None
        elif dated == "date":
            good = isinstance(instance, datetime.date) and not isinstance(
                instance, datetime.datetime
            )
        else:
            yield from plain(validator, types, instance, schema)
            return
        if not good:
            yield ValidationError(f"not a {dated}")

    # jsonschema's own rule takes 1.0 for a whole number, msgspec does not.
    whole = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    extend = cast("Callable[..., type[Validator]]", validators.extend)
    return extend(Draft202012Validator, {"type": kind}, type_checker=whole)(dict(document))


def _told(fault: ValidationError, tree: SchemaTree, file: str) -> list[Mistake]:
    """Return one fault in words; keys that are unknown or missing are told one by one."""
    path = [str(step) for step in fault.absolute_path]
    schema = fault.schema if isinstance(fault.schema, Mapping) else {}
    table = fault.instance if isinstance(fault.instance, Mapping) else {}
    inside = [
        inner
        for inner in fault.context or []
        if len(inner.absolute_path) > len(path)
        or inner.validator in {"required", "additionalProperties"}
    ]
    if inside:
        # A table where a table or nothing may stand: what is wrong is in the table.
        return [mistake for inner in inside for mistake in _told(inner, tree, file)]
    if fault.validator == "additionalProperties":
        known = tree.keys_at(path)
        extra = [str(key) for key in table if str(key) not in known]
        return [unknown_key(file, [*path, key], known) for key in extra]
    if fault.validator == "required":
        missing = [
            str(key) for key in cast("list[object]", fault.validator_value) if key not in table
        ]
        return [
            Mistake(file, dotted([*path, key]), tree.in_words(tree.at([*path, key])), "nothing")
            for key in missing
        ]
    return [wrong_value(file, path, schema, fault.instance, tree)]


def wrong_value(
    file: str, path: Sequence[str], schema: Schema, value: object, tree: SchemaTree
) -> Mistake:
    """Return the mistake of a value that its schema refuses.

    Args:
        file: name in the message.
        path: keys down to the value.
        schema: what was expected.
        value: what stands there.
        tree: the whole schema.
    """
    wish = tree.in_words(schema)
    choices = _choices(tree.follow(schema))
    if isinstance(value, str) and choices:
        wish += did_you_mean(value, choices)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not choices and "in quotes" in wish:
        # A terminal number without quotes loses its leading zeros.
        wish += f', as in {path[-1] if path else "key"} = "{value}"'
    return Mistake(file, dotted(path), wish, shown(value))


def unknown_key(file: str, path: Sequence[str], known: Sequence[str]) -> Mistake:
    """Return the mistake of a key that is not known.

    Args:
        file: name in the message.
        path: keys down to the unknown one.
        known: what could stand there.
    """
    wish = "a key that is known here" + did_you_mean(path[-1], known)
    if known:
        wish += f" (known: {', '.join(sorted(known))})"
    return Mistake(file, dotted(path), wish, shown(path[-1]))


def dotted(path: Sequence[str]) -> str:
    """Return a path of keys as a message shows it."""
    return _printable(".".join(path))


def _printable(text: str) -> str:
    # A file must not be able to steer the console that shows its mistakes.
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``, did you mean "x"?`` where a known word is near, else nothing.

    Args:
        word: what was written.
        known: what could have been.
    """
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f', did you mean "{near[0]}"?' if near else ""


def shown(value: object) -> str:
    """Return a wrong value as a message shows it: as TOML writes it, and short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN else value[:SHOWN] + "…"
        return _printable(json.dumps(cut, ensure_ascii=False))
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)[:SHOWN]
