"""What ``-v`` adds: every finding, what each probe did, the plan; ``-vv``: every observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdiag.model.knowledge import Effect
from posdiag.report.amounts import seconds_words
from posdiag.report.observations_table import write_observations, write_unmeasured
from posdiag.report.verdict_lines import is_fine
from posdiag.report.vocabulary import EFFECTS, outcome_words, reason_words, vantage_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posdiag.model.report import PlannedProbe, PlannedStep, Report
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

_COLUMN = 13


def write_findings(sheet: Sheet, report: Report, words: Words) -> None:
    """Write every variable that was read: what is not normal first, then what is fine."""
    if not report.evidence:
        return
    sheet.blank()
    sheet.paragraph(words("All findings"), "title")
    ordered = sorted(report.evidence, key=is_fine)
    for found in ordered:
        sheet.row(
            words("fine") if is_fine(found) else words("look"),
            words.of(found.text),
            column=10,
            indent=3,
            right=vantage_words(found.vantage, words),
            label_role="fine" if is_fine(found) else "risk",
            right_role="quiet",
        )


def write_outcomes(sheet: Sheet, report: Report, words: Words, verbose: int) -> None:
    """Write what each probe did and how long it took."""
    if report.outcomes:
        sheet.blank()
        sheet.paragraph(words("Probes"), "title")
    for outcome in report.outcomes:
        took = seconds_words(outcome.end_s - outcome.start_s) if outcome.end_s else ""
        text = outcome_words(outcome, words)
        sheet.row(outcome.probe, text, column=_COLUMN, indent=3, right=took, right_role="quiet")
        if verbose > 1:
            write_observations(sheet, outcome.observations, words, indent=5)
            write_unmeasured(sheet, outcome.unmeasured, words, indent=5)
    if report.facts:
        sheet.blank()
        sheet.paragraph(words("Told by people"), "title")
        write_observations(sheet, report.facts, words, indent=3)


def write_plan(sheet: Sheet, plan: Sequence[PlannedProbe], words: Words) -> None:
    """Write what was planned: what would be sent, to whom, and what was left out and why."""
    if not plan:
        return
    sheet.blank()
    sheet.paragraph(words("Plan"), "title")
    for step in plan:
        if step.left_out:
            why = _left_out_words(step.left_out, words)
            text = words("left out: {why}", why=why)
        else:
            text = words(step.sends)
            if step.targets:
                targets = ", ".join(step.targets)
                text = words("{sends} ({targets})", sends=text, targets=targets)
        effect = "" if step.effect is Effect.SAFE else words(EFFECTS[step.effect])
        sheet.row(step.probe, text, column=_COLUMN, indent=3, right=effect, right_role="risk")
        for more in step.steps:
            _write_step(sheet, more, words)


def _write_step(sheet: Sheet, step: PlannedStep, words: Words) -> None:
    """Write what a probe does, or would do, with a consent of its own."""
    sends, targets = words(step.sends), ", ".join(step.targets)
    if step.allowed:
        text = words("also, as allowed: {sends} ({targets})", sends=sends, targets=targets)
    else:
        text = words(
            "only with --allow {consent}: {sends} ({targets})",
            consent=step.consent,
            sends=sends,
            targets=targets,
        )
    effect = "" if step.effect is Effect.SAFE else words(EFFECTS[step.effect])
    sheet.row("", text, column=_COLUMN, indent=3, right=effect, right_role="risk")


def _left_out_words(left_out: str, words: Words) -> str:
    """Return why a probe was left out: a reason, or a reason and a detail after a colon."""
    reason, colon, detail = left_out.partition(":")
    why = reason_words(reason, words)
    return f"{why} ({detail.strip()})" if colon and detail.strip() else why
