"""``posdiag ports``: lists without a byte, watches, identifies one port."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports as system  # noqa: TID253  (its late import is the code's business)

from posdiag.link.serial_ports import PortFound, watch_ports, would_appear
from posdiag.simulate.printer import PrinterFaults, SimulatedPrinter
from posdiag.simulate.serial_device import SerialDeviceFaults, SimulatedSerialDevice
from tests.cli.typed import command_line, spawned, typed
from tests.link.pulled import pulled_line

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])
needs_pty = pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals")
FTDI = PortFound("/dev/ttyUSB0", "FT232R", "0403:6001", "A1", "FTDI adapter", sure=True)


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A raw pseudo terminal: the device's end, and the path of ours."""
    yield from pulled_line()


def _listed(path: str, **known: object) -> SimpleNamespace:
    found = {"vid": None, "pid": None, "serial_number": None, "description": "n/a"}
    return SimpleNamespace(device=path, **{**found, **known})


@LANGUAGES
def test_never_opens_one(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    import serial

    def opened(*arguments: object, **options: object) -> None:
        raise AssertionError(f"opened {arguments} {options}")

    monkeypatch.setattr(serial, "Serial", opened)
    assert typed(capfd, "--lang", language, "ports").code == 0
    port = FTDI._replace(driver="ftdi_sio", held_by="till (pid 7)", symptom="a counterfeit")
    monkeypatch.setattr("posdiag.link.serial_ports.list_ports", lambda: [port])
    shown = typed(capfd, "--lang", language, "ports").out
    for text in ("FTDI adapter", "0403:6001", "ftdi_sio", "till (pid 7)", "a counterfeit", "A1"):
        assert text in shown
    (found,) = json.loads(typed(capfd, "ports", "--json").out)["ports"]
    assert found["usb_id"] == "0403:6001"
    assert found["driver"] == "ftdi_sio"


@LANGUAGES
def test_a_machine_with_none_says_what_would_appear(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(system, "comports", list)
    monkeypatch.setattr("posdiag.link.serial_ports.usb_printers", list)
    shown = typed(capfd, "--lang", language, "ports")
    assert shown.code == 0
    for port, _ in would_appear():
        assert port in shown.out
    as_json = typed(capfd, "ports", "--json")
    assert as_json.code == 0
    document = json.loads(as_json.out)
    assert document["ports"] == []
    assert [one["port"] for one in document["would_appear"]] == [port for port, _ in would_appear()]


def test_what_would_appear_is_named_as_the_system_does() -> None:
    assert would_appear("win32")[0][0] == "COM3"
    assert would_appear("darwin")[0][0].startswith("/dev/cu.")
    assert {port for port, _ in would_appear("linux")} >= {"/dev/ttyUSB0", "/dev/usb/lp0"}


@needs_pty
@pytest.mark.parametrize("options", [(), ("--json",), ("--watch", "--seconds", "0.3")])
def test_not_a_byte_is_sent(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    line: tuple[int, str],
    options: tuple[str, ...],
) -> None:
    master, path = line
    monkeypatch.setattr(system, "comports", lambda: [_listed(path)])
    assert typed(capfd, "ports", *options).code == 0
    ready, _, _ = select.select([master], [], [], 0.2)
    assert ready == [], os.read(master, 100)


@needs_pty
def test_a_default_run_asks_no_port_that_is_not_declared(line: tuple[int, str]) -> None:
    master, path = line
    script = (
        "from types import SimpleNamespace as N\n"
        "from serial.tools import list_ports\n"
        f"list_ports.comports = lambda *a, **k: [N(device={path!r}, vid=0x0403, pid=0x6001,"
        " serial_number=None, description='n/a')]\n"
    )
    done = spawned("run", "--json", "--no-save", "--no-input", "--budget", "3", script=script)
    assert done.out
    assert select.select([master], [], [], 0.2)[0] == []


def test_what_is_plugged_in_and_pulled() -> None:
    looks: list[list[PortFound]] = [[], [FTDI], [FTDI], []]
    stop, seen = threading.Event(), []
    for event in watch_ports(
        5.0, stop, listing=lambda: looks.pop(0) if looks else [], every_s=0.01
    ):
        seen.append((event.event, event.port.port))
        if len(seen) == 2:
            stop.set()
    assert seen == [("appeared", "/dev/ttyUSB0"), ("gone", "/dev/ttyUSB0")]


@LANGUAGES
def test_watch_shows_what_comes(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    calls: list[int] = []

    def comports() -> list[SimpleNamespace]:
        calls.append(1)
        came = len(calls) in (2, 3)
        return [_listed("/dev/ttyUSB0", vid=0x1A86, pid=0x7523)] if came else []

    monkeypatch.setattr(system, "comports", comports)
    shown = typed(capfd, "--lang", language, "ports", "--watch", "--seconds", "1.8")
    assert shown.code == 0
    assert shown.out.count("/dev/ttyUSB0") == 2
    assert "WCH CH340" in shown.out
    calls.clear()
    events = json.loads(typed(capfd, "ports", "--watch", "--seconds", "0.8", "--json").out)
    assert [event["event"] for event in events] == ["appeared"]
    assert events[0]["port"]["usb_id"] == "1a86:7523"


@needs_pty
def test_watch_ends_with_ctrl_c() -> None:
    with subprocess.Popen(
        command_line("ports", "--watch", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watching:
        threading.Timer(3.0, watching.send_signal, (2,)).start()
        out, err = watching.communicate(timeout=30)
    assert watching.returncode == 130
    assert json.loads(out) == [] or "error" in json.loads(out)
    assert b"Traceback" not in err


@needs_pty
@pytest.mark.parametrize(
    ("faults", "answered", "code"),
    [
        ({}, "escpos_printer", 0),
        ({"paper": "out"}, "escpos_printer", 0),
        ({"dialect": "star"}, "star_printer", 0),
        ({"silent": True}, "silent", 3),
        ({"garbage": True}, "garbage", 3),
    ],
)
def test_identify_a_printer(
    capfd: pytest.CaptureFixture[str], faults: dict[str, object], answered: str, code: int
) -> None:
    printer = SimulatedPrinter(PrinterFaults(**faults), pty=True)  # type: ignore[arg-type]
    printer.start()
    done = typed(capfd, "ports", "--identify", printer.path, "--json")
    shown = typed(capfd, "--lang", "zh", "ports", "--identify", printer.path)
    printer.stop()
    found = json.loads(done.out)
    assert (found["answered"], done.code) == (answered, code)
    assert shown.code == code
    assert printer.path in shown.out
    if faults == {}:
        assert (found["maker"], found["model"]) == ("EXAMPLE", "TP-80")
        assert "EXAMPLE TP-80" in shown.out
    if faults.get("paper") == "out":
        # An offline printer does not come to what waits behind print data.
        assert found["state"]["paper"] == "out"
        assert found["maker"] == ""
    if answered == "silent":
        assert set(found["state"].values()) == {None}
    sent = b"".join(printer.journal)
    for forbidden in (b"\x10\x05", b"\x1b@", b"\x1da", b"\x1dV", b"\x1bp", b"\x10\x14", b"\x0a"):
        assert forbidden not in sent


@needs_pty
def test_identify_a_pin_pad_and_what_talks_by_itself(
    capfd: pytest.CaptureFixture[str], line: tuple[int, str]
) -> None:
    pad = SimulatedSerialDevice(SerialDeviceFaults(), pty=True)
    pad.start()
    assert (
        json.loads(typed(capfd, "ports", "--identify", pad.path, "--json").out)["answered"]
        == "enquiry"
    )
    pad.stop()
    master, path = line
    stop = threading.Event()

    def weigh() -> None:
        while not stop.wait(0.1):
            os.write(master, b"weight 1.250 kg\r\n")

    weighing = threading.Thread(target=weigh)
    weighing.start()
    done = typed(capfd, "ports", "--identify", path, "--json")
    stop.set()
    weighing.join()
    assert json.loads(done.out)["answered"] == "talks"


@LANGUAGES
def test_identify_what_cannot_be_opened(
    capfd: pytest.CaptureFixture[str], language: str, tmp_path: Path
) -> None:
    gone = str(tmp_path / "ttyUSB9")
    done = typed(capfd, "--lang", language, "ports", "--identify", gone, "--json")
    assert done.code == 3
    assert json.loads(done.out)["failure"] == "not_found"
    assert gone in done.err
    odd = typed(capfd, "--lang", language, "ports", "--identify", "nosuch://x", "--json")
    assert odd.code == 3
    assert json.loads(odd.out)["cannot"] == "unsupported"


def test_both_at_once_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert typed(capfd, "ports", "--watch", "--identify", "COM3").code == 64
    assert typed(capfd, "ports", "--baud", "12345").code == 64
