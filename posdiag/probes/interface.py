"""Reads the state of the laptop's network interface: carrier, address, speed, errors."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link import interfaces
from posdiag.link.interfaces import InterfaceState
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Part, Unmeasured
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield

_PART = Part.LAPTOP
_REST = ("interface.address_kind", "interface.speed", "interface.error_ratio")


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
        Observable(
            "interface.active_count", "count", "interfaces with carrier and address, no loopback"
        ),
    ),
    targets=lambda _site: [],
    run=_run,
    needs_laptop=True,
    typical_s=0.2,
)
