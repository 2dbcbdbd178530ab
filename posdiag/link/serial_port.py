"""Serial ports: opened for one question, modem lines and kernel counters read, then closed.

Flow control is always off: a laptop that honoured DSR could not ask a printer for its status
exactly when its cover is open.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import MAX_RECEIVED, clock_s
from posdiag.link.serial_errors import errors_of_ports, gone, lacking, open_error
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.wire.conversation import Conversation, Done, Ended, Send, Wait

OPEN_LIMIT_S = 8.0
"""pyserial needs up to 5 s for a remote port; Bluetooth ports of Windows may hang far longer."""
SEND_LIMIT_S = 2.0
USUAL_BAUD = 9600
"""Of a device of which nothing else is known."""
_ENOUGH_STEPS = 1000
_ENOUGH_ENDS = 50
_TIOCGICOUNT = 0x545D
"""Source: Linux ``asm-generic/ioctls.h``; the answer is 20 ints (``serial_icounter_struct``)."""
_NO_LINES = ("socket://",)
"""pyserial says that every line of these is on, which nobody measured."""


class ModemLines(NamedTuple):
    """Input lines of a port, as levels."""

    cts: bool
    dsr: bool
    cd: bool


class Counters(NamedTuple):
    """What a driver has counted since it was bound to the port; only differences say something.

    Attributes:
        overrun: of the receiver and of the kernel's buffer.
    """

    received: int
    sent: int
    frame: int
    parity: int
    overrun: int
    breaks: int

    def since(self, before: Counters) -> Counters:
        """Return what was counted since ``before``."""
        return Counters(*(now - then for now, then in zip(self, before, strict=True)))


class SerialPort:
    """An open port. Use it in a ``with`` statement."""

    def __init__(self, raw: Any, name: str) -> None:  # noqa: ANN401  (pyserial's many classes)
        """Take an open port of pyserial (or what looks like one)."""
        self.raw = raw
        self.name = name

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the port; one that is gone already is no error."""
        try:
            self.raw.close()
        except errors_of_ports():
            return

    def modem_lines(self) -> ModemLines:
        """Return the input lines.

        Raises:
            CannotRun: unsupported, where there are none (pseudo terminals, TCP).
            LinkError: gone.
        """
        if self.name.lower().startswith(_NO_LINES):
            raise CannotRun(NotRunReason.UNSUPPORTED, "no modem lines over TCP")
        try:
            return ModemLines(bool(self.raw.cts), bool(self.raw.dsr), bool(self.raw.cd))
        except errors_of_ports() as error:
            raise lacking(error, "no modem lines") from error

    def counters(self) -> Counters:
        """Return the driver's counters.

        Raises:
            CannotRun: unsupported: not Linux, or a port without them.
            LinkError: gone.
        """
        if not sys.platform.startswith("linux"):
            raise CannotRun(NotRunReason.UNSUPPORTED, "error counters are read on Linux only")
        import fcntl
        import struct

        expected: tuple[type[Exception], ...] = (*errors_of_ports(), AttributeError)
        try:
            raw = fcntl.ioctl(self.raw.fileno(), _TIOCGICOUNT, bytes(80))
        except expected as error:
            raise lacking(error, "no error counters") from error
        _, _, _, _, rx, tx, frame, overrun, parity, breaks, buffer, *_ = struct.unpack("20i", raw)
        return Counters(rx, tx, frame, parity, overrun + buffer, breaks)


class Bits(NamedTuple):
    """How a character is sent.

    Attributes:
        parity: ``N``, ``E`` or ``O``.
    """

    data: int = 8
    parity: str = "N"
    stop: int = 1


EIGHT_ONE = Bits()


def open_port(
    name: str, *, baud: int | None, deadline: Deadline, bits: Bits = EIGHT_ONE
) -> SerialPort:
    """Open a port for ourselves alone, without flow control.

    Whatever had come in before is thrown away.

    Args:
        name: ``/dev/ttyUSB0``, ``COM3``, or a URL that pyserial knows.
        baud: bits per second; None: 9600.
        deadline: end of the run.
        bits: 8 data bits, no parity, 1 stop bit unless said otherwise.

    Raises:
        LinkError: not_found, permission (the detail names the group that may), busy, gone,
            refused, unexpected; silent or censored where opening takes too long.
        CannotRun: unsupported speed or kind of port; budget_spent.
    """
    wait_s, cut = deadline.cut(OPEN_LIMIT_S)
    if wait_s <= 0:
        raise CannotRun(NotRunReason.BUDGET_SPENT)

    def opening() -> Any:  # noqa: ANN401  (pyserial's many classes)
        import serial

        return serial.serial_for_url(
            name,
            baudrate=baud or USUAL_BAUD,
            bytesize=bits.data,
            parity=bits.parity,
            stopbits=bits.stop,
            timeout=0.5,
            write_timeout=SEND_LIMIT_S,
            rtscts=False,
            dsrdtr=False,
            xonxoff=False,
            exclusive=True,
        )

    result = _Opening(opening).wait(wait_s)
    if result is None:
        kind = FailureKind.CENSORED if cut else FailureKind.SILENT
        raise LinkError(kind, Operation.OPEN, waited_s=wait_s)
    if isinstance(result, ValueError):
        detail = f"{baud or USUAL_BAUD} bit/s, or the kind of port"
        raise CannotRun(NotRunReason.UNSUPPORTED, detail) from result
    if isinstance(result, ImportError):
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "pyserial") from result
    if isinstance(result, Exception):
        raise open_error(name, result) from result
    return SerialPort(result, name)


class _Opening:
    """Opens in a thread of its own, since nothing else bounds how long that takes."""

    def __init__(self, opening: Callable[[], Any]) -> None:
        self._opening = opening
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._result: Any = None
        self._is_late = False
        threading.Thread(target=self._work, name="open port", daemon=True).start()

    def _work(self) -> None:
        expected: tuple[type[Exception], ...] = (*errors_of_ports(), ValueError, ImportError)
        try:
            result = self._opening()
        except expected as error:
            result = error
        with self._lock:
            self._result = result
            self._ended.set()
            if self._is_late and not isinstance(result, Exception):
                result.close()

    def wait(self, wait_s: float) -> Any:  # noqa: ANN401  (pyserial's many classes)
        """Return the port, the error, or None where it takes longer (it is then closed later)."""
        self._ended.wait(wait_s)
        with self._lock:
            self._is_late = not self._ended.is_set()
            return self._result


class SerialResult(NamedTuple):
    """An exchange over a port that stayed there.

    Attributes:
        sent: bytes.
        received: bytes.
    """

    sent: int
    received: int


def run_serial(port: SerialPort, conversation: Conversation, deadline: Deadline) -> SerialResult:
    """Step a conversation over an open port until it is done.

    Args:
        port: open.
        conversation: what to say; what was said, and how that failed, is in it.
        deadline: end of the run's budget.

    Raises:
        LinkError: gone: the port was unplugged. The conversation was told so (``Ended.EOF``), and
            what it had learned before is in it.
    """
    return _SerialRun(port, conversation, deadline).until_done()


class _SerialRun:
    """One conversation on one port."""

    def __init__(self, port: SerialPort, conversation: Conversation, deadline: Deadline) -> None:
        self._port = port.raw
        self._conversation = conversation
        self._deadline = deadline
        self._sent = self._received = self._ends = 0
        self._stuck: Ended | None = None

    def until_done(self) -> SerialResult:
        sends = 0
        while True:
            match self._conversation.step(clock_s()):
                case Send(data):
                    sends += 1
                    if sends > _ENOUGH_STEPS:
                        raise RuntimeError(f"{type(self._conversation).__name__} never waits")
                    self._guard(Operation.SEND, partial(self._send, data))
                case Wait(limit_s, operation):
                    sends = 0
                    self._guard(operation, partial(self._wait, limit_s))
                case Done():
                    return SerialResult(self._sent, self._received)

    def _guard(self, operation: Operation, action: Callable[[], None]) -> None:
        begun_s = clock_s()
        try:
            action()
        except errors_of_ports() as error:
            now_s = clock_s()
            self._conversation.ended(Ended.EOF, now_s, now_s - begun_s)
            raise gone(error, operation) from error

    def _send(self, data: bytes) -> None:
        import serial

        wait_s, cut = self._deadline.cut(SEND_LIMIT_S)
        self._set("write_timeout", max(wait_s, 0.001))
        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            # Somebody holds the line (flow control of an adapter): told at the next wait.
            self._stuck = Ended.BUDGET if cut else Ended.LIMIT
        else:
            self._sent += len(data)

    def _wait(self, limit_s: float) -> None:
        since_s = clock_s()
        wait_s, cut = self._deadline.cut(limit_s)
        if self._stuck is not None:
            self._end(self._stuck, since_s)
            self._stuck = None
            return
        if wait_s <= 0:
            self._end(Ended.BUDGET, since_s)
            return
        self._set("timeout", wait_s)
        data = self._port.read(1)
        if not data:
            self._end(Ended.BUDGET if cut else Ended.LIMIT, since_s)
            return
        data += self._port.read(self._port.in_waiting) if self._port.in_waiting else b""
        self._received += len(data)
        if self._received > MAX_RECEIVED:
            self._end(Ended.TOO_MUCH, since_s)
        else:
            self._conversation.receive(bytes(data), clock_s())

    def _end(self, why: Ended, since_s: float) -> None:
        self._ends = self._ends + 1 if why is not Ended.LIMIT else self._ends
        if self._ends > _ENOUGH_ENDS:
            raise RuntimeError(f"{type(self._conversation).__name__} does not end")
        now_s = clock_s()
        self._conversation.ended(why, now_s, now_s - since_s)

    def _set(self, name: str, seconds: float) -> None:
        # Every change makes pyserial set up the whole port again.
        if getattr(self._port, name) != seconds:
            setattr(self._port, name, seconds)


def resource_of(port: str) -> str:
    """Return the name of the exclusive resource that a port is, links followed."""
    import os

    return f"serial:{os.path.realpath(port)}" if port.startswith("/") else f"serial:{port}"
