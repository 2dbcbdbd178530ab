"""The end of a verdict: next test, what was not checked, what else to fix, where it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdiag.model.knowledge import Effect
from posdiag.model.observation import Crashed, Measured, NotRunReason
from posdiag.model.report import State
from posdiag.model.site import ComplaintKind
from posdiag.report.amounts import duration_words
from posdiag.report.verdict_lines import fix_items, is_fine
from posdiag.report.vocabulary import ACTORS, EFFECTS, REASONS, reason_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from posdiag.model.observation import ProbeOutcome
    from posdiag.model.report import Diagnosis, NextTest, RankedFix, Report
    from posdiag.model.text import Text
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

SENT = "sign_on.sent"
"""Observation that says whose number signed on."""
_COLUMN = 14
_TITLES_SHOWN = 4
_REASONS_SHOWN = 5
_ALSO_SHOWN = 3
_RULED_OUT = 0.005
"""A posterior below it is no chance at all."""
# Why the site alone has it so: worth a line only where somebody wants to see everything.
_QUIET = frozenset(
    {NotRunReason.NOT_APPLICABLE.value, NotRunReason.SIMULATED_SITE.value, "no_observation"}
)


def write_next_test(sheet: Sheet, report: Report, words: Words, verbose: int) -> None:
    """Write what would tell most for its time; where no cause leads, the runners-up too."""
    if report.next_test is None:
        return
    _write_test(sheet, report.next_test, words("Next test"), words)
    count = len(report.other_tests) if verbose else 2 if report.state is State.CANNOT_SAY else 0
    for test in report.other_tests[:count]:
        _write_test(sheet, test, words("or"), words)


def _write_test(sheet: Sheet, test: NextTest, label: str, words: Words) -> None:
    takes = [duration_words(test.seconds, words)]
    if test.kind != "probe":
        takes.append(words(ACTORS[test.actor]))
    if test.effect is not Effect.SAFE:
        takes.append(words(EFFECTS[test.effect]))
    text = words("{text} ({takes})", text=words.of(test.text), takes=" · ".join(takes))
    sheet.row(label, text, column=_COLUMN)
    if test.command:
        if test.kind == "action":
            text = words("then: {command}", command=test.command)
        else:
            text = words("type: {command}", command=test.command)
        sheet.row("", text, column=_COLUMN, role="command")


def write_after_sign_on(sheet: Sheet, outcomes: Sequence[ProbeOutcome], words: Words) -> None:
    """Write that the terminal must sign on again, where this run signed on in its name."""
    seen = (one for outcome in outcomes for one in outcome.observations)
    if any(one.name == SENT and one.result == Measured("live") for one in seen):
        text = words("Now sign on at the terminal: the host has made new working keys for it.")
        sheet.blank()
        sheet.paragraph(text, "risk")


def write_not_checked(sheet: Sheet, report: Report, words: Words, verbose: int) -> None:
    """Write the variables that say nothing, by reason; the number of those left out is said."""
    groups: dict[str, list[str]] = {}
    for gap in report.unknown:
        groups.setdefault(gap.reason, []).append(words.of(gap.title))
    order = [*REASONS, *sorted(set(groups) - set(REASONS))]
    reasons = [reason for reason in order if reason in groups]
    shown = reasons if verbose else [r for r in reasons if r not in _QUIET][:_REASONS_SHOWN]
    for number, reason in enumerate(shown):
        titles = groups[reason] if verbose else groups[reason][:_TITLES_SHOWN]
        listed = words(", ").join(titles)
        more = len(groups[reason]) - len(titles)
        if more:
            listed = words.plural(
                "{listed} and {n} more", "{listed} and {n} more", more, listed=listed
            )
        text = words("{listed} ({reason})", listed=listed, reason=reason_words(reason, words))
        sheet.row("" if number else words("Not checked"), text, column=_COLUMN)
    left = sum(len(groups[reason]) for reason in reasons if reason not in shown)
    if left:
        if shown:
            text = words.plural(
                "{n} more thing: -v names it", "{n} more things: -v names them", left
            )
        else:
            text = words.plural("{n} thing: -v names it", "{n} things: -v names them", left)
        sheet.row("" if shown else words("Not checked"), text, column=_COLUMN)


def write_missing(
    sheet: Sheet, report: Report, words: Words, verbose: int, hints: Mapping[str, Text]
) -> None:
    """Write what the site does not say and would help, and where our own code failed."""
    missing = report.site.missing if verbose else report.site.missing[:_ALSO_SHOWN]
    for number, key in enumerate(missing):
        hint = hints.get(key)
        text = words("{key}: {hint}", key=key, hint=words.of(hint)) if hint else key
        sheet.row("" if number else words("Would help"), text, column=_COLUMN)
    for outcome in report.outcomes:
        if isinstance(outcome, Crashed):
            text = words(
                "{probe} stopped on {error}; nothing is concluded from that",
                probe=outcome.probe,
                error=outcome.error,
            )
            sheet.row(words("Our own bug"), text, column=_COLUMN)


def write_also_fix(sheet: Sheet, report: Report, words: Words, verbose: int) -> None:
    """Write what is not right but does not stop a sign-on."""
    fixes = report.also_fix if verbose else report.also_fix[:_ALSO_SHOWN]
    for number, fix in enumerate(fixes):
        takes, actor, _, effect = fix_items(fix, words)
        parts = [takes, actor] if fix.effect is Effect.SAFE else [takes, actor, effect]
        text = words("{text} ({takes})", text=words.of(fix.text), takes=" · ".join(parts))
        sheet.row("" if number else words("Also fix"), text, column=_COLUMN)
        if ruled_out := _ruled_out(fix, report):
            title = words.of(ruled_out.title)
            so = words("{title}: it is so, but it does not stop a sign-on here", title=title)
            sheet.row("", so, column=_COLUMN)


def _ruled_out(fix: RankedFix, report: Report) -> Diagnosis | None:
    """Return the condition that a fix mends, where it is there and cannot be what stops sign-on."""
    if report.complaint.kind is not ComplaintKind.SIGN_ON:
        return None
    return next(
        (
            found
            for found in report.diagnoses
            if found.posterior < _RULED_OUT and any(one.id == fix.id for one in found.fixes)
        ),
        None,
    )


def write_footer(sheet: Sheet, report: Report, words: Words, verbose: int) -> None:
    """Write the number of checks that are fine, where the report is saved, and the exit code."""
    fine = sum(is_fine(found) for found in report.evidence)
    items = []
    if fine and verbose:
        items.append(words.plural("{n} check fine", "{n} checks fine", fine))
    elif fine:
        items.append(
            words.plural("{n} check fine: -v shows it", "{n} checks fine: -v shows them", fine)
        )
    if report.saved_to:
        items.append(words("saved: {path}", path=report.saved_to))
    items.append(words("exit {code}", code=report.exit_code))
    sheet.items(items, role="quiet")
