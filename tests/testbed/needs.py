"""What a test with emulated links needs of the machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def _lacks() -> str:
    if not hasattr(os, "geteuid") or not Path("/proc/self/ns/net").exists():
        return "other system: needs network namespaces (Linux)"
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if not shutil.which("ip"):
        return "needs ip (iproute2)"
    return ""


def _lacks_tun() -> str:
    return _lacks() or ("" if Path("/dev/net/tun").exists() else "needs /dev/net/tun")


needs_namespaces = pytest.mark.skipif(bool(_lacks()), reason=_lacks())
needs_links = pytest.mark.skipif(bool(_lacks_tun()), reason=_lacks_tun())
