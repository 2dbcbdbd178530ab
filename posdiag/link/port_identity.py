"""Asks one port that a person named what is on it: the only place that asks an undeclared port.

Listens first. Then status requests that change and print nothing on what they are meant for:
ESC/POS, then Star, then an enquiry. Only a printer that has answered is asked for its name.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.port_details import is_usb_printer
from posdiag.link.serial_port import SerialPort, open_port, run_serial
from posdiag.link.usb_printer import open_usb_printer
from posdiag.model.observation import FailureKind
from posdiag.wire.conversation import Conversation
from posdiag.wire.escpos import PrinterState
from posdiag.wire.garble import TEXT, guess
from posdiag.wire.line_control import EnquiryConversation
from posdiag.wire.listening import ListenConversation
from posdiag.wire.printer_identity import PrinterIdentityConversation
from posdiag.wire.printer_status import SERIAL_LIMIT_S, PrinterStatusConversation
from posdiag.wire.star_status import StarStatusConversation

_LISTEN_S = 0.5

Answered = Literal["escpos_printer", "star_printer", "enquiry", "talks", "garbage", "silent"]


class PortIdentity(NamedTuple):
    """What is on a port.

    Attributes:
        answered: how it answered; ``silent`` says nothing about what is there.
        garble: of garbage: speed, parity, break or noise; else empty.
        probable_bauds: speeds that would give this garbage.
    """

    port: str
    baud: int
    answered: Answered
    maker: str = ""
    model: str = ""
    firmware: str = ""
    state: PrinterState = PrinterState()
    garble: str = ""
    probable_bauds: tuple[int, ...] = ()


def identify_port(name: str, *, baud: int, deadline: Deadline) -> PortIdentity:
    """Return what is on a port.

    Args:
        name: of a serial port or a USB printer.
        baud: bits per second; a USB printer has none.
        deadline: until when.

    Raises:
        LinkError: it could not be opened, or was pulled meanwhile.
        CannotRun: as for opening.
    """
    opened = (
        open_usb_printer(name, deadline)
        if is_usb_printer(name)
        else open_port(name, baud=baud, deadline=deadline)
    )
    with opened as port:
        return _Questions(port, name, baud, deadline).ask()


class _Questions:
    """The questions to one port."""

    def __init__(self, port: SerialPort, name: str, baud: int, deadline: Deadline) -> None:
        self._port = port
        self._name = name
        self._baud = baud
        self._deadline = deadline
        self._came = bytearray()

    def ask(self) -> PortIdentity:
        listening = ListenConversation(_LISTEN_S)
        self._step(listening)
        self._came += listening.came
        if self._came and guess(bytes(self._came), TEXT, self._baud).kind == "none":
            return PortIdentity(self._name, self._baud, "talks")
        printer = PrinterStatusConversation(limit_s=SERIAL_LIMIT_S)
        self._step(printer)
        if printer.failure is None:
            return self._named(printer.state)
        self._came += printer.noise
        if printer.failure.failure is FailureKind.SILENT:
            return self._others()
        return self._unknown()

    def _named(self, state: PrinterState) -> PortIdentity:
        # GS I waits behind print data, and an offline printer does not come to it.
        told: dict[str, str] = {}
        if state.online:
            identity = PrinterIdentityConversation()
            self._step(identity)
            told = identity.told
        return PortIdentity(
            self._name,
            self._baud,
            "escpos_printer",
            told.get("maker", ""),
            told.get("model", ""),
            told.get("firmware", ""),
            state,
        )

    def _others(self) -> PortIdentity:
        star = StarStatusConversation(limit_s=SERIAL_LIMIT_S)
        self._step(star)
        if star.status is not None:
            return PortIdentity(self._name, self._baud, "star_printer", state=star.state)
        self._came += star.stray
        enquiry = EnquiryConversation(count=2)
        if not is_usb_printer(self._name):
            self._step(enquiry)
            if enquiry.reply_times_s and not enquiry.garbled:
                return PortIdentity(self._name, self._baud, "enquiry")
            self._came += enquiry.came
        return self._unknown()

    def _unknown(self) -> PortIdentity:
        if not self._came:
            return PortIdentity(self._name, self._baud, "silent")
        found = guess(bytes(self._came), TEXT, self._baud)
        return PortIdentity(
            self._name,
            self._baud,
            "garbage",
            garble=str(found.kind),
            probable_bauds=found.bauds,
        )

    def _step(self, conversation: Conversation) -> None:
        run_serial(self._port, conversation, self._deadline)
