"""The whole chain: plan, run, facts as observations, case, diagnosis, report."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator, Mapping

import msgspec

import posdiag
from posdiag.diagnose import Gaps, diagnose, exit_code
from posdiag.engine.events import Listener, nobody
from posdiag.engine.plan import make_plan
from posdiag.engine.runner import run_in_steps
from posdiag.engine.scrub import scrubbed, scrubbed_outcomes, shortened
from posdiag.link.politeness import HourlyUse
from posdiag.model.knowledge import Case, KnowledgeBase
from posdiag.model.maintenance import HostState
from posdiag.model.observation import (
    Completed,
    Crashed,
    Measured,
    NotRun,
    Observation,
    Part,
    ProbeOutcome,
    Value,
    Vantage,
)
from posdiag.model.report import End, PlannedProbe, Report, SiteSummary, Verdict
from posdiag.model.site import Site
from posdiag.model.text import Text
from posdiag.probes.probe import Probe
from posdiag.site.case import case_of, complaint_of
from posdiag.site.facts import fact_observations
from posdiag.site.maintenance import announced, current_status


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What was planned and what came of it, as a saved report gives it back.

    Attributes:
        listening: a probe still waits for an answer: a second measurement follows.
    """

    plan: list[PlannedProbe]
    outcomes: list[ProbeOutcome]
    end: End
    listening: bool = False


def run_chain(
    site: Site,
    *,
    probes: Mapping[str, Probe],
    knowledge: KnowledgeBase,
    budget_s: float,
    skip: frozenset[str] = frozenset(),
    consents: frozenset[str] = frozenset(),
    events: Listener = nobody,
    interrupt: threading.Event | None = None,
    now: datetime.datetime | None = None,
) -> Report:
    """Measure at a site and return the report.

    Args:
        site: merged.
        probes: by name.
        knowledge: checked.
        budget_s: seconds for all probes together.
        skip: names of probes to leave out.
        consents: names given with ``--allow``.
        events: told what happens, in this thread.
        interrupt: once set, the report comes at once, of what was seen until then.
        now: with time zone; None: the clock's.
    """
    measurement = measure(
        site,
        probes=probes,
        budget_s=budget_s,
        skip=skip,
        consents=consents,
        events=events,
        interrupt=interrupt,
    )
    return conclude(site, measurement, probes=probes, knowledge=knowledge, now=now)


def measure(
    site: Site,
    *,
    probes: Mapping[str, Probe],
    budget_s: float,
    skip: frozenset[str] = frozenset(),
    consents: frozenset[str] = frozenset(),
    events: Listener = nobody,
    interrupt: threading.Event | None = None,
    hour: HourlyUse | None = None,
) -> Measurement:
    """Plan and run; arguments as :func:`run_chain`, and the hourly use that repeated runs share."""
    (measurement,) = measure_in_steps(
        site,
        probes=probes,
        budget_s=budget_s,
        skip=skip,
        consents=consents,
        events=events,
        interrupt=interrupt,
        hour=hour,
    )
    return measurement


def measure_in_steps(
    site: Site,
    *,
    probes: Mapping[str, Probe],
    budget_s: float,
    skip: frozenset[str] = frozenset(),
    consents: frozenset[str] = frozenset(),
    events: Listener = nobody,
    interrupt: threading.Event | None = None,
    hour: HourlyUse | None = None,
    patience_s: float | None = None,
) -> Iterator[Measurement]:
    """Plan and run, and yield what is known at the end of the budget, and once more if more came.

    Args:
        site: merged.
        probes: by name.
        budget_s: seconds for all probes together.
        skip: names of probes to leave out.
        consents: names given with ``--allow``.
        events: told what happens, in this thread.
        interrupt: once set, the measurement comes at once.
        hour: what hosts were asked in this hour, shared by runs that repeat.
        patience_s: seconds until which an answer of the host may be waited for; None: the budget.
    """
    plan = make_plan(site, probes, skip=skip, consents=consents)
    for result in run_in_steps(
        plan,
        site,
        probes,
        budget_s=budget_s,
        consents=consents,
        events=events,
        interrupt=interrupt,
        hour=hour,
        patience_s=patience_s,
    ):
        yield Measurement(
            plan=list(plan.lines),
            outcomes=result.outcomes,
            end=result.end,
            listening=result.listening,
        )


def conclude(
    site: Site,
    measurement: Measurement,
    *,
    probes: Mapping[str, Probe],
    knowledge: KnowledgeBase,
    now: datetime.datetime | None = None,
) -> Report:
    """Return the report on a measurement.

    Args:
        site: merged; may hold more facts than when it was measured.
        measurement: of this site.
        probes: by name; they say which probe makes which observation.
        knowledge: checked.
        now: with time zone; None: the clock's.
    """
    now = now or datetime.datetime.now(datetime.UTC).astimezone()
    findings = _findings(site, measurement, now)
    verdict = verdict_on(findings, probes=probes, knowledge=knowledge)
    return Report(
        posdiag_version=posdiag.__version__,
        knowledge_version=knowledge.meta.version,
        created_at=now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        end=measurement.end,
        exit_code=exit_code(verdict.state),
        site=_summary(site),
        complaint=complaint_of(site),
        case=findings.case,
        state=verdict.state,
        diagnoses=verdict.diagnoses,
        evidence=verdict.evidence,
        unknown=verdict.unknown,
        next_test=verdict.next_test,
        other_tests=verdict.other_tests,
        time_budget=verdict.time_budget,
        also_fix=verdict.also_fix,
        conflict=verdict.conflict,
        separable=verdict.separable,
        facts=findings.facts,
        plan=measurement.plan,
        outcomes=findings.outcomes,
        basis=_basis(findings.case.confirmed_visits),
    )


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a verdict rests on besides the knowledge."""

    outcomes: list[ProbeOutcome]
    facts: list[Observation]
    case: Case


def _findings(site: Site, measurement: Measurement, now: datetime.datetime) -> Findings:
    plain = case_of(site, now_hour=now.hour)
    case, facts = scrubbed(plain, [*fact_observations(site), *_notices(site, now)])
    outcomes = scrubbed_outcomes(plain, measurement.outcomes)
    found = Findings(outcomes=outcomes, facts=facts, case=case)
    # As a saved report would give it back, so that a replay concludes from the very same.
    return msgspec.json.decode(msgspec.json.encode(found), type=Findings)


def verdict_on(
    findings: Findings, *, probes: Mapping[str, Probe], knowledge: KnowledgeBase
) -> Verdict:
    """Return what the findings say.

    Args:
        findings: as measured or as saved.
        probes: by name; they say which probe makes which observation.
        knowledge: checked.
    """
    outcomes = findings.outcomes
    gaps = Gaps(
        unmeasured=[gap for outcome in outcomes for gap in outcome.unmeasured],
        reasons={outcome.probe: why for outcome in outcomes if (why := _reason(outcome))},
        made_by={made.name: probe.name for probe in probes.values() for made in probe.observables},
    )
    seen = [seen for outcome in outcomes for seen in outcome.observations]
    return diagnose(knowledge, findings.case, seen + findings.facts, gaps)


def _reason(outcome: ProbeOutcome) -> str:
    match outcome:
        case Completed():
            return ""
        case NotRun(reason=reason):
            return str(reason)
        case Crashed():
            return "crashed"


def _notices(site: Site, now: datetime.datetime) -> list[Observation]:
    """Return what the acquirer announced or said of its host, as far as it holds now."""
    if site.acquirer is None:
        return []
    told, status = announced(site, now), current_status(site, now)
    values: list[tuple[str, Value | None]] = [
        ("notice.active", told.active),
        ("notice.until", told.now.end.isoformat() if told.now else None),
        ("notice.ended_at", told.ended.end.isoformat() if told.ended else None),
        ("notice.note", told.now.note or None if told.now else None),
        ("host_status.state", str(status.state) if status else None),
    ]
    if status and status.until and status.state is HostState.MAINTENANCE and not told.now:
        values.append(("notice.until", status.until.isoformat()))
    if told.active is not None:
        values.append(("notice.ended_lately", told.ended is not None))
    return [
        Observation(
            name=name,
            subject=site.acquirer.id,
            vantage=Vantage.DATA_CENTRE,
            part=Part.HOST,
            result=Measured(value),
        )
        for name, value in values
        if value is not None
    ]


def _summary(site: Site) -> SiteSummary:
    return SiteSummary(
        name=site.name,
        terminal=site.terminal.id if site.terminal else None,
        acquirer=site.acquirer.id if site.acquirer else None,
        tid=shortened(site.tid),
        laptop_at=site.laptop_at,
        simulated=site.simulated,
        missing=site.missing,
    )


def _basis(visits: int) -> Text:
    return Text(en=f"expert priors, {visits} confirmed visits", zh=f"专家先验，{visits} 次现场确认")
