"""Asks each declared UPS, and the laptop, what they run on; watches for sags and restarts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from posdiag.link.android_uptime import uptime_s
from posdiag.link.device_address import device_address, talk_over_network
from posdiag.link.power_supply import laptop_power
from posdiag.link.power_watch import LocalWatch
from posdiag.link.side_by_side import start_aside
from posdiag.link.usb_power import usb_state
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.observation import Failed, NotRunReason, Part, Unmeasured
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.nut import UpsConversation, UpsState, interpret
from posdiag.wire.nut_watch import UpsSample, UpsWatch, ups_events

UPS_LIMIT_S = 3.0
"""Silence of a UPS server after a request; a healthy one answers out of its memory."""
RULE_OF_THREE = -math.log(0.05)
"""Where none was seen in a time T, the rate is below 3 / T with 95 %."""
_LAPTOP = "this laptop"
_SLACK_S = 2.0
"""Clocks that count differently by less than this have not started anew."""


def _upses(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.UPS]


def _targets(site: Site) -> list[str]:
    targets = [ups.port for ups in _upses(site)]
    if not site.simulated:
        targets.append(_LAPTOP)
    if not targets:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no UPS in the site file")
    return targets


def _resources(site: Site) -> list[str]:
    return [f"ups:{ups.port}" for ups in _upses(site)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    upses = _upses(context.site)
    if not upses:
        yield Unmeasured(
            name="ups.*", reason=NotRunReason.NOT_DECLARED, detail="no UPS in the site file"
        )
    # The laptop first: it is read at once, and waits of others cannot cost it.
    yield from _laptop(context)
    for ups in upses:
        yield from _ask(context, ups)


def _laptop(context: ProbeContext) -> Iterator[ProbeYield]:
    def not_measured(name: str, reason: NotRunReason, detail: str = "") -> Unmeasured:
        return Unmeasured(name=name, subject=_LAPTOP, reason=reason, detail=detail)

    if context.site.simulated:
        yield not_measured("laptop_power.*", NotRunReason.SIMULATED_SITE)
        return
    yield _over_currents(context)
    try:
        power = laptop_power()
    except CannotRun as reason:
        yield not_measured("laptop_power.*", reason.reason, reason.detail)
        return
    for name, value, unit in (
        ("laptop_power.battery", power.battery, "ratio"),
        ("laptop_power.plugged", power.plugged, ""),
    ):
        if value is None:
            yield not_measured(name, NotRunReason.NOT_APPLICABLE, "the system knows of none")
        else:
            yield context.measured(name, value, unit, subject=_LAPTOP, part=Part.LAPTOP)


def _over_currents(context: ProbeContext) -> ProbeYield:
    """Return how often the laptop cut a USB port off since it started."""
    name = "laptop_power.over_currents"
    try:
        counts = usb_state().over_currents
    except CannotRun as reason:
        return Unmeasured(name=name, subject=_LAPTOP, reason=reason.reason, detail=reason.detail)
    if not counts:
        return Unmeasured(name=name, subject=_LAPTOP, reason=NotRunReason.UNSUPPORTED)
    return context.measured(name, sum(counts.values()), "count", subject=_LAPTOP, part=Part.LAPTOP)


def _ask(context: ProbeContext, ups: Device) -> Iterator[ProbeYield]:
    since_s = context.now_s()
    try:
        variables, failure = _variables(context, ups)
    except CannotRun as reason:
        yield Unmeasured(name="ups.*", subject=ups.port, reason=reason.reason, detail=reason.detail)
        return
    if failure is not None:
        yield context.failed(
            "ups.status",
            failure.failure,
            failure.operation,
            detail=failure.detail,
            waited_s=failure.waited_s,
            subject=ups.port,
            part=ups.part,
            since_s=since_s,
        )
        return
    yield from _said(context, ups, interpret(variables), since_s)


def _variables(context: ProbeContext, ups: Device) -> tuple[dict[str, str], Failed | None]:
    """Return what the server says of the UPS, and why it does not."""
    if context.deadline.passed():
        raise CannotRun(NotRunReason.BUDGET_SPENT)
    try:
        conversation = UpsConversation(ups.ups, limit_s=UPS_LIMIT_S)
    except LocalWireError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "this cannot be the name of a UPS") from error
    try:
        talk_over_network(
            device_address(ups.port),
            conversation,
            context.deadline,
            site=context.site,
            allowance=context.allowance,
        )
    except LinkError as error:
        return {}, error.as_failed()
    return conversation.variables, conversation.failure


def _said(
    context: ProbeContext, ups: Device, state: UpsState, since_s: float
) -> Iterator[ProbeYield]:
    values: dict[str, tuple[bool | float | str | None, str]] = {
        "ups.status": (" ".join(state.words), "")
    }
    if state.known:
        values |= {
            "ups.on_battery": (state.on_battery, ""),
            "ups.low_battery": (state.low_battery, ""),
            "ups.overload": (state.overload, ""),
            "ups.replace_battery": (state.replace_battery, ""),
            "ups.load": (state.load, "ratio"),
            "ups.input_voltage": (state.input_v, "V"),
            "ups.input_voltage_low": (state.low_v, "V"),
            "ups.input_voltage_high": (state.high_v, "V"),
            "ups.input_margin": (state.margin_v, "V"),
            "ups.battery_charge": (state.charge, "ratio"),
        }
    for name, (value, unit) in values.items():
        if value is not None:
            yield context.measured(
                name, value, unit, subject=ups.port, part=ups.part, since_s=since_s
            )


def _watch(context: ProbeContext, seconds: float) -> Iterator[ProbeYield]:
    """Look for a time, and yield what changed, with how long and how closely was looked."""
    site = context.site
    seconds = min(seconds, context.deadline.remaining_s())
    upses = [(ups, _ups_watch(context, ups, seconds)) for ups in _upses(site)]
    terminals = [_Uptime(context, one) for one in site.devices if one.kind is DeviceKind.ANDROID]
    devices = {one.port: one for one in site.devices if one.kind in _WITH_FILES}
    local = LocalWatch(list(devices))
    took_s = local.run(seconds, context.deadline)
    for ups, answers in upses:
        yield from _ups_watched(context, ups, answers)
    for terminal in terminals:
        yield from terminal.all(took_s)
    look = _Look(context, took_s, 0.0)
    for port, count in local.lost.items():
        yield from look.told("power_watch.device_lost", count, port, devices[port].part)
    if not site.simulated:
        yield from _laptop_watch(look, local)


def _laptop_watch(look: _Look, local: LocalWatch) -> Iterator[ProbeYield]:
    for name, found in (
        ("power_watch.usb_lost", local.usb_lost),
        ("power_watch.over_currents", local.over_currents),
    ):
        if found is None:
            yield Unmeasured(name=name, subject=_LAPTOP, reason=NotRunReason.UNSUPPORTED)
        else:
            detail = ", ".join(f"{what}: {count}" for what, count in found.items())
            subject = f"{_LAPTOP} ({detail})" if detail else _LAPTOP
            yield from look.told(name, found.total(), subject, Part.LAPTOP)
    if local.mains_lost is not None:
        look = _Look(look.context, look.took_s, local.longest_gap_s)
        yield from look.told("power_watch.mains_lost", local.mains_lost, _LAPTOP, Part.LAPTOP)


class _Look:
    """How long and how closely something was looked at."""

    def __init__(self, context: ProbeContext, took_s: float, shortest_s: float) -> None:
        """Keep it.

        Args:
            context: of the run.
            took_s: how long.
            shortest_s: events of this length were all seen; 0: of any length.
        """
        self.context, self.took_s, self.shortest_s = context, took_s, shortest_s

    def told(self, name: str, count: int, subject: str, part: Part) -> Iterator[ProbeYield]:
        """Yield a count of events, and what not having seen more is worth."""
        bound = RULE_OF_THREE * 3600 / self.took_s if self.took_s and not count else None
        for observed, value, unit in (
            (name, count, "count"),
            ("power_watch.duration", self.took_s, "s"),
            ("power_watch.shortest_seen", self.shortest_s, "s"),
            ("power_watch.rate_below", bound, "1/h"),
        ):
            if value is not None:
                yield self.context.measured(observed, value, unit, subject=subject, part=part)


def _ups_watch(context: ProbeContext, ups: Device, seconds: float) -> Callable[[], list[UpsSample]]:
    """Start to ask one UPS server while the rest goes on; return what waits for its answers."""

    def talk() -> list[UpsSample]:
        try:
            watch = UpsWatch(ups.ups, for_s=seconds, limit_s=UPS_LIMIT_S)
        except LocalWireError as error:
            raise CannotRun(NotRunReason.UNSUPPORTED, str(error)) from error
        talk_over_network(
            device_address(ups.port),
            watch,
            context.deadline,
            site=context.site,
            allowance=context.allowance,
        )
        return watch.samples

    return start_aside(talk)


def _ups_watched(
    context: ProbeContext, ups: Device, answers: Callable[[], list[UpsSample]]
) -> Iterator[ProbeYield]:
    try:
        seen = ups_events(answers())
    except CannotRun as reason:
        yield Unmeasured(name="ups.*", subject=ups.port, reason=reason.reason, detail=reason.detail)
        return
    except LinkError as error:
        yield context.failed(
            "ups.status", error.kind, error.operation, subject=ups.port, part=ups.part
        )
        return
    if seen.failure is not None:
        yield context.failed(
            "ups.status",
            seen.failure.failure,
            seen.failure.operation,
            subject=ups.port,
            part=ups.part,
        )
    if seen.took_s <= 0:
        return
    look = _Look(context, seen.took_s, seen.longest_gap_s)
    yield from look.told("power_watch.on_battery", seen.on_battery, ups.port, ups.part)
    yield from look.told("power_watch.sags", seen.sags, ups.port, ups.part)
    if seen.lowest_v is not None:
        yield context.measured(
            "power_watch.lowest_input", seen.lowest_v, "V", subject=ups.port, part=ups.part
        )


class _Uptime:
    """How long an Android terminal runs, before and after."""

    def __init__(self, context: ProbeContext, device: Device) -> None:
        self._context, self._device = context, device
        self._before = self._uptime_s()
        self._asked_s = context.now_s()

    def all(self, took_s: float) -> Iterator[ProbeYield]:
        """Yield whether it started anew: then it runs for less than it did, and time has passed."""
        before, after = self._before, self._uptime_s()
        passed_s = self._context.now_s() - self._asked_s
        if before is None or after is None:
            yield Unmeasured(
                name="power_watch.restarts",
                subject=self._device.port,
                reason=NotRunReason.EARLIER_STEP_FAILED,
            )
            return
        anew = after < before + passed_s - _SLACK_S
        look = _Look(self._context, took_s, 0.0)
        yield from look.told(
            "power_watch.restarts", int(anew), self._device.port, self._device.part
        )

    def _uptime_s(self) -> float | None:
        context = self._context
        return uptime_s(
            self._device.port,
            context.deadline,
            site=context.site,
            allowance=context.allowance,
        )


_WITH_FILES = (DeviceKind.PRINTER, DeviceKind.SERIAL, DeviceKind.MODEM, DeviceKind.CARD_READER)
_ABSENT = "the UPS does not tell"
_UNWATCHED = "it was not watched (--watch), or does not tell"

_WATCHED = tuple(
    Observable(f"power_watch.{name}", unit, meaning, _UNWATCHED)
    for name, unit, meaning in (
        ("device_lost", "count", "how often a declared device's file went away or was made anew"),
        ("usb_lost", "count", "likewise for the laptop's USB devices"),
        ("over_currents", "count", "how often a USB port was cut off for too much current"),
        ("mains_lost", "count", "how often the laptop lost its mains"),
        ("on_battery", "count", "how often the UPS went to battery"),
        ("sags", "count", "how often the mains at the UPS left its limits"),
        ("lowest_input", "V", "lowest mains voltage at the UPS"),
        ("restarts", "count", "1 where an Android terminal started anew meanwhile"),
        ("duration", "s", "how long was watched"),
        ("shortest_seen", "s", "events at least this long were all seen; 0: however short"),
        ("rate_below", "1/h", "where none was seen: with 95 % there are fewer than this"),
    )
)

PROBE = Probe(
    name="power",
    title="Power: UPS and laptop",
    sends="LIST UPS and LIST VAR (reads only) to each declared UPS server",
    observables=(
        Observable(
            "ups.status", "", "status words of the UPS, in alphabetical order", "no UPS is declared"
        ),
        Observable("ups.on_battery", "", "the mains are not used", _ABSENT),
        Observable("ups.low_battery", "", "its battery is nearly empty", _ABSENT),
        Observable("ups.overload", "", "more load than it is rated for", _ABSENT),
        Observable("ups.replace_battery", "", "it asks for a new battery", _ABSENT),
        Observable("ups.load", "ratio", "load; 1 is what it is rated for", _ABSENT),
        Observable("ups.input_voltage", "V", "mains voltage at its input", _ABSENT),
        Observable("ups.input_voltage_low", "V", "below this it goes to battery", _ABSENT),
        Observable("ups.input_voltage_high", "V", "above this it goes to battery", _ABSENT),
        Observable(
            "ups.input_margin",
            "V",
            "mains voltage above the low limit, or above nominal less 10 % where it has none",
            _ABSENT,
        ),
        Observable("ups.battery_charge", "ratio", "charge of its battery", _ABSENT),
        Observable(
            "laptop_power.battery", "ratio", "charge of the laptop's battery", "it has no battery"
        ),
        Observable("laptop_power.plugged", "", "the laptop runs on mains", "it does not tell"),
        Observable(
            "laptop_power.over_currents",
            "count",
            "how often the laptop cut a USB port off for too much current since it started",
            "this system does not count that",
        ),
        *_WATCHED,
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    watch=_watch,
    typical_s=1.0,
)
