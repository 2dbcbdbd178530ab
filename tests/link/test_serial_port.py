"""Serial ports: how opening fails, what is read, and the driver; on pseudo terminals and fakes."""

from __future__ import annotations

import errno
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial  # noqa: TID253  (its late import is the code's business)

from posdiag.link import serial_port
from posdiag.link.deadline import Deadline
from posdiag.link.serial_errors import error_number, open_error
from posdiag.link.serial_port import (
    Counters,
    ModemLines,
    SerialPort,
    open_port,
    resource_of,
    run_serial,
)
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

needs_pty = pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals")


@pytest.fixture
def pty_pair() -> Iterator[tuple[int, str]]:
    """A raw pseudo terminal: the device's end, and the path of ours."""
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for end in (master, slave):
        try:
            os.close(end)
        except OSError:
            continue


def _open(name: str, *, baud: int = 9600) -> SerialPort:
    return open_port(name, baud=baud, deadline=Deadline.after(5))


def _open_failure(name: str) -> LinkError:
    with pytest.raises(LinkError) as failed:
        _open(name)
    assert failed.value.operation is Operation.OPEN
    assert name not in failed.value.detail
    return failed.value


@needs_pty
def test_open_ports_have_no_flow_control_and_nothing_old(pty_pair: tuple[int, str]) -> None:
    master, path = pty_pair
    os.write(master, b"old")
    with _open(path) as port:
        assert (port.raw.rtscts, port.raw.dsrdtr, port.raw.xonxoff) == (False, False, False)
        assert (port.raw.bytesize, port.raw.parity, port.raw.stopbits) == (8, "N", 1)
        assert port.raw.in_waiting == 0


@needs_pty
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/dev/posdiag-not-there", FailureKind.NOT_FOUND),
        ("/dev/null", FailureKind.UNEXPECTED),
        ("/", FailureKind.UNEXPECTED),
        ("hwgrep://posdiag-not-there", FailureKind.NOT_FOUND),
    ],
)
def test_ports_that_cannot_be_opened(name: str, kind: FailureKind) -> None:
    assert _open_failure(name).kind is kind


def test_a_refused_network_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert _open_failure(f"socket://127.0.0.1:{port}").kind is FailureKind.REFUSED


@needs_pty
def test_a_locked_port_is_busy_until_it_is_free(pty_pair: tuple[int, str]) -> None:
    _, path = pty_pair
    with _open(path):
        assert _open_failure(path).kind is FailureKind.BUSY
    with _open(path):
        pass


AS_NOBODY = """
import os, sys
import serial, grp, ctypes
from posdiag.link.deadline import Deadline
from posdiag.link.serial_port import open_port
from posdiag.model.errors import LinkError
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    open_port(sys.argv[1], baud=9600, deadline=Deadline.after(5))
except LinkError as error:
    print(error.kind, error.detail)
"""
"""Becomes nobody after its imports: the sources need not be readable for everybody."""


def _open_as_nobody(path: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, path],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.strip()


@needs_pty
def test_a_port_that_we_may_not_open_names_its_group_or_a_rule(pty_pair: tuple[int, str]) -> None:
    import grp

    _, path = pty_pair
    groups = [group for group in grp.getgrall() if group.gr_gid not in (0, *os.getgroups())]
    own = Path(path).stat().st_gid
    if os.geteuid() == 0:
        os.chown(path, -1, groups[0].gr_gid)
        Path(path).chmod(0o660)
        told = _open_as_nobody(path)
        assert told.startswith(f"permission group {groups[0].gr_name} may use it: sudo usermod")
        os.chown(path, -1, own)
    Path(path).chmod(0o000)
    assert _open_as_nobody(path).startswith("permission no group may use it; a udev rule")


@needs_pty
def test_a_port_that_another_program_holds_exclusively(pty_pair: tuple[int, str]) -> None:
    import fcntl
    import termios

    _, path = pty_pair
    Path(path).chmod(0o666)
    holder = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.ioctl(holder, termios.TIOCEXCL)
        assert _open_as_nobody(path).startswith("busy")
    finally:
        fcntl.ioctl(holder, termios.TIOCNXCL)
        os.close(holder)


def test_kinds_of_ports_and_speeds_that_there_are_not() -> None:
    with pytest.raises(CannotRun) as unknown:
        _open("nosuchscheme://x")
    assert unknown.value.reason is NotRunReason.UNSUPPORTED
    with pytest.raises(CannotRun) as spent:
        open_port("loop://", baud=9600, deadline=Deadline.after(-1))
    assert spent.value.reason is NotRunReason.BUDGET_SPENT


def test_opening_is_bounded_and_a_late_port_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, closed = threading.Event(), threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def slow(*_: object, **__: object) -> Late:
        let_go.wait(10)
        return Late()

    monkeypatch.setattr(serial, "serial_for_url", slow)
    begun = time.monotonic()
    with pytest.raises(LinkError) as censored:
        open_port("COM9", baud=9600, deadline=Deadline.after(0.2))
    assert censored.value.kind is FailureKind.CENSORED
    assert censored.value.waited_s == pytest.approx(0.2, abs=0.05)
    assert time.monotonic() - begun < 1.0
    monkeypatch.setattr(serial_port, "OPEN_LIMIT_S", 0.1)
    with pytest.raises(LinkError) as silent:
        open_port("COM9", baud=9600, deadline=Deadline.after(5))
    assert silent.value.kind is FailureKind.SILENT
    let_go.set()
    assert closed.wait(5)


# text and number of errors of pyserial 3.5 -> kind on other systems than Windows
ERRORS = [
    (serial.SerialException(2, "could not open port"), FailureKind.NOT_FOUND),
    (serial.SerialException(13, "could not open port"), FailureKind.PERMISSION),
    (serial.SerialException(16, "could not open port"), FailureKind.BUSY),
    (serial.SerialException(11, "Could not exclusively lock port x"), FailureKind.BUSY),
    (serial.SerialException("Could not configure port: (5, 'I/O error')"), FailureKind.NOT_FOUND),
    (serial.SerialException("Could not configure port: (25, 'x')"), FailureKind.UNEXPECTED),
    (serial.SerialException("Could not open port x: timed out"), FailureKind.SILENT),
    (
        serial.SerialException("Could not open port x: [Errno 111] Connection refused"),
        FailureKind.REFUSED,
    ),
    (serial.SerialException("something else"), FailureKind.UNEXPECTED),
]


@pytest.mark.skipif(sys.platform != "linux", reason="other system: numbers of Linux")
@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_errors_of_opening(error: Exception, kind: FailureKind) -> None:
    assert open_error("/dev/posdiag-not-there", error).kind is kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("PermissionError(13, 'Access is denied.', None, 5)", FailureKind.BUSY),
        ("FileNotFoundError(2, 'The system cannot find', None, 2)", FailureKind.NOT_FOUND),
        ("OSError(22, 'A device attached to the system', None, 31)", FailureKind.GONE),
    ],
)
def test_errors_of_opening_on_windows(
    text: str, kind: FailureKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    # serialwin32 puts the error of the system into its text only.
    monkeypatch.setattr(sys, "platform", "win32")
    error = serial.SerialException(f"could not open port 'COM3': {text}")
    assert open_error("COM3", error).kind is kind


def test_termios_errors_have_a_number_too() -> None:
    termios = pytest.importorskip("termios", reason="other system: no termios")
    assert error_number(termios.error(22, "Invalid argument")) == 22


@needs_pty
def test_a_pty_has_neither_lines_nor_counters(pty_pair: tuple[int, str]) -> None:
    with _open(pty_pair[1]) as port:
        for read in (port.modem_lines, port.counters):
            with pytest.raises(CannotRun) as lacking:
                read()
            assert lacking.value.reason is NotRunReason.UNSUPPORTED


def test_lines_of_a_network_port_are_nobodys_measurement() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        name = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        with _open(name) as port:
            assert port.raw.cts is True
            for read in (port.modem_lines, port.counters):
                with pytest.raises(CannotRun) as lacking:
                    read()
                assert lacking.value.reason is NotRunReason.UNSUPPORTED


class FakePort:
    """What pyserial shows of a port with lines; no pseudo terminal has any (made up here)."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.error = error
        self.timeout = self.write_timeout = 1.0

    def _level(self) -> bool:
        if self.error is not None:
            raise self.error
        return False

    @property
    def cts(self) -> bool:
        return self._level()

    @property
    def dsr(self) -> bool:
        return not self._level()

    @property
    def cd(self) -> bool:
        return self._level()

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        if self.error is not None:
            raise self.error


def test_lines_are_read_as_they_are() -> None:
    with SerialPort(FakePort(), "/dev/ttyUSB0") as port:
        assert port.modem_lines() == ModemLines(cts=False, dsr=True, cd=False)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO])
def test_lines_of_a_port_that_is_gone(number: int) -> None:
    with (
        SerialPort(FakePort(error=OSError(number, "x")), "/dev/ttyUSB0") as port,
        pytest.raises(LinkError) as gone,
    ):
        port.modem_lines()
    assert gone.value.kind is FailureKind.GONE


@pytest.mark.skipif(sys.platform != "linux", reason="other system: counters of Linux")
def test_counters_are_those_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    asked: list[int] = []

    def ioctl(_: int, request: int, buffer: bytes) -> bytes:
        asked.append(request)
        assert len(buffer) == 80
        # struct serial_icounter_struct of linux/serial.h
        return struct.pack("20i", 1, 2, 3, 4, 100, 200, 5, 6, 7, 8, 9, *[0] * 9)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    counters = SerialPort(FakePort(), "/dev/ttyUSB0").counters()
    assert counters == Counters(
        received=100, sent=200, frame=5, parity=7, overrun=15, breaks=8, line_changes=7
    )
    assert asked == [0x545D]
    assert counters.since(counters._replace(frame=2)) == Counters(0, 0, 3, 0, 0, 0, 0)


class Talk:
    """A conversation that sends once and takes what comes until ``enough`` bytes."""

    def __init__(self, enough: int, *, limit_s: float = 0.3) -> None:
        self.got = b""
        self.ends: list[Ended] = []
        self._to_send = [b"ping"]
        self._enough = enough
        self._limit_s = limit_s

    def step(self, now_s: float) -> Step:
        assert now_s > 0
        if self._to_send:
            return Send(self._to_send.pop())
        if self.ends or len(self.got) >= self._enough:
            return Done()
        return Wait(self._limit_s, Operation.READ_STATUS)

    def receive(self, data: bytes, now_s: float) -> None:
        assert data
        self.got += data

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        assert now_s > 0
        assert waited_s >= 0
        self.ends.append(why)


def test_a_conversation_over_a_loop() -> None:
    talk = Talk(4)
    with _open("loop://") as port:
        result = run_serial(port, talk, Deadline.after(5))
    assert talk.got == b"ping"
    assert (result.sent, result.received) == (4, 4)


@needs_pty
@pytest.mark.parametrize(
    ("budget_s", "why"), [(5.0, Ended.LIMIT), (0.1, Ended.BUDGET), (-1.0, Ended.BUDGET)]
)
def test_silence_and_the_end_of_the_budget(
    pty_pair: tuple[int, str], budget_s: float, why: Ended
) -> None:
    talk = Talk(4)
    begun = time.monotonic()
    with _open(pty_pair[1]) as port:
        run_serial(port, talk, Deadline.after(budget_s))
    assert talk.ends == [why]
    assert time.monotonic() - begun < 1.0
    assert os.read(pty_pair[0], 100) == b"ping"


@needs_pty
def test_a_port_that_is_pulled_is_gone(pty_pair: tuple[int, str]) -> None:
    master, path = pty_pair
    talk = Talk(100, limit_s=5.0)
    os.write(master, b"old")
    with _open(path) as port:
        threading.Timer(0.1, os.write, (master, b"part")).start()
        threading.Timer(0.3, os.close, (master,)).start()
        with pytest.raises(LinkError) as gone:
            run_serial(port, talk, Deadline.after(5))
    assert gone.value.kind is FailureKind.GONE
    assert talk.got == b"part"
    assert talk.ends == [Ended.EOF]


@needs_pty
def test_more_bytes_than_any_exchange_has(
    pty_pair: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_port, "MAX_RECEIVED", 100)
    master, path = pty_pair
    talk = Talk(1000, limit_s=2.0)
    with _open(path) as port:
        os.write(master, b"x" * 500)
        run_serial(port, talk, Deadline.after(5))
    assert talk.ends == [Ended.TOO_MUCH]


class StuckPort(FakePort):
    """A port whose line is held by flow control."""

    def write(self, data: bytes) -> int:
        raise serial.SerialTimeoutException("Write timeout")

    def read(self, size: int) -> bytes:
        raise AssertionError("nothing was asked")

    in_waiting = 0


def test_a_line_that_takes_nothing_is_silent() -> None:
    talk = Talk(4)
    result = run_serial(SerialPort(StuckPort(), "/dev/ttyUSB0"), talk, Deadline.after(5))
    assert talk.ends == [Ended.LIMIT]
    assert result.sent == 0


def test_broken_conversations_are_our_bug() -> None:
    class Chatter(Talk):
        def step(self, now_s: float) -> Step:
            return Send(b"x")

    class Deaf(Talk):
        def step(self, now_s: float) -> Step:
            return Wait(0.1, Operation.READ_STATUS)

    with _open("loop://") as port:
        with pytest.raises(RuntimeError):
            run_serial(port, Chatter(1), Deadline.after(5))
        port.raw.reset_input_buffer()
        with pytest.raises(RuntimeError):
            run_serial(port, Deaf(1), Deadline.after(0.2))


def test_one_port_is_one_resource(tmp_path: Any) -> None:
    assert resource_of("COM3") == "serial:COM3"
    assert resource_of("socket://192.0.2.1:9100") == "serial:socket://192.0.2.1:9100"
    if os.name == "posix":
        link = tmp_path / "by-id"
        link.symlink_to("/dev/posdiag-not-there")
        assert resource_of(str(link)) == resource_of("/dev/posdiag-not-there")
