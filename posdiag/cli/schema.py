"""``posdiag schema``: JSON schemas, and the tables of facts and observations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli import exits
from posdiag.cli.command import Command, OneOf, flag, option
from posdiag.cli.output import page_width, put_sheet, put_value

if TYPE_CHECKING:
    from posdiag.text.words import Words

_COLUMN = 28


class SchemaChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    report: bool
    site: bool
    facts: bool
    observations: bool
    profile: str | None
    knowledge: bool
    measurement: bool
    as_json: bool


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "schema",
        lambda **typed: _schema(words, msgspec.convert(typed, SchemaChoices)),
        text=words("Prints a JSON schema, or a table of what can be said, seen or known."),
        params=[
            flag("--report", words("Schema of a report (the default).")),
            flag("--site", words("Schema of a site file.")),
            flag("--facts", words("What a person can tell: names, units, choices.")),
            flag("--observations", words("Everything that is measured.")),
            option(
                "--profile",
                words("Schema of a profile: terminal or acquirer."),
                metavar="KIND",
                kind=OneOf(words, ["terminal", "acquirer"]),
            ),
            flag("--knowledge", words("The whole knowledge base, merged, as JSON.")),
            flag("--measurement", words("Schema of what posdiag probe --json prints.")),
            flag("--json", words("Tables as one JSON document, too."), "as_json"),
        ],
    )


def _schema(words: Words, choices: SchemaChoices) -> int:
    wanted = [
        name
        for name in ("report", "site", "facts", "observations", "knowledge", "measurement")
        if getattr(choices, name)
    ]
    if choices.profile is not None:
        wanted.append(choices.profile)
    if len(wanted) > 1:
        raise click.UsageError(words("one thing at a time"))
    match wanted[0] if wanted else "report":
        case "facts":
            _facts(words, as_json=choices.as_json)
        case "observations":
            _observations(words, as_json=choices.as_json)
        case "knowledge":
            from posdiag.knowledge import load_knowledge

            put_value(load_knowledge())
        case name:
            put_value(_json_schema(name))
    return exits.OK


def _json_schema(name: str) -> object:
    from posdiag.engine.chain import Measurement
    from posdiag.model.site import AcquirerProfile, TerminalProfile
    from posdiag.report.json_document import SCHEMA_ID, schema
    from posdiag.site.schema_words import SchemaTree
    from posdiag.site.site_file import SiteFile

    shapes: dict[str, type] = {
        "site": SiteFile,
        "terminal": TerminalProfile,
        "acquirer": AcquirerProfile,
        "measurement": Measurement,
    }
    if name not in shapes:
        return schema()
    return {"$schema": SCHEMA_ID, **SchemaTree(shapes[name]).document}


def _facts(words: Words, *, as_json: bool) -> None:
    from posdiag.cli.mistake_words import in_reader_words
    from posdiag.report.sheet import Sheet
    from posdiag.site.facts import fact_table, in_words

    table = fact_table()
    if as_json:
        put_value(dict(table))
        return
    sheet = Sheet(page_width())
    for name, fact in table.items():
        sheet.row(name, in_reader_words(in_words(fact), words), column=_COLUMN)
        sheet.paragraph(words.of(fact.question), indent=_COLUMN)
        if fact.hint is not None:
            sheet.paragraph(words.of(fact.hint), "quiet", indent=_COLUMN)
    put_sheet(sheet)


def _observations(words: Words, *, as_json: bool) -> None:
    from posdiag.probes import discover
    from posdiag.report.sheet import Sheet

    probes = discover()
    if as_json:
        put_value(
            [
                {
                    "name": one.name,
                    "unit": one.unit,
                    "probe": probe.name,
                    "vantage": one.vantage,
                    "meaning": one.meaning,
                    "absent": one.absent,
                }
                for probe in probes.values()
                for one in probe.observables
            ]
        )
        return
    sheet = Sheet(page_width())
    for probe in probes.values():
        sheet.blank()
        sheet.paragraph(words("{key}: {hint}", key=probe.name, hint=words(probe.title)), "title")
        for one in probe.observables:
            sheet.row(one.name, one.meaning, column=34, indent=2, right=one.unit)
    put_sheet(sheet)
