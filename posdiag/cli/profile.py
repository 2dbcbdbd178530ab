"""``posdiag profile``: lists, shows and checks profiles."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posdiag.cli import exits
from posdiag.cli.command import Command, CommandGroup, argument, flag, option
from posdiag.cli.output import page_width, put_sheet, put_text, put_value
from posdiag.text.words import N_

if TYPE_CHECKING:
    from posdiag.model.errors import Mistake
    from posdiag.model.site import AcquirerProfile, TerminalProfile
    from posdiag.site.profiles import ProfileEntry
    from posdiag.text.words import Words

_COMMANDS = (
    (
        N_("Profiles"),
        {
            "list": N_("lists the profiles of terminals and acquirers"),
            "show": N_("prints a profile as it stands in its file"),
            "check": N_("checks profiles of your own; names every mistake"),
        },
    ),
)


def command(words: Words) -> click.Command:
    """Return the group of commands."""
    return CommandGroup(
        words,
        "profile",
        text=words("What a terminal family is, and what a host is, as data."),
        commands=_COMMANDS,
        load=_load,
    )


def _load(words: Words, name: str) -> click.Command | None:
    folder = option(
        "--profile-dir",
        words("Folder of further profiles; may be repeated."),
        "profile_dirs",
        metavar="FOLDER",
        repeat=True,
    )
    as_json = flag("--json", words("Print one JSON document."), "as_json")
    match name:
        case "list":
            return Command(
                words,
                name,
                lambda profile_dirs, as_json: _list(words, profile_dirs, as_json=as_json),
                text=words("Lists the profiles; of two with one id the first found is used."),
                params=[folder, as_json],
            )
        case "show":
            return Command(
                words,
                name,
                lambda profile, profile_dirs, as_json: _show(
                    words, profile, profile_dirs, as_json=as_json
                ),
                text=words("Prints a profile with its comments and its sources."),
                params=[argument("profile", required=True), folder, as_json],
            )
        case "check":
            files = click.Argument(["files"], nargs=-1, required=True, metavar="FILE...")
            return Command(
                words,
                name,
                lambda files, as_json: _check(words, files, as_json=as_json),
                text=words("Checks profile files and names every mistake."),
                params=[files, as_json],
            )
        case _:
            return None


def _entries(folders: tuple[str, ...]) -> list[ProfileEntry]:
    from posdiag.site.profiles import ProfileKind, list_profiles, profile_folders

    where = profile_folders([Path(folder) for folder in folders])
    return [entry for kind in ProfileKind for entry in list_profiles(kind, where)]


def _list(words: Words, folders: tuple[str, ...], *, as_json: bool) -> int:
    from posdiag.model.errors import ProfileError
    from posdiag.report.sheet import Sheet
    from posdiag.site.profiles import check_profile

    rows = []
    for entry in _entries(folders):
        title = None
        # A wrong file of the user's is still listed; `check` says what is wrong in it.
        with contextlib.suppress(ProfileError):
            title = check_profile(entry.path).title
        rows.append((entry, title))
    if as_json:
        put_value([{"id": entry.id, "kind": entry.kind, "title": title} for entry, title in rows])
        return exits.OK
    sheet = Sheet(page_width())
    headings = {"terminals": words("Terminals"), "acquirers": words("Acquirers")}
    last = None
    for entry, title in rows:
        if entry.kind is not last:
            sheet.blank()
            sheet.paragraph(headings[entry.kind], "title")
            last = entry.kind
        text = words.of(title) if title else words("wrong: see posdiag profile check")
        sheet.row(entry.id, text, column=30, indent=2)
    put_sheet(sheet)
    return exits.OK


def _show(words: Words, name: str, folders: tuple[str, ...], *, as_json: bool) -> int:
    from difflib import get_close_matches

    from posdiag.site.profiles import check_profile

    entries = {entry.id: entry for entry in _entries(folders)}
    if name not in entries and not name.endswith(".toml"):
        text = words("there is no profile {name}: see posdiag profile list", name=f'"{name}"')
        near = get_close_matches(name, list(entries), 1)
        if near:
            text = words("{wish}, did you mean {near}?", wish=text, near=near[0])
        raise click.UsageError(text)
    path = entries[name].path if name in entries else Path(name)
    profile: TerminalProfile | AcquirerProfile = check_profile(path)
    if as_json:
        put_value(profile)
    else:
        put_text(path.read_text(encoding="utf-8"))
    return exits.OK


def _check(words: Words, files: tuple[str, ...], *, as_json: bool) -> int:
    from posdiag.model.errors import ProfileError
    from posdiag.site.profiles import check_profile

    mistakes: list[Mistake] = []
    for file in files:
        try:
            check_profile(Path(file))
        except ProfileError as wrong:
            mistakes += wrong.mistakes
    if mistakes:
        raise ProfileError(mistakes)
    if as_json:
        put_value([{"file": file, "mistakes": []} for file in files])
    else:
        put_text("".join(words("{file}: in order", file=file) + "\n" for file in files))
    return exits.OK
