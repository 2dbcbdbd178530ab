"""One real pcscd with a virtual reader for all tests that need one, and why it may be missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[1]
READER = "Virtual PCD 00 00"
_DRIVER = Path("/etc/reader.conf.d/vpcd")


def missing() -> str:
    """Return what a real pcscd lacks here, empty where it can be used."""
    if not sys.platform.startswith("linux"):
        return "other system: the virtual reader needs Linux"
    for tool, package in (("pcscd", "pcscd"), ("unshare", "util-linux"), ("ip", "iproute2")):
        if shutil.which(tool) is None:
            return f"no {tool}: apt install {package}"
    if not _DRIVER.exists():
        return "no virtual reader: apt install vsmartcard-vpcd"
    if importlib.util.find_spec("smartcard") is None:
        return "no pyscard: pip install 'posdiag[card]'"
    tried = subprocess.run(["unshare", *_namespaces(), "true"], capture_output=True, check=False)
    if tried.returncode:
        return "no right to make namespaces"
    return ""


def _namespaces() -> list[str]:
    return ["-n", "-m"] if os.geteuid() == 0 else ["-r", "-n", "-m"]


class RealPcscd:
    """The service and what is in its reader. A context manager.

    Attributes:
        socket: of the service; clients find it by ``PCSCLITE_CSOCK_NAME``.
    """

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "pcscd" / "pcscd.comm"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = ["unshare", *_namespaces(), sys.executable, "-m", "tests.pcscd_in_namespace"]
        self._process = subprocess.Popen(
            [*command, str(self._folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hear("ready")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.communicate(timeout=15)

    def insert(self, card: str) -> None:
        """Put a card in; another one is taken out first."""
        self._say(f"insert {card}")

    def remove(self) -> None:
        """Take the card out."""
        self._say("remove")

    def change(self, after_s: float, card: str) -> None:
        """Take the card out after a while and put another in; returns at once."""
        self._say(f"then {after_s} {card}")

    def _say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        self._hear("ok")

    def _hear(self, word: str) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        heard = self._process.stdout.readline().strip()
        log = self._folder / "log"
        assert heard == word, f"{heard!r}; {log.read_text() if log.exists() else ''}"
