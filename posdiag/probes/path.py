"""Round trips to the shop's gateway and to a reference beyond it: delay and loss of the path."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple

from posdiag.link.loss import loss_interval, mean_burst
from posdiag.link.reach import is_away
from posdiag.link.round_trips import Series, take_series
from posdiag.link.side_by_side import side_by_side
from posdiag.link.targets import gateway_address, reference_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part, Unmeasured
from posdiag.model.site import Site
from posdiag.probes.probe import THE_LINE, Observable, Probe, ProbeContext, ProbeYield

ENOUGH_FOR_P99 = 300
"""Fewer answers than that leave three or less above a 99th percentile."""


LONGEST_OWN_S = 0.7
"""No line takes longer than that by itself: a geostationary satellite, up and down twice, takes
0.5 to 0.6 s, the slowest mobile data about as long. What is above it is a queue that never empties.
"""


class _Leg(NamedTuple):
    """One series to take.

    Attributes:
        prefix: of the observations.
        address: as declared or found.
    """

    prefix: str
    address: str
    part: Part


def _gateway(site: Site) -> _Leg:
    return _Leg("gateway", gateway_address(site), Part.SHOP_NETWORK)


def _reference(site: Site) -> _Leg:
    part = Part.LAPTOP if is_away(site) else Part.ACCESS_LINE
    return _Leg("reference", reference_address(site), part)


_LEGS: dict[str, Callable[[Site], _Leg]] = {"gateway": _gateway, "reference": _reference}


def _legs(site: Site) -> tuple[list[_Leg], list[Unmeasured]]:
    legs, gaps = [], []
    for prefix, find in _LEGS.items():
        try:
            legs.append(find(site))
        except CannotRun as cannot:
            gaps.append(Unmeasured(name=f"{prefix}.*", reason=cannot.reason, detail=cannot.detail))
    return legs, gaps


def _targets(site: Site) -> list[str]:
    legs, gaps = _legs(site)
    if not legs:
        raise CannotRun(gaps[0].reason, "; ".join(gap.detail for gap in gaps))
    return [leg.address for leg in legs]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    legs, gaps = _legs(context.site)
    yield from gaps
    since_s = context.now_s()
    network = context.site.network

    def take(leg: _Leg) -> Callable[[], Series]:
        return lambda: take_series(
            leg.address,
            network.method,
            count=network.series,
            deadline=context.deadline,
            interface=network.interface,
        )

    for leg, result in zip(legs, side_by_side([take(leg) for leg in legs]), strict=True):
        yield from _observed(context, leg, result, since_s)


def _observed(
    context: ProbeContext, leg: _Leg, result: Series | LinkError | CannotRun, since_s: float
) -> Iterator[ProbeYield]:
    if isinstance(result, CannotRun):
        yield Unmeasured(
            name=f"{leg.prefix}.*",
            subject=leg.address,
            reason=result.reason,
            detail=result.detail,
        )
        return
    if isinstance(result, LinkError):
        yield _failed(context, leg, result.kind, since_s, detail=result.detail)
        return
    if result.sent:
        yield from _losses(context, leg, result, since_s)
    if result.samples:
        yield from _delays(context, leg, result.samples, since_s)
        return
    kind = result.failure or FailureKind.CENSORED
    waits = kind in (FailureKind.SILENT, FailureKind.CENSORED)
    yield _failed(context, leg, kind, since_s, waited_s=result.waited_s if waits else None)
    for name in ("round_trip_p50", "round_trip_p95", "queueing"):
        yield Unmeasured(
            name=f"{leg.prefix}.{name}",
            subject=leg.address,
            reason=NotRunReason.EARLIER_STEP_FAILED,
        )


def _failed(
    context: ProbeContext,
    leg: _Leg,
    kind: FailureKind,
    since_s: float,
    *,
    detail: str = "",
    waited_s: float | None = None,
) -> ProbeYield:
    return context.failed(
        f"{leg.prefix}.round_trip",
        kind,
        Operation.PING,
        detail=detail,
        waited_s=waited_s,
        subject=leg.address,
        part=leg.part,
        since_s=since_s,
    )


def _losses(
    context: ProbeContext, leg: _Leg, result: Series, since_s: float
) -> Iterator[ProbeYield]:
    """Yield how many were lost, the interval of that share, and how many in a row."""
    lost = [time_s is None for time_s in result.times_s]
    yield _seen(context, leg, "sent", result.sent, "count", since_s=since_s)
    yield _seen(context, leg, "lost", result.lost, "count", since_s=since_s)
    low, high = loss_interval(lost)
    yield _seen(context, leg, "loss_low", low, "ratio", since_s=since_s)
    yield _seen(context, leg, "loss_high", high, "ratio", since_s=since_s)
    burst = mean_burst(lost)
    if burst is not None:
        yield _seen(context, leg, "loss_burst", burst, "count", since_s=since_s)


def _seen(
    context: ProbeContext,
    leg: _Leg,
    what: str,
    value: float | list[float | str],
    unit: str,
    *,
    since_s: float,
) -> ProbeYield:
    return context.measured(
        f"{leg.prefix}.{what}",
        value,
        unit,
        subject=leg.address,
        part=leg.part,
        since_s=since_s,
    )


def _delays(
    context: ProbeContext, leg: _Leg, samples: list[float], since_s: float
) -> Iterator[ProbeYield]:
    """Yield the samples, the quickest, and percentiles (nearest rank), the 99th of enough only."""
    ordered = sorted(samples)
    values: dict[str, float | list[float | str]] = {
        "round_trip": list[float | str](samples),
        "round_trip_min": ordered[0],
        "round_trip_p50": statistics.median(samples),
        "round_trip_p95": _percentile(ordered, 95),
        "queueing": statistics.median(samples) - min(ordered[0], LONGEST_OWN_S),
    }
    if len(samples) >= ENOUGH_FOR_P99:
        values["round_trip_p99"] = _percentile(ordered, 99)
    for name, value in values.items():
        yield _seen(context, leg, name, value, "s", since_s=since_s)


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[-(-percent * len(ordered) // 100) - 1]


def _observables(prefix: str, whose: str) -> tuple[Observable, ...]:
    return (
        Observable(
            f"{prefix}.sent",
            "count",
            f"round trips begun to {whose}; fewer than the series asks for where they take long",
        ),
        Observable(f"{prefix}.lost", "count", f"round trips to {whose} without an answer in time"),
        Observable(f"{prefix}.loss_low", "ratio", f"loss to {whose}, lower end of 95 % interval"),
        Observable(f"{prefix}.loss_high", "ratio", f"loss to {whose}, upper end of 95 % interval"),
        Observable(
            f"{prefix}.loss_burst",
            "count",
            f"round trips to {whose} lost in a row, on average",
            "none was lost",
        ),
        Observable(f"{prefix}.round_trip", "s", f"each answered round trip to {whose}, in order"),
        Observable(f"{prefix}.round_trip_min", "s", f"quickest round trip to {whose}"),
        Observable(
            f"{prefix}.queueing",
            "s",
            f"median round trip to {whose} less the quickest (taken as 0.7 s at most)",
        ),
        Observable(f"{prefix}.round_trip_p50", "s", f"median round trip to {whose}"),
        Observable(f"{prefix}.round_trip_p95", "s", f"95th percentile of round trips to {whose}"),
        Observable(
            f"{prefix}.round_trip_p99",
            "s",
            f"99th percentile of round trips to {whose}",
            "fewer than 300 answers",
        ),
    )


PROBE = Probe(
    name="path",
    title="Path to the gateway and beyond",
    sends="a series of echo requests, connects or name queries to the gateway and the reference",
    observables=(
        *_observables("gateway", "the shop's gateway"),
        *_observables("reference", "the reference address beyond the gateway"),
    ),
    targets=_targets,
    resources=lambda _site: [THE_LINE],
    run=_run,
    typical_s=2.0,
)
