"""The probes through pyserial's URL handlers: a device server (rfc2217), and what it lacks."""

from __future__ import annotations

import os

import pytest

from posdiag.model.observation import FailureKind, NotRunReason
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import discover
from posdiag.simulate.printer import PrinterFaults, SimulatedPrinter
from posdiag.simulate.serial_device import SerialDeviceFaults, SimulatedSerialDevice
from tests.link.rfc2217_server import DeviceServer
from tests.probes.device_runs import Yielded, at_site

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals"),
    # pyserial 3.5 names and marks its reader thread the old way.
    pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(\\) is deprecated:DeprecationWarning"),
]
PRINTER, SERIAL = discover()["printer"], discover()["serial"]


def test_a_printer_behind_a_device_server() -> None:
    printer = SimulatedPrinter(PrinterFaults(paper="out"), pty=True)
    printer.start()
    with DeviceServer(printer.path) as server:
        yielded = at_site(PRINTER, Device(kind=DeviceKind.PRINTER, port=server.url))
    printer.stop()
    assert yielded.value("printer.reply") is True
    assert yielded.value("printer.paper") == "out"
    assert printer.printed == b""


def test_the_speed_of_a_device_server_is_the_remote_ports() -> None:
    printer = SimulatedPrinter(PrinterFaults(baud=38400), pty=True)
    printer.start()
    with DeviceServer(printer.path) as server:
        device = Device(kind=DeviceKind.PRINTER, port=server.url)
        site = Site(devices=[device], simulated=True)
        yielded = Yielded(PRINTER, site, consents=frozenset({"find-baud"}), budget_s=30.0)
    printer.stop()
    assert yielded.value("printer.found_baud") == 38400


def test_a_pin_pad_behind_a_device_server_has_no_counters() -> None:
    pad = SimulatedSerialDevice(SerialDeviceFaults(), pty=True)
    pad.start()
    with DeviceServer(pad.path) as server:
        device = Device(kind=DeviceKind.SERIAL, port=server.url, protocol="enq")
        yielded = at_site(SERIAL, device)
    pad.stop()
    assert yielded.value("serial.requests") == 10
    assert yielded.value("serial.garbled") == 0
    lacking = yielded.unmeasured("serial.frame_errors")
    assert lacking.reason is NotRunReason.UNSUPPORTED


def test_no_device_server_is_there() -> None:
    with DeviceServer("/dev/null") as server:
        url = server.url
    yielded = at_site(PRINTER, Device(kind=DeviceKind.PRINTER, port=url))
    assert yielded.kind("printer.reply") is FailureKind.REFUSED
