"""What a person can see and type: the table of facts, checked values, and their observations."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import isfinite
from types import MappingProxyType

import msgspec

from posdiag.model.errors import InputError, KnowledgeError, Mistake, SiteError
from posdiag.model.observation import Measured, Observation, Part, Value, Vantage
from posdiag.model.site import Site
from posdiag.model.text import Text
from posdiag.site.schema_words import did_you_mean, shown
from posdiag.site.toml_file import decode, parse_toml

TEXT_LENGTH = 200
"""Characters of a text; a screen has fewer."""

_NUMBER = re.compile(r"^(?P<number>[+-]?[0-9]+(\.[0-9]+)?)\s*(?P<unit>\D*)$")
_CARD_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_YES = {"yes": True, "true": True, "y": True, "是": True}
_NO = {"no": False, "false": False, "n": False, "否": False}


class FactType(StrEnum):
    """What a fact's value can be."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    YES_NO = "yes_no"


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row of the table of facts.

    Attributes:
        unit: of a number.
        min: smallest number that can be right, itself included.
        max: likewise the largest.
        integer: only whole numbers make sense.
        choices: what may be typed for a choice.
        most: characters of a text, where more would be something that nobody may type.
        question: what to ask at the counter.
        hint: where to read it.
        part: whose part it is about.
    """

    type: FactType
    unit: str = ""
    min: float | None = None
    max: float | None = None
    integer: bool = False
    choices: list[str] = []
    most: int = TEXT_LENGTH
    question: Text
    hint: Text | None = None
    part: Part = Part.OPERATOR


class _FactTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    facts: dict[str, Fact]


FactTable = Mapping[str, Fact]


@functools.cache
def fact_table() -> FactTable:
    """Return our own table of facts.

    Raises:
        KnowledgeError: the table contradicts itself.
    """
    from importlib.resources import files

    text = (files("posdiag.site") / "facts.toml").read_text(encoding="utf-8")
    return read_fact_table(text)


def read_fact_table(text: str) -> FactTable:
    """Return a table of facts.

    Args:
        text: TOML, one table per fact.

    Raises:
        KnowledgeError: with everything that is wrong in it.
    """
    try:
        tables = {"facts": parse_toml(text, file="facts.toml")}
        facts = decode(tables, _FactTable, file="facts.toml").facts
    except InputError as wrong:
        raise KnowledgeError(str(wrong)) from wrong
    odd = [f"facts.toml: {name}: {flaw}" for name, fact in facts.items() if (flaw := _flaw(fact))]
    if odd:
        raise KnowledgeError("\n".join(odd))
    return MappingProxyType(facts)


def _flaw(fact: Fact) -> str:
    if (fact.type is FactType.CHOICE) != bool(fact.choices):
        return "choices belong to a choice, and to nothing else"
    bounded = fact.min is not None or fact.max is not None
    if fact.type is not FactType.NUMBER and (bounded or fact.unit or fact.integer):
        return "unit, min, max and integer belong to a number"
    if fact.min is not None and fact.max is not None and fact.min > fact.max:
        return "min is above max"
    return ""


def parse_fact(
    text: str, table: FactTable | None = None, *, file: str = "--fact"
) -> tuple[str, Value]:
    """Return the name and the checked value of ``name=value``.

    Args:
        text: as typed; blanks around name and value do not count.
        table: None: our own.
        file: name in the messages.

    Raises:
        SiteError: no ``=``, an unknown name, or a value that the table does not allow.
    """
    table = fact_table() if table is None else table
    # Chinese input methods type the full-width sign.
    name, equals, value = (part.strip() for part in text.replace("＝", "=", 1).partition("="))
    if not equals or not name:
        raise SiteError([Mistake(file, "", "name=value", shown(text))])
    if name not in table:
        raise SiteError([unknown_fact(file, name, name, table)])
    checked, wish = _from_text(value, table[name])
    if wish:
        raise SiteError([Mistake(file, name, wish, shown(value))])
    return name, canonical(name, checked)


def check_facts(
    values: Mapping[str, object],
    table: FactTable | None = None,
    *,
    file: str,
    prefix: str = "",
) -> tuple[dict[str, Value], list[Mistake]]:
    """Return the checked values of a table of facts, and every mistake in it.

    Args:
        values: as TOML or JSON gives them; texts are read as if they had been typed.
        table: None: our own.
        file: name in the messages.
        prefix: before each key in the messages (``facts.``).
    """
    if not values:
        return {}, []
    table = fact_table() if table is None else table
    facts: dict[str, Value] = {}
    mistakes = []
    for name, value in values.items():
        if name not in table:
            mistakes.append(unknown_fact(file, prefix + name, name, table))
            continue
        checked, wish = _checked(value, table[name])
        if wish:
            mistakes.append(Mistake(file, prefix + name, wish, shown(value)))
        else:
            facts[name] = canonical(name, checked)
    return facts, mistakes


def unknown_fact(file: str, key: str, name: str, table: FactTable) -> Mistake:
    """Return the mistake of a fact that the table does not have.

    Args:
        file: name in the message.
        key: of the fact in the file.
        name: of the fact.
        table: of facts.
    """
    wish = f"a fact that is known{did_you_mean(name, list(table))} (posdiag schema --facts)"
    return Mistake(file, key, wish, shown(name))


def in_words(fact: Fact) -> str:
    """Return what a value of this fact looks like, for people."""
    if fact.type is FactType.YES_NO:
        return "yes or no"
    if fact.type is FactType.CHOICE:
        return "one of " + ", ".join(fact.choices)
    if fact.type is FactType.TEXT:
        return f"a text of 1 to {fact.most} characters in quotes"
    kind = "a whole number" if fact.integer else "a number"
    unit = f" ({fact.unit})" if fact.unit else ""
    if fact.min is not None and fact.max is not None:
        return f"{kind} from {fact.min:.15g} to {fact.max:.15g}{unit}"
    if fact.min is not None:
        return f"{kind}, at least {fact.min:.15g}{unit}"
    if fact.max is not None:
        return f"{kind}, at most {fact.max:.15g}{unit}"
    return kind + unit


def _checked(value: object, fact: Fact) -> tuple[Value, str]:
    """Return a value of TOML or JSON as the fact's type; else what was expected."""
    if isinstance(value, str):
        return _from_text(value.strip(), fact)
    if isinstance(value, bool) and fact.type is FactType.YES_NO:
        return value, ""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and fact.type is FactType.NUMBER:
        assert isinstance(value, int | float)  # noqa: S101  (mypy does not follow ``number``)
        return _in_range(value, fact)
    return "", in_words(fact)


def _from_text(text: str, fact: Fact) -> tuple[Value, str]:
    wish = in_words(fact)
    if fact.type is FactType.YES_NO:
        word = text.lower()
        return (_YES.get(word, False), "" if word in _YES or word in _NO else wish)
    if fact.type is FactType.CHOICE:
        known = {choice.lower(): choice for choice in fact.choices}
        if text.lower() in known:
            return known[text.lower()], ""
        return "", wish + did_you_mean(text, fact.choices)
    if fact.type is FactType.TEXT:
        good = 0 < len(text) <= fact.most and text.isprintable()
        return text, "" if good else wish
    found = _NUMBER.match(unicodedata.normalize("NFKC", text))
    # "60 s" is as good as "60"; any other word after the number is not.
    if not found or found["unit"].strip().lower() not in {"", fact.unit.lower()}:
        return "", wish
    number = float(found["number"]) if "." in found["number"] else int(found["number"])
    return _in_range(number, fact)


def _in_range(number: float, fact: Fact) -> tuple[Value, str]:
    wish = in_words(fact)
    if not isfinite(number) or (fact.integer and number != int(number)):
        return "", wish
    low = fact.min is not None and number < fact.min
    high = fact.max is not None and number > fact.max
    if low or high:
        return "", wish
    return (int(number) if fact.integer else float(number)), ""


def canonical(name: str, value: Value) -> Value:
    """Return a fact in the form in which others are compared with it.

    A menu shows the NII alone or inside the TPDU; the text of a screen can hold a card number,
    of which only the first 6 and last 4 digits may stay.

    Args:
        name: of the fact.
        value: checked.
    """
    if not isinstance(value, str):
        return value
    if name == "menu_nii":
        return nii_of(value)
    # Terminal and merchant numbers are no card numbers, however long.
    return value if name.startswith("menu_") else _CARD_NUMBER.sub(_masked, value)


def nii_of(text: str) -> str:
    """Return the NII of a TPDU (10 digits) or of an NII as 4 digits; any other text as it is.

    Args:
        text: ``6000030000``, ``003``, ``0003`` ...

    Source:
        Terminals build the TPDU as 60, destination address (the NII, 4 digits), source address.
    """
    digits = text.replace(" ", "")
    if re.fullmatch(r"[0-9A-Fa-f]{10}", digits):
        return digits[2:6]
    return digits.zfill(4) if re.fullmatch(r"[0-9]{1,4}", digits) else text


def _masked(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits[::-1], start=1)]
    if sum(value - 9 * (value > 9) for value in doubled) % 10:
        return found[0]
    return f"{digits[:6]}…{digits[-4:]}"


def fact_observations(site: Site, table: FactTable | None = None) -> list[Observation]:
    """Return the site's facts as observations of a person, in the order of the table.

    Args:
        site: with checked facts; where each came from is the subject of its observation.
        table: None: our own.

    Raises:
        SiteError: a fact that the table does not have (a site not made by ``load_site``).
    """
    if not site.facts:
        return []
    table = fact_table() if table is None else table
    strange = [name for name in site.facts if name not in table]
    if strange:
        raise SiteError([unknown_fact("facts", name, name, table) for name in strange])
    return [
        Observation(
            name=f"fact.{name}",
            subject=site.fact_origins.get(name, ""),
            vantage=Vantage.OPERATOR,
            part=fact.part,
            result=Measured(site.facts[name], fact.unit),
        )
        for name, fact in table.items()
        if name in site.facts
    ]


def parse_facts(
    texts: Sequence[str], table: FactTable | None = None
) -> tuple[dict[str, Value], list[Mistake]]:
    """Return the facts of several ``--fact name=value``, and every mistake in them.

    Args:
        texts: as typed; the last of two with one name counts.
        table: None: our own.
    """
    facts: dict[str, Value] = {}
    mistakes: list[Mistake] = []
    for text in texts:
        try:
            name, value = parse_fact(text, table)
        except SiteError as wrong:
            mistakes += wrong.mistakes
        else:
            facts[name] = value
    return facts, mistakes
