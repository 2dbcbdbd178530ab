"""What to install where a card cannot be read, per system."""

from __future__ import annotations

import shutil
import sys
from typing import Literal

Lack = Literal["pyscard", "service", "permission", "reader"]


def lacks(what: Lack, *, platform: str = sys.platform) -> str:
    """Return what is missing and how to get it, one line in English.

    Args:
        what: the package, the service, the right to speak to it, or a reader.
        platform: as ``sys.platform``.
    """
    linux = platform.startswith("linux")
    if what == "pyscard":
        first = "apt install gcc libpcsclite-dev pcscd, then " if linux else ""
        return f"pyscard is not installed: {first}pip install 'posdiag[card]'"
    if what == "service":
        return _service(platform)
    if what == "permission":
        return (
            "pcscd runs, but this user may not write to its socket: ask for its group, or use sudo"
        )
    return "no card reader is plugged in" + (" (apt install libccid for USB ones)" if linux else "")


def _service(platform: str) -> str:
    if platform.startswith("linux"):
        if shutil.which("pcscd") is None:
            return "the card service is not installed: apt install pcscd"
        return "the card service does not run: systemctl start pcscd"
    if platform == "win32":
        return "the service Smart Card (SCardSvr) does not run: start it in services.msc"
    return "the system's card service does not answer: plug a reader in"
