"""Reads the state of the laptop's network interface: carrier, address, speed, errors."""

from __future__ import annotations

import time
from collections.abc import Iterator

from posdiag.link import interfaces, way_out
from posdiag.link.interfaces import DefaultRoute, InterfaceState
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Part, Unmeasured
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

_PART = Part.LAPTOP
_REST = ("interface.address_kind", "interface.speed", "interface.error_ratio")
WINDOW_S = 1.0
"""How long errors are counted."""


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    try:
        every = interfaces.interfaces()
    except LinkError as error:
        # Not allowed to look, or the system's tables are unreadable: nothing is known.
        permission = error.kind is FailureKind.PERMISSION
        reason = NotRunReason.NO_PERMISSION if permission else NotRunReason.UNSUPPORTED
        raise CannotRun(reason, error.detail) from error
    yield context.measured(
        "interface.active_count", interfaces.active_count(every), "count", part=_PART
    )
    wanted = context.site.network.interface
    try:
        routes = interfaces.default_routes()
    except CannotRun:  # the next best choice needs no routes
        routes = []
    try:
        chosen = interfaces.choose_interface(every, routes, wanted)
    except LinkError as error:
        yield context.failed(
            "interface.up", error.kind, error.operation, subject=error.detail, part=_PART
        )
        for name in _REST:
            yield Unmeasured(
                name=name, subject=error.detail, reason=NotRunReason.EARLIER_STEP_FAILED
            )
        return
    yield from _observed(context, chosen or _NOTHING)
    yield from _ways_out(context, chosen or _NOTHING, routes)
    yield from _rate(context, chosen or _NOTHING)


_NOTHING = InterfaceState("", False, False, (), None, None, None)  # noqa: FBT003  (up, loopback)
"""A machine with nothing but loopback: it has no way out that could be up."""


def _observed(context: ProbeContext, state: InterfaceState) -> Iterator[ProbeYield]:
    name = state.name
    yield context.measured("interface.up", state.up, subject=name, part=_PART)
    kind = interfaces.address_kind(state)
    yield context.measured("interface.address_kind", kind, subject=name, part=_PART)
    if state.speed_mbit is None:
        detail = "the driver does not say"
        yield _unsaid("interface.speed", name, detail)
    else:
        yield context.measured(
            "interface.speed", state.speed_mbit, "Mbit/s", subject=name, part=_PART
        )
    if state.faulty is None or not state.packets:
        yield _unsaid("interface.error_ratio", name, "no packets counted")
    else:
        # A dropped packet need not be among those counted as received, hence the bound.
        ratio = min(1.0, state.faulty / state.packets)
        yield context.measured("interface.error_ratio", ratio, "ratio", subject=name, part=_PART)


def _ways_out(
    context: ProbeContext, state: InterfaceState, routes: list[DefaultRoute]
) -> Iterator[ProbeYield]:
    """Yield what can lead packets elsewhere than the terminal's."""
    name = state.name
    values: list[tuple[str, bool | int | str, str]] = [
        ("interface.default_routes", len(routes), "count"),
        ("interface.tunnel", bool(name) and way_out.is_tunnel(name), ""),
        ("interface.proxy", bool(way_out.proxies()), ""),
        ("interface.ip_versions", way_out.ip_versions(state), ""),
    ]
    if state.duplex:
        values.append(("interface.duplex", state.duplex, ""))
    changes = way_out.carrier_changes(name) if name else None
    if changes is not None:
        values.append(("interface.carrier_changes", changes, "count"))
    for what, value, unit in values:
        yield context.measured(what, value, unit, subject=name, part=_PART)


def _rate(context: ProbeContext, before: InterfaceState) -> Iterator[ProbeYield]:
    """Yield how many errors and drops come in a second now; what was before may be years old."""
    name = "interface.errors_per_s"
    since_s = context.now_s()
    if before.faulty is None or not before.packets:
        yield _unsaid(name, before.name, "no packets counted")
        return
    time.sleep(min(WINDOW_S, context.deadline.remaining_s()))
    try:
        every = {one.name: one for one in interfaces.interfaces()}
    except LinkError as error:
        yield _unsaid(name, before.name, error.detail)
        return
    now = every.get(before.name)
    took_s = context.now_s() - since_s
    if now is None or now.faulty is None or took_s <= 0:
        yield _unsaid(name, before.name, "it went away")
        return
    rate = max(0, now.faulty - before.faulty) / took_s
    yield context.measured(name, rate, "1/s", subject=before.name, part=_PART, since_s=since_s)


def _unsaid(observation: str, interface: str, detail: str) -> Unmeasured:
    return Unmeasured(
        name=observation, subject=interface, reason=NotRunReason.UNSUPPORTED, detail=detail
    )


PROBE = Probe(
    name="interface",
    title="Network interface of the laptop",
    sends="nothing",
    observables=(
        Observable(
            "interface.up",
            "",
            "the interface that carries the default route, or that the site names, has carrier",
        ),
        Observable(
            "interface.address_kind", "", "best address: private, public, self_assigned, none"
        ),
        Observable(
            "interface.speed", "Mbit/s", "negotiated speed", "the driver does not say (wireless)"
        ),
        Observable(
            "interface.error_ratio",
            "ratio",
            "errors and drops, in and out, per packet since boot",
            "no packets counted",
        ),
        Observable("interface.errors_per_s", "1/s", "errors and drops that come now"),
        Observable("interface.duplex", "", "full or half", "the driver does not say"),
        Observable(
            "interface.carrier_changes",
            "count",
            "how often the carrier came or went since boot",
            "the system does not say",
        ),
        Observable("interface.default_routes", "count", "default routes, a VPN's among them"),
        Observable("interface.tunnel", "", "packets leave through a tunnel (a VPN)"),
        Observable("interface.proxy", "", "the system names a proxy"),
        Observable("interface.ip_versions", "", "IP versions with an address that leads somewhere"),
        Observable(
            "interface.active_count", "count", "interfaces with carrier and address, no loopback"
        ),
    ),
    targets=lambda _site: [],
    run=_run,
    needs_laptop=True,
    typical_s=1.2,
)
