"""What would let a user open a port that is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_BOTH = stat.S_IRGRP | stat.S_IWGRP


def who_may(path: str) -> str:
    """Return which group or rule would give the right to open a port; empty where unknown.

    No path is in it: a kernel name without its number stands for all ports of that driver.
    """
    try:
        import grp

        found = Path(path).stat()
        group = grp.getgrgid(found.st_gid).gr_name
    except (ImportError, OSError, KeyError, ValueError):
        return ""
    if found.st_gid != 0 and found.st_mode & _BOTH == _BOTH:
        return f"group {group} may use it: sudo usermod -aG {group} $USER, then log in again"
    kernel = os.path.basename(os.path.realpath(path)).rstrip("0123456789")  # noqa: PTH119
    which = f'KERNEL=="{kernel}*"' if kernel else 'SUBSYSTEM=="tty"'
    rule = f'{which}, GROUP="dialout", MODE="0660"'
    return f"no group may use it; a udev rule would let one: {rule}"
