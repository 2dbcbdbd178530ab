"""The top of a verdict: one line that could be read out over a phone, its basis, and the causes."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from posdiag.model.knowledge import Effect
from posdiag.model.observation import Measured, NotRunReason
from posdiag.model.report import NOTHING_WRONG, OTHER, End, State
from posdiag.model.site import ComplaintOutcome, LaptopAt, YesNo
from posdiag.report.amounts import duration_words
from posdiag.report.likelihood import SHOWN_FROM, about, brief, likelihood_word, tenths
from posdiag.report.vocabulary import (
    ACTORS,
    COMPLAINTS,
    EFFECTS,
    SEEN_FROM,
    STRENGTHS,
    vantage_words,
)

if TYPE_CHECKING:
    from posdiag.model.report import Diagnosis, EvidenceFound, RankedFix, Report, Weight
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

SHOWN_CAUSES = 3
NAMED_FROM = 0.20
_INDENT, _COLUMN = 3, 13
_HYPOTHESES = frozenset({NOTHING_WRONG, OTHER})
_UNIT_MINUTE_S = 60.0


def title_words(diagnosis: Diagnosis, words: Words) -> str:
    """Return the title of a cause or of one of the two hypotheses that are no causes."""
    if diagnosis.cause == NOTHING_WRONG:
        return words("Nothing is wrong now")
    if diagnosis.cause == OTHER:
        return words("None of the causes on the list")
    return words.of(diagnosis.title)


def is_fine(evidence: EvidenceFound) -> bool:
    """Return whether a variable reads normal: its first level is the most likely one."""
    levels = evidence.likelihood
    return bool(levels) and levels[0] >= max(levels) and min(levels) < max(levels)


def measured_count(report: Report) -> int:
    """Return how many observations the probes made."""
    return sum(len(outcome.observations) for outcome in report.outcomes)


def write_heading(sheet: Sheet, report: Report, words: Words) -> None:
    """Write the first line, how likely it is, what that rests on and from where it was seen."""
    _write_maintenance(sheet, report, words)
    lead = report.diagnoses[0] if report.diagnoses else None
    match report.state:
        case State.FAULT:
            sheet.paragraph(_fault_heading(report, lead, words), "fault")
        case State.RISK:
            lead = _risk_lead(report) or lead
            sheet.paragraph(_risk_heading(report, words), "risk")
        case State.NOTHING_WRONG:
            sheet.paragraph(words("Nothing wrong now: sign-on should work from here"), "fine")
        case State.CANNOT_SAY:
            reason = _unsure_reason(report, lead, words)
            sheet.paragraph(words("Cannot say: {reason}", reason=reason), "unsure")
    sheet.items(_basis(report, lead, words))
    for remark in _remarks(report, words):
        sheet.paragraph(remark, "risk")


def _write_maintenance(sheet: Sheet, report: Report, words: Words) -> None:
    """Write that the host is in a window that was announced, and when it ends: before all else."""
    told = {
        seen.name: seen.result.value for seen in report.facts if isinstance(seen.result, Measured)
    }
    until = told.get("notice.until")
    if not isinstance(until, str):
        return
    note = told.get("notice.note")
    text = words("The acquirer announced maintenance of its host until {end}", end=_moment(until))
    sheet.paragraph(f"{text} ({note})" if note else text, "risk")


def _moment(text: str) -> str:
    """Return date, time and time zone of a moment in ISO 8601, as its writer had them."""
    found = datetime.datetime.fromisoformat(text)
    zone = found.strftime("%z")
    return f"{found:%Y-%m-%d %H:%M} {zone[:3]}:{zone[3:5]}"


def _fault_heading(report: Report, lead: Diagnosis | None, words: Words) -> str:
    title = title_words(lead, words) if lead else ""
    failed, otherwise = COMPLAINTS[report.complaint.kind]
    what = failed if report.complaint.outcome is ComplaintOutcome.FAILED else otherwise
    return words("{what}, most likely: {title}", what=words(what), title=title)


def _risk_lead(report: Report) -> Diagnosis | None:
    """Return the likeliest cause where it is likely enough to be named, as for the exit code."""
    named = (
        found
        for found in report.diagnoses
        if found.cause not in _HYPOTHESES and found.posterior >= NAMED_FROM
    )
    return next(named, None)


def _risk_heading(report: Report, words: Words) -> str:
    lead = _risk_lead(report)
    if lead is None:
        return words("Sign-on should work from here, but there is a risk: see what to fix below")
    title = title_words(lead, words)
    if report.complaint.outcome is not ComplaintOutcome.FAILED:
        return words("Sign-on is at risk: {title}", title=title)
    what = words(COMPLAINTS[report.complaint.kind][0])
    return words("{what}; no cause leads, look first at: {title}", what=what, title=title)


def _unsure_reason(report: Report, lead: Diagnosis | None, words: Words) -> str:
    if measured_count(report) == 0 and not report.facts:
        return words("nothing was measured and nobody was asked")
    if report.case.complaint_elsewhen and lead and lead.cause == NOTHING_WRONG:
        return words("nothing is wrong now, and the complaint is of another hour")
    if any(gap.reason == NotRunReason.NOT_REACHABLE_FROM_HERE for gap in report.unknown):
        return words("the acquirer's host cannot be reached from where this laptop is")
    if lead and lead.cause == OTHER:
        return words("what was seen fits no cause on the list")
    if report.conflict:
        return words("the findings contradict each other")
    if lead and lead.cause == NOTHING_WRONG:
        return words("nothing wrong was seen, but what would decide was not checked")
    return words("no cause leads")


def _basis(report: Report, lead: Diagnosis | None, words: Words) -> list[str]:
    items = []
    if lead and report.state is not State.CANNOT_SAY:
        items.append(
            words(
                "{likely}, {about} ({basis})",
                likely=likelihood_word(lead.posterior, words),
                about=about(lead.posterior, words),
                basis=words.of(report.basis),
            )
        )
    if report.site.simulated:
        items.append(words("simulated site"))
    if report.diagnoses or measured_count(report):
        items.append(seen_words(report, words))
    return items


def seen_words(report: Report, words: Words) -> str:
    """Return from where the findings were seen, and whether that is the terminal's path."""
    if measured_count(report) == 0:
        if report.facts:
            return words(
                "nothing was measured; this rests on what was told and on how often each happens"
            )
        return words("this rests only on how often each cause happens")
    seen = words(SEEN_FROM[report.site.laptop_at])
    if report.case.path_shared is YesNo.YES or report.site.laptop_at is LaptopAt.UNKNOWN:
        return seen
    if report.case.path_shared is YesNo.NO:
        return words("{seen}; the terminal's own path was not seen", seen=seen)
    return words("{seen}; whether the terminal takes the same path is not known", seen=seen)


def _remarks(report: Report, words: Words) -> list[str]:
    remarks = []
    if report.end is End.INTERRUPTED:
        remarks.append(words("Interrupted: this is the verdict from what was seen until then."))
    if report.end is End.BUDGET_SPENT:
        remarks.append(words("The run's time was spent before everything was measured."))
    if report.conflict and report.state is not State.CANNOT_SAY:
        remarks.append(words("The findings contradict each other: check what was told."))
    if not report.separable:
        remarks.append(words("The first causes cannot be told apart by what can be measured here."))
    return remarks


def write_fine(sheet: Sheet, report: Report, words: Words) -> None:
    """Write what was found normal, in one paragraph, where no cause can be named."""
    fine = [words.of(found.text) for found in report.evidence if is_fine(found)]
    if not fine:
        return
    shown = words("; ").join(fine[:3])
    more = len(fine) - 3
    if more > 0:
        shown = words.plural("{shown}; and {n} more", "{shown}; and {n} more", more, shown=shown)
    sheet.paragraph(words("Fine from here: {findings}", findings=shown))


def write_causes(sheet: Sheet, report: Report, words: Words, verbose: int) -> None:
    """Write the likeliest causes: three, or all that are worth showing where asked for more."""
    shown = [found for found in report.diagnoses if found.posterior >= SHOWN_FROM]
    if report.state is State.NOTHING_WRONG and not verbose:
        return
    short = report.state in {State.CANNOT_SAY, State.NOTHING_WRONG} and not verbose
    for rank, diagnosis in enumerate(shown if verbose else shown[:SHOWN_CAUSES], 1):
        sheet.blank()
        _write_cause(sheet, diagnosis, rank, words, short=short, verbose=verbose)


def _write_cause(
    sheet: Sheet, diagnosis: Diagnosis, rank: int, words: Words, *, short: bool, verbose: int
) -> None:
    sheet.row(
        str(rank),
        title_words(diagnosis, words),
        column=_INDENT,
        right=brief(diagnosis.posterior, words),
        label_role="title",
        role="title",
        right_role="title",
    )
    if diagnosis.consequence_of is not None:
        text = words("a consequence of: {title}", title=words.of(diagnosis.consequence_of))
        sheet.paragraph(text, "quiet", indent=_INDENT)
    limits = (99, 99) if verbose else (1, 0) if short else (3, 1)
    _write_weights(sheet, words("because"), diagnosis.because[: limits[0]], words)
    if not diagnosis.because and diagnosis.cause not in _HYPOTHESES:
        text = words("no finding speaks for it; this is how often it happens")
        sheet.row(words("because"), text, column=_COLUMN, indent=_INDENT, role="quiet")
    _write_weights(sheet, words("although"), diagnosis.although[: limits[1]], words)
    if short:
        return
    fixes = diagnosis.fixes if verbose else diagnosis.fixes[:1]
    for number, fix in enumerate(fixes):
        label = words("or") if number else words("do first")
        _write_fix(sheet, fix, label, words, check=rank == 1 or bool(verbose))
    if diagnosis.workaround and (rank == 1 or verbose):
        text = words.of(diagnosis.workaround)
        sheet.row(words("meanwhile"), text, column=_COLUMN, indent=_INDENT)


def _write_weights(sheet: Sheet, label: str, weights: list[Weight], words: Words) -> None:
    for number, weight in enumerate(weights):
        text = words.of(weight.text)
        if weight.vantage != "laptop":
            vantage = vantage_words(weight.vantage, words)
            text = words("{finding} ({vantage})", finding=text, vantage=vantage)
        sheet.row(
            "" if number else label,
            text,
            column=_COLUMN,
            indent=_INDENT,
            right=words(STRENGTHS[weight.strength]),
            right_role=weight.strength,
        )


def _write_fix(sheet: Sheet, fix: RankedFix, label: str, words: Words, *, check: bool) -> None:
    sheet.row(label, words.of(fix.text), column=_COLUMN, indent=_INDENT, role="title")
    sheet.items(fix_items(fix, words), indent=_COLUMN)
    if check:
        text = words("then check: {how}", how=words.of(fix.verify))
        sheet.row("", text, column=_COLUMN)


def fix_items(fix: RankedFix, words: Words) -> list[str]:
    """Return how long a fix takes, who does it, how often it works and what it costs the shop."""
    actor = words(ACTORS[fix.actor])
    return [
        duration_words(fix.minutes * _UNIT_MINUTE_S, words),
        actor,
        words("works {tenths}", tenths=tenths(fix.works, words)),
        words(EFFECTS[fix.effect if fix.effect in EFFECTS else Effect.SAFE]),
    ]
