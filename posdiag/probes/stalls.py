"""A long, even series of round trips to the reference: bursts and stalls in their order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from posdiag.link.echo_series import Echoes, echo_series
from posdiag.link.icmp import Pinger
from posdiag.link.reach import is_away
from posdiag.link.round_trips import split_address
from posdiag.link.syn_timers import kernel_syn_waits
from posdiag.link.targets import reference_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part, Unmeasured
from posdiag.model.site import Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

PAUSE_S = 0.1
"""Ten small packets a second are no load, and a sign-on's shortest wait for a repeat is 0.2 s."""
ANSWER_LIMIT_S = 10.0
"""A handover can hold packets for seconds and then deliver them: that is late, not lost."""
_LEAST_ANSWERS = 1
_LOST = "lost"


def _targets(site: Site) -> list[str]:
    if site.network.stalls_s <= 0:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.stalls_s")
    return [_address(site)]


def _address(site: Site) -> str:
    text = reference_address(site)
    address, port = split_address(text)
    if port:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"a long series by connects to {text}")
    return address


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    (address,) = _targets(context.site)
    network = context.site.network
    yield _own_timers(context)
    since_s = context.now_s()
    part = Part.LAPTOP if is_away(context.site) else Part.ACCESS_LINE
    try:
        with Pinger(address, interface=network.interface) as pinger:
            echoes = echo_series(
                pinger,
                count=max(1, round(network.stalls_s / PAUSE_S)),
                limit_s=ANSWER_LIMIT_S,
                wall_s=network.stalls_s,
                deadline=context.deadline,
                pause_s=PAUSE_S,
            )
    except LinkError as error:
        yield context.failed(
            "stalls.round_trip",
            error.kind,
            error.operation,
            detail=error.detail,
            subject=address,
            part=part,
            since_s=since_s,
        )
        return
    yield from _observed(context, address, part, echoes, since_s)


def _own_timers(context: ProbeContext) -> ProbeYield:
    name = "laptop_tcp.syn_waits"
    try:
        waits = kernel_syn_waits()
    except CannotRun as cannot:
        return Unmeasured(name=name, reason=cannot.reason, detail=cannot.detail)
    return context.measured(name, list[float | str](waits), "s", part=Part.LAPTOP)


def _observed(
    context: ProbeContext, address: str, part: Part, echoes: Echoes, since_s: float
) -> Iterator[ProbeYield]:
    answered = [one for one in echoes.times_s if one is not None]
    if len(answered) < _LEAST_ANSWERS:
        kind = echoes.failure or FailureKind.CENSORED
        waits = kind in (FailureKind.SILENT, FailureKind.CENSORED)
        yield context.failed(
            "stalls.round_trip",
            kind,
            Operation.PING,
            waited_s=echoes.waited_s if waits else None,
            subject=address,
            part=part,
            since_s=since_s,
        )
        return
    values: dict[str, float | list[float | str]] = {
        "begun_at": [round(at, 4) for at in echoes.begun_s],
        "round_trip": [_LOST if one is None else round(one, 6) for one in echoes.times_s],
        "longest_gap": _longest_gap(echoes),
    }
    for name, value in values.items():
        yield context.measured(
            f"stalls.{name}", value, "s", subject=address, part=part, since_s=since_s
        )


def _longest_gap(echoes: Echoes) -> float:
    """Return the seconds of the longest run in which nothing was answered, or only a second late.

    A packet held for a while and then delivered is part of a stall as a lost one is.
    """
    longest_s, pairs = 0.0, list(zip(echoes.begun_s, echoes.times_s, strict=True))
    for stalled, run in groupby(pairs, key=lambda pair: pair[1] is None or pair[1] >= 1.0):
        begun = [at for at, _ in run]
        if stalled:
            longest_s = max(longest_s, begun[-1] - begun[0] + PAUSE_S)
    return round(longest_s, 3)


PROBE = Probe(
    name="stalls",
    title="Bursts and stalls of the line",
    sends="ten echo requests a second to the reference, for network.stalls_s seconds",
    observables=(
        Observable("stalls.begun_at", "s", "when each round trip began, since the first"),
        Observable(
            "stalls.round_trip", "s", "each round trip in the order of sending; 'lost' where none"
        ),
        Observable(
            "stalls.longest_gap",
            "s",
            "longest time in which nothing was answered within a second",
        ),
        Observable(
            "laptop_tcp.syn_waits",
            "s",
            "when the laptop's own kernel repeats a SYN, since the first",
            "this system does not tell",
        ),
    ),
    targets=_targets,
    run=_run,
    typical_s=120.0,
)
