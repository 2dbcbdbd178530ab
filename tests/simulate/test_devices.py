"""The simulated devices, spoken to by plain bytes."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from posdiag.simulate.printer import PrinterFaults, SimulatedPrinter
from posdiag.simulate.serial_device import SerialDeviceFaults, SimulatedSerialDevice
from posdiag.simulate.ups import SimulatedUps, UpsFaults

Device = SimulatedPrinter | SimulatedSerialDevice
Make = Callable[[msgspec.Struct], Device]


@pytest.fixture(params=["pty", "tcp"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Start simulated devices, on a pseudo terminal and over TCP."""
    pty = request.param == "pty"
    if pty and os.name != "posix":
        pytest.skip("other system: no pseudo terminals")
    started: list[Device] = []

    def begin(faults: msgspec.Struct) -> Device:
        device: Device = (
            SimulatedPrinter(faults, pty=pty)
            if isinstance(faults, PrinterFaults)
            else SimulatedSerialDevice(msgspec.convert(faults, SerialDeviceFaults), pty=pty)
        )
        device.start()
        started.append(device)
        return device

    yield begin
    for device in started:
        device.stop()


class Talk:
    """Raw bytes to and from a path."""

    def __init__(self, path: str) -> None:
        self._link: socket.socket | None = None
        if path.startswith("socket://"):
            host, port = path.removeprefix("socket://").split(":")
            self._link = socket.create_connection((host, int(port)))
            self._fd = self._link.fileno()
        else:
            self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def ask(self, data: bytes, wait_s: float = 1.0, *, enough: int = 1) -> bytes:
        """Send, then return what comes: at most until ``enough`` bytes are there."""
        if self._link is not None:
            self._link.sendall(data)
        else:
            os.write(self._fd, data)
        got, end = b"", time.monotonic() + wait_s
        while len(got) < enough and (left := end - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                piece = self._link.recv(100) if self._link else os.read(self._fd, 100)
                if not piece:
                    raise OSError("gone")
                got += piece
        return got

    def close(self) -> None:
        """Close our end."""
        if self._link is not None:
            self._link.close()
        else:
            os.close(self._fd)


def test_a_printer_answers_and_writes_down_every_byte(make: Make) -> None:
    printer = make(PrinterFaults(paper="out"))
    assert isinstance(printer, SimulatedPrinter)
    talk = Talk(printer.path)
    assert talk.ask(b"\x10\x04\x04") == b"\x7e"
    assert talk.ask(b"Hello\x1b@\x10\x04\x01") == b"\x1a"
    talk.close()
    assert b"".join(printer.journal) == b"\x10\x04\x04Hello\x1b@\x10\x04\x01"
    assert printer.printed == b"Hello\x1b@"


def test_a_device_outlives_whoever_talks_to_it(make: Make) -> None:
    device = make(SerialDeviceFaults())
    for _ in range(3):
        talk = Talk(device.path)
        assert talk.ask(b"\x05") == b"\x06"
        talk.close()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("faults", "request_", "answer"),
    [
        (PrinterFaults(silent=True), b"\x10\x04\x01", b""),
        (PrinterFaults(garbage=True), b"\x10\x04\x01", b"\xf8\xfe\xe6"),
        (PrinterFaults(noise=True), b"\x10\x04\x01", b"\xf8\x12"),
        (PrinterFaults(dead_after=0), b"\x10\x04\x01", b""),
        (PrinterFaults(), b"not a request", b""),
        (SerialDeviceFaults(silent=True), b"\x05", b""),
        (SerialDeviceFaults(nak=True), b"\x05", b"\x15"),
        (SerialDeviceFaults(garble_every=1), b"\x05", b"\x86"),
        (SerialDeviceFaults(), b"\x00\xff", b""),
    ],
)
def test_faults(make: Make, faults: msgspec.Struct, request_: bytes, answer: bytes) -> None:
    talk = Talk(make(faults).path)
    assert talk.ask(request_, 0.3, enough=len(answer) or 1) == answer
    talk.close()


def test_each_kth_answer_is_garbled(make: Make) -> None:
    talk = Talk(make(SerialDeviceFaults(garble_every=3)).path)
    assert [talk.ask(b"\x05") for _ in range(6)] == [b"\x06", b"\x06", b"\x86"] * 2
    talk.close()


def test_it_dies_after_some_bytes(make: Make) -> None:
    talk = Talk(make(PrinterFaults(dead_after=2)).path)
    assert [talk.ask(b"\x10\x04\x01", 0.2) for _ in range(3)] == [b"\x12", b"\x12", b""]
    talk.close()


def test_it_takes_its_time(make: Make) -> None:
    talk = Talk(make(SerialDeviceFaults(delay_s=0.2)).path)
    begun = time.monotonic()
    assert talk.ask(b"\x05") == b"\x06"
    assert time.monotonic() - begun >= 0.2
    talk.close()


@pytest.mark.parametrize("faults", [PrinterFaults(gone_after=1), SerialDeviceFaults(gone_after=1)])
def test_it_is_unplugged(make: Make, faults: msgspec.Struct) -> None:
    talk = Talk(make(faults).path)
    question = b"\x10\x04\x01" if isinstance(faults, PrinterFaults) else b"\x05"
    assert talk.ask(question)
    with pytest.raises(OSError, match=r"gone|Input/output error"):
        talk.ask(question)
    talk.close()


def test_stopping_takes_it_away_at_once(make: Make) -> None:
    before = threading.active_count()
    device = make(PrinterFaults())
    talk = Talk(device.path)
    begun = time.monotonic()
    device.stop()
    assert time.monotonic() - begun < 1.0
    assert threading.active_count() <= before
    with pytest.raises(OSError, match=r"gone|Input/output error"):
        talk.ask(b"\x10\x04\x01")
    talk.close()


def _ups(faults: UpsFaults, request: bytes, wait_s: float = 1.0) -> tuple[bytes, list[str]]:
    ups = SimulatedUps(faults)
    ups.start()
    with socket.create_connection((ups.address, ups.port)) as link:
        link.settimeout(wait_s)
        link.sendall(request)
        try:
            answer = link.recv(4096)
        except TimeoutError:
            answer = b""
    ups.stop()
    with pytest.raises(OSError):
        socket.create_connection((ups.address, ups.port), timeout=1)
    return answer, ups.journal


@pytest.mark.parametrize(
    ("faults", "answer"),
    [
        (UpsFaults(), b'VAR shop ups.status "OL CHRG"\n'),
        (UpsFaults(status="OB LB"), b'VAR shop ups.status "OB LB"\n'),
        (UpsFaults(stale=True), b"ERR DATA-STALE\n"),
        (UpsFaults(driver_dead=True), b"ERR DRIVER-NOT-CONNECTED\n"),
        (UpsFaults(variables={"ups.status": ""}), b"ERR VAR-NOT-SUPPORTED\n"),
        (UpsFaults(silent=True), b""),
    ],
)
def test_a_ups_server(faults: UpsFaults, answer: bytes) -> None:
    got, journal = _ups(faults, b"GET VAR shop ups.status\n", 0.5)
    assert got == answer
    assert journal == ["GET VAR shop ups.status"]


def test_a_ups_server_that_is_none() -> None:
    got, _ = _ups(UpsFaults(garbage=True), b"LIST UPS\n")
    assert got.startswith(b"SSH-2.0")


@pytest.mark.parametrize("kind", [PrinterFaults, SerialDeviceFaults, UpsFaults])
def test_unknown_faults_are_refused(kind: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no_such_fault": True}, kind)
    assert msgspec.convert({}, kind) == kind()
