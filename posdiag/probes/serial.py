"""Opens each declared serial device, looks at its lines, and sends enquiries where declared."""

from __future__ import annotations

import time
from collections.abc import Iterator

from posdiag.link.device_address import device_address, is_on_network, talk_over_network
from posdiag.link.serial_port import Counters, SerialPort, open_port, resource_of, run_serial
from posdiag.link.tcp import ConnectOnly
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Failed,
    FailureKind,
    NotRunReason,
    Operation,
    Unmeasured,
    Value,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.line_control import EnquiryConversation

REST_S = 1.0
"""How long errors at rest are counted where nothing is said."""


def _devices(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.SERIAL]


def _targets(site: Site) -> list[str]:
    devices = _devices(site)
    if not devices:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no serial device in the site file")
    return [device.port for device in devices]


def _resources(site: Site) -> list[str]:
    return [resource_of(device.port) for device in _devices(site)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for device in _devices(context.site):
        yield from _Look(context, device).all()


class _Look:
    """One look at one device."""

    def __init__(self, context: ProbeContext, device: Device) -> None:
        self._context = context
        self._device = device
        self._since_s = context.now_s()
        self._enquiry = EnquiryConversation() if device.protocol == "enq" else None

    def all(self) -> Iterator[ProbeYield]:
        """Yield what is to be seen."""
        context, device = self._context, self._device
        if context.deadline.passed():
            yield self._unmeasured("serial.*", CannotRun(NotRunReason.BUDGET_SPENT))
            return
        try:
            if is_on_network(device.port):
                yield from self._over_network()
                return
            with open_port(device.port, baud=device.baud, deadline=context.deadline) as port:
                yield self._measured("serial.open", value=True)
                yield from self._over_port(port)
        except CannotRun as reason:
            yield self._unmeasured("serial.*", reason)
        except LinkError as error:
            # What was opened and then failed is reported where it failed.
            yield self._failed("serial.open", _failure(error))

    def _over_network(self) -> Iterator[ProbeYield]:
        context, broken = self._context, None
        try:
            talk_over_network(
                device_address(self._device.port),
                self._enquiry or ConnectOnly(),
                context.deadline,
                site=context.site,
                allowance=context.allowance,
            )
        except LinkError as error:
            if error.operation in (Operation.CONNECT, Operation.OPEN, Operation.RESOLVE):
                raise
            broken = error
        yield self._measured("serial.open", value=True)
        lacking = CannotRun(NotRunReason.UNSUPPORTED, "a device on the network has none")
        for name in (*_LINES, *_COUNTERS):
            yield self._unmeasured(name, lacking)
        yield from self._enquired(broken)

    def _over_port(self, port: SerialPort) -> Iterator[ProbeYield]:
        before, reason = self._counters(port)
        broken: LinkError | None = None
        if self._enquiry is not None:
            try:
                run_serial(port, self._enquiry, self._context.deadline)
            except LinkError as error:
                broken = error
        elif before is not None:
            time.sleep(min(REST_S, self._context.deadline.remaining_s()))
        yield from self._enquired(broken)
        yield from self._lines(port)
        after, reason = self._counters(port) if before is not None else (None, reason)
        yield from self._counted(before, after, reason)

    def _counters(self, port: SerialPort) -> tuple[Counters | None, CannotRun | LinkError | None]:
        try:
            return port.counters(), None
        except (CannotRun, LinkError) as reason:
            return None, reason

    def _counted(
        self, before: Counters | None, after: Counters | None, reason: CannotRun | LinkError | None
    ) -> Iterator[ProbeYield]:
        if before is None or after is None:
            for name in _COUNTERS:
                yield self._unmeasured(name, reason)
            return
        grown = after.since(before)
        for name, count in zip(_COUNTERS, (grown.frame, grown.parity, grown.overrun), strict=True):
            yield self._measured(name, count, "count")

    def _lines(self, port: SerialPort) -> Iterator[ProbeYield]:
        try:
            lines = port.modem_lines()
        except (CannotRun, LinkError) as reason:
            for name in _LINES:
                yield self._unmeasured(name, reason)
            return
        for name, level in zip(_LINES, lines, strict=True):
            yield self._measured(name, level)

    def _enquired(self, broken: LinkError | None) -> Iterator[ProbeYield]:
        enquiry = self._enquiry
        if enquiry is None:
            return
        if enquiry.requests:
            yield self._measured("serial.requests", enquiry.requests, "count")
            yield self._measured("serial.unanswered", enquiry.silent, "count")
        if enquiry.requests > enquiry.silent:
            yield self._measured("serial.garbled", enquiry.garbled, "count")
        else:
            # Without a single answer, "none garbled" would praise a dead line.
            yield self._unmeasured("serial.garbled", CannotRun(NotRunReason.EARLIER_STEP_FAILED))
        failure = _failure(broken) if broken is not None else enquiry.failure
        is_cut = failure is not None and failure.failure is FailureKind.CENSORED
        if failure is not None and not (is_cut and enquiry.reply_times_s):
            yield self._failed("serial.reply_time", failure)
        elif enquiry.reply_times_s:
            yield self._measured("serial.reply_time", list(enquiry.reply_times_s), "s")

    def _measured(self, name: str, value: Value, unit: str = "") -> ProbeYield:
        return self._context.measured(
            name,
            value,
            unit,
            subject=self._device.port,
            part=self._device.part,
            since_s=self._since_s,
        )

    def _failed(self, name: str, failure: Failed) -> ProbeYield:
        return self._context.failed(
            name,
            failure.failure,
            failure.operation,
            detail=failure.detail,
            waited_s=failure.waited_s,
            subject=self._device.port,
            part=self._device.part,
            since_s=self._since_s,
        )

    def _unmeasured(self, name: str, reason: CannotRun | LinkError | None) -> ProbeYield:
        """Say why something was not measured; a line that broke is reported where it broke."""
        why = reason.reason if isinstance(reason, CannotRun) else NotRunReason.EARLIER_STEP_FAILED
        detail = reason.detail if reason is not None else ""
        return Unmeasured(name=name, subject=self._device.port, reason=why, detail=detail)


def _failure(error: LinkError) -> Failed:
    return Failed(error.kind, error.operation, error.detail, error.waited_s)


_LINES = ("serial.cts", "serial.dsr", "serial.cd")
_COUNTERS = ("serial.frame_errors", "serial.parity_errors", "serial.overruns")

PROBE = Probe(
    name="serial",
    title="Serial port and cable",
    sends="ENQ, ten times, to declared serial devices that answer it; to others nothing",
    observables=(
        Observable(
            "serial.open", "", "the port could be opened for ourselves alone", "not tried from here"
        ),
        Observable("serial.cts", "", "level of the CTS line", "this kind of port has no lines"),
        Observable("serial.dsr", "", "level of the DSR line", "this kind of port has no lines"),
        Observable("serial.cd", "", "level of the CD line", "this kind of port has no lines"),
        Observable(
            "serial.frame_errors",
            "count",
            "frame errors that the kernel counted meanwhile",
            "this kind of port has no counters",
        ),
        Observable(
            "serial.parity_errors",
            "count",
            "parity errors, likewise",
            "this kind of port has no counters",
        ),
        Observable(
            "serial.overruns",
            "count",
            "overruns of receiver and buffer, likewise",
            "this kind of port has no counters",
        ),
        Observable("serial.requests", "count", "enquiries that came to an end", "none was sent"),
        Observable(
            "serial.garbled",
            "count",
            "enquiries with an answer other than ACK or NAK",
            "none was sent, or none was answered",
        ),
        Observable(
            "serial.unanswered", "count", "enquiries without an answer in 0.5 s", "none was sent"
        ),
        Observable("serial.reply_time", "s", "from enquiry to good answer", "none was sent"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    typical_s=3.0,
)
