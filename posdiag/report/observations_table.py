"""What one probe saw, as a table: names, values, subjects. No judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdiag.model.observation import Failed, Vantage
from posdiag.report.amounts import result_words
from posdiag.report.sheet import Sheet
from posdiag.report.vocabulary import outcome_words, reason_words, vantage_words
from posdiag.text.width import clip, display_width, pad
from posdiag.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posdiag.model.observation import Observation, ProbeOutcome, Unmeasured
    from posdiag.model.text import Language

_MOST_NAME = 32


def observations_sheet(
    outcomes: Sequence[ProbeOutcome], *, language: Language, width: int = 80
) -> Sheet:
    """Return what probes saw, one table per probe, and what they could not see and why."""
    words, sheet = Words(language), Sheet(width)
    for outcome in outcomes:
        sheet.blank()
        heading = words(
            "{probe}: {ended}", probe=outcome.probe, ended=outcome_words(outcome, words)
        )
        sheet.paragraph(heading, "title")
        write_observations(sheet, outcome.observations, words, indent=3)
        write_unmeasured(sheet, outcome.unmeasured, words, indent=3)
    return sheet


def write_observations(
    sheet: Sheet, observations: Sequence[Observation], words: Words, *, indent: int
) -> None:
    """Write one row per observation: name, value or failure, and about what it is."""
    if not observations:
        return
    column = min(_MOST_NAME, max(display_width(seen.name) for seen in observations)) + 2
    for seen in observations:
        text = result_words(seen.result, words)
        if seen.vantage is not Vantage.LAPTOP:
            text = words(
                "{finding} ({vantage})", finding=text, vantage=vantage_words(seen.vantage, words)
            )
        sheet.row(
            seen.name,
            text,
            column=indent + column,
            indent=indent,
            right=clip(seen.subject, 28),
            role="unsure" if isinstance(seen.result, Failed) else "",
            right_role="quiet",
        )


def write_unmeasured(
    sheet: Sheet, gaps: Sequence[Unmeasured], words: Words, *, indent: int
) -> None:
    """Write one row per thing that a probe could not measure, and why."""
    if not gaps:
        return
    column = min(_MOST_NAME, max(display_width(gap.name) for gap in gaps)) + 2
    for gap in gaps:
        why = words("not measured: {why}", why=reason_words(gap.reason, words))
        text = f"{why} ({gap.detail})" if gap.detail else why
        sheet.row(
            pad(gap.name, column),
            text,
            column=indent + column,
            indent=indent,
            right=clip(gap.subject, 28),
            role="quiet",
            right_role="quiet",
        )
