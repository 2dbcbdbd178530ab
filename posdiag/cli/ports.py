"""``posdiag ports``: what is plugged in; never opens a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from posdiag.cli import exits
from posdiag.cli.command import Command, flag
from posdiag.cli.output import page_width, put_sheet, put_value, tell

if TYPE_CHECKING:
    from posdiag.link.serial_ports import PortFound
    from posdiag.text.words import Words


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "ports",
        lambda as_json: _ports(words, as_json=as_json),
        text=words("Lists the serial ports of this machine and what each most likely is."),
        params=[flag("--json", words("Print one JSON document."), "as_json")],
    )


def _ports(words: Words, *, as_json: bool) -> int:
    from posdiag.link.serial_ports import list_ports
    from posdiag.model.errors import CannotRun

    try:
        ports = list_ports()
    except CannotRun as cannot:
        tell(words("posdiag: {why}", why=cannot))
        if as_json:
            put_value([])
        return exits.CANNOT_SAY
    if as_json:
        put_value([port._asdict() for port in ports])
        return exits.OK
    _print(ports, words)
    return exits.OK


def _print(ports: list[PortFound], words: Words) -> None:
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    if not ports:
        sheet.paragraph(words("No serial port is plugged in."))
    for port in ports:
        what = port.guess or port.description or words("unknown device")
        if port.guess and not port.sure:
            what = words("{what} (a guess)", what=what)
        sheet.row(port.port, what, column=20, right=port.usb_id, right_role="quiet")
    put_sheet(sheet)
