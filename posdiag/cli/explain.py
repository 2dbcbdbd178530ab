"""``posdiag explain``: the page on a cause, or on what a screen says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from posdiag.cli import exits
from posdiag.cli.command import Command, argument, flag, option
from posdiag.cli.output import page_width, put_sheet, put_value

if TYPE_CHECKING:
    from posdiag.model.knowledge import KnowledgeBase
    from posdiag.text.words import Words


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "explain",
        lambda cause, message, as_json: _explain(words, cause, message, as_json=as_json),
        text=words(
            "Prints the page on a cause: what it is, its signs, its cheapest test and its fixes. "
            "Without a cause it lists all of them.\n\n"
            "With --message: what the words on a screen or a receipt hint at."
        ),
        params=[
            argument("cause"),
            option("--message", words("What the screen says."), metavar="TEXT"),
            flag("--json", words("Print one JSON document."), "as_json"),
        ],
    )


def _explain(words: Words, cause: str | None, message: str | None, *, as_json: bool) -> int:
    from posdiag.knowledge import load_knowledge

    if cause is not None and message is not None:
        raise click.UsageError(words("either a cause or --message"))
    knowledge = load_knowledge()
    if message is not None:
        return _message(words, knowledge, message, as_json=as_json)
    if cause is None:
        return _list(words, knowledge, as_json=as_json)
    found = next((one for one in knowledge.causes if one.id == cause), None)
    if found is None:
        raise click.UsageError(_no_such_cause(cause, knowledge, words))
    if as_json:
        put_value(found)
        return exits.OK
    from posdiag.report.explain_page import cause_page

    put_sheet(cause_page(found, knowledge, language=words.language, width=page_width()))
    return exits.OK


def _no_such_cause(name: str, knowledge: KnowledgeBase, words: Words) -> str:
    from difflib import get_close_matches

    text = words("there is no cause {name}: see posdiag explain", name=f'"{name}"')
    near = get_close_matches(name, [one.id for one in knowledge.causes], 1)
    return words("{wish}, did you mean {near}?", wish=text, near=near[0]) if near else text


def _message(words: Words, knowledge: KnowledgeBase, text: str, *, as_json: bool) -> int:
    from posdiag.diagnose.messages import code_meanings, matches
    from posdiag.report.explain_page import message_page

    found, codes = matches(text, knowledge.messages), code_meanings(text, knowledge.messages)
    if as_json:
        put_value(
            {
                "text": text,
                "sure": bool(found) and found[0].sure,
                "messages": [match.message for match in found],
                "codes": [
                    {"code": one.code, "origin": one.origin, "message": one.message}
                    for one in codes
                ],
            }
        )
        return exits.OK
    page = message_page(text, found, codes, knowledge, language=words.language, width=page_width())
    put_sheet(page)
    return exits.OK


def _list(words: Words, knowledge: KnowledgeBase, *, as_json: bool) -> int:
    if as_json:
        put_value(
            [
                {"id": one.id, "title": one.title, "group": one.group, "share": one.share}
                for one in knowledge.causes
            ]
        )
        return exits.OK
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    for group, title in knowledge.meta.groups.items():
        sheet.blank()
        sheet.paragraph(words.of(title), "title")
        for one in knowledge.causes:
            if one.group is group:
                sheet.row(one.id, words.of(one.title), column=28, indent=2)
    put_sheet(sheet)
    return exits.OK
