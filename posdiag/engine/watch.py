"""The same diagnosis again and again, politely, for a fault that comes and goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from posdiag.diagnose.detection import detectable_share
from posdiag.link.politeness import HourlyUse
from posdiag.model.report import Report, State, WatchSummary
from posdiag.model.site import Politeness, Site

LEAST_EVERY_S = 30.0
"""No round begins sooner after the beginning of the one before."""
_HOUR_S = 3600.0
_ECHOES_A_ROUND = 1
_WORST_FIRST = (State.FAULT, State.RISK, State.CANNOT_SAY, State.NOTHING_WRONG)


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """How often to look.

    Attributes:
        rounds: at least 1.
        every_s: between the beginnings of two rounds.
    """

    rounds: int
    every_s: float


def watch_plan(site: Site, lasts_s: float, budget_s: float) -> WatchPlan:
    """Return rounds at even distances that stay below the caps per hour.

    Args:
        site: its acquirer may lower the caps.
        lasts_s: of the whole watch.
        budget_s: of one round.
    """
    limits = site.acquirer.politeness if site.acquirer else Politeness()
    allowed = max(1, min(limits.echoes_per_hour or 1, limits.connects_per_hour // 2))
    every_s = max(LEAST_EVERY_S, budget_s, min(lasts_s, _HOUR_S) / allowed)
    return WatchPlan(max(1, int(lasts_s / every_s)), every_s)


def polite(site: Site) -> Site:
    """Return the site for repeated rounds: one echo with the host in each."""
    if site.acquirer is None:
        return site
    limits = site.acquirer.politeness
    fewer = msgspec.structs.replace(limits, echoes=min(limits.echoes, _ECHOES_A_ROUND))
    acquirer = msgspec.structs.replace(site.acquirer, politeness=fewer)
    return msgspec.structs.replace(site, acquirer=acquirer)


def watch(
    site: Site,
    plan: WatchPlan,
    look: Callable[[Site, HourlyUse], Report],
    interrupt: threading.Event,
) -> Iterator[Report]:
    """Yield the report of each round; a fault that leads ends the watch.

    Args:
        site: as it was merged.
        plan: how often.
        look: one whole run; what it asks of hosts counts in the hourly use that it is handed.
        interrupt: once set, no further round begins.
    """
    limits = site.acquirer.politeness if site.acquirer else None
    hour, quiet = HourlyUse(limits), polite(site)
    begin_s = time.monotonic()
    for number in range(plan.rounds):
        if interrupt.wait(max(0.0, begin_s + number * plan.every_s - time.monotonic())):
            return
        report = look(quiet, hour)
        yield report
        if report.state is State.FAULT:
            return


def summed_up(reports: list[Report], plan: WatchPlan) -> Report:
    """Return the report of the worst round, with what the whole watch could have seen.

    Args:
        reports: at least one, in order.
        plan: of the watch.
    """
    worst = min(reports, key=lambda report: _WORST_FIRST.index(report.state))
    summary = WatchSummary(
        rounds=len(reports),
        planned=plan.rounds,
        every_s=plan.every_s,
        begun_at=reports[0].created_at,
        ended_at=reports[-1].created_at,
        not_fine=sum(report.state in (State.FAULT, State.RISK) for report in reports),
        detects=round(detectable_share(len(reports)), 4),
    )
    return msgspec.structs.replace(worst, watch=summary)
