"""Asks each declared printer for its status."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from posdiag.link.device_address import device_address, is_on_network, talk_over_network
from posdiag.link.serial_port import SerialPort, open_port, resource_of, run_serial
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Failed,
    FailureKind,
    NotRunReason,
    Part,
    Unmeasured,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.escpos import Cover, PrinterState
from posdiag.wire.printer_status import (
    SERIAL_LIMIT_S,
    TCP_LIMIT_S,
    PrinterStatusConversation,
)


def _printers(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.PRINTER]


def _targets(site: Site) -> list[str]:
    printers = _printers(site)
    if not printers:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no printer in the site file")
    return [printer.port for printer in printers]


def _resources(site: Site) -> list[str]:
    return [resource_of(printer.port) for printer in _printers(site)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for printer in _printers(context.site):
        yield from _ask(context, printer)


def _ask(context: ProbeContext, printer: Device) -> Iterator[ProbeYield]:
    limit_s = TCP_LIMIT_S if is_on_network(printer.port) else SERIAL_LIMIT_S
    conversation = PrinterStatusConversation(limit_s=limit_s)
    since_s = context.now_s()
    try:
        _refuse_other_dialects(context.site, printer)
        failure = _talk(context, printer, conversation)
    except CannotRun as reason:
        yield Unmeasured(
            name="printer.*", subject=printer.port, reason=reason.reason, detail=reason.detail
        )
        return
    if failure is None:
        yield context.measured(
            "printer.reply", value=True, subject=printer.port, part=printer.part, since_s=since_s
        )
    else:
        yield context.failed(
            "printer.reply",
            failure.failure,
            failure.operation,
            detail=failure.detail,
            waited_s=failure.waited_s,
            subject=printer.port,
            part=printer.part,
            since_s=since_s,
        )
    if failure is None or failure.failure is not FailureKind.PROTOCOL_ERROR:
        # Where some answers were garbage, the others may only look like status.
        yield from _said(context, printer, conversation.state, since_s)


def _refuse_other_dialects(site: Site, printer: Device) -> None:
    """Send nothing that a printer of another dialect might print."""
    dialect = site.terminal.printer_dialect if site.terminal else "escpos"
    if printer.part is Part.TERMINAL and dialect != "escpos":
        raise CannotRun(NotRunReason.UNSUPPORTED, f"printer dialect {dialect}")


def _talk(
    context: ProbeContext, printer: Device, conversation: PrinterStatusConversation
) -> Failed | None:
    """Return why not everything was answered, None where it was."""
    if context.deadline.passed():
        raise CannotRun(NotRunReason.BUDGET_SPENT)
    try:
        if is_on_network(printer.port):
            talk_over_network(
                device_address(printer.port),
                conversation,
                context.deadline,
                site=context.site,
                allowance=context.allowance,
            )
            return conversation.failure
        with open_port(printer.port, baud=printer.baud, deadline=context.deadline) as port:
            run_serial(port, conversation, context.deadline)
            return _with_lines(conversation.failure, port)
    except LinkError as error:
        return Failed(error.kind, error.operation, error.detail, error.waited_s)


def _with_lines(failure: Failed | None, port: SerialPort) -> Failed | None:
    """Add to a silence how the lines stand: all off is a printer without power or cable."""
    if failure is None or failure.failure is not FailureKind.SILENT:
        return failure
    try:
        lines = port.modem_lines()
    except (CannotRun, LinkError):
        return failure
    told = f"CTS {'on' if lines.cts else 'off'}, DSR {'on' if lines.dsr else 'off'}"
    detail = f"{failure.detail}; {told}" if failure.detail else told
    return msgspec.structs.replace(failure, detail=detail)


def _said(
    context: ProbeContext, printer: Device, state: PrinterState, since_s: float
) -> Iterator[ProbeYield]:
    values: dict[str, bool | str | None] = {
        "printer.online": state.online,
        "printer.cover": state.cover,
        "printer.paper": state.paper,
        "printer.error": state.error,
    }
    for name, value in values.items():
        if name == "printer.paper" and value is not None and state.cover is Cover.OPEN:
            yield Unmeasured(
                name=name,
                subject=printer.port,
                reason=NotRunReason.NOT_APPLICABLE,
                detail="the paper sensor is not reliable while the cover is open",
            )
        elif value is not None:
            yield context.measured(
                name,
                value if isinstance(value, bool) else str(value),
                subject=printer.port,
                part=printer.part,
                since_s=since_s,
            )


PROBE = Probe(
    name="printer",
    title="Receipt printer status",
    sends="DLE EOT 1 to 4 (status requests, nothing is printed) to each declared printer",
    observables=(
        Observable(
            "printer.reply", "", "the printer answered every status request", "not asked from here"
        ),
        Observable("printer.online", "", "it says that it is ready", "it did not answer that"),
        Observable("printer.cover", "", "closed or open", "it did not answer that"),
        Observable(
            "printer.paper",
            "",
            "enough, near_end, out, or inconsistent where its sensors contradict each other",
            "it did not answer that, or its cover is open",
        ),
        Observable(
            "printer.error",
            "",
            "none, recoverable, auto_recoverable, cutter or unrecoverable",
            "it did not answer that",
        ),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    typical_s=1.0,
)
