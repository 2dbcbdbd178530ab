"""``posdiag run --watch``: the same run again and again, and one verdict at the end."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from posdiag.cli.diagnosing import as_it_ended, deliver, measure_shown, saved
from posdiag.cli.output import tell

if TYPE_CHECKING:
    from posdiag.cli.diagnosing import How
    from posdiag.cli.interruption import Interruption
    from posdiag.link.politeness import HourlyUse
    from posdiag.model.report import Report
    from posdiag.model.site import Site
    from posdiag.text.words import Words


def watch_site(
    site: Site, how: How, lasts_s: float, interruption: Interruption, words: Words
) -> int:
    """Diagnose a site in rounds, print the verdict of the worst and return its exit code.

    Args:
        site: merged.
        how: as typed; nothing is asked between rounds.
        lasts_s: of the whole watch.
        interruption: entered; its event ends the watch with what was seen until then.
        words: of the reader.

    Raises:
        OutputError: standard output cannot be written.
    """
    from posdiag.engine.chain import conclude
    from posdiag.engine.watch import summed_up, watch, watch_plan
    from posdiag.knowledge import load_knowledge
    from posdiag.probes import discover

    probes, knowledge = discover(), load_knowledge()
    plan = watch_plan(site, lasts_s, how.budget_s)
    every = f"{plan.every_s:.0f} s"
    tell(
        words.plural(
            "watching: {n} round, each {every}; Ctrl-C ends it with a verdict",
            "watching: {n} rounds, each {every}; Ctrl-C ends it with a verdict",
            plan.rounds,
            every=every,
        )
    )

    def look(quiet: Site, hour: HourlyUse) -> Report:
        measurement = measure_shown(quiet, probes, how, interruption, words, hour=hour)
        return conclude(quiet, measurement, probes=probes, knowledge=knowledge)

    reports: list[Report] = []
    for report in watch(site, plan, look, interruption.event):
        reports.append(report)
        tell(_round_line(len(reports), plan.rounds, report, words))
    if not reports:
        from posdiag.cli.interruption import Interrupted

        raise Interrupted(interruption.number)
    report = as_it_ended(summed_up(reports, plan), interruption)
    if how.saves:
        report = saved(report, words)
    deliver(report, words, as_json=how.as_json, verbose=how.verbose)
    return report.exit_code


def _round_line(number: int, rounds: int, report: Report, words: Words) -> str:
    from posdiag.report.watch_lines import round_words

    clock = f"{datetime.datetime.now().astimezone():%H:%M:%S}"
    said = round_words(report, words)
    return words(
        "{clock}  round {n} of {rounds}: {said}", clock=clock, n=number, rounds=rounds, said=said
    )
