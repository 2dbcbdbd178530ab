"""Printers and serial devices through the whole chain: whose part it is, and what never is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from posdiag.engine.chain import conclude, measure
from posdiag.knowledge import load_knowledge
from posdiag.model.observation import Completed, Failed, FailureKind, Observation, Part
from posdiag.model.report import Report
from posdiag.model.site import Device, DeviceKind, Site, YesNo
from posdiag.probes import discover
from posdiag.simulate.printer import PrinterFaults, SimulatedPrinter
from posdiag.simulate.scenario import load_scenario
from posdiag.simulate.serial_device import SerialDeviceFaults, SimulatedSerialDevice
from posdiag.simulate.shop import SimulatedShop
from posdiag.site.site_file import load_site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other system: no pseudo terminals")
DEVICES = {name: discover()[name] for name in ("printer", "serial")}
FACTS = ("screen=通讯超时", "presses=1", "neighbours=ok")


def _site(*devices: Device, needs_printer: str = "yes") -> Site:
    site = load_site(
        terminal="generic_countertop_eth",
        settings=[f'terminal.signon_needs_printer="{needs_printer}"'],
        facts=FACTS,
    )
    return msgspec.structs.replace(site, devices=list(devices))


def _report(site: Site) -> Report:
    measured = measure(site, probes=DEVICES, budget_s=20.0)
    return conclude(site, measured, probes=DEVICES, knowledge=load_knowledge())


def _posteriors(report: Report) -> dict[str, float]:
    return {found.cause: found.posterior for found in report.diagnoses}


@pytest.fixture
def jammed() -> Iterator[SimulatedPrinter]:
    """A jammed printer on a pseudo terminal."""
    printer = SimulatedPrinter(PrinterFaults(error="cutter"), pty=True)
    printer.start()
    yield printer
    printer.stop()


def _printer(port: str, part: Part = Part.TERMINAL, *, shared: bool = False) -> Device:
    return Device(kind=DeviceKind.PRINTER, port=port, part=part, shared=shared)


def test_a_jam_where_the_sign_on_needs_the_printer_comes_first(jammed: SimulatedPrinter) -> None:
    assert _site().terminal.signon_needs_printer is YesNo.YES  # type: ignore[union-attr]
    report = _report(_site(_printer(jammed.path)))
    assert report.diagnoses[0].cause == "dev_paper_jam"


def test_the_same_jam_in_the_tills_printer_changes_nothing(jammed: SimulatedPrinter) -> None:
    without = _posteriors(_report(_site()))
    beside = _report(_site(_printer(jammed.path, Part.TILL_PRINTER)))
    seen = [one for outcome in beside.outcomes for one in outcome.observations]
    assert [one for one in seen if one.name == "printer.error" and one.part is Part.TILL_PRINTER]
    found = _posteriors(beside)
    assert found.keys() == without.keys()
    assert max(abs(found[cause] - without[cause]) for cause in without) <= 1e-9
    # Where the site says that the terminal prints on it, it counts.
    shared = _report(_site(_printer(jammed.path, Part.TILL_PRINTER, shared=True)))
    assert shared.diagnoses[0].cause == "dev_paper_jam"


def test_every_observation_of_a_device_names_its_part(jammed: SimulatedPrinter) -> None:
    report = _report(_site(_printer(jammed.path, Part.TILL_PRINTER)))
    parts = {
        one.part
        for outcome in report.outcomes
        for one in outcome.observations
        if one.name.startswith(("printer.", "serial."))
    }
    assert parts == {Part.TILL_PRINTER}


def test_no_paper_where_none_is_needed_is_a_bystander_of_a_dead_resolver(tmp_path: Path) -> None:
    text = msgspec.structs.replace(
        load_scenario("dns_and_paper"), settings={"terminal.signon_needs_printer": "no"}
    )
    with SimulatedShop(text, pty=True) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        site = load_site(path)
        probes = discover()
        measured = measure(site, probes=probes, budget_s=20.0)
    report = conclude(site, measured, probes=probes, knowledge=load_knowledge())
    assert report.diagnoses[0].cause == "net_dns_failure"
    # Said as a second thing to mend: it is there, and stops no sign-on.
    assert any(fix.id.startswith("dev_paper_out") for fix in report.also_fix)
    paper = next(found for found in report.evidence if found.variable == "paper")
    assert paper.level == "out"


def test_a_device_pulled_in_the_middle_of_a_read_is_one_observation_and_the_run_goes_on() -> None:
    pad = SimulatedSerialDevice(SerialDeviceFaults(gone_after=3), pty=True)
    printer = SimulatedPrinter(PrinterFaults(), pty=True)
    pad.start()
    printer.start()
    pulled = Device(kind=DeviceKind.SERIAL, port=pad.path, protocol="enq")
    still = SimulatedSerialDevice(SerialDeviceFaults(), pty=True)
    still.start()
    other = Device(kind=DeviceKind.SERIAL, port=still.path, protocol="enq")
    report = _report(_site(pulled, other, _printer(printer.path)))
    for device in (pad, printer, still):
        device.stop()
    assert all(isinstance(outcome, Completed) for outcome in report.outcomes)
    seen: list[Observation] = [one for o in report.outcomes for one in o.observations]
    gone = [
        one
        for one in seen
        if isinstance(one.result, Failed) and one.result.failure is FailureKind.GONE
    ]
    assert [(one.name, one.subject) for one in gone] == [("serial.reply_time", pad.path)]
    answered = {one.subject for one in seen if one.name == "serial.reply_time"}
    assert still.path in answered
    assert any(one.name == "printer.reply" for one in seen)


HARMLESS_PRINTER = {bytes((0x10, 0x04, n)) for n in (1, 2, 3, 4)}


@pytest.mark.parametrize("name", ["healthy", "paper_jam", "printer_dead", "star_printer_jam"])
def test_a_default_run_prints_cuts_kicks_and_resets_nothing(name: str, tmp_path: Path) -> None:
    with SimulatedShop(load_scenario(name), pty=True) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "posdiag",
                "run",
                str(path),
                "--json",
                "--no-save",
                "--no-input",
            ],
            capture_output=True,
            check=False,
            timeout=50,
        )
        assert done.stdout
        assert shop.printer is not None
        assert shop.pin_pad is not None
        assert shop.printer.printed == b""
        sent = b"".join(shop.printer.journal)
        requests = {sent[at : at + 3] for at in range(0, len(sent), 3)}
        assert requests
        wanted = {b"\x1b\x06\x01"} if name.startswith("star") else HARMLESS_PRINTER
        assert requests <= wanted
        assert set(b"".join(shop.pin_pad.journal)) == {0x05}
