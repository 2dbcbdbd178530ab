"""Asks each declared modem what it is, whom it is with and how well it hears."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import TypeVar

from posdiag.link.device_address import device_address, is_on_network, talk_over_network
from posdiag.link.port_locks import refuse_locked
from posdiag.link.serial_port import SerialPort, open_port, resource_of, run_serial
from posdiag.model.errors import CannotRun, LinkError, LocalWireError, RemoteWireError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Operation,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import DeviceTalk, Observable, Probe, ProbeContext, ProbeYield, Step
from posdiag.wire import at_values
from posdiag.wire.at_errors import CME
from posdiag.wire.at_talk import DialConversation, ModemConversation
from posdiag.wire.conversation import Conversation

CONSENT = "dial"
_NO_SIM = 10
_DATA_REGISTRATIONS = ("AT+CEREG?", "AT+CGREG?", "AT+CREG?")
T = TypeVar("T")


def _modems(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.MODEM]


def _targets(site: Site) -> list[str]:
    modems = _modems(site)
    if not modems:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no modem in the site file")
    return [modem.port for modem in modems]


def _resources(site: Site) -> list[str]:
    return [resource_of(modem.port) for modem in _modems(site)]


def _numbers(site: Site) -> list[str]:
    """Return the number that a test call would go to, where a modem is declared."""
    number = site.facts.get("menu_dial_number")
    return [number] if _modems(site) and isinstance(number, str) and number else []


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for modem in _modems(context.site):
        yield from _Talk(context, modem).all()


class _Talk(DeviceTalk):
    """One talk with one modem."""

    def __init__(self, context: ProbeContext, modem: Device) -> None:
        super().__init__(context, modem)
        self._asked = ModemConversation()
        self._port: SerialPort | None = None

    def all(self) -> Iterator[ProbeYield]:
        """Yield what it tells."""
        context, modem = self._context, self._device
        if context.deadline.passed():
            yield self._unmeasured("modem.*", CannotRun(NotRunReason.BUDGET_SPENT))
            return
        try:
            if is_on_network(modem.port):
                yield from self._ask_and_dial()
                return
            refuse_locked(modem.port)
            with open_port(modem.port, baud=modem.baud, deadline=context.deadline) as port:
                self._port = port
                yield from self._ask_and_dial()
        except CannotRun as reason:
            yield self._unmeasured("modem.*", reason)
        except LinkError as error:
            yield self._failed("modem.reply_time", error.as_failed())

    def _ask_and_dial(self) -> Iterator[ProbeYield]:
        self._refuse_a_line_in_use()
        broken: LinkError | None = None
        try:
            self._step(self._asked)
        except LinkError as error:
            if error.operation in (Operation.CONNECT, Operation.OPEN, Operation.RESOLVE):
                raise
            broken = error
        yield from self._answered(broken)
        if self._asked.answer_s is not None:
            yield from self._said()
            if broken is None and self._asked.failure is None:
                yield from self._dialled()

    def _refuse_a_line_in_use(self) -> None:
        """Leave a modem alone whose carrier line says that somebody is connected."""
        try:
            in_use = self._port is not None and self._port.modem_lines().cd
        except (CannotRun, LinkError):
            return
        if in_use:
            raise CannotRun(NotRunReason.NOT_APPLICABLE, "a connection is up: carrier (CD) is on")

    def _step(self, conversation: Conversation) -> None:
        context = self._context
        if self._port is not None:
            run_serial(self._port, conversation, context.deadline)
            return
        talk_over_network(
            device_address(self._device.port),
            conversation,
            context.deadline,
            site=context.site,
            allowance=context.allowance,
        )

    def _answered(self, broken: LinkError | None) -> Iterator[ProbeYield]:
        asked = self._asked
        if asked.answer_s is not None:
            yield self._measured("modem.reply_time", asked.answer_s, "s")
        failure = broken.as_failed() if broken is not None else asked.failure
        if failure is None:
            return
        if failure.failure is FailureKind.BUSY:
            yield self._unmeasured(
                "modem.*", CannotRun(NotRunReason.NOT_APPLICABLE, failure.detail)
            )
        elif failure.failure is not FailureKind.CENSORED or asked.answer_s is None:
            yield self._failed("modem.reply_time", failure)

    def _said(self) -> Iterator[ProbeYield]:
        asked = self._asked
        for name, command in (
            ("modem.maker", "AT+CGMI"),
            ("modem.model", "AT+CGMM"),
            ("modem.firmware", "AT+CGMR"),
        ):
            if told := asked.told(command):
                yield self._measured(name, told[0].partition(":")[2].strip() or told[0])
        for reply in asked.replies.values():
            if reply.error is not None:
                name = CME.get(reply.error, "maker's own")
                yield self._measured("modem.error", f"{reply.error} {name} ({reply.command})")
        yield from self._sim()
        yield from self._signal()
        yield from self._network()
        yield from self._connection()
        yield from self._clock()
        if wait := self._one("ATS7?", _register):
            yield self._measured("modem.carrier_wait", float(wait), "s")

    def _one(self, command: str, decode: Callable[[str], T]) -> T | None:
        """Return the value of the last line that can be one; None where nothing was told."""
        for line in reversed(self._asked.told(command)):
            try:
                return decode(line)
            except RemoteWireError:
                continue
        return None

    def _sim(self) -> Iterator[ProbeYield]:
        reply = self._asked.replies.get("AT+CPIN?")
        if reply is not None and reply.error == _NO_SIM:
            yield self._measured("modem.sim", "ABSENT")
        elif (state := self._one("AT+CPIN?", at_values.sim_state)) is not None:
            yield self._measured("modem.sim", state)

    def _signal(self) -> Iterator[ProbeYield]:
        plain = self._one("AT+CSQ", at_values.csq)
        extended = self._one("AT+CESQ", at_values.cesq)
        quality = self._one("AT+QCSQ", at_values.quality)
        rsrp = quality.rsrp_dbm if quality else None
        rsrq = quality.rsrq_db if quality else None
        if extended is not None:
            rsrp = rsrp if rsrp is not None else extended.rsrp_dbm
            rsrq = rsrq if rsrq is not None else extended.rsrq_db
        for name, value, unit in (
            ("modem.rssi", plain.rssi_dbm if plain else None, "dBm"),
            ("modem.rsrp", rsrp, "dBm"),
            ("modem.rsrq", rsrq, "dB"),
            ("modem.sinr", quality.sinr_db if quality else None, "dB"),
        ):
            if value is not None:
                yield self._measured(name, value, unit)

    def _network(self) -> Iterator[ProbeYield]:
        found = [self._one(command, at_values.registration) for command in _DATA_REGISTRATIONS]
        states = [one.state for one in found if one is not None]
        if states:
            # A terminal needs one network with data; the best of them counts.
            yield self._measured("modem.registration", min(states, key=_rank))
        operator = self._one("AT+COPS?", at_values.operator)
        band = self._one("AT+QNWINFO", at_values.network)
        if operator is not None and operator.name:
            yield self._measured("modem.operator", operator.name)
        access = band or (operator.access if operator else "")
        if access:
            yield self._measured("modem.access", access)

    def _connection(self) -> Iterator[ProbeYield]:
        attached = self._one("AT+CGATT?", at_values.is_attached)
        if attached is not None:
            yield self._measured("modem.attached", attached)
        context = self._one_context()
        if context is not None:
            yield self._measured("modem.apn", context.apn or "none")
            has_address = self._one("AT+CGPADDR=1", at_values.has_address)
            if has_address is not None:
                yield self._measured("modem.has_address", has_address)

    def _one_context(self) -> at_values.Context | None:
        for line in self._asked.told("AT+CGDCONT?"):
            try:
                context = at_values.context(line)
            except RemoteWireError:
                continue
            if context.number == 1:
                return context
        return None

    def _clock(self) -> Iterator[ProbeYield]:
        lines = self._asked.told("AT+CCLK?")
        if not lines:
            return
        try:
            moment = at_values.clock(lines[-1])
        except RemoteWireError:
            return
        yield self._measured("modem.clock_set", moment is not None)
        if moment is not None and moment.tzinfo is not None:
            off = moment - datetime.datetime.now(datetime.UTC)
            yield self._measured("modem.clock_offset", off.total_seconds(), "s")

    def _dialled(self) -> Iterator[ProbeYield]:
        context = self._context
        numbers = _numbers(context.site)
        if CONSENT not in context.consents:
            reason = CannotRun(NotRunReason.CONSENT_REQUIRED, f"--allow {CONSENT}")
        elif not self._asked.told("ATS7?"):
            reason = CannotRun(NotRunReason.NOT_APPLICABLE, "no telephone modem")
        elif not numbers:
            reason = CannotRun(NotRunReason.NOT_DECLARED, "--fact menu_dial_number=...")
        else:
            yield from self._dial(numbers[0])
            return
        yield self._unmeasured("modem.dial_result", reason)

    def _dial(self, number: str) -> Iterator[ProbeYield]:
        try:
            call = DialConversation(number)
        except LocalWireError as error:
            yield self._unmeasured(
                "modem.dial_result", CannotRun(NotRunReason.UNSUPPORTED, str(error))
            )
            return
        try:
            self._step(call)
        except LinkError as error:
            yield self._failed("modem.dial_result", error.as_failed())
            return
        if call.result is not None:
            yield self._measured("modem.dial_result", call.result)
        if call.result == "connect" and call.took_s is not None:
            yield self._measured("modem.dial_time", call.took_s, "s")
        if call.rate is not None:
            yield self._measured("modem.dial_rate", call.rate, "bit/s")
        if call.failure is not None:
            yield self._failed("modem.dial_result", call.failure)


def _register(line: str) -> int:
    if not (line.isascii() and line.isdigit() and len(line) <= 3):
        raise RemoteWireError("no register", field="ATS7?")
    return int(line)


_ORDER = ("home", "roaming", "denied", "searching", "emergency_only")


def _rank(state: str) -> int:
    """Return the place of a state: data first, then what says most about why there is none."""
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


_ABSENT = "the modem does not tell"

PROBE = Probe(
    name="modem",
    title="Modem: SIM, network, signal",
    sends="AT questions that change nothing, to each declared modem",
    observables=(
        Observable(
            "modem.reply_time", "s", "from AT to OK, or how that failed", "not asked from here"
        ),
        Observable("modem.maker", "", "maker", _ABSENT),
        Observable("modem.model", "", "model", _ABSENT),
        Observable("modem.firmware", "", "firmware", _ABSENT),
        Observable("modem.error", "", "an error with its number, name and question", "no error"),
        Observable("modem.sim", "", "READY, ABSENT, or which lock holds the SIM", _ABSENT),
        Observable("modem.rssi", "dBm", "signal strength (CSQ)", _ABSENT),
        Observable("modem.rsrp", "dBm", "strength of the LTE cell's reference signal", _ABSENT),
        Observable("modem.rsrq", "dB", "quality of the LTE cell's reference signal", _ABSENT),
        Observable("modem.sinr", "dB", "LTE signal above noise and interference", _ABSENT),
        Observable(
            "modem.registration",
            "",
            "home, roaming, denied, searching ...: the best of LTE, packet, voice",
            _ABSENT,
        ),
        Observable("modem.operator", "", "network that it is with", _ABSENT),
        Observable("modem.access", "", "kind of network, and its band", _ABSENT),
        Observable("modem.attached", "", "packet data is attached", _ABSENT),
        Observable("modem.apn", "", "APN of the first connection, or none", _ABSENT),
        Observable("modem.has_address", "", "the first connection has an address", _ABSENT),
        Observable("modem.clock_set", "", "its clock was ever set", _ABSENT),
        Observable("modem.clock_offset", "s", "its clock minus the laptop's", _ABSENT),
        Observable("modem.carrier_wait", "s", "how long it waits for a carrier (S7)", _ABSENT),
        Observable("modem.dial_result", "", "what came of one test call", "nothing was dialled"),
        Observable("modem.dial_time", "s", "from dialling to the connection", "none came about"),
        Observable("modem.dial_rate", "bit/s", "rate of the connection", "it was not named"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    steps=(
        Step(
            consent=CONSENT,
            sends="dials the number of the terminal's menu once, and hangs up",
            effect=Effect.INTERRUPTS_SERVICE,
            targets=_numbers,
        ),
    ),
    typical_s=4.0,
)
