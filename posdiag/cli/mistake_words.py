"""What was expected and what was found, in the reader's language.

Files are checked where no reader is known, so a mistake is told in English there. Here its form is
looked up; a form that is not listed stays English.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from posdiag.text.words import N_

if TYPE_CHECKING:
    from posdiag.model.errors import Mistake
    from posdiag.text.words import Words

# Each has {text} first, which is a form of its own.
_ENDINGS = (
    N_("{text} (known: {known})"),
    N_("{text} (posdiag schema --facts)"),
    N_('{text}, did you mean "{near}"?'),
    N_("{text}, as in {example}"),
    N_("{text} for the dialect unionpay"),
    N_("{text}: save it again"),
)

_FORMS = (
    N_("10 hexadecimal digits in quotes, or nothing"),
    N_("10 hexadecimal digits such as {example}"),
    N_("3 digits in quotes, or nothing"),
    N_("3 digits in quotes"),
    N_("at most {n} characters in quotes"),
    N_("a path that begins with a slash, or nothing"),
    N_("false: bitmaps of the dialect {dialect} are always raw"),
    N_("false: text in EBCDIC goes with the dialects iso1987_bcd and iso1993_bcd"),
    N_("nothing: the NII is a field of the dialect hypercom only"),
    N_("an iCalendar file that is there, or an address that begins with https://"),
    N_("an iCalendar text of at most 256 KiB"),
    N_("a rule of days, weeks, months or years"),
    N_("a time zone such as {example}"),
    N_("an RRULE such as FREQ=WEEKLY;BYDAY=SU"),
    N_("a DTSTART"),
    N_("a DTEND or DURATION"),
    N_("a DURATION such as PT6H"),
    N_("an end after the start"),
    N_("a time such as {example}"),
    N_("a status of the host"),
    N_("12 digits such as {example}"),
    N_("15 characters in quotes, or nothing"),
    N_("8 characters in quotes, or nothing"),
    N_("{n} letters and digits in quotes, leading zeros kept"),
    N_("at most {n} letters and digits in quotes"),
    N_("TOML (key = value, texts in quotes)"),
    N_("TOML, not so deeply nested"),
    N_("a JSON object"),
    N_("one JSON document"),
    N_("a table (CSV or TSV)"),
    N_("a PEM file that is there"),
    N_("a date without quotes such as {example}"),
    N_("a time with its time zone, without quotes, such as {example}"),
    N_("a time after its start ({start})"),
    N_("a fact that is known"),
    N_("a key that is known here"),
    N_("a key of this profile"),
    N_("a terminal profile"),
    N_("an acquirer profile"),
    N_("a file"),
    N_("a file that is there"),
    N_("a file that can be read"),
    N_("a file with something in it"),
    N_("a file of at most {n} MiB"),
    N_("a folder with terminals or acquirers in it"),
    N_("a scenario that can be read"),
    N_("a report that can be read"),
    N_("a saved report"),
    N_("a report of at most {n} MiB"),
    N_("a version up to {n} (this report is of a newer posdiag)"),
    N_("the report of a run that came to a verdict"),
    N_("the keys {keys}"),
    N_("a list, each {text}"),
    N_("a list"),
    N_("a table"),
    N_("a name"),
    N_("a name or an IP address alone, without scheme, path or port"),
    N_("an IP address, also with a port: {examples}"),
    N_("host:port of the UPS server"),
    N_("a port such as {example}"),
    N_("at least one host"),
    N_('one host with role = "primary"'),
    N_("no application header for the dialect {dialect}"),
    N_("a test number as well as {key}, or neither"),
    N_("at most {n}, the profile's limit (it can be lowered, never raised)"),
    N_("an id: lower-case letters, digits and _, a letter first"),
    N_("link_class (a terminal) or reach, hosts and echo (an acquirer)"),
    N_("the name of the file, {name}"),
    N_("{key} = a profile, which this changes"),
    N_('where the value comes from (a document, or "assumption: why")'),
    N_("a text in UTF-8"),
    N_("a text in quotes: {example}"),
    N_("a text in quotes"),
    N_("a text of 1 to {n} characters in quotes"),
    N_("a text that can be read"),
    N_("a text that matches {pattern}"),
    N_("a whole number from {low} to {high}"),
    N_("a number from {low} to {high} ({unit})"),
    N_("a number from {low} to {high}"),
    N_("a whole number, at least {low}"),
    N_("a whole number, at most {high}"),
    N_("a number, at least {low}"),
    N_("a number, at most {high}"),
    N_("a number above {low} and at most {high}"),
    N_("a number that is finite"),
    N_("a whole number"),
    N_("a number"),
    N_("at most {n} MiB"),
    N_("true or false"),
    N_("yes or no"),
    N_("one of {choices}"),
    N_("each fact once"),
    N_("facts, one name=value per line"),
    N_("key=value, the key with dots"),
    N_("a position in the list, from 0 to one less than its length"),
    N_("one column of that meaning"),
    N_("a column of terminal numbers, headed tid or 终端号"),
    N_("one row with the terminal number {tid}"),
    N_("a row with the terminal number {tid}"),
    N_('"none": frames of kind {kind} have no check sum'),
    N_('"none": frames of kind {kind} are not acknowledged'),
    N_('"data": from the type on, without the end'),
    N_('"terminal" for protocol {protocol}'),
    N_("<model>-<serial> of the terminal"),
    N_("a name of its own"),
    N_("a serial port or socket://host:port"),
    N_("at least one code for {topic}"),
    N_("no other placeholder than {name}"),
    N_("none: {topic} is a number"),
    N_("nothing: an acknowledgement says nothing more"),
    N_("pairs of hexadecimal digits in quotes"),
    N_("at most 64 plain characters in quotes"),
    N_("send or send_hex"),
    N_("what parts the answer"),
    N_("a topic"),
    # What is found instead.
    N_("both"),
    N_("some"),
    N_("nothing"),
    N_("none"),
    N_("neither"),
    N_("more"),
    N_("two"),
    N_("an empty file"),
    N_("an empty list"),
    N_("a folder"),
    N_("a device or a pipe"),
    N_("a bigger one"),
    N_("no such file"),
    N_("permission denied"),
    N_("it a second time"),
    N_("other bytes"),
    N_("other bytes in line {line}"),
    N_("{n} other rows"),
    N_("lines {lines}"),
    N_("the columns {columns}"),
    N_("none in {folder}"),
    N_("this: {why}"),
)


def mistake_words(mistake: Mistake, words: Words) -> str:
    """Return one mistake in one line: where, what was expected, what is there."""
    where = f"{mistake.file}: {mistake.key}" if mistake.key else mistake.file
    expected = in_reader_words(mistake.expected, words)
    if mistake.found:
        found = in_reader_words(mistake.found, words)
        text = words("expected {expected}, found {found}", expected=expected, found=found)
    else:
        text = words("expected {expected}", expected=expected)
    return words("{key}: {hint}", key=where, hint=text)


def in_reader_words(text: str, words: Words) -> str:
    """Return what was expected or found in the reader's language.

    Args:
        text: in English, as the check told it.
        words: of the reader.
    """
    if words.language == "en":
        return text
    for form in (*_ENDINGS, *_FORMS):
        found = _pattern(form).fullmatch(text)
        if found is None:
            continue
        values = found.groupdict()
        if "text" in values:
            values["text"] = in_reader_words(values["text"], words)
        return words(form, **values) if values else words(form)
    return text


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """Return what a form looks like once its placeholders are filled."""
    parts = re.split(r"\{(\w+)\}", form)
    return re.compile(
        "".join(
            f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts)
        ),
        re.DOTALL,
    )
