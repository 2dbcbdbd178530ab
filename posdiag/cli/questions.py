"""Asks a person what would tell most: at most three short questions, each skippable."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from posdiag.cli.interruption import Interrupted
from posdiag.cli.mistake_words import in_reader_words
from posdiag.cli.output import tell
from posdiag.model.errors import SiteError
from posdiag.site.facts import fact_table, parse_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from posdiag.cli.interruption import Interruption
    from posdiag.model.observation import Value
    from posdiag.model.report import Report
    from posdiag.model.site import Site
    from posdiag.site.facts import Fact
    from posdiag.text.words import Words

MOST_QUESTIONS = 3
_TRIES = 2


def can_ask() -> bool:
    """Return whether somebody sits there: both standard input and error are a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask_most_telling(
    site: Site,
    report: Report,
    conclude: Callable[[Site], Report],
    interruption: Interruption,
    words: Words,
) -> Report:
    """Return the report after what a person answered.

    Args:
        site: merged.
        report: on the site as it is.
        conclude: gives the report on the same measurement with more facts.
        interruption: a signal ends the questions.
        words: of the reader.
    """
    asked: set[str] = set()
    while len(asked) < MOST_QUESTIONS and (name := _most_telling(site, report, asked)):
        if not asked:
            tell(words("A few questions that would tell most; Enter skips one."))
        asked.add(name)
        try:
            with interruption.raising():
                value = _answer(name, fact_table()[name], words)
        except Interrupted:
            break
        if value is not None:
            site = msgspec.structs.replace(site, facts={**site.facts, name: value})
            report = conclude(site)
    return report


def _most_telling(site: Site, report: Report, asked: set[str]) -> str:
    """Return the fact that would tell most and is neither known nor asked; empty if none is."""
    tests = [report.next_test, *report.other_tests]
    for test in tests:
        if test is None or test.kind != "fact":
            continue
        name = test.id.removeprefix("fact.")
        if name in fact_table() and name not in site.facts and name not in asked:
            return name
    return ""


def _answer(name: str, fact: Fact, words: Words) -> Value | None:
    """Return a checked answer, None where it was skipped or wrong twice."""
    tell("\n" + words.of(fact.question))
    if fact.hint is not None:
        tell("  " + words.of(fact.hint))
    for _ in range(_TRIES):
        typed = read_line("> ")
        if not typed:
            return None
        try:
            return parse_fact(f"{name}={typed}")[1]
        except SiteError as wrong:
            expected = in_reader_words(wrong.mistakes[0].expected, words)
            tell(words("expected {expected}", expected=expected))
    return None


def read_line(prompt: str) -> str:
    """Return what somebody types on one line, without blanks around it; empty at the end."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        line = ""
    return line.strip()
