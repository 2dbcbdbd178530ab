"""Starts this laptop's adb server, where that is wanted; nothing else here ever does.

The adb program comes with adbutils, or is the system's. adbutils itself is not asked to talk: it
starts a server whenever a connection does not come about, and reads without a limit.
"""

from __future__ import annotations

import shutil
import subprocess

from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

START_LIMIT_S = 15.0
_PACKAGE = "pip install 'posdiag[android]'"


def adb_program() -> str:
    """Return the path of the adb program.

    Raises:
        CannotRun: package_missing: neither adbutils nor adb is installed.
    """
    found = shutil.which("adb")
    if found:
        return found
    try:
        import adbutils
    except ImportError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, _PACKAGE) from error
    try:
        return str(adbutils.adb_path())
    except RuntimeError as error:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "adb") from error


def start_adb_server(port: int, deadline: Deadline) -> None:
    """Start an adb server on loopback; one that is there already stays as it is.

    Args:
        port: where it listens.
        deadline: end of the run.

    Raises:
        CannotRun: package_missing; budget_spent; unsupported where it does not start.
    """
    wait_s, _ = deadline.cut(START_LIMIT_S)
    if wait_s <= 0:
        raise CannotRun(NotRunReason.BUDGET_SPENT)
    command = [adb_program(), "-P", str(port), "start-server"]
    try:
        done = subprocess.run(  # noqa: S603  (the path is the program's, the port a number)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=wait_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "adb start-server did not end") from error
    if done.returncode != 0:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"adb start-server: {done.returncode}")
