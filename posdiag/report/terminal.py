"""A report for the person at the counter: the answer first, each line earning its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from posdiag.model.report import End, State
from posdiag.report.detail_lines import write_findings, write_outcomes, write_plan
from posdiag.report.sheet import WIDTH, Sheet, console_width, print_sheet, wants_color
from posdiag.report.time_lines import write_chance, write_time_budget
from posdiag.report.verdict_lines import write_causes, write_fine, write_heading
from posdiag.report.watch_lines import write_look_again, write_watch
from posdiag.report.what_next import (
    write_after_sign_on,
    write_also_fix,
    write_footer,
    write_missing,
    write_next_test,
    write_not_checked,
)
from posdiag.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posdiag.model.report import Report
    from posdiag.model.text import Language, Text


def render(
    report: Report,
    *,
    language: Language,
    width: int = WIDTH,
    verbose: int = 0,
    hints: Mapping[str, Text] | None = None,
) -> Sheet:
    """Return a report as a page: ``.plain()`` is its text, a rich console prints it in colour.

    Args:
        report: of a run or a replay.
        language: of all fixed words; texts of the report come in both.
        width: columns of the console, at least 40.
        verbose: 1 adds all findings, outcomes and the plan; 2 adds every observation.
        hints: where to read what the site does not say, per key; without it the keys alone.
    """
    words, sheet = Words(language), Sheet(width)
    if report.end is End.ERROR:
        sheet.paragraph(words("posdiag could not finish: {error}", error=report.error), "fault")
        write_footer(sheet, report, words, verbose)
        return sheet
    write_heading(sheet, report, words)
    write_watch(sheet, report, words)
    if report.state is State.CANNOT_SAY:
        write_fine(sheet, report, words)
        sheet.blank()
        write_next_test(sheet, report, words, verbose)
    write_causes(sheet, report, words, verbose)
    if report.state is State.NOTHING_WRONG and not verbose:
        write_chance(sheet, report.time_budget, words)
    else:
        write_time_budget(sheet, report.time_budget, words)
        sheet.blank()
    if report.state is not State.CANNOT_SAY:
        write_next_test(sheet, report, words, verbose)
    write_not_checked(sheet, report, words, verbose)
    write_missing(sheet, report, words, verbose, hints or {})
    write_also_fix(sheet, report, words, verbose)
    write_look_again(sheet, report, words)
    if verbose:
        write_findings(sheet, report, words)
        write_outcomes(sheet, report, words, verbose)
        write_plan(sheet, report.plan, words)
        sheet.blank()
    write_footer(sheet, report, words, verbose)
    write_after_sign_on(sheet, report.outcomes, words)
    return sheet


def print_report(
    report: Report,
    *,
    language: Language,
    stream: TextIO,
    verbose: int = 0,
    color: bool | None = None,
    width: int | None = None,
    hints: Mapping[str, Text] | None = None,
) -> None:
    """Print a report, in colour where the stream is a terminal that has it.

    Args:
        report: of a run or a replay.
        language: of all fixed words.
        stream: where to; set so that a sign it cannot encode is replaced.
        verbose: see ``render``.
        color: True or False decide; None: a terminal, unless ``NO_COLOR`` or ``TERM=dumb``.
        width: columns; None: the terminal's up to 100, else 80.
        hints: see ``render``.

    Raises:
        OSError: the stream cannot be written.
    """
    columns = width or console_width(stream)
    page = render(report, language=language, width=columns, verbose=verbose, hints=hints)
    colored = wants_color(stream, os.environ) if color is None else color
    print_sheet(page, stream, color=colored)
