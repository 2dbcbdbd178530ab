"""The routers on the way to the reference, and on which part of it loss or a queue begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from posdiag.link.hops import Hop, hops_to
from posdiag.link.reach import is_away
from posdiag.link.round_trips import Series, split_address, take_series
from posdiag.link.segments import HopSeries, loss_begins, queue_begins
from posdiag.link.side_by_side import side_by_side
from posdiag.link.targets import gateway_address, reference_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason, Part, Unmeasured
from posdiag.model.site import Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

ECHOES = 200
"""To each router: enough to see the loss that breaks sign-ons, little enough to be polite."""


def _address(site: Site) -> str:
    """Return the reference.

    Raises:
        CannotRun: not_declared, politeness_limit; not_applicable: it answers names only.
    """
    address, _port = split_address(reference_address(site))
    if site.network.method == "dns":
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "network.method = dns")
    return address


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    site = context.site
    target = _address(site)
    part = Part.LAPTOP if is_away(site) else Part.ACCESS_LINE
    since_s = context.now_s()
    hops = hops_to(target, context.deadline, interface=site.network.interface)
    if not hops:
        raise CannotRun(NotRunReason.UNSUPPORTED, "no router says where a datagram ends")
    if hops[-1].address != target:
        hops.append(Hop(hops[-1].number + 1, target, is_target=True))
    yield context.measured(
        "route.hops", hops[-1].number, "count", subject=target, part=part, since_s=since_s
    )
    found = side_by_side([_echoes(context, hop) for hop in hops])
    series = [HopSeries(hop.number, _times(one)) for hop, one in zip(hops, found, strict=True)]
    for hop, one in zip(hops, series, strict=True):
        yield from _hop(context, hop, one, part, since_s)
    yield from _segments(context, series, _gateway_number(site, hops), target, part)


def _echoes(context: ProbeContext, hop: Hop) -> Callable[[], Series]:
    def take() -> Series:
        if not hop.address:
            raise CannotRun(NotRunReason.UNSUPPORTED, f"hop {hop.number} keeps its address")
        return take_series(
            hop.address,
            "icmp",
            count=ECHOES,
            deadline=context.deadline,
            interface=context.site.network.interface,
        )

    return take


def _times(result: Series | LinkError | CannotRun) -> list[float | None]:
    """Return what a series gave; one that is not answered at all says nothing of its router."""
    answered = isinstance(result, Series) and bool(result.samples)
    return result.times_s if answered and isinstance(result, Series) else []


def _gateway_number(site: Site, hops: list[Hop]) -> int:
    """Return the number of the shop's gateway, 0 where it is not on the way."""
    try:
        gateway, _port = split_address(gateway_address(site))
    except CannotRun:
        return 0
    return next((hop.number for hop in hops if hop.address == gateway), 0)


def _hop(
    context: ProbeContext, hop: Hop, series: HopSeries, part: Part, since_s: float
) -> Iterator[ProbeYield]:
    subject = f"{hop.number} {hop.address}".strip()
    if not series.times_s:
        reason = NotRunReason.UNSUPPORTED
        detail = "this router answers no echoes"
        yield Unmeasured(name="route.hop_loss", subject=subject, reason=reason, detail=detail)
        return
    answered = [time_s for time_s in series.times_s if time_s is not None]
    for name, value, unit in (
        ("route.hop_loss", series.loss, "ratio"),
        ("route.hop_time", sorted(answered)[len(answered) // 2], "s"),
        ("route.hop_queueing", series.queueing_s, "s"),
    ):
        yield context.measured(name, value, unit, subject=subject, part=part, since_s=since_s)


def _segments(
    context: ProbeContext, series: list[HopSeries], gateway: int, target: str, part: Part
) -> Iterator[ProbeYield]:
    names = {"route.loss_begins": loss_begins, "route.queue_begins": queue_begins}
    if not series[-1].times_s:
        for name in names:
            reason, detail = NotRunReason.EARLIER_STEP_FAILED, "the reference answers no echoes"
            yield Unmeasured(name=name, subject=target, reason=reason, detail=detail)
        return
    for name, where in names.items():
        yield context.measured(name, where(series, gateway), subject=target, part=part)


PROBE = Probe(
    name="route",
    title="Routers on the way",
    sends="3 datagrams per hop limit towards the reference, then 200 echo requests to each router",
    observables=(
        Observable("route.hops", "count", "hops to the reference, itself included"),
        Observable("route.hop_loss", "ratio", "echoes to one router that are lost"),
        Observable("route.hop_time", "s", "median round trip to one router"),
        Observable("route.hop_queueing", "s", "median round trip to one router less its quickest"),
        Observable(
            "route.loss_begins",
            "",
            "part of the way from which on every hop loses: nowhere, shop, access, beyond, outside",
        ),
        Observable(
            "route.queue_begins",
            "",
            "part of the way from which on every hop answers late: as for loss",
        ),
    ),
    targets=lambda site: [_address(site)],
    run=_run,
    needs_laptop=True,
    typical_s=4.0,
)
