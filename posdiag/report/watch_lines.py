"""What a watch saw and could have seen, and when to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdiag.model.report import NOTHING_WRONG, State
from posdiag.report.likelihood import percent
from posdiag.report.verdict_lines import title_words

if TYPE_CHECKING:
    from posdiag.model.report import Report
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

_CLOCK = slice(11, 16)
"""``14:03`` of ``2026-01-02T14:03:05Z``."""


def round_words(report: Report, words: Words) -> str:
    """Return one round's verdict in a few words."""
    lead = report.diagnoses[0] if report.diagnoses else None
    match report.state:
        case State.NOTHING_WRONG:
            return words("nothing wrong")
        case State.CANNOT_SAY:
            return words("cannot say")
        case State.RISK:
            return words("a risk")
        case State.FAULT:
            return title_words(lead, words) if lead else words("a fault")


def write_watch(sheet: Sheet, report: Report, words: Words) -> None:
    """Write rounds, times and what may have been missed; nothing for a single run."""
    watch = report.watch
    if watch is None:
        return
    text = words.plural(
        "Watched {n} round, {begun} to {ended} UTC; {bad} not fine. This is the worst.",
        "Watched {n} rounds, {begun} to {ended} UTC; {bad} not fine. This is the worst.",
        watch.rounds,
        begun=watch.begun_at[_CLOCK],
        ended=watch.ended_at[_CLOCK],
        bad=watch.not_fine,
    )
    sheet.paragraph(text)
    share = percent(watch.detects)
    text = words(
        "A fault that is there less than {share} of the time may have been missed.", share=share
    )
    sheet.paragraph(text)


def write_look_again(sheet: Sheet, report: Report, words: Words) -> None:
    """Write when to look again where nothing is wrong now."""
    hour = report.complaint.hour
    lead = report.diagnoses[0] if report.diagnoses else None
    fine = lead is not None and lead.cause == NOTHING_WRONG
    if fine and report.case.complaint_elsewhen and hour is not None:
        text = words("Look again around {hour}: posdiag run --watch 30m", hour=f"{hour:02d}:00")
        sheet.paragraph(text)
    elif report.state is State.NOTHING_WRONG:
        sheet.paragraph(words("If it fails at another hour: posdiag run --watch 10m at that hour."))
