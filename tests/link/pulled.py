"""Pseudo terminals that a test may pull."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


def pulled_line() -> Iterator[tuple[int, str]]:
    """Give a raw pseudo terminal, the device's end and the path of ours; close what is left."""
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for end in (master, slave):
        with contextlib.suppress(OSError):
            os.close(end)
