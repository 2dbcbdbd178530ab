"""The page on a cause, and the page on what a screen says."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from posdiag.model.knowledge import Effect
from posdiag.model.messages import CodeOrigin
from posdiag.report.amounts import duration_words
from posdiag.report.likelihood import percent, tenths
from posdiag.report.sheet import Sheet
from posdiag.report.vocabulary import ACTORS, EFFECTS, GROUPS
from posdiag.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posdiag.model.knowledge import Cause, EvidenceVariable, Fix, KnowledgeBase, SufficiencyWhen
    from posdiag.model.messages import CodeMeaning, Match, Message
    from posdiag.model.text import Language, Text

_COLUMN = 15
_WORTH_SHOWING = 0.05


def cause_page(
    cause: Cause, knowledge: KnowledgeBase, *, language: Language, width: int = 80
) -> Sheet:
    """Return the page on one cause.

    Args:
        cause: one of ``knowledge``.
        knowledge: for the titles of its evidence and of its neighbours.
        language: of the fixed words and the texts; a rationale and a source are English.
        width: columns of the console.
    """
    words, sheet = Words(language), Sheet(width)
    sheet.paragraph(words.of(cause.title), "title")
    where = knowledge.meta.groups.get(cause.group)
    group = words.of(where) if where else words(GROUPS[cause.group])
    sheet.items([group, cause.id], role="quiet")
    sheet.blank()
    sheet.row(words("What it is"), cause.rationale, column=_COLUMN)
    _write_frequency(sheet, cause, words)
    _write_signs(sheet, cause, knowledge, words)
    _write_neighbours(sheet, cause, knowledge, words)
    _write_test(sheet, cause, words)
    sheet.blank()
    for number, fix in enumerate(cause.fixes):
        _write_fix(sheet, fix, "" if number else words("Fixes"), words)
    sheet.row(words("Meanwhile"), words.of(cause.workaround), column=_COLUMN)
    sheet.row(words("Seen coming"), words.of(cause.warning), column=_COLUMN)
    sheet.row(words("Source"), cause.source, column=_COLUMN, role="quiet")
    return sheet


def _write_frequency(sheet: Sheet, cause: Cause, words: Words) -> None:
    share = words(
        "about {n} of 1000 failed sign-ons (expert prior, before anything is measured)",
        n=f"{cause.share:.3g}",
    )
    sheet.row(words("How often"), share, column=_COLUMN)
    alone = words("alone it stops a sign-on {tenths}", tenths=tenths(cause.s, words))
    if cause.when is not None:
        alone = _sufficiency(cause.when, words)
    sheet.row("", alone, column=_COLUMN)
    if cause.classes:
        links = ", ".join(kind.value for kind in cause.classes)
        sheet.row("", words("only on links of the kind {links}", links=links), column=_COLUMN)


def _sufficiency(when: SufficiencyWhen, words: Words) -> str:
    yes, no = tenths(when.yes, words), tenths(when.no, words)
    if when.site == "signon_needs_card":
        return words(
            "alone it stops a sign-on {yes} where that needs a card, else {no}", yes=yes, no=no
        )
    return words(
        "alone it stops a sign-on {yes} where that needs a printer, else {no}", yes=yes, no=no
    )


def _write_signs(sheet: Sheet, cause: Cause, knowledge: KnowledgeBase, words: Words) -> None:
    """Write for each variable the level that the cause raises most, the strongest sign first."""
    signs = []
    for variable in knowledge.variables:
        row = cause.shifts.get(variable.id)
        if row is None or len(row) != len(variable.base):
            continue
        rise, number = max(
            (given - base, number)
            for number, (given, base) in enumerate(zip(row, variable.base, strict=True))
        )
        if rise >= _WORTH_SHOWING:
            signs.append((row[number], variable.base[number], number, variable))
    signs.sort(key=lambda sign: (sign[1] / max(sign[0], 1e-9), sign[3].id))
    if signs:
        sheet.blank()
    for place, (given, base, number, variable) in enumerate(signs):
        sheet.row(
            "" if place else words("Signs of it"),
            _sign(variable, number, words),
            column=_COLUMN,
            right=words("{given}, else {base}", given=percent(given), base=percent(base)),
            right_role="quiet",
        )


def _sign(variable: EvidenceVariable, number: int, words: Words) -> str:
    level = variable.levels[number]
    said = variable.says.get(level)
    finding = _without_values(said, words) if said else level.replace("_", " ")
    return words("{title}: {finding}", title=words.of(variable.title), finding=finding)


def _without_values(text: Text, words: Words) -> str:
    """Return a finding whose values are not known here, with three dots for each."""
    parts = Formatter().parse(words.of(text))
    return "".join(literal + ("..." if name is not None else "") for literal, name, _, _ in parts)


def _write_neighbours(sheet: Sheet, cause: Cause, knowledge: KnowledgeBase, words: Words) -> None:
    titles = {other.id: words.of(other.title) for other in knowledge.causes}
    for place, name in enumerate(cause.confusable):
        label = "" if place else words("Mistaken for")
        sheet.row(label, titles.get(name, name), column=_COLUMN, right=name, right_role="quiet")


def _write_test(sheet: Sheet, cause: Cause, words: Words) -> None:
    test = cause.test
    sheet.row(words("Cheapest test"), words.of(test.text), column=_COLUMN)
    items = [duration_words(test.seconds, words), words(ACTORS[test.actor])]
    sheet.items([*items, words(EFFECTS[test.effect])], indent=_COLUMN)


def _write_fix(sheet: Sheet, fix: Fix, label: str, words: Words) -> None:
    sheet.row(label, words.of(fix.text), column=_COLUMN, role="title")
    items = [
        duration_words(fix.minutes * 60, words),
        words(ACTORS[fix.actor]),
        words("works {tenths}", tenths=tenths(fix.works, words)),
        words(EFFECTS[fix.effect]),
    ]
    sheet.items(items, indent=_COLUMN, role="risk" if fix.effect is not Effect.SAFE else "")
    how = words.of(fix.verify) if fix.verify else words("one sign-on at the terminal, watched")
    sheet.row("", words("then check: {how}", how=how), column=_COLUMN)


def message_page(
    text: str,
    found: Sequence[Match],
    codes: Sequence[CodeMeaning],
    knowledge: KnowledgeBase,
    *,
    language: Language,
    width: int = 80,
) -> Sheet:
    """Return the page on what a screen or a receipt says.

    Args:
        text: as it was typed.
        found: the entries that it matches, best first; may be empty.
        codes: what it means as a bare code, by who made it; may be empty.
        knowledge: for the titles of what it tells something about.
        language: of the fixed words and the texts.
        width: columns of the console.
    """
    words, sheet = Words(language), Sheet(width)
    if not found and not codes:
        sheet.paragraph(words('"{text}" is in no list of messages', text=text), "unsure")
        sheet.paragraph(
            words("posdiag run --fact screen=TEXT still records it, so that it can be learnt.")
        )
        return sheet
    if found and not found[0].sure:
        sheet.paragraph(words('"{text}" is in no list; these look alike', text=text), "unsure")
    for match in found:
        _write_message(sheet, match.message, knowledge, words)
    if codes:
        _write_codes(sheet, codes, words)
    sheet.blank()
    sheet.paragraph(
        words("A message is a hint and no cause: terminals merge messages and so do hosts.")
    )
    fact = "screen" if found else "screen_code"
    sheet.row(
        words("Use it"), f'posdiag run --fact {fact}="{text}"', column=_COLUMN, role="command"
    )
    return sheet


def _write_message(sheet: Sheet, message: Message, knowledge: KnowledgeBase, words: Words) -> None:
    sheet.blank()
    sheet.paragraph(words.of(message.meaning), "title")
    sheet.items([message.family, message.id], role="quiet")
    for maker, texts in message.shown.items():
        known = knowledge.makers[maker]
        sheet.row(words("Shown by"), words.of(known.title), column=_COLUMN)
        sheet.paragraph(" / ".join(texts), indent=_COLUMN)
        sheet.paragraph(known.source, "quiet", indent=_COLUMN)
    if message.wordings:
        sheet.row(words("Unconfirmed"), " / ".join(message.wordings), column=_COLUMN)
    for label, codes in (
        (words("Host's code"), message.host_codes),
        (words("Own code"), message.local_codes),
    ):
        if codes:
            sheet.row(label, ", ".join(codes), column=_COLUMN)
    _write_tells(sheet, message, knowledge, words)
    sheet.row(words("Source"), message.source, column=_COLUMN, role="quiet")


def _write_codes(sheet: Sheet, codes: Sequence[CodeMeaning], words: Words) -> None:
    """Write what a code means if the host made it, and if the terminal did."""
    for meaning in codes:
        sheet.blank()
        if meaning.origin is CodeOrigin.HOST:
            title = words("{code} in the host's answer", code=meaning.code)
        else:
            title = words("{code} made up by the terminal itself", code=meaning.code)
        sheet.paragraph(title, "title")
        sheet.paragraph(words.of(meaning.message.meaning), indent=2)
    sheet.blank()
    sheet.paragraph(
        words(
            "Host or terminal? A code that comes at once, or before anything was received, is the "
            "terminal's own: posdiag run --fact code_origin=terminal (or host)."
        )
    )


def _write_tells(sheet: Sheet, message: Message, knowledge: KnowledgeBase, words: Words) -> None:
    """Write what a message speaks for: per variable the levels it makes likely."""
    variables = {variable.id: variable for variable in knowledge.variables}
    place = 0
    for name, levels in message.says.items():
        variable = variables.get(name)
        if variable is None:
            continue
        likely = sorted(levels, key=lambda level: -levels[level])[:2]
        for level in likely:
            if level in variable.levels:
                text = _sign(variable, variable.levels.index(level), words)
                sheet.row("" if place else words("Speaks for"), text, column=_COLUMN)
                place += 1
