"""Asks each declared UPS, and the laptop, what they run on."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.device_address import device_address, talk_over_network
from posdiag.link.power_supply import laptop_power
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.observation import Failed, NotRunReason, Part, Unmeasured
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.nut import UpsConversation, UpsState, interpret

UPS_LIMIT_S = 3.0
"""Silence of a UPS server after a request; a healthy one answers out of its memory."""
_LAPTOP = "this laptop"


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
        return {}, Failed(error.kind, error.operation, error.detail, error.waited_s)
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


_ABSENT = "the UPS does not tell"

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
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    typical_s=1.0,
)
