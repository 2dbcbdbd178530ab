"""How late the line answers while it is full: a bounded upload beside the ping, with consent."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from posdiag.link.load import MOST_S, upload
from posdiag.link.reach import is_away
from posdiag.link.round_trips import Series, split_address, take_series
from posdiag.link.side_by_side import start_aside
from posdiag.link.targets import reference_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import NotRunReason, Part
from posdiag.model.site import Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

IDLE_ECHOES = 20
LOADED_ECHOES = 200


def _sink(site: Site) -> tuple[str, int]:
    """Return where the upload goes.

    Raises:
        CannotRun: not_declared; not_reachable_from_here: it would fill another network's line.
    """
    if is_away(site):
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    if not site.network.load_sink:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.load_sink")
    address, port = split_address(site.network.load_sink)
    if not port:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.load_sink: expected ip:port")
    return address, port


def _targets(site: Site) -> list[str]:
    _sink(site)
    return [str(site.network.load_sink), reference_address(site)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    address, port = _sink(context.site)
    reference = reference_address(context.site)
    interface = context.site.network.interface
    idle = _series(context, reference, IDLE_ECHOES)
    since_s = context.now_s()
    uploading = start_aside(lambda: upload(address, port, context.deadline, interface=interface))
    loaded = _series(context, reference, LOADED_ECHOES)
    try:
        sent = uploading()
    except LinkError as error:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"the upload: {error.kind}") from error
    subject = str(context.site.network.load_sink)
    for name, value, unit in (
        ("load.idle_round_trip", statistics.median(idle.samples), "s"),
        ("load.loaded_round_trip", _late(loaded.samples), "s"),
        ("load.upload_rate", sent.sent_bytes * 8 / max(0.001, sent.took_s), "bit/s"),
    ):
        yield context.measured(
            name, value, unit, subject=subject, part=Part.ACCESS_LINE, since_s=since_s
        )


def _late(samples: list[float]) -> float:
    """Return the 95th percentile: the buffer fills only in the course of the upload."""
    return sorted(samples)[-(-95 * len(samples) // 100) - 1]


def _series(context: ProbeContext, reference: str, count: int) -> Series:
    """Return a series that was answered.

    Raises:
        CannotRun: earlier_step_failed: it was not; what that means tells the probe "path".
    """
    try:
        found = take_series(
            reference,
            context.site.network.method,
            count=count,
            deadline=context.deadline,
            interface=context.site.network.interface,
            wall_s=MOST_S,
        )
    except LinkError as error:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"{reference}: {error.kind}") from error
    if not found.samples:
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"{reference} does not answer")
    return found


PROBE = Probe(
    name="load",
    title="Delay under load",
    sends="an upload of at most 8 MiB and 6 s to the sink that the site names, and echo requests to"
    " the reference; fills the shop's line meanwhile",
    observables=(
        Observable("load.idle_round_trip", "s", "median round trip before the upload"),
        Observable("load.loaded_round_trip", "s", "95th percentile of them during the upload"),
        Observable("load.upload_rate", "bit/s", "upload as the system took it"),
    ),
    targets=_targets,
    run=_run,
    effect=Effect.INTERRUPTS_SERVICE,
    needs_laptop=True,
    alone=True,
    typical_s=8.0,
)
