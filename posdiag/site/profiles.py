"""Finds, reads and checks the profiles of terminals and acquirers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from posdiag.model.errors import Mistake, ProfileError
from posdiag.model.site import AcquirerProfile, HostEndpoint, TerminalProfile
from posdiag.site.maintenance import with_calendar
from posdiag.site.profile_rules import rule_mistakes, source_mistakes
from posdiag.site.schema_words import did_you_mean, shown
from posdiag.site.toml_file import BUILTIN_TYPES, find_mistakes, parse_toml, read_text

P = TypeVar("P", TerminalProfile, AcquirerProfile)


class ProfileKind(StrEnum):
    """What a profile describes; also the name of its folder."""

    TERMINAL = "terminals"
    ACQUIRER = "acquirers"


class ProfileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A profile that was found, not yet read.

    Attributes:
        id: name of the file without ``.toml``.
    """

    id: str
    kind: ProfileKind
    path: Path


def user_folder() -> Path | None:
    """Return the user's own profile folder for this platform, None where there is no home.

    Source:
        XDG Base Directory Specification (an empty or relative variable counts as not set); Windows
        roaming application data; macOS Application Support.
    """
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    if sys.platform == "win32":
        base = os.environ.get("APPDATA", "")
        root = Path(base) if base else home and home / "AppData" / "Roaming"
    elif sys.platform == "darwin":
        root = home and home / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_CONFIG_HOME", "")
        root = Path(base) if Path(base).is_absolute() else home and home / ".config"
    return root / "posdiag" / "profiles" if root else None


def built_in_folders() -> list[Path]:
    """Return where our own profiles can be: in the installed package, else beside the source.

    An editable install and a source tree have them one level up; importlib.resources does not see
    them there.
    """
    from importlib.resources import files

    import posdiag

    inside = files("posdiag") / "profiles"
    beside = Path(posdiag.__file__).parents[1] / "profiles"
    return [*([inside] if isinstance(inside, Path) else []), beside]


def profile_folders(given: Sequence[Path] = ()) -> list[Path]:
    """Return the folders in which profiles are looked for, in order: the first that has an id wins.

    Args:
        given: ``--profile-dir``; must be there, the others may be missing.

    Raises:
        ProfileError: a given folder is not one.
    """
    wrong = [
        Mistake("--profile-dir", "", "a folder with terminals or acquirers in it", shown(str(path)))
        for path in given
        if not _is_folder(path)
    ]
    if wrong:
        raise ProfileError(wrong)
    own = user_folder()
    return [*given, *([own] if own else []), *built_in_folders()]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def list_profiles(kind: ProfileKind, folders: Sequence[Path]) -> list[ProfileEntry]:
    """Return the profiles of one kind, sorted by id; of two with one id the first folder's.

    Args:
        kind: terminals or acquirers.
        folders: from :func:`profile_folders`; one that cannot be read is passed over.
    """
    found: dict[str, ProfileEntry] = {}
    for folder in folders:
        try:
            paths = sorted((folder / kind).glob("*.toml"))
        except OSError:
            continue
        for path in paths:
            entry = ProfileEntry(id=path.stem, kind=kind, path=path)
            found.setdefault(path.stem, entry)
    return [found[name] for name in sorted(found)]


def load_terminal(
    name: str,
    folders: Sequence[Path],
    *,
    base: Path | None = None,
    asked_by: tuple[str, str] = ("--terminal", ""),
) -> TerminalProfile:
    """Return a terminal profile.

    Args:
        name: id, or path of a ``.toml`` file.
        folders: from :func:`profile_folders`.
        base: folder that a relative path counts from; None: the current one.
        asked_by: file and key that name the profile, for the message.

    Raises:
        ProfileError: no such profile (the known ids are listed), or all its mistakes.
    """
    path = _find(name, ProfileKind.TERMINAL, folders, base, asked_by)
    return read_terminal(path)


def load_acquirer(
    name: str,
    folders: Sequence[Path],
    *,
    base: Path | None = None,
    asked_by: tuple[str, str] = ("--acquirer", ""),
) -> AcquirerProfile:
    """Return an acquirer profile; arguments and errors as :func:`load_terminal`."""
    path = _find(name, ProfileKind.ACQUIRER, folders, base, asked_by)
    return read_acquirer(path)


def _find(
    name: str,
    kind: ProfileKind,
    folders: Sequence[Path],
    base: Path | None,
    asked_by: tuple[str, str],
) -> Path:
    if name.endswith(".toml") or "/" in name or "\\" in name:
        return (base or Path()) / name
    entries = {entry.id: entry for entry in list_profiles(kind, folders)}
    if name in entries:
        return entries[name].path
    file, key = asked_by
    known = ", ".join(entries) or "none found"
    what = "a terminal profile" if kind is ProfileKind.TERMINAL else "an acquirer profile"
    wish = f"{what}{did_you_mean(name, list(entries))} (known: {known})"
    raise ProfileError([Mistake(file, key, wish, shown(name))])


def read_terminal(path: Path) -> TerminalProfile:
    """Return the terminal profile of a file.

    Args:
        path: of the file; its name is the id.

    Raises:
        ProfileError: with every mistake of the file.
    """
    tables = parse_toml(read_text(path, error=ProfileError), file=str(path), error=ProfileError)
    return _checked(tables, TerminalProfile, path)


def read_acquirer(path: Path) -> AcquirerProfile:
    """Return the acquirer profile of a file; arguments and errors as :func:`read_terminal`."""
    tables = parse_toml(read_text(path, error=ProfileError), file=str(path), error=ProfileError)
    return anchored(_checked(tables, AcquirerProfile, path), path.parent)


def check_profile(path: Path) -> TerminalProfile | AcquirerProfile:
    """Return the profile of a file of either kind, told apart by its keys.

    Args:
        path: of the file; its name is the id.

    Raises:
        ProfileError: with every mistake of the file.
    """
    tables = parse_toml(read_text(path, error=ProfileError), file=str(path), error=ProfileError)
    if tables.keys() & {"hosts", "echo", "reach"}:
        return read_acquirer(path)
    if tables.keys() & {"link_class", "timers", "signon_needs_card"}:
        return read_terminal(path)
    wish = "link_class (a terminal) or reach, hosts and echo (an acquirer)"
    raise ProfileError([Mistake(str(path), "", wish, "neither")])


def _checked(tables: Mapping[str, object], type_: type[P], path: Path) -> P:
    file = str(path)
    mistakes = find_mistakes(tables, type_, file=file)
    name = tables.get("id")
    if isinstance(name, str) and name != path.stem and all(m.key != "id" for m in mistakes):
        wish = f'the name of the file, "{path.stem}"'
        mistakes.append(Mistake(file, "id", wish, shown(name)))
    mistakes += rule_mistakes(tables, file=file, folder=path.parent)
    mistakes += source_mistakes(tables, file=file)
    if mistakes:
        raise ProfileError(mistakes)
    return msgspec.convert(tables, type_, builtin_types=BUILTIN_TYPES, str_keys=True)


def anchored(profile: AcquirerProfile, folder: Path) -> AcquirerProfile:
    """Return the profile with the files that it names, counted from its own folder.

    Args:
        profile: may name ``ca_file`` and ``maintenance_calendar`` relative to its own file.
        folder: of that file.

    Raises:
        ProfileError: the calendar cannot be read.
        SiteError: with every mistake of the calendar.
    """

    def at_home(host: HostEndpoint) -> HostEndpoint:
        if host.ca_file is None:
            return host
        return msgspec.structs.replace(host, ca_file=str((folder / host.ca_file).absolute()))

    profile = msgspec.structs.replace(profile, hosts=[at_home(host) for host in profile.hosts])
    calendar = profile.maintenance_calendar
    if not calendar or calendar.startswith("https://"):
        return profile
    path = (folder / calendar).absolute()
    return with_calendar(profile, read_text(path, error=ProfileError), file=calendar)
