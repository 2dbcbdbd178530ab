"""Asks each declared printer for its status; with consent, at other speeds and with a test line."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.device_address import is_on_network
from posdiag.link.printer_port import AskedPrinter, PrinterPort
from posdiag.link.serial_port import USUAL_BAUD, resource_of
from posdiag.model.errors import CannotRun, RemoteWireError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Part,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import DeviceTalk, Observable, Probe, ProbeContext, ProbeYield, Step
from posdiag.wire import usb_printer
from posdiag.wire.escpos import Cover, Paper, PrinterError, PrinterState, is_status
from posdiag.wire.garble import SPEEDS, guess
from posdiag.wire.printed_line import PrintedLineConversation
from posdiag.wire.printer_status import SERIAL_LIMIT_S, TCP_LIMIT_S, PrinterStatusConversation
from posdiag.wire.star_status import StarStatusConversation

FIND_BAUD, PRINT = "find-baud", "print"
_STATUS_BYTES = frozenset(byte for byte in range(256) if is_status(byte))
_MAYBE_SPEED = (FailureKind.SILENT, FailureKind.PROTOCOL_ERROR)
StatusConversation = PrinterStatusConversation | StarStatusConversation


def _printers(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.PRINTER]


def _targets(site: Site) -> list[str]:
    printers = _printers(site)
    if not printers:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no printer in the site file")
    return [printer.port for printer in printers]


def _ports(site: Site) -> list[str]:
    return [printer.port for printer in _printers(site)]


def _serial_ports(site: Site) -> list[str]:
    return [port for port in _ports(site) if not is_on_network(port)]


def _resources(site: Site) -> list[str]:
    return [resource_of(port) for port in _ports(site)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for printer in _printers(context.site):
        yield from _Look(context, printer).all()


def _dialect(site: Site, printer: Device) -> str:
    """Return the language of a printer; nothing is sent that one of another might print."""
    dialect = printer.dialect
    if not dialect:
        is_own = printer.part is Part.TERMINAL and site.terminal is not None
        dialect = site.terminal.printer_dialect if is_own and site.terminal else "escpos"
    if dialect not in ("escpos", "star"):
        raise CannotRun(NotRunReason.UNSUPPORTED, f"printer dialect {dialect}")
    return dialect


class _Look(DeviceTalk):
    """One look at one printer."""

    def __init__(self, context: ProbeContext, printer: Device) -> None:
        super().__init__(context, printer)
        self._baud = printer.baud or USUAL_BAUD
        self._port = PrinterPort(printer, context.site, context.deadline, context.allowance)
        self._is_star = False

    def all(self) -> Iterator[ProbeYield]:
        """Yield what the printer says."""
        try:
            self._is_star = _dialect(self._context.site, self._device) == "star"
            conversation = self._conversation()
            asked = self._talk(conversation)
        except CannotRun as reason:
            yield self._unmeasured("printer.*", reason)
            return
        yield from self._replied(asked)
        state = self._state(asked, conversation)
        yield from self._said(state)
        yield from self._garbled(asked, conversation)
        yield from self._other_speed(asked)
        yield from self._printed(asked, state)

    def _conversation(self) -> StatusConversation:
        limit_s = TCP_LIMIT_S if is_on_network(self._device.port) else SERIAL_LIMIT_S
        if self._is_star:
            return StarStatusConversation(limit_s=limit_s)
        return PrinterStatusConversation(limit_s=limit_s)

    def _talk(self, conversation: StatusConversation, baud: int | None = None) -> AskedPrinter:
        if self._context.deadline.passed():
            raise CannotRun(NotRunReason.BUDGET_SPENT)
        return self._port.talk(conversation, lambda: conversation.failure, baud=baud)

    def _replied(self, asked: AskedPrinter) -> Iterator[ProbeYield]:
        if asked.failure is None:
            yield self._measured("printer.reply", value=True)
        else:
            yield self._failed("printer.reply", asked.failure)
        if asked.usb_status is not None:
            yield self._measured("printer.usb_status", f"{asked.usb_status:02x}")

    def _state(self, asked: AskedPrinter, conversation: StatusConversation) -> PrinterState:
        """Return what was said, by status questions before the USB port's few bits."""
        state = conversation.state
        if asked.failure is not None and asked.failure.failure is FailureKind.PROTOCOL_ERROR:
            # Where some answers were garbage, the others may only look like status.
            unasked = getattr(conversation, "automatic", None)
            state = state if unasked is not None else PrinterState()
        if asked.usb_status is None:
            return state
        try:
            usb = usb_printer.decode(asked.usb_status)
        except RemoteWireError:
            return state
        told = {name: value for name, value in state._asdict().items() if value is not None}
        return PrinterState(**{**usb._asdict(), **told})

    def _said(self, state: PrinterState) -> Iterator[ProbeYield]:
        values: dict[str, bool | str | None] = {
            "printer.online": state.online,
            "printer.cover": state.cover,
            "printer.paper": state.paper,
            "printer.error": state.error,
            "printer.offline_cause": _offline_cause(state),
        }
        for name, value in values.items():
            if name == "printer.paper" and value is not None and state.cover is Cover.OPEN:
                detail = "the paper sensor is not reliable while the cover is open"
                yield self._unmeasured(name, CannotRun(NotRunReason.NOT_APPLICABLE, detail))
            elif value is not None:
                yield self._measured(name, value if isinstance(value, bool) else str(value))

    def _garbled(
        self, asked: AskedPrinter, conversation: StatusConversation
    ) -> Iterator[ProbeYield]:
        is_garbage = asked.failure is not None and (
            asked.failure.failure is FailureKind.PROTOCOL_ERROR
        )
        if not isinstance(conversation, PrinterStatusConversation) or not is_garbage:
            return
        if not conversation.noise or not self._port.is_serial:
            return
        found = guess(bytes(conversation.noise), _STATUS_BYTES, self._baud)
        yield self._measured("printer.garble", str(found.kind))
        if found.bauds:
            yield self._measured("printer.probable_baud", [*map(float, found.bauds)], "bit/s")

    def _other_speed(self, asked: AskedPrinter) -> Iterator[ProbeYield]:
        """Ask at the other usual speeds, where the declared one gave silence or garbage."""
        name = "printer.found_baud"
        if not self._port.is_serial or asked.failure is None:
            return
        if asked.failure.failure not in _MAYBE_SPEED:
            return
        if FIND_BAUD not in self._context.consents:
            wish = CannotRun(NotRunReason.CONSENT_REQUIRED, f"--allow {FIND_BAUD}")
            yield self._unmeasured(name, wish)
            return
        for baud in SPEEDS:
            if baud == self._baud:
                continue
            try:
                found = self._talk(self._conversation(), baud)
            except CannotRun as reason:
                if reason.reason is NotRunReason.BUDGET_SPENT:
                    yield self._unmeasured(name, reason)
                    return
                # A speed that this port does not have.
                continue
            if found.failure is None:
                yield self._measured(name, baud, "bit/s")
                return
        detail = "no answer at any usual speed"
        yield self._unmeasured(name, CannotRun(NotRunReason.NOT_APPLICABLE, detail))

    def _printed(self, asked: AskedPrinter, state: PrinterState) -> Iterator[ProbeYield]:
        """Print one line, where that was allowed, and ask how the printer is afterwards."""
        if PRINT not in self._context.consents:
            return
        if asked.failure is not None or not _is_ready(state):
            detail = "the printer is not ready"
            yield self._unmeasured(
                "printer.test_print", CannotRun(NotRunReason.NOT_APPLICABLE, detail)
            )
            return
        after = self._conversation()
        try:
            printed = self._port.talk(PrintedLineConversation(after), lambda: after.failure)
        except CannotRun as reason:
            yield self._unmeasured("printer.test_print", reason)
            return
        if printed.failure is not None:
            yield self._failed("printer.test_print", printed.failure)
        else:
            yield self._measured("printer.test_print", _is_ready(after.state))


def _offline_cause(state: PrinterState) -> str | None:
    """Return what an offline printer gives as its reason; None: online, or not all was answered.

    A printer without a reason starts up, or its supply voltage is off (TM-T88III specification
    2.1.1.2).
    """
    if state.online is not False or state.cover is None or state.error is None:
        return None
    if state.cover is Cover.OPEN:
        return "cover"
    if state.error is not PrinterError.NONE:
        return "error"
    if state.feeding:
        return "feed_button"
    if state.paper is None:
        return None
    return "paper" if state.paper is Paper.OUT else "none_given"


def _is_ready(state: PrinterState) -> bool:
    return (
        state.online is True
        and state.cover is Cover.CLOSED
        and state.error is PrinterError.NONE
        and state.paper in (Paper.ENOUGH, Paper.NEAR_END)
    )


PROBE = Probe(
    name="printer",
    title="Receipt printer status",
    sends="status requests (DLE EOT 1 to 4, or ESC ACK SOH to Star; nothing is printed) to each "
    "declared printer",
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
        Observable(
            "printer.offline_cause",
            "",
            "why it is offline: cover, error, feed_button, paper, or none_given (supply, start-up)",
            "it is online, or it did not answer that",
        ),
        Observable(
            "printer.usb_status",
            "",
            "port status byte of a USB printer, in hex; 18 says nothing, also not that paper is in",
            "no USB printer",
        ),
        Observable(
            "printer.garble",
            "",
            "what garbage most probably comes of: speed, parity, break or noise",
            "there was none, or no serial line",
        ),
        Observable(
            "printer.probable_baud", "bit/s", "speeds that would give this garbage", "not to tell"
        ),
        Observable(
            "printer.found_baud",
            "bit/s",
            "usual speed at which it answers, where the declared one is not it",
            "not looked for, or found at none",
        ),
        Observable(
            "printer.test_print",
            "",
            "after a test line it is still in order (whether one came out a person sees)",
            "nothing was printed",
        ),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    steps=(
        Step(
            consent=FIND_BAUD,
            sends="the same status requests at the other usual speeds, where there is no answer; "
            "at a wrong speed a printer may print a few signs of them",
            effect=Effect.SAFE,
            targets=_serial_ports,
        ),
        Step(
            consent=PRINT,
            sends="prints one line of text on each printer that is ready",
            effect=Effect.SAFE,
            targets=_ports,
        ),
    ),
    typical_s=1.0,
)
