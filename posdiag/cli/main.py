"""The command line: finds the command, and turns what goes wrong into an exit code.

Nothing heavy is imported before a command runs: ``posdiag --version`` must start as fast as click.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from posdiag.cli import exits
from posdiag.cli.command import LANGUAGES, CommandGroup
from posdiag.cli.interruption import Interrupted, raise_terminated
from posdiag.cli.output import OutputError, give_up_output, tell
from posdiag.cli.version import show_version
from posdiag.text.console_signs import readable_language
from posdiag.text.words import N_, Words, choose_language

if TYPE_CHECKING:
    from posdiag.model.text import Language

_COMMANDS = (
    (
        N_("At a site"),
        {
            "demo": N_("the whole chain on a simulated shop; needs no hardware and no network"),
            "run": N_("the whole chain at a real site, or with nothing but this laptop"),
            "site": N_("asks and writes a site file"),
            "ports": N_("serial ports that are plugged in; opens none"),
            "probe": N_("one probe alone, without a diagnosis"),
            "explain": N_("the page on a cause, or on what the screen says"),
        },
    ),
    (N_("At the desk"), {"replay": N_("diagnoses again from a saved report")}),
    (
        N_("For developers"),
        {
            "profile": N_("lists, shows and checks profiles of terminals and acquirers"),
            "simulate": N_("leaves a simulated shop running and prints its site file"),
            "schema": N_("schemas and tables: reports, sites, facts, observations, knowledge"),
        },
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; nothing is raised.

    Args:
        arguments: without the program's name.
    """
    words = Words(_language(arguments))
    as_json = "--json" in arguments
    before = signal.getsignal(signal.SIGTERM)
    try:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, raise_terminated)
        return _guarded(arguments, words, as_json=as_json)
    except OutputError as error:
        give_up_output()
        tell(words("posdiag: the output cannot be written: {why}", why=error))
        return exits.IO_FAILED
    finally:
        signal.signal(signal.SIGTERM, before)


def _guarded(arguments: Sequence[str], words: Words, *, as_json: bool) -> int:
    """Run a command line; what it refuses or where it fails is told in one way."""
    try:
        return _run(arguments, words)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        from posdiag.cli.failures import usage

        return usage(error, words, as_json=as_json)
    except (KeyboardInterrupt, Interrupted) as signalled:
        from posdiag.cli.failures import interrupted

        return interrupted(signalled, as_json=as_json)
    except OutputError:
        raise
    except Exception as error:  # noqa: BLE001  (the last place: a bug has an exit code of its own)
        from posdiag.cli.failures import failed

        return failed(error, words, as_json=as_json)


def _run(arguments: Sequence[str], words: Words) -> int:
    program = root(words)
    with program.make_context("posdiag", list(arguments)) as ctx:
        return program.invoke(ctx)


def _language(arguments: Sequence[str]) -> Language:
    """Return the language of this run; a wrong ``--lang`` is refused later."""
    typed = None
    for place, text in enumerate(arguments):
        if text == "--lang":
            typed = next(iter(arguments[place + 1 : place + 2]), None)
        elif text.startswith("--lang="):
            typed = text.partition("=")[2]
    if typed in LANGUAGES:
        return choose_language(typed, os.environ)
    encoding = sys.stdout.encoding if sys.stdout is not None else None
    return readable_language(choose_language(None, os.environ), encoding)


def root(words: Words) -> CommandGroup:
    """Return the whole command line in one language."""

    def version_asked(ctx: click.Context, _param: click.Parameter, value: object) -> None:
        if value and not ctx.resilient_parsing:
            show_version()
            ctx.exit(0)

    version = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=version_asked,
        help=words("Show the version."),
    )
    return CommandGroup(
        words,
        "posdiag",
        text=words(
            "Ranked diagnosis of card terminals whose sign-on fails. "
            "posdiag COMMAND --help says more on each."
        ),
        commands=_COMMANDS,
        load=_load,
        params=[version],
        alone=lambda: _welcome(words),
    )


def _welcome(words: Words) -> int:
    from posdiag.cli.output import page_width, put_sheet
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    sheet.paragraph(words("A card terminal's sign-on fails: what is most likely the cause?"))
    sheet.blank()
    for command, text in (
        ("posdiag demo", words("see a whole diagnosis on a simulated shop")),
        ("posdiag run", words("measure from this laptop, in the shop, and diagnose")),
        ("posdiag explain", words("read on a cause, or on what the screen says")),
    ):
        sheet.row(command, text, column=20, indent=2, label_role="command")
    sheet.blank()
    sheet.paragraph(words("posdiag --help lists all commands; --lang zh speaks Chinese."))
    put_sheet(sheet)
    return exits.OK


def _load(words: Words, name: str) -> click.Command | None:
    """Return a command; only its own file is imported."""
    match name:
        case "demo":
            from posdiag.cli.demo import command
        case "run":
            from posdiag.cli.run import command
        case "site":
            from posdiag.cli.site import command
        case "ports":
            from posdiag.cli.ports import command
        case "probe":
            from posdiag.cli.probe import command
        case "explain":
            from posdiag.cli.explain import command
        case "replay":
            from posdiag.cli.replay import command
        case "profile":
            from posdiag.cli.profile import command
        case "simulate":
            from posdiag.cli.simulate import command
        case "schema":
            from posdiag.cli.schema import command
        case _:
            return None
    return command(words)
