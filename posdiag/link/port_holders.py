"""Which programs hold a port open, as Linux tells. Opens nothing, sends nothing.

Only what this user may see: the files of other users' programs are hidden without root.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_MOST = 4
"""Programs that are named; more say no more."""


class Holder(NamedTuple):
    """A program that has a port open.

    Attributes:
        name: as the kernel calls it, at most 15 characters; never its command line.
    """

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


class Holders(NamedTuple):
    """Who has a port open.

    Attributes:
        programs: by number.
        complete: False where programs of other users could not be looked at.
    """

    programs: tuple[Holder, ...]
    complete: bool


def holders(port: str, *, proc: Path = _PROC) -> Holders:
    """Return the programs that have a port open; never ourselves.

    Args:
        port: a device file; links are followed.
        proc: root of the process table.
    """
    if not (proc / "self").exists() or not port.startswith("/"):
        return Holders((), complete=False)
    wanted = os.path.realpath(port)
    found: list[Holder] = []
    complete = True
    for folder in proc.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            is_open = _has_open(folder, wanted)
        except PermissionError:
            complete = False
            continue
        except OSError:
            # It ended meanwhile.
            continue
        if is_open:
            found.append(Holder(int(folder.name), _name(folder)))
    return Holders(tuple(sorted(found)), complete)


def _has_open(folder: Path, wanted: str) -> bool:
    for entry in (folder / "fd").iterdir():
        try:
            if os.readlink(entry) == wanted:  # noqa: PTH115  (a path is made of each link)
                return True
        except FileNotFoundError:
            continue
    return False


def _name(folder: Path) -> str:
    try:
        name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        name = ""
    return "".join(sign for sign in name if sign.isprintable())[:15] or "?"


def holder_words(port: str) -> str:
    """Return who has a port, for a detail; empty where it is not known."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        found = holders(port)
    except OSError:
        return ""
    return ", ".join(str(program) for program in found.programs[:_MOST])
