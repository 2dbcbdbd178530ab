"""Where the time of one sign-on goes, with bars against the terminal's timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdiag.report.amounts import round_seconds, seconds_words
from posdiag.report.likelihood import percent
from posdiag.report.vocabulary import FAILURES, STAGES
from posdiag.text.width import display_width, pad, wrap
from posdiag.text.words import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posdiag.model.report import StageTime, TimeBudget
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

BAR = 30
"""Columns of a full bar; fewer on a narrow console."""
_LEAST_BAR = 8
_SECONDS = 9
_BASIS: Mapping[str, str] = {
    "effective": N_("Time of one sign-on, against a timer of {timer} (in force, as observed)"),
    "menu": N_("Time of one sign-on, against a timer of {timer} (read in the terminal's menu)"),
    "profile": N_(
        "Time of one sign-on, against a timer of {timer} (usual value; its own not known)"
    ),
}
_STATES: Mapping[str, str] = {
    "measured": "",
    "silent": N_("no answer"),
    "censored": N_("wait was cut"),
    "failed": N_("failed"),
    "unknown": N_("not measured"),
}


def write_time_budget(sheet: Sheet, budget: TimeBudget, words: Words) -> None:
    """Write the stages with their bars and the chance that the timer runs out.

    A full bar is the timer, or the longest stage where that is longer or no timer is known. Nothing
    is written where no stage has a time.
    """
    if all(stage.seconds is None for stage in budget.stages):
        return
    sheet.blank()
    timer = round_seconds(budget.timer_s) if budget.timer_s else ""
    heading = _BASIS.get(budget.timer_basis) if timer else None
    sheet.paragraph(
        words(heading, timer=timer)
        if heading
        else words("Time of one sign-on; the terminal's timer is not known"),
        "title",
    )
    if budget.menu_s is not None and budget.menu_s != budget.timer_s:
        shown = words(
            "the menu shows {timer}: another timer is in force", timer=round_seconds(budget.menu_s)
        )
        sheet.paragraph(shown, "unsure", indent=3)
    longest = max((stage.seconds or 0.0 for stage in budget.stages), default=0.0)
    full = max(longest, budget.timer_s or 0.0)
    label = max(display_width(words(STAGES[stage.stage])) for stage in budget.stages) + 2
    for stage in budget.stages:
        _write_stage(sheet, stage, full, label, words)
    write_chance(sheet, budget, words, indent=3)


def _write_stage(sheet: Sheet, stage: StageTime, full: float, label: int, words: Words) -> None:
    wide = max(_LEAST_BAR, min(BAR, sheet.edge - label - 35))
    filled, shown = "", "-"
    if stage.seconds is not None:
        length = max(1, round(wide * stage.seconds / full)) if full > 0 else 1
        cut = stage.state == "censored"
        filled = ("?" if cut else "#") * min(wide, length)
        shown = seconds_words(stage.seconds)
        shown = f"> {shown}" if cut else shown
    rest = (" " if stage.seconds is None else ".") * (wide - len(filled))
    before = 3 + label + wide + _SECONDS + 3
    remark = wrap(_remark(stage, words), max(10, sheet.edge - before))
    sheet.line(
        (f"   {pad(words(STAGES[stage.stage]), label)}", "label"),
        (filled, "bar"),
        (rest, "quiet"),
        (pad(shown, _SECONDS, "right"), ""),
        (f"   {remark[0]}", ""),
    )
    for more in remark[1:]:
        sheet.line((" " * before + more, ""))


def _remark(stage: StageTime, words: Words) -> str:
    state = words(_STATES[stage.state])
    known = {kind.value: text for kind, text in FAILURES.items()}
    detail = words(known[stage.detail]) if stage.detail in known else stage.detail
    if not detail or detail == state:
        return state
    return words("{state}: {detail}", state=state, detail=detail) if state else detail


def write_chance(sheet: Sheet, budget: TimeBudget, words: Words, *, indent: int = 0) -> None:
    """Write the chance that a sign-on outlasts the timer, with its interval; nothing if unknown."""
    if budget.exceeds is None or budget.timer_s is None:
        return
    timer = round_seconds(budget.timer_s)
    text = words(
        "chance that a sign-on outlasts {timer}: {chance}",
        timer=timer,
        chance=_chance(budget, budget.exceeds, words),
    )
    sheet.paragraph(text, indent=indent, hang=3)


def _chance(budget: TimeBudget, exceeds: float, words: Words) -> str:
    low, high = budget.exceeds_low, budget.exceeds_high
    basis = []
    if exceeds < 0.001 and high is not None:
        chance = words("under {high}", high=percent(max(high, 0.001)))
    else:
        chance = percent(exceeds)
        if low is not None and high is not None and percent(low) != percent(high):
            between = words("{low} to {high}", low=percent(low), high=percent(high))
            basis.append(between)
    if budget.samples:
        basis.append(words.plural("from {n} sample", "from {n} samples", budget.samples))
    if not basis:
        return chance
    return words("{chance} ({basis})", chance=chance, basis=words("; ").join(basis))
