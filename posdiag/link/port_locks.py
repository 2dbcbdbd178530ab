"""Lock files of programs that dial: they share a port with nobody, though the system would let us.

A program such as pppd keeps a port by a file ``LCK..ttyUSB2`` that holds its process id. Opening
such a port would set its speed anew under a connection that is up.

Source: Filesystem Hierarchy Standard 3.0, section 5.9 (``/var/lock``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from posdiag.model.errors import LinkError
from posdiag.model.observation import FailureKind, Operation

FOLDERS = (Path("/var/lock"), Path("/run/lock"))


def refuse_locked(port: str, folders: Sequence[Path] = FOLDERS) -> None:
    """Return where no living process has locked a device file.

    Args:
        port: as in the site file.
        folders: where locks are, or recorded copies.

    Raises:
        LinkError: busy; the detail names the process.
    """
    name = os.path.basename(os.path.realpath(port))  # noqa: PTH119  (a COM port is no path)
    for folder in folders:
        try:
            text = (folder / f"LCK..{name}").read_text(encoding="ascii", errors="replace")
        except (OSError, ValueError):
            continue
        words = text.split()
        if words and words[0].isascii() and words[0].isdigit() and _lives(int(words[0])):
            raise LinkError(FailureKind.BUSY, Operation.OPEN, f"locked by process {words[0]}")


def _lives(process: int) -> bool:
    # Not os.kill(process, 0): on Windows that ends it.
    import psutil

    return 0 < process < 1 << 31 and psutil.pid_exists(process)
