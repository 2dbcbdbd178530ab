"""``posdiag ports``: what is plugged in. Opens no port, unless one is named to be identified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from posdiag.cli import exits
from posdiag.cli.command import Command, OneOf, Seconds, flag, option
from posdiag.cli.interruption import Interruption
from posdiag.cli.output import page_width, put_sheet, put_value, tell
from posdiag.text.words import N_

if TYPE_CHECKING:
    from posdiag.link.port_identity import PortIdentity
    from posdiag.link.serial_ports import PortEvent, PortFound
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

_COLUMN = 20
_WATCH_S = 60.0
_BAUDS = ("1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200")
_ANSWERS = {
    "escpos_printer": N_("a receipt printer (ESC/POS)"),
    "star_printer": N_("a receipt printer (Star)"),
    "enquiry": N_("a terminal or PIN pad that answers enquiries"),
    "talks": N_("a device that sends text by itself"),
    "garbage": N_("something that sends garbage: another speed, another language or noise"),
    "silent": N_("no answer: no device, another speed or another language"),
}
_PLACES = (
    N_("a USB serial adapter (FTDI, CP210x, CH340, PL2303)"),
    N_("a terminal, PIN pad or modem on USB"),
    N_("a receipt printer on USB"),
    N_("a serial port of the machine itself"),
)
"""What ``would_appear`` names, here for the translators."""


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "ports",
        lambda **typed: _ports(words, **typed),
        text=words(
            "Lists serial ports and USB printers of this machine: chip, driver, who has each open, "
            "and what it most likely is. Nothing is opened and no byte is sent.\n\n"
            "Only --identify opens the one port that it names, and sends it status requests that "
            "print and change nothing."
        ),
        params=[
            flag("--watch", words("Show what is plugged in and pulled from now on."), "watch"),
            option(
                "--seconds",
                words("How long to watch (60)."),
                metavar="SECONDS",
                kind=Seconds(words, 0.1, 3600.0),
                default=_WATCH_S,
            ),
            option("--identify", words("Ask what is on this port."), metavar="PORT"),
            option(
                "--baud",
                words("Speed for --identify (9600)."),
                metavar="BAUD",
                kind=OneOf(words, _BAUDS),
                default="9600",
            ),
            flag("--json", words("Print one JSON document."), "as_json"),
        ],
    )


def _ports(
    words: Words, *, watch: bool, seconds: float, identify: str | None, baud: str, as_json: bool
) -> int:
    from posdiag.model.errors import CannotRun

    if watch and identify is not None:
        raise click.UsageError(words("either --watch or --identify"))
    try:
        if identify is not None:
            return _identify(words, identify, int(baud), as_json=as_json)
        if watch:
            return _watch(words, seconds, as_json=as_json)
        return _list(words, as_json=as_json)
    except CannotRun as cannot:
        tell(words("posdiag: {why}", why=cannot))
        if as_json:
            put_value({"cannot": str(cannot.reason), "detail": cannot.detail})
        return exits.CANNOT_SAY


def _list(words: Words, *, as_json: bool) -> int:
    from posdiag.link.serial_ports import list_ports, would_appear
    from posdiag.report.sheet import Sheet

    ports = list_ports()
    absent = [] if ports else would_appear()
    if as_json:
        would = [{"port": port, "what": what} for port, what in absent]
        put_value({"ports": [port._asdict() for port in ports], "would_appear": would})
        return exits.OK
    sheet = Sheet(page_width())
    if not ports:
        sheet.paragraph(words("No serial port and no USB printer is plugged in. Here would appear"))
        for port, what in absent:
            sheet.row(port, words(what), column=26, indent=2)
        sheet.paragraph(
            words(
                "A device that is plugged in and not listed: no driver, or a cable that only "
                "charges. posdiag ports --watch shows whether it comes."
            )
        )
    for found in ports:
        _write(sheet, found, words)
    put_sheet(sheet)
    return exits.OK


def _write(sheet: Sheet, port: PortFound, words: Words) -> None:
    what = port.guess or port.description or words("unknown device")
    if port.guess and not port.sure:
        what = words("{what} (a guess)", what=what)
    sheet.row(port.port, what, column=_COLUMN, right=port.usb_id, right_role="quiet")
    details = [
        words("driver {name}", name=port.driver) if port.driver else "",
        words("serial number {number}", number=port.serial_number) if port.serial_number else "",
    ]
    for text in filter(None, details):
        sheet.row("", text, column=_COLUMN, role="quiet")
    if port.held_by:
        sheet.row("", words("open in {programs}", programs=port.held_by), column=_COLUMN)
    if port.symptom:
        sheet.row("", port.symptom, column=_COLUMN, role="risk")


def _watch(words: Words, seconds: float, *, as_json: bool) -> int:
    from posdiag.link.serial_ports import watch_ports

    events: list[PortEvent] = []
    with Interruption() as interruption:
        if not as_json:
            tell(words("Watching for {n} s; Ctrl-C ends it.", n=f"{seconds:g}"))
        for event in watch_ports(seconds, interruption.event):
            events.append(event)
            if not as_json:
                _show(event, words)
        if as_json:
            put_value([{**event._asdict(), "port": event.port._asdict()} for event in events])
        elif not events:
            tell(words("Nothing was plugged in or pulled."))
        return interruption.exit_code or exits.OK


def _show(event: PortEvent, words: Words) -> None:
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    came = event.event == "appeared"
    what = event.port.guess or event.port.description or words("unknown device")
    text = words("plugged in: {what}", what=what) if came else words("pulled: {what}", what=what)
    right = f"{event.at_s:.1f} s"
    sheet.row(event.port.port, text, column=_COLUMN, right=right, right_role="quiet")
    put_sheet(sheet)


def _identify(words: Words, name: str, baud: int, *, as_json: bool) -> int:
    from posdiag.cli.site_options import BUDGET_S
    from posdiag.link.deadline import Deadline
    from posdiag.link.port_identity import identify_port
    from posdiag.model.errors import LinkError
    from posdiag.report.amounts import failure_words

    try:
        found = identify_port(name, baud=baud, deadline=Deadline.after(BUDGET_S))
    except LinkError as error:
        why = failure_words(error.kind, error.waited_s, words)
        told = f"{why} ({error.detail})" if error.detail else why
        tell(words("posdiag: {why}", why=f"{name}: {told}"))
        if as_json:
            failed = {"failure": str(error.kind), "operation": str(error.operation)}
            put_value({"port": name, **failed, "detail": error.detail})
        return exits.CANNOT_SAY
    if as_json:
        put_value({**found._asdict(), "state": found.state._asdict()})
    else:
        _print_identity(found, words)
    return exits.OK if found.answered not in ("silent", "garbage") else exits.CANNOT_SAY


def _print_identity(found: PortIdentity, words: Words) -> None:
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    right = words("{baud} bit/s", baud=found.baud)
    what = words(_ANSWERS[found.answered])
    sheet.row(found.port, what, column=_COLUMN, right=right, right_role="quiet")
    told = " ".join(filter(None, (found.maker, found.model, found.firmware)))
    bauds = ", ".join(map(str, found.probable_bauds))
    for text in (told, bauds and words("probably {bauds} bit/s", bauds=bauds)):
        if text:
            sheet.row("", text, column=_COLUMN)
    state = {name: value for name, value in found.state._asdict().items() if value is not None}
    for name, value in state.items():
        sheet.row("", f"printer.{name} = {value}", column=_COLUMN, role="quiet")
    put_sheet(sheet)
