"""Saved reports: one file each, readable by their owner alone, the newest 200."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from posdiag.model.errors import Mistake, ReportError

KEPT = 200
LAST = "last"
"""Name of the newest saved report wherever a report is asked for."""
MOST_BYTES = 32 << 20
_PATTERN = "*Z-*.json"
_PART_PREFIX, _PART_SUFFIX = ".report-", ".tmp"
_PART_PATTERN = f"{_PART_PREFIX}*{_PART_SUFFIX}"
_STALE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a report that was to be saved.

    Attributes:
        path: where it is; None where it could not be saved.
        warning: why not, one line in English; empty where it was.
        folder: where it should have been; empty where nothing says where reports belong.
        why: what the system said against it.
    """

    path: Path | None
    warning: str = ""
    folder: str = ""
    why: str = ""


def reports_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of saved reports; it need not be there yet.

    ``POSDIAG_STATE_DIR`` goes before the platform's own place.

    Raises:
        RuntimeError: nothing says where the user's files belong.

    Source:
        XDG Base Directory Specification (a relative variable counts as not set); Windows local
        application data; macOS Application Support.
    """
    own = environ.get("POSDIAG_STATE_DIR", "")
    if own:
        return Path(own) / "reports"
    if sys.platform == "win32":
        local = environ.get("LOCALAPPDATA", "")
        root = Path(local) if local else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        state = environ.get("XDG_STATE_HOME", "")
        root = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return root / "posdiag" / "reports"


def save(document: bytes, *, created_at: str, environ: Mapping[str, str] = os.environ) -> Saved:
    """Save a report, whole or not at all, and drop the oldest beyond 200.

    Args:
        document: the scrubbed report as JSON.
        created_at: UTC, ISO 8601; becomes the name.
        environ: see :func:`reports_folder`.

    Returns:
        Where it is, or why it could not be saved: that is a warning and no error.
    """
    folder: Path | None = None
    try:
        folder = reports_folder(environ)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = _write(document, folder, created_at.replace(":", ""))
    except (OSError, RuntimeError, ValueError) as error:
        where = f" in {folder}" if folder else ""
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Saved(
            path=None,
            warning=f"the report could not be saved{where}: {why}",
            folder=str(folder or ""),
            why=why,
        )
    _drop_old(folder, path)
    return Saved(path)


def _drop_old(folder: Path, newest: Path) -> None:
    """Drop reports beyond 200, and parts that a killed process left; failing that, keep them."""
    with contextlib.suppress(OSError):
        # By name the newest is not always the first: a laptop's clock can have been set back.
        others = [path for path in saved_reports(folder) if path != newest]
        parts = [path for path in folder.glob(_PART_PATTERN) if _age_s(path, newest) > _STALE_S]
        for old in others[KEPT - 1 :] + parts:
            with contextlib.suppress(OSError):
                old.unlink()


def _age_s(path: Path, newest: Path) -> float:
    return newest.stat().st_mtime - path.stat().st_mtime


def _write(document: bytes, folder: Path, stamp: str) -> Path:
    # mkstemp creates with mode 0600, and the name is taken by nobody else.
    handle, name = tempfile.mkstemp(prefix=_PART_PREFIX, suffix=_PART_SUFFIX, dir=folder)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(document)
            stream.flush()
            os.fsync(stream.fileno())
        return _named(part, folder, stamp)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _named(part: Path, folder: Path, stamp: str) -> Path:
    """Give a whole file its name, one that no other run takes at the same time."""
    number = 0
    while True:
        path = folder / f"{stamp}-{number:03}.json"
        try:
            os.link(part, path)
        except FileExistsError:
            number += 1
        except OSError:
            # No second names on this file system (FAT): what remains is looking first.
            if not path.exists():
                return part.replace(path)
            number += 1
        else:
            return path


def saved_reports(folder: Path) -> list[Path]:
    """Return the saved reports of a folder, the newest first.

    A folder that is not there holds none.

    Raises:
        OSError: the folder cannot be read.
    """
    try:
        names = [entry.name for entry in folder.iterdir()]  # glob would hide that it may not look
    except FileNotFoundError:
        return []
    found = sorted(fnmatch.filter(names, _PATTERN), reverse=True)
    return [folder / name for name in found]


def last(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the newest saved report.

    Raises:
        ReportError: there is none.
    """
    try:
        folder = reports_folder(environ)
        found = saved_reports(folder)
    except (OSError, RuntimeError) as error:
        raise ReportError([Mistake(LAST, "", "a saved report", str(error))]) from error
    if not found:
        raise ReportError([Mistake(LAST, "", "a saved report", f"none in {folder}")])
    return found[0]


def read_document(name: str, environ: Mapping[str, str] = os.environ) -> tuple[bytes, str]:
    """Return the bytes of a saved report and the path they come from.

    Args:
        name: a path, or ``last``.
        environ: see :func:`reports_folder`.

    Raises:
        ReportError: it is not there, cannot be read, or is too long to be a report.
    """
    path = last(environ) if name == LAST else Path(name)
    try:
        with path.open("rb") as stream:
            document = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ReportError([Mistake(str(path), "", "a report that can be read", why)]) from error
    if len(document) > MOST_BYTES:
        raise ReportError([Mistake(str(path), "", "at most 32 MiB", "more")])
    return document, str(path)
