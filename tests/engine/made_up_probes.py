"""Probes made up for the tests of the engine, and a run of some of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from posdiag.engine.events import Listener, nobody
from posdiag.engine.plan import make_plan
from posdiag.engine.runner import RunResult, run_plan
from posdiag.model.errors import CannotRun
from posdiag.model.knowledge import Effect
from posdiag.model.observation import NotRunReason, Observation, ProbeOutcome
from posdiag.model.site import Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

Run = Callable[[ProbeContext], Iterator[ProbeYield]]


def answers(context: ProbeContext) -> Iterator[ProbeYield]:
    """Observe one thing."""
    yield context.measured("made_up.answer", 42)


def made_up(
    name: str,
    run: Run = answers,
    *,
    holds: tuple[str, ...] = (),
    effect: Effect = Effect.SAFE,
    needs_laptop: bool = False,
    cannot: NotRunReason | None = None,
    observes: tuple[str, ...] = ("made_up.answer",),
) -> Probe:
    """Return a probe.

    Args:
        name: of the probe.
        run: what it does.
        holds: exclusive resources.
        effect: what it may do to the shop.
        needs_laptop: it measures the laptop.
        cannot: why it has nothing to measure at any site; None: it has.
        observes: names of what it can yield.
    """

    def targets(_site: Site) -> list[str]:
        if cannot is not None:
            raise CannotRun(cannot, "made up")
        return [f"target of {name}"]

    return Probe(
        name=name,
        title=name,
        sends=f"{name} sends nothing",
        observables=tuple(Observable(seen, "", "made up") for seen in observes),
        targets=targets,
        run=run,
        resources=lambda _site: list(holds),
        effect=effect,
        needs_laptop=needs_laptop,
    )


def by_name(*probes: Probe) -> dict[str, Probe]:
    """Return probes as discovery would."""
    return {probe.name: probe for probe in probes}


def run_probes(
    *probes: Probe,
    budget_s: float = 20.0,
    site: Site | None = None,
    events: Listener = nobody,
    interrupt: threading.Event | None = None,
) -> RunResult:
    """Plan and run probes, at a site of which nothing is known unless it is given."""
    site = site or Site()
    named = by_name(*probes)
    plan = make_plan(site, named)
    return run_plan(plan, site, named, budget_s=budget_s, events=events, interrupt=interrupt)


def outcome_of(result: RunResult, probe: str) -> ProbeOutcome:
    """Return the one outcome of a probe."""
    found = [outcome for outcome in result.outcomes if outcome.probe == probe]
    assert len(found) == 1, result.outcomes
    return found[0]


def names(outcome: ProbeOutcome) -> list[str]:
    """Return the names of what an outcome keeps, in order."""
    return [seen.name for seen in outcome.observations]


def number(context: ProbeContext, value: int) -> Observation:
    """Return an observation that tells itself apart by its name."""
    return context.measured(f"made_up.number_{value}", value)
