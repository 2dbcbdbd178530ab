"""Signal and retries of the laptop's own wireless link, where the laptop is on the shop's Wi-Fi."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link import wifi
from posdiag.link.reach import is_away
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason, Part, Unmeasured
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    if is_away(context.site):
        reason = NotRunReason.NOT_REACHABLE_FROM_HERE
        raise CannotRun(reason, f"laptop_at = {context.site.laptop_at}")
    wanted = context.site.network.interface
    found = [one for one in wifi.wireless() if wanted in (None, one.name)]
    if not found:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "no wireless link in use")
    for one in found:
        if one.signal_dbm is None:
            yield Unmeasured(
                name="wifi.signal",
                subject=one.name,
                reason=NotRunReason.UNSUPPORTED,
                detail="the driver counts in a scale of its own",
            )
        else:
            yield context.measured(
                "wifi.signal", one.signal_dbm, "dBm", subject=one.name, part=Part.LAPTOP
            )
        yield context.measured(
            "wifi.retries", one.retries, "count", subject=one.name, part=Part.LAPTOP
        )


PROBE = Probe(
    name="wifi",
    title="Wireless link of the laptop",
    sends="nothing",
    observables=(
        Observable("wifi.signal", "dBm", "signal of the wireless link", "the driver has no dBm"),
        Observable("wifi.retries", "count", "frames given up after too many retries"),
    ),
    targets=lambda _site: [],
    run=_run,
    needs_laptop=True,
    typical_s=0.1,
)
