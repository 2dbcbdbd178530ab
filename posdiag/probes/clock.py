"""Reads the laptop's clock: with it certificates are judged and times compared."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from posdiag.link.system_clock import is_synchronised
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Part, Unmeasured
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    part = Part.LAPTOP
    now = datetime.datetime.now(tz=datetime.UTC)
    offset = now.astimezone().utcoffset() or datetime.timedelta()
    yield context.measured("laptop_clock.time_utc", now.isoformat(timespec="seconds"), part=part)
    yield context.measured("laptop_clock.utc_offset", offset.total_seconds(), "s", part=part)
    try:
        yield context.measured("laptop_clock.synchronised", is_synchronised(), part=part)
    except CannotRun as cannot:
        yield Unmeasured(
            name="laptop_clock.synchronised", reason=cannot.reason, detail=cannot.detail
        )


PROBE = Probe(
    name="clock",
    title="Clock of the laptop",
    sends="nothing",
    observables=(
        Observable("laptop_clock.time_utc", "", "date and time in UTC, ISO 8601"),
        Observable("laptop_clock.utc_offset", "s", "local time minus UTC"),
        Observable(
            "laptop_clock.synchronised",
            "",
            "the system says that a time server keeps its clock",
            "the system does not say",
        ),
    ),
    targets=lambda _site: [],
    run=_run,
    needs_laptop=True,
    typical_s=0.1,
)
