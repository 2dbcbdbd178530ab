"""A simulated shop in a child process, which a run knows only through a site file.

The child leads its own session, so that Ctrl-C in a terminal reaches the run alone, and it ends
when its standard input ends: also when the run is killed.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from posdiag.model.errors import InputError, Mistake

_STARTS_S = 30.0
_LOOK_S = 0.05
_ENDS_S = 5.0
_WRONG_FILE = 65


class ShopError(Exception):
    """The simulated shop did not start."""


class ShopProcess:
    """The child; a context manager that leaves no process behind."""

    def __init__(
        self, scenario: str, *, pty: bool, interrupt: threading.Event | None = None
    ) -> None:
        """Take the scenario; nothing is started yet.

        Args:
            scenario: id, or path of a ``.toml`` file.
            pty: serial devices are pseudo terminals, where the system has them.
            interrupt: once set, nobody waits for the shop any more.
        """
        self._scenario = scenario
        self._arguments = [scenario] if pty else [scenario, "--no-pty"]
        self._interrupt = interrupt or threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)

    def __enter__(self) -> Self:
        """Start the child."""
        argv = [sys.executable, "-m", "posdiag.simulate", *self._arguments]
        self._child = subprocess.Popen(  # noqa: S603  (our own module)
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child: by its standard input, then by force."""
        child = self._child
        if child is not None:
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            _end(child)
        self._complaints.close()

    def site_file(self) -> Path | None:
        """Return the path of the site file once the shop answers, None where a signal came first.

        Raises:
            InputError: the scenario is wrong.
            ShopError: the shop did not come up.
        """
        import msgspec

        lines: list[bytes] = []
        reader = threading.Thread(target=self._read_line, args=(lines,), daemon=True)
        reader.start()
        end_s = time.monotonic() + _STARTS_S
        while reader.is_alive() and time.monotonic() < end_s:
            if self._interrupt.is_set():
                return None
            reader.join(_LOOK_S)
        if not lines or not lines[0].strip():
            self._fail()
        return Path(msgspec.json.decode(lines[0], type=dict[str, str])["site"])

    def _read_line(self, lines: list[bytes]) -> None:
        if self._child is not None and self._child.stdout is not None:
            with contextlib.suppress(OSError, ValueError):
                lines.append(self._child.stdout.readline())

    def _fail(self) -> None:
        code = None
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._child.wait(_ENDS_S)
        self._complaints.seek(0)
        said = self._complaints.read(4000).decode("utf-8", "replace").strip()
        if code == _WRONG_FILE:
            raise InputError([Mistake(self._scenario, "", "a scenario that can be read", said)])
        raise ShopError(said or f"exit code {code}")

    def is_running(self) -> bool:
        """Return whether the child is still there."""
        return self._child is not None and self._child.poll() is None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Wait for a child whose standard input has ended; where that does not help, make it end."""
    force: tuple[Callable[[], None], ...] = (child.terminate, child.kill)
    for end in force:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_ENDS_S)
            return
        end()
    child.wait()
