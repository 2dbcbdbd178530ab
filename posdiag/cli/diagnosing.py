"""Measures at a site, asks, concludes, saves and prints: what ``demo`` and ``run`` share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from posdiag.cli.interruption import Interruption
from posdiag.cli.output import OutputError, put_document, tell, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from posdiag.engine.chain import Measurement
    from posdiag.engine.events import Event
    from posdiag.link.politeness import HourlyUse
    from posdiag.model.report import Report
    from posdiag.model.site import Site
    from posdiag.probes.probe import Probe
    from posdiag.report.live_table import LiveTable
    from posdiag.text.words import Words

PATIENCE = 1.2
"""Of the terminal's timer: an answer within that may still have been what the terminal missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a site is diagnosed and the result is given.

    Attributes:
        budget_s: seconds for all probes together.
        asks: questions may be asked.
        listens: the host's answer may be waited for after the verdict, up to the terminal's timer
            plus a fifth.
        picture: file for the verdict as SVG, with its title; None: none.
    """

    budget_s: float
    skip: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()
    asks: bool = False
    saves: bool = False
    listens: bool = False
    as_json: bool = False
    verbose: int = 0
    picture: tuple[Path, str] | None = None


def is_watched() -> bool:
    """Return whether somebody sees the verdict: standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def diagnose_site(site: Site, how: How, interruption: Interruption, words: Words) -> int:
    """Diagnose a site, print the verdict and return the exit code.

    Args:
        site: merged.
        how: as typed.
        interruption: entered; its event ends the measurement.
        words: of the reader.

    Raises:
        OutputError: standard output cannot be written.
    """
    from posdiag.cli.questions import ask_most_telling
    from posdiag.engine.chain import conclude
    from posdiag.knowledge import load_knowledge
    from posdiag.probes import discover

    probes, knowledge = discover(), load_knowledge()
    patience_s = _patience(site, how)
    steps = measure_in_steps_shown(site, probes, how, interruption, words, patience_s=patience_s)
    measurement = next(steps)

    def concluded(known: Site) -> Report:
        return conclude(known, measurement, probes=probes, knowledge=knowledge)

    report = concluded(site)
    if measurement.listening:
        deliver(report, words, as_json=False, verbose=how.verbose)
        tell(
            words(
                "Listening for the host's answer for {time} from the start; Ctrl-C ends it.",
                time=f"{patience_s or 0:.0f} s",
            )
        )
        measurement = next(steps)
        report = concluded(site)
        tell(words("The verdict after that:"))
    if how.asks and not interruption.event.is_set():
        report = ask_most_telling(site, report, concluded, interruption, words)
    report = as_it_ended(report, interruption)
    if how.saves:
        report = saved(report, words)
    deliver(report, words, as_json=how.as_json, verbose=how.verbose, picture=how.picture)
    return report.exit_code


def _patience(site: Site, how: How) -> float | None:
    """Return the seconds until which an answer is waited for, None where only the budget counts."""
    from posdiag.site.case import timer_of

    timer_s = timer_of(site)
    return timer_s * PATIENCE if how.listens and timer_s is not None else None


def measure_shown(
    site: Site,
    probes: Mapping[str, Probe],
    how: How,
    interruption: Interruption,
    words: Words,
    *,
    hour: HourlyUse | None = None,
) -> Measurement:
    """Measure once; arguments as :func:`measure_in_steps_shown`."""
    (measurement,) = measure_in_steps_shown(site, probes, how, interruption, words, hour=hour)
    return measurement


def measure_in_steps_shown(
    site: Site,
    probes: Mapping[str, Probe],
    how: How,
    interruption: Interruption,
    words: Words,
    *,
    hour: HourlyUse | None = None,
    patience_s: float | None = None,
) -> Iterator[Measurement]:
    """Measure, with a live table on standard error where that is a terminal, until the budget ends.

    Args:
        site: merged.
        probes: by name.
        how: as typed.
        interruption: entered.
        words: of the reader.
        hour: what hosts were asked in this hour, where runs repeat.
        patience_s: see ``measure_in_steps``.
    """
    from posdiag.engine.chain import measure_in_steps
    from posdiag.engine.plan import make_plan
    from posdiag.report.live_table import LiveTable

    shown: list[LiveTable] = []
    live_table = sys.stderr is not None and sys.stderr.isatty()

    def tell_live(event: Event) -> None:
        if not live_table:
            _tell_asked(event, words)
        for live in shown:
            _show(live, event)

    steps = measure_in_steps(
        site,
        probes=probes,
        budget_s=how.budget_s,
        skip=how.skip,
        consents=how.consents,
        events=tell_live,
        interrupt=interruption.event,
        hour=hour,
        patience_s=patience_s,
    )
    if not live_table:
        yield from steps
        return
    plan = make_plan(site, probes, skip=how.skip, consents=how.consents)
    names = [line.probe for line in plan.lines if not line.left_out]
    with LiveTable(
        names, budget_s=how.budget_s, language=words.language, stream=sys.stderr
    ) as live:
        shown.append(live)
        first = next(steps)
        shown.clear()
    yield first
    yield from steps


def _tell_asked(event: Event, words: Words) -> None:
    from posdiag.engine.events import PersonAsked

    if isinstance(event, PersonAsked):
        tell(words(event.text))


def _show(live: LiveTable, event: Event) -> None:
    from posdiag.engine.events import (
        Observed,
        PersonAsked,
        ProbeEnded,
        ProbeStarted,
        RunEnded,
    )

    match event:
        case ProbeStarted(probe=probe):
            live.started(probe)
        case Observed(probe=probe, name=name):
            live.observed(probe, name)
        case PersonAsked(text=text):
            live.asked(text)
        case ProbeEnded(probe=probe, status=status):
            live.ended(probe, status)
        case RunEnded():
            pass


def as_it_ended(report: Report, interruption: Interruption) -> Report:
    """Return the report, told of a signal that came."""
    from posdiag.model.report import End

    code = interruption.exit_code
    if code is None:
        return report
    return msgspec.structs.replace(report, end=End.INTERRUPTED, exit_code=code)


def saved(report: Report, words: Words) -> Report:
    """Save the report; where that fails it is a warning."""
    from posdiag.report.json_document import encode
    from posdiag.store.saved_reports import save

    saved = save(encode(report), created_at=report.created_at)
    if saved.path is None:
        if saved.folder:
            what = words(
                "the report could not be saved in {folder}: {why}",
                folder=saved.folder,
                why=saved.why,
            )
        else:
            what = words("the report could not be saved: {why}", why=saved.why)
        tell(words("warning: {what}", what=what))
        return report
    return msgspec.structs.replace(report, saved_to=str(saved.path))


def deliver(
    report: Report,
    words: Words,
    *,
    as_json: bool,
    verbose: int,
    picture: tuple[Path, str] | None = None,
) -> None:
    """Print a report: one JSON document, or the verdict for people.

    Raises:
        OutputError: standard output cannot be written.
    """
    from posdiag.report.json_document import encode
    from posdiag.report.terminal import print_report, render
    from posdiag.site.missing import missing_hints

    if as_json:
        put_document(encode(report))
    else:
        with writing() as stream:
            print_report(
                report,
                language=words.language,
                stream=stream,
                verbose=verbose,
                hints=missing_hints(),
            )
    if picture is None:
        return
    from posdiag.report.picture import sheet_svg

    # Last: where it cannot be written, the verdict has been given.
    path, title = picture
    page = render(report, language=words.language, verbose=verbose, hints=missing_hints())
    try:
        path.write_text(sheet_svg(page, title=title), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}") from error
