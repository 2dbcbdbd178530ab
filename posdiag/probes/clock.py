"""The laptop's clock, by which certificates are judged: what it shows, and what servers say."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from posdiag.link.system_clock import is_synchronised
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Failed, NotRunReason, Part, Unmeasured
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
    yield from _time_servers(context)


def _time_servers(context: ProbeContext) -> Iterator[ProbeYield]:
    from posdiag.link.time_servers import ask_time_servers

    name, since_s = "laptop_clock.offset", context.now_s()
    told = ask_time_servers(context.site, context.deadline)
    if not told:
        reason, detail = NotRunReason.NOT_DECLARED, "network.time_servers"
        yield Unmeasured(name=name, reason=reason, detail=detail)
    for server, result in told:
        if isinstance(result, CannotRun):
            yield Unmeasured(name=name, subject=server, reason=result.reason, detail=result.detail)
            continue
        failed = result if isinstance(result, Failed) else result.failure
        if failed is not None:
            yield context.failed(
                name,
                failed.failure,
                failed.operation,
                detail=failed.detail,
                waited_s=failed.waited_s,
                subject=server,
                part=Part.LAPTOP,
                since_s=since_s,
            )
        elif not isinstance(result, Failed) and result.offset_s is not None:
            # The server's clock minus ours: ours minus the server's is how far the laptop is off.
            off_s = -result.offset_s
            yield context.measured(
                name, off_s, "s", subject=server, part=Part.LAPTOP, since_s=since_s
            )


PROBE = Probe(
    name="clock",
    title="Clock of the laptop",
    sends="one or two queries to each time server that the site names",
    observables=(
        Observable("laptop_clock.time_utc", "", "date and time in UTC, ISO 8601"),
        Observable("laptop_clock.utc_offset", "s", "local time minus UTC"),
        Observable(
            "laptop_clock.synchronised",
            "",
            "the system says that a time server keeps its clock",
            "the system does not say",
        ),
        Observable("laptop_clock.offset", "s", "laptop's clock minus a time server's"),
    ),
    targets=lambda site: site.network.time_servers[:3],
    run=_run,
    needs_laptop=True,
    typical_s=0.1,
)
