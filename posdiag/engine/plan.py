"""What will be run at a site, what will not and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from posdiag.engine.attempt import attempt
from posdiag.model.observation import Crashed, NotRun, NotRunReason
from posdiag.model.report import PlannedProbe, PlannedStep
from posdiag.model.site import Site
from posdiag.probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    Attributes:
        lines: one per probe, in the order of the probes; those that will not run say why.
        left_out: outcome of each probe that will not run, by name.
    """

    lines: tuple[PlannedProbe, ...]
    left_out: Mapping[str, NotRun | Crashed]


def make_plan(
    site: Site,
    probes: Mapping[str, Probe],
    *,
    skip: frozenset[str] = frozenset(),
    consents: frozenset[str] = frozenset(),
) -> Plan:
    """Return what would be run at a site. Nothing is sent.

    Args:
        site: merged.
        probes: by name.
        skip: names of probes that the user does not want.
        consents: names given with ``--allow``; a probe that is not safe runs only if one of the
            names that it wants is among them.
    """
    lines: list[PlannedProbe] = []
    left_out: dict[str, NotRun | Crashed] = {}
    for name, probe in probes.items():
        line, outcome = _planned(probe, site, skip, consents)
        lines.append(line)
        if outcome is not None:
            left_out[name] = outcome
    return Plan(tuple(lines), left_out)


def _planned(
    probe: Probe, site: Site, skip: frozenset[str], consents: frozenset[str]
) -> tuple[PlannedProbe, NotRun | Crashed | None]:
    targets: list[str] = []
    resources: list[str] = []

    def ask() -> None:
        targets.extend(probe.targets(site))
        resources.extend(dict.fromkeys(probe.resources(site)))

    # Consent comes last: nobody is asked for one that would change nothing, and the plan shows to
    # whom something would be sent before anyone agrees to it.
    outcome = (
        _unwanted(probe, site, skip)
        or attempt(probe.name, ask)
        or _without_consent(probe, consents)
    )
    line = PlannedProbe(
        probe=probe.name,
        targets=targets,
        sends=probe.sends,
        effect=probe.effect,
        resources=resources,
        left_out=_reason(outcome),
        steps=[] if outcome is not None else _steps(probe, site, consents),
    )
    return line, outcome


def _steps(probe: Probe, site: Site, consents: frozenset[str]) -> list[PlannedStep]:
    found = [
        PlannedStep(
            consent=step.consent,
            allowed=step.consent in consents,
            targets=step.targets(site),
            sends=step.sends,
            effect=step.effect,
        )
        for step in probe.steps
    ]
    return [step for step in found if step.targets]


def _reason(outcome: NotRun | Crashed | None) -> str:
    if outcome is None:
        return ""
    return str(outcome.reason) if isinstance(outcome, NotRun) else "crashed"


def _unwanted(probe: Probe, site: Site, skip: frozenset[str]) -> NotRun | None:
    """Return why a probe is not even asked whether it could run, None where it is."""
    if probe.name in skip:
        return NotRun(probe=probe.name, reason=NotRunReason.SKIPPED)
    if probe.needs_laptop and site.simulated:
        return NotRun(probe=probe.name, reason=NotRunReason.SIMULATED_SITE)
    return None


def _without_consent(probe: Probe, consents: frozenset[str]) -> NotRun | None:
    wanted = probe.wants_consent
    if not wanted or consents & set(wanted):
        return None
    return NotRun(
        probe=probe.name, reason=NotRunReason.CONSENT_REQUIRED, detail=f"--allow {wanted[0]}"
    )
