"""The serial probe against simulated devices, and ports made up where no simulation can help."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posdiag.link.serial_port import Counters, ModemLines, SerialPort
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import serial as serial_probe
from posdiag.probes.serial import PROBE
from posdiag.simulate.serial_device import SerialDeviceFaults, SimulatedSerialDevice
from posdiag.wire.uart import Line, as_read
from tests.probes.device_runs import Yielded, at_site, failures_as_nobody

needs_pty = pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals")
Start = Callable[..., SimulatedSerialDevice]
LINES = ("serial.cts", "serial.dsr", "serial.cd")
COUNTERS = (
    "serial.frame_errors",
    "serial.parity_errors",
    "serial.overruns",
    "serial.breaks",
    "serial.received",
)


@pytest.fixture(params=["pty", "tcp"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start simulated devices, on a pseudo terminal and over TCP."""
    if request.param == "pty" and os.name != "posix":
        pytest.skip("other system: no pseudo terminals")
    started: list[SimulatedSerialDevice] = []

    def begin(**faults: object) -> SimulatedSerialDevice:
        device = SimulatedSerialDevice(
            SerialDeviceFaults(**faults),  # type: ignore[arg-type]
            pty=request.param == "pty",
        )
        device.start()
        started.append(device)
        return device

    yield begin
    for device in started:
        device.stop()


def _device(port: str, protocol: str = "enq") -> Device:
    return Device(kind=DeviceKind.SERIAL, port=port, protocol=protocol)


def _ask(device: SimulatedSerialDevice, *, budget_s: float = 20.0) -> Yielded:
    return at_site(PROBE, _device(device.path), budget_s=budget_s)


def test_a_good_line(start: Start) -> None:
    device = start()
    yielded = _ask(device)
    assert yielded.value("serial.open") is True
    assert yielded.value("serial.requests") == 10
    assert yielded.value("serial.garbled") == 0
    assert yielded.value("serial.unanswered") == 0
    times = yielded.value("serial.reply_time")
    assert isinstance(times, list)
    assert len(times) == 10
    assert all(isinstance(seconds, float) and 0 < seconds < 0.5 for seconds in times)
    assert yielded.observation("serial.open").subject == device.path
    # Neither a pseudo terminal nor a network port has lines or counters: that is no fault.
    for name in (*LINES, *COUNTERS):
        assert yielded.unmeasured(name).reason is NotRunReason.UNSUPPORTED


def test_nothing_but_enquiries_is_sent(start: Start) -> None:
    for faults in ({}, {"garble_every": 1}, {"nak": True}):
        device = start(**faults)
        _ask(device)
        assert b"".join(device.journal) == b"\x05" * 10


def test_without_a_protocol_nothing_is_sent(start: Start) -> None:
    device = start()
    yielded = at_site(PROBE, _device(device.path, "none"))
    time.sleep(0.1)
    assert yielded.names() == {"serial.open"}
    assert b"".join(device.journal) == b""


@pytest.mark.parametrize(
    ("faults", "garbled", "good"),
    [({"garble_every": 2}, 5, 5), ({"garble_every": 3}, 3, 7), ({"nak": True}, 0, 10)],
)
def test_answers_are_counted(
    start: Start, faults: dict[str, object], garbled: int, good: int
) -> None:
    yielded = _ask(start(**faults))
    assert yielded.value("serial.requests") == 10
    assert yielded.value("serial.garbled") == garbled
    times = yielded.value("serial.reply_time")
    assert isinstance(times, list)
    assert len(times) == good


def test_all_garbled_is_a_protocol_error(start: Start) -> None:
    yielded = _ask(start(garble_every=1))
    assert yielded.value("serial.garbled") == 10
    assert yielded.kind("serial.reply_time") is FailureKind.PROTOCOL_ERROR


def test_a_dead_device_is_silent_and_its_line_not_praised(start: Start) -> None:
    device = start(silent=True)
    yielded = _ask(device)
    assert yielded.value("serial.open") is True
    assert yielded.value("serial.unanswered") == 10
    if device.path.startswith("/"):
        refused = yielded.unmeasured("serial.found_baud")
        assert refused.reason is NotRunReason.CONSENT_REQUIRED
    assert yielded.kind("serial.reply_time") is FailureKind.SILENT
    assert yielded.unmeasured("serial.garbled").reason is NotRunReason.EARLIER_STEP_FAILED
    assert "serial.garbled" not in yielded.names()


def test_a_slow_device_has_its_delay_measured(start: Start) -> None:
    times = _ask(start(delay_s=0.05)).value("serial.reply_time")
    assert isinstance(times, list)
    assert all(isinstance(seconds, float) and 0.05 <= seconds < 0.3 for seconds in times)


def test_one_that_is_unplugged_meanwhile(start: Start) -> None:
    yielded = _ask(start(gone_after=3))
    assert yielded.value("serial.open") is True
    assert yielded.value("serial.requests") == 3
    assert yielded.kind("serial.reply_time") is FailureKind.GONE


def test_the_deadline_censors_and_is_kept(start: Start) -> None:
    device = start(silent=True)
    begun = time.monotonic()
    yielded = _ask(device, budget_s=0.8)
    assert yielded.kind("serial.reply_time") is FailureKind.CENSORED
    assert yielded.value("serial.requests") == 1
    assert time.monotonic() - begun < 1.5
    spent = _ask(device, budget_s=-1.0)
    assert spent.unmeasured("serial.*").reason is NotRunReason.BUDGET_SPENT


def test_the_deadline_keeps_good_answers(start: Start) -> None:
    yielded = _ask(start(delay_s=0.2), budget_s=0.8)
    times = yielded.value("serial.reply_time")
    assert isinstance(times, list)
    assert 1 <= len(times) < 10
    assert yielded.value("serial.requests") == len(times)


def test_all_declared_devices_are_asked(start: Start) -> None:
    good, bad = start(), start(garble_every=1)
    other = Device(kind=DeviceKind.SERIAL, port=bad.path, protocol="enq", part=Part.TILL_PRINTER)
    yielded = at_site(PROBE, _device(good.path), other, _device("nosuchscheme://x"))
    assert yielded.value("serial.garbled", good.path) == 0
    assert yielded.value("serial.garbled", bad.path) == 10
    assert yielded.observation("serial.garbled", bad.path).part is Part.TILL_PRINTER
    assert yielded.unmeasured("serial.*").reason is NotRunReason.UNSUPPORTED


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yielded = at_site(PROBE, _device(f"socket://127.0.0.1:{port}"))
    assert yielded.kind("serial.open") is FailureKind.REFUSED
    assert yielded.names() == {"serial.open"}


@needs_pty
@pytest.mark.parametrize(
    ("port", "kind"),
    [("/dev/posdiag-not-there", FailureKind.NOT_FOUND), ("/dev/null", FailureKind.UNEXPECTED)],
)
def test_ports_that_cannot_be_opened(port: str, kind: FailureKind) -> None:
    yielded = at_site(PROBE, _device(port))
    assert yielded.kind("serial.open") is kind
    assert yielded.failed("serial.open").operation is Operation.OPEN


@needs_pty
def test_a_port_in_use_and_one_without_permission() -> None:
    import fcntl

    device = SimulatedSerialDevice(SerialDeviceFaults(), pty=True)
    device.start()
    with Path(device.path).open("rb+", buffering=0) as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert _ask(device).kind("serial.open") is FailureKind.BUSY
    Path(device.path).chmod(0o000)
    kind, detail = failures_as_nobody("serial", device.path)["serial.open"]
    device.stop()
    assert kind == "permission"
    assert "udev rule" in detail


def test_no_device_is_declared() -> None:
    for call in (PROBE.targets, lambda site: Yielded(PROBE, site)):
        with pytest.raises(CannotRun) as undeclared:
            call(Site())
        assert undeclared.value.reason is NotRunReason.NOT_DECLARED


def test_targets_and_resources() -> None:
    site = Site(devices=[_device("COM3"), _device("COM4", "none")])
    assert PROBE.targets(site) == ["COM3", "COM4"]
    assert PROBE.resources(site) == ["serial:COM3", "serial:COM4"]


def _made_up(monkeypatch: pytest.MonkeyPatch, counters: list[Counters | LinkError]) -> None:
    """Give ports lines and counters: no pseudo terminal has any."""

    def read(_: SerialPort) -> Counters:
        found = counters.pop(0)
        if isinstance(found, LinkError):
            raise found
        return found

    lines = ModemLines(cts=True, dsr=False, cd=False)
    monkeypatch.setattr(SerialPort, "modem_lines", lambda _: lines)
    monkeypatch.setattr(SerialPort, "counters", read)
    monkeypatch.setattr(serial_probe, "REST_S", 0.01)


BEFORE = Counters(received=100, sent=100, frame=7, parity=1, overrun=2, breaks=0)


@pytest.mark.parametrize("protocol", ["enq", "none"])
def test_lines_and_what_was_counted_meanwhile(
    monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    after = BEFORE._replace(frame=10, overrun=3, received=120, line_changes=9)
    _made_up(monkeypatch, [BEFORE, after])
    yielded = at_site(PROBE, _device("loop://", protocol))
    assert [yielded.value(name) for name in LINES] == [True, False, False]
    assert [yielded.value(name) for name in COUNTERS] == [3, 0, 1, 0, 20]
    assert yielded.value("serial.error_ratio") == pytest.approx(4 / 20)
    rate = yielded.value("serial.error_rate")
    assert isinstance(rate, float)
    assert rate > 0.5
    assert yielded.value("serial.lines_toggle") is True


def test_nothing_received_gives_no_share_of_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    _made_up(monkeypatch, [BEFORE, BEFORE])
    yielded = at_site(PROBE, _device("loop://", "none"))
    assert yielded.value("serial.error_rate") == 0
    assert "serial.error_ratio" not in yielded.names()
    assert yielded.value("serial.lines_toggle") is False


def test_a_port_that_is_gone_before_the_second_count(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = LinkError(FailureKind.GONE, Operation.READ_STATUS)
    _made_up(monkeypatch, [BEFORE, gone])
    yielded = at_site(PROBE, _device("loop://", "none"))
    for name in COUNTERS:
        assert yielded.unmeasured(name).reason is NotRunReason.EARLIER_STEP_FAILED


def test_a_loop_plug_answers_enquiries_with_enquiries() -> None:
    yielded = at_site(PROBE, _device("loop://"))
    assert yielded.value("serial.garbled") == 10
    assert yielded.kind("serial.reply_time") is FailureKind.PROTOCOL_ERROR


@needs_pty
def test_the_speed_is_found_with_consent() -> None:
    device = SimulatedSerialDevice(SerialDeviceFaults(baud=19200), pty=True)
    device.start()
    site = Site(devices=[_device(device.path)], simulated=True)
    found = Yielded(PROBE, site, consents=frozenset({"find-baud"}), budget_s=30.0)
    device.stop()
    assert found.kind("serial.reply_time") is FailureKind.SILENT
    assert found.value("serial.found_baud") == 19200


@needs_pty
def test_the_search_ends_with_the_budget() -> None:
    device = SimulatedSerialDevice(SerialDeviceFaults(silent=True), pty=True)
    device.start()
    site = Site(devices=[_device(device.path)], simulated=True)
    cut = Yielded(PROBE, site, consents=frozenset({"find-baud"}), budget_s=6.0)
    device.stop()
    assert cut.unmeasured("serial.found_baud").reason is NotRunReason.BUDGET_SPENT


@needs_pty
@pytest.mark.parametrize(
    ("read_at", "garble"), [(9600, "none"), (19200, "speed"), (2400, "speed"), (115200, "break")]
)
def test_what_a_device_sends_by_itself(read_at: int, garble: str) -> None:
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    # A pseudo terminal has no speed: what a receiver would make of it comes from the model.
    came = as_read(b"ready, paper in, amount 12.50\r\n" * 4, Line(9600), read_at).data
    timer = threading.Timer(0.3, os.write, (master, came))
    timer.start()
    device = Device(kind=DeviceKind.SERIAL, port=os.ttyname(slave), baud=read_at)
    yielded = at_site(PROBE, device)
    timer.join()
    os.close(master)
    os.close(slave)
    assert yielded.value("serial.heard") == min(len(came), 256)
    assert yielded.value("serial.garble") == garble


@needs_pty
def test_answers_garbled_by_a_wrong_speed_name_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The device hears us (as one that finds the speed by itself) and answers at its own.
    device = SimulatedSerialDevice(SerialDeviceFaults(), pty=True)
    garbage = as_read(b"\x06", Line(19200), 9600).data
    monkeypatch.setattr(device._device, "feed", lambda data: garbage * data.count(5))
    device.start()
    yielded = at_site(PROBE, _device(device.path))
    device.stop()
    assert yielded.value("serial.garbled") == 10
    assert yielded.value("serial.garble") == "speed"
    assert yielded.value("serial.probable_baud") == [19200.0]


def test_a_declared_loopback_plug_is_a_bit_error_test() -> None:
    yielded = at_site(PROBE, _device("loop://", "loop"))
    assert yielded.value("serial.bits_returned") == 8192
    assert yielded.value("serial.bit_errors") == 0
    assert yielded.value("serial.bit_error_limit") == pytest.approx(3 / 8192)


@needs_pty
def test_bits_turned_over_and_no_plug_at_all() -> None:
    import tty

    def echo(master: int, *, spoil: bool) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(master, 4096):
                if spoil:
                    os.write(master, bytes([data[0] ^ 0x10]) + data[1:])

    for spoil in (True, False):
        master, slave = os.openpty()
        tty.setraw(slave)
        plug = threading.Thread(target=echo, args=(master,), kwargs={"spoil": spoil}, daemon=True)
        plug.start()
        yielded = at_site(PROBE, _device(os.ttyname(slave), "loop"))
        os.close(slave)
        plug.join(5)
        os.close(master)
        if spoil:
            assert yielded.value("serial.bits_returned") == 8192
            assert yielded.value("serial.bit_errors") == 32
            assert "serial.bit_error_limit" not in yielded.names()
        else:
            assert yielded.kind("serial.bit_errors") is FailureKind.SILENT
            assert "serial.bits_returned" not in yielded.names()


@needs_pty
def test_the_latency_of_an_ftdi_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_probe, "latency_s", lambda _: 0.016)
    device = SimulatedSerialDevice(SerialDeviceFaults(), pty=True)
    device.start()
    assert _ask(device).value("serial.latency_timer") == pytest.approx(0.016)
    device.stop()
