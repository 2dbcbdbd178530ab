"""What the system tells of ports, on trees made up after Linux's layout; holders are real.

The sysfs trees are constructed: this machine has no USB. The process table is the real one.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.port_details import (
    UsbPrinter,
    clone_symptom,
    driver_of,
    is_usb_printer,
    latency_s,
    usb_printers,
)
from posdiag.link.port_holders import Holders, holder_words, holders
from posdiag.link.port_rights import who_may
from posdiag.link.serial_port import SerialPort, open_port, run_serial
from posdiag.link.usb_printer import UsbPrinterFile, open_usb_printer, port_status
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason
from posdiag.wire.escpos import Paper, PrinterState
from posdiag.wire.printer_status import PrinterStatusConversation
from tests.link.pulled import pulled_line

linux = pytest.mark.skipif(sys.platform != "linux", reason="other system: no /proc, no usblp")
needs_pty = pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals")


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """Constructed: an FTDI adapter, a CDC device and a USB printer, as Linux lays them out."""
    drivers = tmp_path / "bus" / "usb-serial" / "drivers" / "ftdi_sio"
    cdc = tmp_path / "bus" / "usb" / "drivers" / "cdc_acm"
    ftdi = tmp_path / "devices" / "usb1" / "1-1" / "1-1:1.0" / "ttyUSB0"
    acm = tmp_path / "devices" / "usb1" / "1-2" / "1-2:1.0"
    printer = tmp_path / "devices" / "usb1" / "1-3"
    for folder in (drivers, cdc, ftdi, acm, printer / "1-3:1.0"):
        folder.mkdir(parents=True)
    (ftdi / "driver").symlink_to(drivers)
    (ftdi / "latency_timer").write_text("16\n", encoding="utf-8")
    (acm / "driver").symlink_to(cdc)
    for name, device in (("ttyUSB0", ftdi), ("ttyACM0", acm)):
        (tmp_path / "class" / "tty" / name).mkdir(parents=True)
        (tmp_path / "class" / "tty" / name / "device").symlink_to(device)
    devices = tmp_path / "bus" / "usb-serial" / "devices"
    devices.mkdir()
    (devices / "ttyUSB0").symlink_to(ftdi)
    for key, text in (("idVendor", "04b8"), ("idProduct", "0e03"), ("product", "TM-T20")):
        (printer / key).write_text(text + "\n", encoding="utf-8")
    usbmisc = tmp_path / "class" / "usbmisc"
    (usbmisc / "lp0").mkdir(parents=True)
    (usbmisc / "lp0" / "device").symlink_to(printer / "1-3:1.0")
    (usbmisc / "lp1").mkdir()
    (usbmisc / "hiddev0").mkdir()
    return tmp_path


@needs_pty
def test_driver_and_latency(sysfs: Path) -> None:
    assert driver_of("/dev/ttyUSB0", sys=sysfs) == "ftdi_sio"
    assert driver_of("/dev/ttyACM0", sys=sysfs) == "cdc_acm"
    assert driver_of("/dev/ttyUSB9", sys=sysfs) == ""
    assert driver_of("COM3", sys=sysfs) == ""
    assert latency_s("/dev/ttyUSB0", sys=sysfs) == pytest.approx(0.016)
    assert latency_s("/dev/ttyACM0", sys=sysfs) is None
    (sysfs / "bus/usb-serial/devices/ttyUSB0/latency_timer").write_text("x", encoding="utf-8")
    assert latency_s("/dev/ttyUSB0", sys=sysfs) is None


@needs_pty
def test_usb_printers(sysfs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert usb_printers(sys=sysfs) == [
        UsbPrinter("/dev/usb/lp0", 0x04B8, 0x0E03, "", "TM-T20"),
        UsbPrinter("/dev/usb/lp1", None, None, "", ""),
    ]
    assert usb_printers(sys=tmp_path_factory.mktemp("empty")) == []


def test_which_port_is_a_usb_printer() -> None:
    for port in ("/dev/usb/lp0", "/dev/lp0", "/dev/usblp1"):
        assert is_usb_printer(port)
    for port in ("/dev/ttyUSB0", "COM3", "socket://lp0:9100", "/dev/usb/hiddev0"):
        assert not is_usb_printer(port)


@pytest.mark.parametrize(
    ("vendor", "product", "description", "said"),
    [
        (0x0403, 0x0000, "", "counterfeit FTDI"),
        (0x0403, 0x6001, "FT232R USB UART", ""),
        (
            0x067B,
            0x2303,
            "PL2303HXA PHASED OUT SINCE 2012. PLEASE CONTACT YOUR SUPPLIER.",
            "phased",
        ),
        (
            0x067B,
            0x2303,
            "THIS IS NOT PROLIFIC PL2303, PLEASE CONTACT YOUR SUPPLIER.",
            "not Prolif",
        ),
        (0x067B, 0x2303, "PL2303TA DO NOT SUPPORT WINDOWS 11 OR LATER, ...", "Windows 11"),
        (None, None, "", ""),
    ],
)
def test_counterfeit_chips(
    vendor: int | None, product: int | None, description: str, said: str
) -> None:
    told = clone_symptom(vendor, product, description)
    assert said in told
    assert bool(told) == bool(said)


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A raw pseudo terminal: the device's end, and the path of ours."""
    yield from pulled_line()


HOLD = """
import sys, fcntl
from pathlib import Path
Path("/proc/self/comm").write_text("tillsoftware")
held = open(sys.argv[1], "rb+", buffering=0)
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@linux
def test_a_port_held_by_another_process_names_it(line: tuple[int, str]) -> None:
    _, path = line
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        assert f"tillsoftware (pid {holding.pid})" in holder_words(path)
        with pytest.raises(LinkError) as busy:
            open_port(path, baud=9600, deadline=Deadline.after(5))
        assert busy.value.kind is FailureKind.BUSY
        assert busy.value.detail == f"tillsoftware (pid {holding.pid}) has it"
        assert holding.stdin is not None
        holding.stdin.close()
        holding.wait(10)
    assert holder_words(path) == ""
    assert holder_words("COM3") == ""


def test_a_process_table_that_is_not_there_or_not_for_us(tmp_path: Path) -> None:
    assert holders("/dev/ttyUSB0", proc=tmp_path) == Holders((), complete=False)
    (tmp_path / "self").mkdir()
    (tmp_path / "1").mkdir()  # ended meanwhile: it has no files
    (tmp_path / "cpuinfo").mkdir()
    assert holders("/dev/ttyUSB0", proc=tmp_path) == Holders((), complete=True)


@linux
def test_what_gives_the_right_to_a_port(tmp_path: Path) -> None:
    import grp

    group = next(group for group in grp.getgrall() if group.gr_gid)
    port = tmp_path / "ttyUSB0"
    port.touch()
    port.chmod(0o660)
    if os.geteuid() == 0:
        os.chown(port, 0, group.gr_gid)
        assert who_may(str(port)).startswith(f"group {group.gr_name} may use it")
        assert f"usermod -aG {group.gr_name}" in who_may(str(port))
    port.chmod(0o600)
    told = who_may(str(port))
    assert 'KERNEL=="ttyUSB*", GROUP="dialout", MODE="0660"' in told
    assert str(tmp_path) not in told
    assert who_may(str(tmp_path / "gone")) == ""


def _usb(path: str) -> SerialPort:
    return open_usb_printer(path, Deadline.after(5))


@linux
@pytest.mark.parametrize("status", [0x18, 0x38, 0x10])
def test_the_port_status_byte(line: tuple[int, str], status: int) -> None:
    # The call is made up: no pseudo terminal is a printer.
    asked: list[tuple[int, int]] = []

    def ioctl(_: int, request: int, buffer: bytes) -> bytes:
        asked.append((request, len(buffer)))
        return struct.pack("=i", status)

    with _usb(line[1]) as usb:
        assert port_status(usb, ioctl) == status
        assert asked == [(0x060B, 4)]
        with pytest.raises(CannotRun) as lacking:
            port_status(usb)
    assert lacking.value.reason is NotRunReason.UNSUPPORTED


@linux
def test_status_over_the_pipes_of_a_usb_printer(line: tuple[int, str]) -> None:
    from posdiag.simulate.printer import PrinterFaults, SimulatedPrinter

    printer = SimulatedPrinter(PrinterFaults(paper="out"), pty=True)
    printer.start()
    asked = PrinterStatusConversation(limit_s=0.5)
    with _usb(printer.path) as usb:
        run_serial(usb, asked, Deadline.after(5))
    printer.stop()
    assert asked.state.paper is Paper.OUT
    silent = PrinterStatusConversation(limit_s=0.2)
    with _usb(line[1]) as usb:
        run_serial(usb, silent, Deadline.after(5))
    assert silent.failure is not None
    assert silent.failure.failure is FailureKind.SILENT
    assert silent.state == PrinterState()


@linux
def test_a_usb_printer_that_is_pulled_busy_or_not_there(line: tuple[int, str]) -> None:
    master, path = line
    asked = PrinterStatusConversation(limit_s=0.5)
    with _usb(path) as usb:
        os.close(master)
        with pytest.raises(LinkError) as gone:
            run_serial(usb, asked, Deadline.after(5))
    assert gone.value.kind is FailureKind.GONE
    with pytest.raises(LinkError) as absent:
        _usb("/dev/usb/lp99")
    assert absent.value.kind is FailureKind.NOT_FOUND
    with pytest.raises(CannotRun) as spent:
        open_usb_printer(path, Deadline.after(-1))
    assert spent.value.reason is NotRunReason.BUDGET_SPENT


@linux
def test_a_usb_printer_that_takes_nothing() -> None:
    import serial

    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    stuck = UsbPrinterFile(write_end)
    stuck.write_timeout = 0.1
    with pytest.raises(serial.SerialTimeoutException):
        stuck.write(b"x" * 1_000_000)
    stuck.close()
    os.close(read_end)
