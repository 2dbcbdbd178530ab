"""Asks each declared terminal for its own word, in its own protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from posdiag.link.passphrase import passphrase_of
from posdiag.link.serial_port import Bits, resource_of
from posdiag.link.terminal_line import (
    NexoCall,
    TerminalLine,
    read_upload,
)
from posdiag.model.errors import CannotRun, LinkError, LocalWireError, RemoteWireError
from posdiag.model.frames import FrameRequest, FrameSettings
from posdiag.model.knowledge import Effect
from posdiag.model.observation import (
    Failed,
    FailureKind,
    NotRunReason,
    Operation,
    Unmeasured,
    Vantage,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.model.terminal_word import TOPICS, Saying
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield, Step
from posdiag.wire.ecr_dialogue import FrameDialogue
from posdiag.wire.status_upload import decode_file
from posdiag.wire.status_upload import sayings_of as upload_sayings
from posdiag.wire.zvt import Apdu
from posdiag.wire.zvt_commands import (
    DIAGNOSIS,
    LOG_OFF,
    NO_PASSWORD,
    PRINT_SETTINGS,
    STATUS_ENQUIRY,
    registration,
    sayings_of,
)
from posdiag.wire.zvt_dialogue import Outcome, ZvtDialogue, what_ended

SESSION, ONLINE, PRINT = "terminal-session", "online-diagnosis", "print"
_ZVT_BITS = Bits(stop=2)
_NEXO = ("nexo", "nexo_xml")


def _terminals(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.TERMINAL]


def _targets(site: Site) -> list[str]:
    terminals = _terminals(site)
    if not terminals:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no terminal among the devices of the site file")
    return [f"{device.port} {device.protocol}" for device in terminals]


def _resources(site: Site) -> list[str]:
    return [resource_of(device.port) for device in _terminals(site)]


def _requests(site: Site) -> Sequence[FrameRequest]:
    frames = site.terminal.frames if site.terminal else None
    return frames.requests if frames else []


def _step_targets(site: Site, consent: str) -> list[str]:
    """Return whom a step with its own consent would address."""
    in_zvt = consent in (SESSION, ONLINE, PRINT)
    in_nexo = consent == ONLINE
    in_frames = any(request.effect.consent == consent for request in _requests(site))
    fits = {"zvt": in_zvt, "nexo": in_nexo, "nexo_xml": in_nexo, "frames": in_frames}
    return [device.port for device in _terminals(site) if fits.get(device.protocol)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for device in _terminals(context.site):
        yield from _Asked(context, device).all()


class _Word(NamedTuple):
    """What came of asking.

    Attributes:
        failure: why there is no answer, or not all of it.
        acknowledged: something of ours was taken; None where the protocol cannot tell.
        refused: commands that were refused or aborted, in words.
    """

    said: list[Saying]
    failure: Failed | None = None
    acknowledged: bool | None = None
    reply_s: float | None = None
    refused: Sequence[str] = ()


class _Asked:
    """One terminal, asked."""

    def __init__(self, context: ProbeContext, device: Device) -> None:
        self._context = context
        self._device = device
        self._since_s = context.now_s()
        self._line = TerminalLine(context.site, context.deadline, context.allowance)

    def all(self) -> Iterator[ProbeYield]:
        """Yield what it says."""
        try:
            word = self._word()
        except CannotRun as reason:
            yield self._unmeasured("terminal.*", reason.reason, reason.detail)
            return
        except LinkError as error:
            failed = error.as_failed()
            word = _Word([], failed)
        yield from self._told(word)
        yield from self._without_consent()

    def _word(self) -> _Word:
        if self._context.deadline.passed():
            raise CannotRun(NotRunReason.BUDGET_SPENT)
        match self._device.protocol:
            case "zvt":
                return self._zvt()
            case "nexo" | "nexo_xml":
                return self._nexo()
            case "frames":
                return self._frames()
            case "status_upload":
                return self._upload()
            case other:
                wish = "protocol = zvt, nexo, nexo_xml, frames or status_upload"
                raise CannotRun(NotRunReason.NOT_DECLARED, f"{wish}, found {other}")

    def _allowed(self, consent: str) -> bool:
        return not consent or consent in self._context.consents

    def _zvt(self) -> _Word:
        commands = list(self._zvt_commands())
        dialogue = ZvtDialogue(commands, serial="://" not in self._device.port)
        try:
            self._line.talk(self._device, dialogue, bits=_ZVT_BITS)
        except LinkError:
            if dialogue.failure is None:
                raise
        said = [one for answer in dialogue.answers for one in sayings_of(answer)]
        hung = dialogue.answers[-1] if dialogue.failure and dialogue.answers else None
        if hung and hung.waited_for:
            said.append(Saying("waits_for", hung.waited_for))
        refused = [
            what_ended(answer)
            for answer in dialogue.answers
            if answer.outcome in (Outcome.REFUSED, Outcome.ABORTED)
        ]
        first = dialogue.answers[0].answer_s if dialogue.answers else None
        return _Word(said, dialogue.failure, dialogue.acknowledged, first, refused)

    def _zvt_commands(self) -> Iterator[Apdu]:
        """Yield what may be sent, the registration first and its end last."""
        session = self._allowed(SESSION)
        if session:
            try:
                yield registration(passphrase_of(self._device) or NO_PASSWORD)
            except LocalWireError as error:
                raise CannotRun(NotRunReason.NOT_DECLARED, str(error)) from None
        yield STATUS_ENQUIRY
        if self._allowed(ONLINE):
            yield DIAGNOSIS
        if self._allowed(PRINT):
            yield PRINT_SETTINGS
        if session:
            yield LOG_OFF

    def _nexo(self) -> _Word:
        device = self._device
        if not device.poi_id:
            raise CannotRun(NotRunReason.NOT_DECLARED, "poi_id: <model>-<serial> of the terminal")
        call = NexoCall(self._line, device, passphrase_of(device))
        word = self._nexo_word(call, ask_host=False)
        if word.failure is not None or not self._allowed(ONLINE):
            return word
        second = self._nexo_word(call, ask_host=True)
        said = list(dict.fromkeys([*word.said, *second.said]))
        return _Word(said, second.failure, None, word.reply_s, second.refused)

    def _nexo_word(self, call: NexoCall, *, ask_host: bool) -> _Word:
        since_s = self._context.now_s()
        answer = call.ask(ask_host=ask_host)
        if isinstance(answer, Failed):
            return _Word([], answer)
        said = list(answer.said)
        if any("posdiag" not in name for name in answer.loggers):
            said.append(Saying("text", "another till is logged in"))
        refused = [answer.condition] if answer.result == "Failure" else []
        return _Word(said, None, None, self._context.now_s() - since_s, refused)

    def _frames(self) -> _Word:
        terminal = self._context.site.terminal
        settings = terminal.frames if terminal else None
        if settings is None:
            raise CannotRun(NotRunReason.NOT_DECLARED, "[frames] in the terminal's profile")
        requests = [one for one in settings.requests if self._allowed(one.effect.consent)]
        tid = self._context.site.tid
        if not tid and any("{tid}" in one.send for one in requests):
            raise CannotRun(NotRunReason.NOT_DECLARED, "tid: a request names it")
        dialogue = FrameDialogue(settings, requests, tid=tid)
        try:
            self._line.talk(self._device, dialogue, baud=settings.baud, bits=_bits(settings))
        except LinkError:
            if dialogue.failure is None:
                raise
        said = [one for answer in dialogue.answers for one in answer.said]
        first = dialogue.answers[0].answer_s if dialogue.answers else None
        return _Word(said, dialogue.failure, dialogue.acknowledged, first)

    def _upload(self) -> _Word:
        data = read_upload(self._device.port)
        try:
            upload = decode_file(data)
        except RemoteWireError as error:
            wrong = Failed(FailureKind.PROTOCOL_ERROR, Operation.READ_STATUS, str(error))
            return _Word([], wrong)
        said = upload_sayings(upload)
        if upload.rest >= 0:
            said.append(Saying("text", f"an item at byte {upload.rest} is not known"))
        return _Word(said)

    def _told(self, word: _Word) -> Iterator[ProbeYield]:
        device = self._device
        if word.failure is None:
            yield self._context.measured(
                "terminal.reply",
                value=True,
                subject=device.port,
                part=device.part,
                since_s=self._since_s,
            )
        else:
            yield self._context.failed(
                "terminal.reply",
                word.failure.failure,
                word.failure.operation,
                detail=word.failure.detail,
                waited_s=word.failure.waited_s,
                subject=device.port,
                part=device.part,
                since_s=self._since_s,
            )
        if word.acknowledged is not None and word.failure is not None:
            yield self._said("acknowledged", Saying("acknowledged", word.acknowledged), "")
        if word.reply_s is not None:
            yield self._said("reply_time", Saying("reply_time", word.reply_s), "s")
        for text in word.refused:
            yield self._said("refused", Saying("refused", text), "")
        for saying in dict.fromkeys(word.said):
            yield self._said(saying.topic, saying, TOPICS[saying.topic].unit)

    def _said(self, name: str, saying: Saying, unit: str) -> ProbeYield:
        own = saying.topic in TOPICS or name == "refused"
        return self._context.measured(
            f"terminal.{name}",
            saying.value,
            unit,
            subject=self._device.port,
            part=self._device.part,
            since_s=self._since_s,
            vantage=Vantage.TERMINAL if own else Vantage.LAPTOP,
        )

    def _without_consent(self) -> Iterator[ProbeYield]:
        """Yield what could be known with a consent that was not given."""
        for consent, name in ((ONLINE, "terminal.host"), (PRINT, "terminal.host_address")):
            wanted = self._device.port in _step_targets(self._context.site, consent)
            if wanted and not self._allowed(consent):
                yield self._unmeasured(name, NotRunReason.CONSENT_REQUIRED, f"--allow {consent}")

    def _unmeasured(self, name: str, reason: NotRunReason, detail: str) -> Unmeasured:
        return Unmeasured(name=name, subject=self._device.port, reason=reason, detail=detail)


def _bits(settings: FrameSettings) -> Bits:
    return Bits(settings.data_bits, settings.parity[0].upper(), settings.stop_bits)


_NOT_SAID = "it does not say so"

PROBE = Probe(
    name="terminal",
    title="The terminal's own word",
    sends="status enquiry in the terminal's protocol (ZVT 05 01, nexo diagnosis without host, or "
    "the harmless requests of its profile); reads a status upload from a file",
    observables=(
        Observable(
            "terminal.reply", "", "it answered everything it was asked", "not asked from here"
        ),
        Observable(
            "terminal.acknowledged", "", "it took what we sent", "it answered, or cannot tell"
        ),
        Observable("terminal.reply_time", "s", "until its first answer", "it did not answer"),
        Observable(
            "terminal.refused",
            "",
            "a command that it refused or broke off",
            "none",
            vantage=Vantage.TERMINAL,
        ),
        *(
            Observable(
                f"terminal.{name}", topic.unit, topic.meaning, _NOT_SAID, vantage=Vantage.TERMINAL
            )
            for name, topic in TOPICS.items()
        ),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    steps=(
        Step(
            consent=SESSION,
            sends="ZVT registration and log-off: takes the place of the till's own registration, "
            "which the log-off does not bring back; restart the till's payment program afterwards",
            effect=Effect.INTERRUPTS_SERVICE,
            targets=lambda site: _step_targets(site, SESSION),
        ),
        Step(
            consent=ONLINE,
            sends="a diagnosis for which the terminal calls its host",
            effect=Effect.INTERRUPTS_SERVICE,
            targets=lambda site: _step_targets(site, ONLINE),
        ),
        Step(
            consent=PRINT,
            sends="print system configuration (ZVT 06 1A): comes out on paper unless we are "
            "registered",
            effect=Effect.SAFE,
            targets=lambda site: _step_targets(site, PRINT),
        ),
    ),
    typical_s=2.0,
)
