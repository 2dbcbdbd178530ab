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
    "effective": N_(
        "Time of one sign-on, against a timer of {timer} (a wait was seen to end then)"
    ),
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

    A waterfall: each bar begins where the one above it ends. The width is the timer, or the sum of
    the stages where that is longer or no timer is known. Nothing is written where no stage has a
    time.
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
    total = sum(stage.seconds or 0.0 for stage in budget.stages)
    full = max(total, budget.timer_s or 0.0)
    label = max(display_width(words(STAGES[stage.stage])) for stage in budget.stages) + 2
    begun = 0.0
    for stage in budget.stages:
        _write_stage(sheet, stage, (begun, full), label, words)
        begun += stage.seconds or 0.0
    write_chance(sheet, budget, words, indent=3)
    _write_timer(sheet, budget, words)


def _write_stage(
    sheet: Sheet, stage: StageTime, scale: tuple[float, float], label: int, words: Words
) -> None:
    """Write one bar, from where the bars above it end.

    Args:
        sheet: to write on.
        stage: shown.
        scale: seconds before this stage, and those of a full bar.
        label: columns of the names.
        words: of the reader.
    """
    begun, full = scale
    wide = max(_LEAST_BAR, min(BAR, sheet.edge - label - 35))
    before, filled, shown = 0, "", "-"
    if stage.seconds is not None:
        length = max(1, round(wide * stage.seconds / full)) if full > 0 else 1
        before = min(wide - 1, round(wide * begun / full)) if full > 0 else 0
        cut = stage.state == "censored"
        filled = ("?" if cut else "#") * min(wide - before, length)
        shown = seconds_words(stage.seconds)
        shown = f"> {shown}" if cut else shown
    blank = " " if stage.seconds is None else "."
    margin = 3 + label + wide + _SECONDS + 3
    remark = wrap(_remark(stage, words), max(10, sheet.edge - margin))
    sheet.line(
        (f"   {pad(words(STAGES[stage.stage]), label)}", "label"),
        (blank * before, "quiet"),
        (filled, "bar"),
        (blank * (wide - before - len(filled)), "quiet"),
        (pad(shown, _SECONDS, "right"), ""),
        (f"   {remark[0]}", ""),
    )
    for more in remark[1:]:
        sheet.line((" " * margin + more, ""))


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


def _write_timer(sheet: Sheet, budget: TimeBudget, words: Words) -> None:
    """Write what takes most of a slow sign-on, and the smallest timer that would do."""
    if budget.timer_basis == "effective" and budget.menu_s is not None:
        menu = round_seconds(budget.menu_s)
        sheet.paragraph(words("the menu says {menu}", menu=menu), indent=3, hang=3)
    if budget.target is None:
        return
    if budget.eats is not None:
        stage = words(STAGES[budget.eats])
        sheet.paragraph(words("most of a slow sign-on: {stage}", stage=stage), indent=3, hang=3)
    target = f"{budget.target * 100:g} %"
    if budget.smallest_s is None:
        text = words("no timer keeps it under {target}: mend the line or the host", target=target)
    else:
        timer = seconds_words(budget.smallest_s)
        text = words("a timer of {timer} keeps it under {target}", timer=timer, target=target)
        if budget.smallest_high_s is not None:
            high = seconds_words(budget.smallest_high_s)
            text = words("{text}, {high} at worst", text=text, high=high)
        else:
            text = words("{text}, none at worst", text=text)
    if budget.supported is not None and budget.supported > budget.target:
        share = percent(budget.supported)
        text = words("{text} (extrapolated: samples alone support {share})", text=text, share=share)
    sheet.paragraph(text, indent=3, hang=3)
