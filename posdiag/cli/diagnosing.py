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
    from collections.abc import Mapping

    from posdiag.engine.chain import Measurement
    from posdiag.engine.events import Event, Listener
    from posdiag.model.report import Report
    from posdiag.model.site import Site
    from posdiag.probes.probe import Probe
    from posdiag.report.live_table import LiveTable
    from posdiag.text.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a site is diagnosed and the result is given.

    Attributes:
        budget_s: seconds for all probes together.
        asks: questions may be asked.
        picture: file for the verdict as SVG, with its title; None: none.
    """

    budget_s: float
    skip: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()
    asks: bool = False
    saves: bool = False
    as_json: bool = False
    verbose: int = 0
    picture: tuple[Path, str] | None = None


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
    measurement = measure_shown(site, probes, how, interruption, words)

    def concluded(known: Site) -> Report:
        return conclude(known, measurement, probes=probes, knowledge=knowledge)

    report = concluded(site)
    if how.asks and not interruption.event.is_set():
        report = ask_most_telling(site, report, concluded, interruption, words)
    report = _as_it_ended(report, interruption)
    if how.saves:
        report = _saved(report, words)
    deliver(report, words, as_json=how.as_json, verbose=how.verbose, picture=how.picture)
    return report.exit_code


def measure_shown(
    site: Site, probes: Mapping[str, Probe], how: How, interruption: Interruption, words: Words
) -> Measurement:
    """Measure, with a live table on standard error where that is a terminal."""
    from posdiag.engine.chain import measure
    from posdiag.engine.plan import make_plan
    from posdiag.report.live_table import LiveTable

    def measured(events: Listener) -> Measurement:
        return measure(
            site,
            probes=probes,
            budget_s=how.budget_s,
            skip=how.skip,
            consents=how.consents,
            events=events,
            interrupt=interruption.event,
        )

    if sys.stderr is None or not sys.stderr.isatty():
        return measured(lambda event: _tell_asked(event, words))
    plan = make_plan(site, probes, skip=how.skip, consents=how.consents)
    names = [line.probe for line in plan.lines if not line.left_out]
    with LiveTable(
        names, budget_s=how.budget_s, language=words.language, stream=sys.stderr
    ) as live:
        return measured(lambda event: _show(live, event))


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


def _as_it_ended(report: Report, interruption: Interruption) -> Report:
    """Return the report, told of a signal that came."""
    from posdiag.model.report import End

    code = interruption.exit_code
    if code is None:
        return report
    return msgspec.structs.replace(report, end=End.INTERRUPTED, exit_code=code)


def _saved(report: Report, words: Words) -> Report:
    """Save the report; where that fails it is a warning."""
    from posdiag.report.json_document import encode
    from posdiag.store.saved_reports import save

    saved = save(encode(report), created_at=report.created_at)
    if saved.path is None:
        tell(words("warning: {what}", what=saved.warning))
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

    if picture is not None:
        from posdiag.report.picture import sheet_svg

        path, title = picture
        page = render(report, language=words.language, verbose=verbose, hints=missing_hints())
        try:
            path.write_text(sheet_svg(page, title=title), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: {error.strerror or error}") from error
    if as_json:
        put_document(encode(report))
        return
    with writing() as stream:
        print_report(
            report, language=words.language, stream=stream, verbose=verbose, hints=missing_hints()
        )
