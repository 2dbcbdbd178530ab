"""Talking to a receipt printer, whatever it hangs on: a serial port, USB, or the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from posdiag.link.deadline import Deadline
from posdiag.link.device_address import device_address, is_on_network, talk_over_network
from posdiag.link.politeness import HostAllowance
from posdiag.link.port_details import is_usb_printer
from posdiag.link.serial_port import SerialPort, open_port, run_serial
from posdiag.link.usb_printer import open_usb_printer, port_status
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import Failed, FailureKind
from posdiag.model.site import Device, Site
from posdiag.wire.conversation import Conversation

_HELD = "another host holds the port, or its interface sends nothing back"
_NETWORK_WORDS = {
    FailureKind.SILENT: f"connected, but no status: {_HELD}",
    FailureKind.CLOSED: f"connected, then closed: {_HELD}",
    FailureKind.RESET: f"connected, then reset: {_HELD}",
    FailureKind.REFUSED: "another host holds the port, it is the wrong port, or the printer sleeps",
}
"""Source: Epson UB-E02 technical reference pp. 4-6, 5-3: three connections, only one is served."""


class AskedPrinter(NamedTuple):
    """What came of one conversation.

    Attributes:
        failure: why not everything was answered; None: it was.
        usb_status: the port status byte, None: no USB, or it does not say.
    """

    failure: Failed | None
    usb_status: int | None = None


class PrinterPort:
    """One declared printer."""

    def __init__(
        self, printer: Device, site: Site, deadline: Deadline, allowance: HostAllowance
    ) -> None:
        """Keep whom to ask and until when."""
        self._printer = printer
        self._site = site
        self._deadline = deadline
        self._allowance = allowance

    @property
    def is_serial(self) -> bool:
        """Return whether it hangs on a serial line, which has a speed."""
        port = self._printer.port
        return not is_on_network(port) and not is_usb_printer(port)

    def talk(
        self,
        conversation: Conversation,
        failed: Callable[[], Failed | None],
        *,
        baud: int | None = None,
    ) -> AskedPrinter:
        """Step a conversation with the printer.

        Args:
            conversation: what to say.
            failed: why the conversation failed, read when it is over.
            baud: another speed than the declared one.

        Raises:
            CannotRun: as for the kind of port.
        """
        port = self._printer.port
        try:
            if is_on_network(port):
                self._over_network(conversation)
                return AskedPrinter(_network_words(failed()))
            if is_usb_printer(port):
                return self._over_usb(conversation, failed)
            baud = baud or self._printer.baud
            with open_port(port, baud=baud, deadline=self._deadline) as serial:
                run_serial(serial, conversation, self._deadline)
                return AskedPrinter(_with_lines(failed(), serial))
        except LinkError as error:
            failure = error.as_failed()
            return AskedPrinter(_network_words(failure) if is_on_network(port) else failure)

    def _over_network(self, conversation: Conversation) -> None:
        talk_over_network(
            device_address(self._printer.port),
            conversation,
            self._deadline,
            site=self._site,
            allowance=self._allowance,
        )

    def _over_usb(
        self, conversation: Conversation, failed: Callable[[], Failed | None]
    ) -> AskedPrinter:
        with open_usb_printer(self._printer.port, self._deadline) as usb:
            try:
                status = port_status(usb)
            except CannotRun:
                status = None
            run_serial(usb, conversation, self._deadline)
            return AskedPrinter(failed(), status)


def _network_words(failure: Failed | None) -> Failed | None:
    """Add to a failure over the network what most often is behind it."""
    if failure is None or failure.failure not in _NETWORK_WORDS:
        return failure
    told = _NETWORK_WORDS[failure.failure]
    detail = f"{failure.detail}; {told}" if failure.detail else told
    return msgspec.structs.replace(failure, detail=detail)


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
