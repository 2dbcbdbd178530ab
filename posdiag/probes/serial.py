"""Opens each declared serial device, looks at its lines, and sends enquiries where declared."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.device_address import device_address, is_on_network, talk_over_network
from posdiag.link.port_details import latency_s
from posdiag.link.serial_port import (
    USUAL_BAUD,
    Counters,
    SerialPort,
    open_port,
    resource_of,
    run_serial,
)
from posdiag.link.tcp import ConnectOnly
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Operation,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import DeviceTalk, Observable, Probe, ProbeContext, ProbeYield, Step
from posdiag.wire.bit_errors import BitErrorConversation
from posdiag.wire.garble import SPEEDS, TEXT, Garble, guess
from posdiag.wire.line_control import ACK, NAK, EnquiryConversation
from posdiag.wire.listening import ListenConversation

REST_S = 1.0
"""How long errors at rest are counted, and bytes heard, where nothing is said."""
FIND_BAUD = "find-baud"
_TOGGLES = 4
"""Changes of the lines while one port is open; opening it makes one or two by itself."""
_ANSWERS = frozenset((ACK, NAK))
_MAYBE_SPEED = (FailureKind.SILENT, FailureKind.PROTOCOL_ERROR)


def _devices(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.SERIAL]


def _targets(site: Site) -> list[str]:
    devices = _devices(site)
    if not devices:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no serial device in the site file")
    return [device.port for device in devices]


def _resources(site: Site) -> list[str]:
    return [resource_of(device.port) for device in _devices(site)]


def _enquired_ports(site: Site) -> list[str]:
    return [
        device.port
        for device in _devices(site)
        if device.protocol == "enq" and not is_on_network(device.port)
    ]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for device in _devices(context.site):
        yield from _Look(context, device).all()


class _Look(DeviceTalk):
    """One look at one device."""

    def __init__(self, context: ProbeContext, device: Device) -> None:
        super().__init__(context, device)
        self._baud = device.baud or USUAL_BAUD
        self._enquiry = EnquiryConversation() if device.protocol == "enq" else None
        self._loop = BitErrorConversation() if device.protocol == "loop" else None
        self._listening = ListenConversation(REST_S)

    @property
    def _conversation(self) -> EnquiryConversation | BitErrorConversation | ListenConversation:
        return self._enquiry or self._loop or self._listening

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
            yield from self._other_speed()
        except CannotRun as reason:
            yield self._unmeasured("serial.*", reason)
        except LinkError as error:
            # What was opened and then failed is reported where it failed.
            yield self._failed("serial.open", error.as_failed())

    def _over_network(self) -> Iterator[ProbeYield]:
        context, broken = self._context, None
        quiet = ConnectOnly()
        try:
            talk_over_network(
                device_address(self._device.port),
                quiet if self._conversation is self._listening else self._conversation,
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
        yield from self._answered(broken)

    def _over_port(self, port: SerialPort) -> Iterator[ProbeYield]:
        before, reason = self._counters(port)
        broken: LinkError | None = None
        begun_s = self._context.now_s()
        try:
            run_serial(port, self._conversation, self._context.deadline)
        except LinkError as error:
            broken = error
        yield from self._answered(broken)
        yield from self._lines(port)
        after, reason = self._counters(port) if before is not None else (None, reason)
        yield from self._counted(before, after, reason, self._context.now_s() - begun_s)
        latency = latency_s(self._device.port)
        if latency is not None:
            yield self._measured("serial.latency_timer", latency, "s")

    def _counters(self, port: SerialPort) -> tuple[Counters | None, CannotRun | LinkError | None]:
        try:
            return port.counters(), None
        except (CannotRun, LinkError) as reason:
            return None, reason

    def _counted(
        self,
        before: Counters | None,
        after: Counters | None,
        reason: CannotRun | LinkError | None,
        window_s: float,
    ) -> Iterator[ProbeYield]:
        if before is None or after is None:
            for name in _COUNTERS:
                yield self._unmeasured(name, reason)
            return
        grown = after.since(before)
        counts = (grown.frame, grown.parity, grown.overrun, grown.breaks, grown.received)
        for name, count in zip(_COUNTERS, counts, strict=True):
            yield self._measured(name, count, "count")
        errors = grown.frame + grown.parity + grown.overrun + grown.breaks
        if window_s > 0:
            yield self._measured("serial.error_rate", errors / window_s, "1/s")
        if grown.received > 0:
            yield self._measured("serial.error_ratio", errors / grown.received, "ratio")
        yield self._measured("serial.lines_toggle", grown.line_changes >= _TOGGLES)

    def _lines(self, port: SerialPort) -> Iterator[ProbeYield]:
        try:
            lines = port.modem_lines()
        except (CannotRun, LinkError) as reason:
            for name in _LINES:
                yield self._unmeasured(name, reason)
            return
        for name, level in zip(_LINES, lines, strict=True):
            yield self._measured(name, level)

    def _answered(self, broken: LinkError | None) -> Iterator[ProbeYield]:
        """Yield what came of the conversation, whichever it was."""
        if self._enquiry is not None:
            yield from self._enquired(self._enquiry, broken)
            yield from self._garbled(bytes(self._enquiry.came), _ANSWERS)
        elif self._loop is not None:
            yield from self._looped(self._loop, broken)
        else:
            if broken is not None:
                yield self._failed("serial.heard", broken.as_failed())
            elif self._listening.came:
                yield self._measured("serial.heard", len(self._listening.came), "count")
            yield from self._garbled(bytes(self._listening.came), TEXT)

    def _garbled(self, came: bytes, expected: frozenset[int]) -> Iterator[ProbeYield]:
        if not came:
            return
        found = guess(came, expected, self._baud)
        if found.kind is not Garble.TOO_FEW:
            yield self._measured("serial.garble", str(found.kind))
        if found.bauds:
            yield self._measured("serial.probable_baud", [*map(float, found.bauds)], "bit/s")

    def _looped(self, loop: BitErrorConversation, broken: LinkError | None) -> Iterator[ProbeYield]:
        failure = broken.as_failed() if broken is not None else loop.failure
        if loop.bits:
            yield self._measured("serial.bits_returned", loop.bits, "count")
            yield self._measured("serial.bytes_lost", loop.lost, "count")
            yield self._measured("serial.bit_errors", loop.wrong, "count")
        if loop.highest_rate is not None:
            yield self._measured("serial.bit_error_limit", loop.highest_rate, "ratio")
        if failure is not None and not (loop.bits and failure.failure is FailureKind.CENSORED):
            yield self._failed("serial.bit_errors", failure)

    def _other_speed(self) -> Iterator[ProbeYield]:
        """Enquire at the other usual speeds, where the declared one gave silence or garbage."""
        failure = self._enquiry.failure if self._enquiry is not None else None
        if failure is None or failure.failure not in _MAYBE_SPEED:
            return
        name = "serial.found_baud"
        if FIND_BAUD not in self._context.consents:
            wish = CannotRun(NotRunReason.CONSENT_REQUIRED, f"--allow {FIND_BAUD}")
            yield self._unmeasured(name, wish)
            return
        for baud in SPEEDS:
            if self._context.deadline.passed():
                yield self._unmeasured(name, CannotRun(NotRunReason.BUDGET_SPENT))
                return
            if baud != self._baud and self._answers_at(baud):
                yield self._measured(name, baud, "bit/s")
                return
        detail = "no answer at any usual speed"
        yield self._unmeasured(name, CannotRun(NotRunReason.NOT_APPLICABLE, detail))

    def _answers_at(self, baud: int) -> bool:
        enquiry = EnquiryConversation(count=2)
        try:
            with open_port(self._device.port, baud=baud, deadline=self._context.deadline) as port:
                run_serial(port, enquiry, self._context.deadline)
        except (CannotRun, LinkError):
            # A speed that this port does not have, or a port that is gone: no answer at it.
            return False
        return bool(enquiry.reply_times_s) and not enquiry.garbled

    def _enquired(
        self, enquiry: EnquiryConversation, broken: LinkError | None
    ) -> Iterator[ProbeYield]:
        if enquiry.requests:
            yield self._measured("serial.requests", enquiry.requests, "count")
            yield self._measured("serial.unanswered", enquiry.silent, "count")
        if enquiry.requests > enquiry.silent:
            yield self._measured("serial.garbled", enquiry.garbled, "count")
        else:
            # Without a single answer, "none garbled" would praise a dead line.
            yield self._unmeasured("serial.garbled", CannotRun(NotRunReason.EARLIER_STEP_FAILED))
        failure = broken.as_failed() if broken is not None else enquiry.failure
        is_cut = failure is not None and failure.failure is FailureKind.CENSORED
        if failure is not None and not (is_cut and enquiry.reply_times_s):
            yield self._failed("serial.reply_time", failure)
        elif enquiry.reply_times_s:
            yield self._measured("serial.reply_time", list(enquiry.reply_times_s), "s")


_LINES = ("serial.cts", "serial.dsr", "serial.cd")
_NO_LINES = "this kind of port has no lines"
_NO_COUNTERS = "this kind of port has no counters"
_COUNTED = ("frame errors", "parity errors", "overruns of receiver and buffer", "breaks", "bytes")
_COUNTERS = (
    "serial.frame_errors",
    "serial.parity_errors",
    "serial.overruns",
    "serial.breaks",
    "serial.received",
)

PROBE = Probe(
    name="serial",
    title="Serial port and cable",
    sends="ENQ, ten times, to declared serial devices that answer it; a test pattern through a "
    "declared loopback plug; to others nothing",
    observables=(
        Observable(
            "serial.open", "", "the port could be opened for ourselves alone", "not tried from here"
        ),
        *(
            Observable(name, "", f"level of the {name.split('.')[1].upper()} line", _NO_LINES)
            for name in _LINES
        ),
        *(
            Observable(name, "count", f"{what} that the kernel counted meanwhile", _NO_COUNTERS)
            for name, what in zip(_COUNTERS, _COUNTED, strict=True)
        ),
        Observable(
            "serial.error_rate",
            "1/s",
            "errors and breaks per second, by the kernel's counters",
            _NO_COUNTERS,
        ),
        Observable(
            "serial.error_ratio",
            "ratio",
            "errors and breaks per byte received, likewise",
            "no counters, or nothing was received",
        ),
        Observable(
            "serial.lines_toggle",
            "",
            "CTS, DSR or CD changed at least four times meanwhile",
            _NO_COUNTERS,
        ),
        Observable(
            "serial.latency_timer",
            "s",
            "how long the adapter keeps short answers back",
            "no such timer (only FTDI adapters have one)",
        ),
        Observable("serial.heard", "count", "bytes that came by themselves", "none came"),
        Observable(
            "serial.garble",
            "",
            "what garbage most probably comes of: speed, parity, break or noise; none without any",
            "too few bytes came",
        ),
        Observable("serial.probable_baud", "bit/s", "speeds that would give this", "not to tell"),
        Observable(
            "serial.found_baud",
            "bit/s",
            "usual speed at which it answers, where the declared one is not it",
            "not looked for, or found at none",
        ),
        Observable("serial.bits_returned", "count", "bits that came back", "no plug"),
        Observable("serial.bit_errors", "count", "how many of them were wrong", "no plug"),
        Observable("serial.bytes_lost", "count", "bytes that did not come back", "no plug"),
        Observable(
            "serial.bit_error_limit",
            "ratio",
            "rate of bit errors that this test excludes with 95 %",
            "no plug, or an error came",
        ),
        Observable("serial.requests", "count", "enquiries that came to an end", "none was sent"),
        Observable(
            "serial.garbled",
            "count",
            "enquiries with an answer other than ACK or NAK",
            "none was sent, or none was answered",
        ),
        Observable("serial.unanswered", "count", "enquiries unanswered in 0.5 s", "none was sent"),
        Observable("serial.reply_time", "s", "from enquiry to good answer", "none was sent"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    steps=(
        Step(
            consent=FIND_BAUD,
            sends="ENQ at the other usual speeds, where there is no good answer",
            effect=Effect.SAFE,
            targets=_enquired_ports,
        ),
    ),
    typical_s=3.0,
)
