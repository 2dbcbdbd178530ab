"""The printer probe against simulated printers."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from posdiag.link.serial_port import SerialPort
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import Device, DeviceKind, LaptopAt, LinkClass, Site, TerminalProfile
from posdiag.model.text import Text
from posdiag.probes.printer import PROBE
from posdiag.simulate.printer import PrinterFaults, SimulatedPrinter
from tests.probes.device_runs import Yielded, at_site, failures_as_nobody

needs_pty = pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals")
Start = Callable[..., SimulatedPrinter]


@pytest.fixture(params=["pty", "tcp"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start simulated printers, on a pseudo terminal and over TCP."""
    if request.param == "pty" and os.name != "posix":
        pytest.skip("other system: no pseudo terminals")
    started: list[SimulatedPrinter] = []

    def begin(**faults: object) -> SimulatedPrinter:
        printer = SimulatedPrinter(
            PrinterFaults(**faults),  # type: ignore[arg-type]
            pty=request.param == "pty",
        )
        printer.start()
        started.append(printer)
        return printer

    yield begin
    for printer in started:
        printer.stop()


def _device(port: str) -> Device:
    return Device(kind=DeviceKind.PRINTER, port=port)


def _ask(printer: SimulatedPrinter, *, budget_s: float = 20.0) -> Yielded:
    return at_site(PROBE, _device(printer.path), budget_s=budget_s)


def test_a_healthy_printer(start: Start) -> None:
    printer = start()
    yielded = _ask(printer)
    assert yielded.value("printer.reply") is True
    assert yielded.value("printer.online") is True
    assert yielded.value("printer.cover") == "closed"
    assert yielded.value("printer.paper") == "enough"
    assert yielded.value("printer.error") == "none"
    assert yielded.observation("printer.reply").subject == printer.path
    assert yielded.observation("printer.reply").part is Part.TERMINAL


@pytest.mark.parametrize(
    ("faults", "name", "value"),
    [
        ({"paper": "near_end"}, "printer.paper", "near_end"),
        ({"paper": "near_end"}, "printer.online", True),
        ({"paper": "out"}, "printer.paper", "out"),
        ({"paper": "out"}, "printer.online", False),
        ({"cover_open": True}, "printer.cover", "open"),
        ({"error": "cutter"}, "printer.error", "cutter"),
        ({"error": "recoverable"}, "printer.error", "recoverable"),
        ({"error": "unrecoverable"}, "printer.error", "unrecoverable"),
        ({"error": "auto_recoverable"}, "printer.error", "auto_recoverable"),
        ({"paper": "out", "noise": True}, "printer.paper", "out"),
        ({"paper": "out", "delay_s": 0.1}, "printer.paper", "out"),
    ],
)
def test_what_it_says(start: Start, faults: dict[str, object], name: str, value: object) -> None:
    yielded = _ask(start(**faults))
    assert yielded.value("printer.reply") is True
    assert yielded.value(name) == value


def test_no_byte_that_prints_cuts_kicks_or_resets_is_sent(start: Start) -> None:
    # A printer in trouble must not tempt us to help either (DLE ENQ).
    for faults in ({}, {"error": "cutter"}, {"silent": True}, {"garbage": True}):
        printer = start(**faults)
        _ask(printer)
        received = b"".join(printer.journal)
        questions = [received[at : at + 3] for at in range(0, len(received), 3)]
        assert questions
        assert set(questions) <= {
            b"\x10\x04\x01",
            b"\x10\x04\x02",
            b"\x10\x04\x03",
            b"\x10\x04\x04",
        }
        assert printer.printed == b""


def test_paper_under_an_open_cover_is_not_judged(start: Start) -> None:
    yielded = _ask(start(cover_open=True, paper="out"))
    assert yielded.unmeasured("printer.paper").reason is NotRunReason.NOT_APPLICABLE
    assert "printer.paper" not in yielded.names()


def test_a_silent_printer_is_silent_and_nothing_else(start: Start) -> None:
    printer = start(silent=True)
    yielded = _ask(printer)
    failed = yielded.failed("printer.reply")
    assert failed.failure is FailureKind.SILENT
    assert failed.operation is Operation.READ_STATUS
    limit_s = 3.0 if printer.path.startswith("socket") else 1.0
    assert failed.waited_s == pytest.approx(limit_s, abs=0.3)
    assert yielded.names() == {"printer.reply"}


def test_garbage_is_no_status(start: Start) -> None:
    printer = start(garbage=True)
    yielded = _ask(printer)
    assert yielded.kind("printer.reply") is FailureKind.PROTOCOL_ERROR
    # Only a serial line has a speed that could be wrong.
    guessed = {"printer.garble"} if printer.path.startswith("/") else set()
    assert yielded.names() == {"printer.reply"} | guessed


def test_one_that_falls_silent_half_way_keeps_what_it_said(start: Start) -> None:
    yielded = _ask(start(dead_after=2, paper="out"))
    failed = yielded.failed("printer.reply")
    assert failed.failure is FailureKind.SILENT
    assert "2 of 4" in failed.detail
    assert yielded.value("printer.online") is False
    assert "printer.paper" not in yielded.names()


def test_one_that_is_unplugged_meanwhile(start: Start) -> None:
    printer = start(gone_after=2)
    yielded = _ask(printer)
    closed = printer.path.startswith("socket")
    assert yielded.kind("printer.reply") is (FailureKind.CLOSED if closed else FailureKind.GONE)
    assert yielded.value("printer.cover") == "closed"


def test_the_deadline_censors_and_is_kept(start: Start) -> None:
    printer = start(silent=True)
    begun = time.monotonic()
    failed = _ask(printer, budget_s=0.4).failed("printer.reply")
    assert failed.failure is FailureKind.CENSORED
    assert failed.waited_s is not None
    assert failed.waited_s < 0.45
    assert time.monotonic() - begun < 1.0
    spent = _ask(printer, budget_s=-1.0)
    assert spent.unmeasured("printer.*").reason is NotRunReason.BUDGET_SPENT


def test_asked_again_it_answers_again(start: Start) -> None:
    printer = start(paper="near_end")
    for _ in range(2):
        assert _ask(printer).value("printer.paper") == "near_end"


def test_all_declared_printers_are_asked(start: Start) -> None:
    good, bad = start(), start(garbage=True)
    till = Device(kind=DeviceKind.PRINTER, port=bad.path, part=Part.TILL_PRINTER)
    yielded = at_site(PROBE, _device(good.path), till, _device("socket://nonsense"))
    assert yielded.value("printer.reply", good.path) is True
    assert yielded.failed("printer.reply", bad.path).failure is FailureKind.PROTOCOL_ERROR
    assert yielded.observation("printer.reply", bad.path).part is Part.TILL_PRINTER
    assert yielded.unmeasured("printer.*").reason is NotRunReason.UNSUPPORTED


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yielded = at_site(PROBE, _device(f"socket://127.0.0.1:{port}"))
    assert yielded.kind("printer.reply") is FailureKind.REFUSED
    assert yielded.failed("printer.reply").operation is Operation.CONNECT


@needs_pty
def test_no_such_port() -> None:
    yielded = at_site(PROBE, _device("/dev/posdiag-not-there"))
    assert yielded.kind("printer.reply") is FailureKind.NOT_FOUND
    assert yielded.failed("printer.reply").operation is Operation.OPEN


@needs_pty
def test_no_permission() -> None:
    printer = SimulatedPrinter(PrinterFaults(), pty=True)
    printer.start()
    Path(printer.path).chmod(0o000)
    kind, detail = failures_as_nobody("printer", printer.path)["printer.reply"]
    printer.stop()
    assert kind == "permission"
    assert "udev rule" in detail


def test_no_printer_is_declared() -> None:
    for call in (PROBE.targets, lambda site: Yielded(PROBE, site)):
        with pytest.raises(CannotRun) as undeclared:
            call(Site())
        assert undeclared.value.reason is NotRunReason.NOT_DECLARED
    assert PROBE.resources(Site()) == []


def test_targets_and_resources() -> None:
    site = Site(devices=[_device("COM3"), _device("socket://192.0.2.1:9100")])
    assert PROBE.targets(site) == ["COM3", "socket://192.0.2.1:9100"]
    assert PROBE.resources(site) == ["serial:COM3", "serial:socket://192.0.2.1:9100"]


def test_a_printer_of_another_dialect_is_sent_nothing(start: Start) -> None:
    printer = start()
    terminal = TerminalProfile(
        id="star",
        title=Text(en="Star", zh="Star"),
        link_class=LinkClass.ETH,
        printer_dialect="star_line",
        sources={},
    )
    yielded = Yielded(PROBE, Site(devices=[_device(printer.path)], terminal=terminal))
    assert yielded.unmeasured("printer.*").reason is NotRunReason.UNSUPPORTED
    assert printer.journal == []


def test_the_shops_printer_is_not_asked_from_elsewhere() -> None:
    devices = [_device("socket://192.168.1.9:9100")]
    yielded = Yielded(PROBE, Site(devices=devices, laptop_at=LaptopAt.ELSEWHERE))
    assert yielded.unmeasured("printer.*").reason is NotRunReason.NOT_REACHABLE_FROM_HERE


@needs_pty
def test_how_the_lines_stand_is_told_with_a_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    # No pseudo terminal has lines, so they are made up here.
    from posdiag.link.serial_port import ModemLines

    monkeypatch.setattr(
        SerialPort, "modem_lines", lambda _: ModemLines(cts=False, dsr=True, cd=False)
    )
    printer = SimulatedPrinter(PrinterFaults(silent=True), pty=True)
    printer.start()
    assert _ask(printer).failed("printer.reply").detail == "CTS off, DSR on"
    printer.stop()


def test_a_printer_in_stars_language(start: Start) -> None:
    for faults, name, value in (
        ({}, "printer.error", "none"),
        ({"error": "cutter"}, "printer.error", "cutter"),
        ({"paper": "out"}, "printer.paper", "out"),
        ({"cover_open": True}, "printer.cover", "open"),
    ):
        printer = start(dialect="star", **faults)
        device = Device(kind=DeviceKind.PRINTER, port=printer.path, dialect="star")
        yielded = at_site(PROBE, device)
        assert yielded.value("printer.reply") is True
        assert yielded.value(name) == value
        assert b"".join(printer.journal) == b"\x1b\x06\x01"
        assert printer.printed == b""


def test_automatic_status_of_a_printer_that_answers_nothing_else(start: Start) -> None:
    yielded = _ask(start(automatic="only", paper="out"))
    assert yielded.kind("printer.reply") is FailureKind.PROTOCOL_ERROR
    assert yielded.value("printer.paper") == "out"
    both = _ask(start(automatic="also", error="cutter"))
    assert both.value("printer.reply") is True
    assert both.value("printer.error") == "cutter"


@pytest.mark.parametrize(
    ("faults", "cause"),
    [
        ({"offline": True}, "none_given"),
        ({"cover_open": True}, "cover"),
        ({"paper": "out"}, "paper"),
        ({"error": "cutter"}, "error"),
    ],
)
def test_why_it_is_offline(start: Start, faults: dict[str, object], cause: str) -> None:
    yielded = _ask(start(**faults))
    assert yielded.value("printer.online") is False
    assert yielded.value("printer.offline_cause") == cause


def test_one_that_is_online_gives_no_reason(start: Start) -> None:
    assert "printer.offline_cause" not in _ask(start()).names()


def test_one_that_holds_us_up_is_busy_and_in_no_state(start: Start) -> None:
    yielded = _ask(start(busy=True))
    assert yielded.kind("printer.reply") is FailureKind.BUSY
    assert yielded.names() == {"printer.reply"}


def test_a_network_port_that_another_host_holds() -> None:
    # As Epson's board does it: the second connection is accepted, and nothing is served on it.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            yielded = at_site(PROBE, _device(f"socket://127.0.0.1:{port}"))
    failed = yielded.failed("printer.reply")
    assert failed.failure is FailureKind.SILENT
    assert "another host holds the port" in failed.detail
    assert yielded.names() == {"printer.reply"}


def _allowed(
    printer: SimulatedPrinter, *consents: str, baud: int = 9600, budget_s: float = 30.0
) -> Yielded:
    device = Device(kind=DeviceKind.PRINTER, port=printer.path, baud=baud)
    site = Site(devices=[device], simulated=True)
    return Yielded(PROBE, site, consents=frozenset(consents), budget_s=budget_s)


@needs_pty
@pytest.mark.parametrize("baud", [38400, 4800])
def test_the_speed_is_found_with_consent_only(baud: int) -> None:
    printer = SimulatedPrinter(PrinterFaults(baud=baud, paper="out"), pty=True)
    printer.start()
    refused = _allowed(printer)
    assert refused.unmeasured("printer.found_baud").reason is NotRunReason.CONSENT_REQUIRED
    assert "printer.paper" not in refused.names()
    found = _allowed(printer, "find-baud")
    assert found.value("printer.found_baud") == baud
    declared = _allowed(printer, "find-baud", baud=baud)
    assert declared.value("printer.paper") == "out"
    assert "printer.found_baud" not in declared.names()
    printer.stop()
    # At a wrong speed a request arrives as other bytes: why the search takes a consent.
    assert printer.printed != b""


@needs_pty
def test_the_search_ends_with_the_budget() -> None:
    printer = SimulatedPrinter(PrinterFaults(silent=True), pty=True)
    printer.start()
    yielded = _allowed(printer, "find-baud", budget_s=3.0)
    printer.stop()
    assert yielded.kind("printer.reply") is FailureKind.SILENT
    assert yielded.unmeasured("printer.found_baud").reason is NotRunReason.BUDGET_SPENT


def test_a_line_is_printed_with_consent_only(start: Start) -> None:
    printer = start()
    assert "printer.test_print" not in _allowed(printer).names()
    assert printer.printed == b""
    assert _allowed(printer, "print").value("printer.test_print") is True
    assert printer.printed.startswith(b"posdiag test print")
    assert not set(printer.printed) & {0x1B, 0x1D, 0x10}


def test_nothing_is_printed_on_one_that_is_not_ready(start: Start) -> None:
    for faults in ({"paper": "out"}, {"error": "cutter"}, {"cover_open": True}):
        printer = start(**faults)
        refused = _allowed(printer, "print").unmeasured("printer.test_print")
        assert refused.reason is NotRunReason.NOT_APPLICABLE
        assert printer.printed == b""


@needs_pty
@pytest.mark.parametrize(
    ("status", "names"),
    [
        (0x18, {"printer.reply", "printer.usb_status"}),
        (0x38, {"printer.reply", "printer.usb_status", "printer.paper"}),
        (0x08, {"printer.reply", "printer.usb_status", "printer.online"}),
    ],
)
def test_a_usb_printer_that_says_no_more_than_its_status_byte(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, names: set[str]
) -> None:
    # The status byte is made up: a pseudo terminal stands for the printer's pipes.
    monkeypatch.setattr("posdiag.link.printer_port.port_status", lambda _: status)
    printer = SimulatedPrinter(PrinterFaults(silent=True), pty=True)
    printer.start()
    (tmp_path / "usb").mkdir()
    port = tmp_path / "usb" / "lp0"
    port.symlink_to(printer.path)
    yielded = at_site(PROBE, _device(str(port)))
    printer.stop()
    assert yielded.kind("printer.reply") is FailureKind.SILENT
    assert yielded.value("printer.usb_status") == f"{status:02x}"
    assert yielded.names() == names
    if "printer.paper" in names:
        assert yielded.value("printer.paper") == "out"


@needs_pty
def test_a_usb_printers_answers_go_before_its_status_byte(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("posdiag.link.printer_port.port_status", lambda _: 0x18)
    printer = SimulatedPrinter(PrinterFaults(paper="out"), pty=True)
    printer.start()
    (tmp_path / "usb").mkdir()
    port = tmp_path / "usb" / "lp0"
    port.symlink_to(printer.path)
    yielded = at_site(PROBE, _device(str(port)))
    printer.stop()
    assert yielded.value("printer.reply") is True
    assert yielded.value("printer.paper") == "out"
