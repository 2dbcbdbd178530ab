"""``posdiag site new``: asks and writes a site file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli import exits
from posdiag.cli.command import Command, CommandGroup, argument, flag, option
from posdiag.cli.interruption import Interruption
from posdiag.cli.output import OutputError, put_text, tell
from posdiag.cli.site_options import STDIN
from posdiag.text.words import N_

if TYPE_CHECKING:
    from posdiag.text.words import Words

_COMMANDS = ((N_("Site files"), {"new": N_("asks and writes a site file")}),)
_FILE = "site.toml"


class NewChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    file: str | None
    profile_dirs: tuple[str, ...]
    force: bool
    no_input: bool


def command(words: Words) -> click.Command:
    """Return the group of commands."""
    return CommandGroup(
        words,
        "site",
        text=words("What is known about a shop, in a file."),
        commands=_COMMANDS,
        load=_load,
    )


def _load(words: Words, name: str) -> click.Command | None:
    if name != "new":
        return None
    return Command(
        words,
        name,
        lambda **typed: _new(words, msgspec.convert(typed, NewChoices)),
        text=words(
            "Asks for what is known and writes a site file; what is skipped stays in it as a "
            "comment that says where to read it.\n\n"
            "FILE is site.toml where it is not said; - writes to standard output."
        ),
        params=[
            argument("file"),
            option(
                "--profile-dir",
                words("Folder of further profiles; may be repeated."),
                "profile_dirs",
                metavar="FOLDER",
                repeat=True,
            ),
            flag("--force", words("Write over a file that is there.")),
            flag("--no-input", words("Ask nothing: write a file to fill in.")),
        ],
    )


def _new(words: Words, choices: NewChoices) -> int:
    from posdiag.cli.questions import can_ask
    from posdiag.cli.site_questions import ask_for_site
    from posdiag.site.new_site import NewSite, site_text

    path = Path(choices.file or _FILE)
    if str(path) != STDIN and path.exists() and not choices.force:
        raise click.UsageError(words("{path} is there already: --force writes over it", path=path))
    answers = NewSite()
    if not choices.no_input and can_ask():
        folders = [Path(folder) for folder in choices.profile_dirs]
        with Interruption() as interruption, interruption.raising():
            answers = ask_for_site(folders, words)
    text = site_text(answers, language=words.language)
    if str(path) == STDIN:
        put_text(text)
        return exits.OK
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}") from error
    put_text(f"{path}\n")
    if sys.stdout.isatty():
        tell(words("Next: posdiag run {path}", path=path))
    return exits.OK
