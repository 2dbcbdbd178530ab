"""A card in a PC/SC reader, read through a child process that can be killed."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Self

from posdiag.link import card_child
from posdiag.link.deadline import Deadline
from posdiag.link.pcsc_lacks import lacks
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.wire.card_session import CardSession

START_LIMIT_S: Final = 10.0
"""For the child to start, find the service and power the card up."""
_LIFE_BEYOND_S: Final = 2.0
"""The child ends by itself this long after the deadline, should we be gone."""
_KILL_WAIT_S: Final = 2.0
_TOLD_WITHIN_S: Final = 0.5

_MUTE = (0x80100066, 0x80100067)
"""SCARD_W_UNRESPONSIVE_CARD (Windows), SCARD_W_UNPOWERED_CARD (PC/SC-lite)."""
_NO_CARD = (card_child.TIMEOUT, 0x8010000C)
_REMOVED = (0x80100069, 0x80100017)
"""SCARD_W_REMOVED_CARD; SCARD_E_READER_UNAVAILABLE: unplugged, card and all."""
_BUSY = 0x8010000B
"""SCARD_E_SHARING_VIOLATION: another program has it for itself."""
_PROTOCOL = 0x8010000F
"""SCARD_E_PROTO_MISMATCH: its answer to reset cannot be used."""


class PcscCard(NamedTuple):
    """What was read, and where.

    Attributes:
        reader: its name; empty where none was reached.
        protocol: 0 or 1 (T=0, T=1); None where the card was not powered up.
    """

    session: CardSession
    reader: str
    protocol: int | None


def read_pcsc(
    name: str,
    session: CardSession,
    deadline: Deadline,
    *,
    silent_after_s: float,
    wait_s: float = 0.0,
    after_another: bool = False,
) -> PcscCard:
    """Read the card in a PC/SC reader. No process is left behind.

    Args:
        name: part of the reader's name, any case; empty: the first that holds a card.
        session: takes what the card says.
        deadline: end of the run.
        silent_after_s: how long a card may be silent after one command.
        wait_s: how long to wait for a card.
        after_another: the card that is in the reader must be taken out first.

    Raises:
        CannotRun: package_missing (pyscard, or the service), no_permission, not_applicable (no
            reader), budget_spent.
        LinkError: the reader or the service failed, not the card.
    """
    if importlib.util.find_spec("smartcard") is None:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, lacks("pyscard"))
    if deadline.passed():
        raise CannotRun(NotRunReason.BUDGET_SPENT)
    which = "next" if after_another else "any"
    # The child must have time to say that nobody came.
    wait_s = max(0.0, min(wait_s, deadline.remaining_s() - _TOLD_WITHIN_S))
    with _Child(name, wait_s, which, deadline) as child:
        return _PcscRun(child, session, deadline, silent_after_s).until_over(wait_s)


class _Child:
    """The process, with a thread that collects its lines.

    Attributes:
        in_order: set once the card was read to its end: the process then waits for nothing but us.
    """

    def __init__(self, name: str, wait_s: float, which: str, deadline: Deadline) -> None:
        self.in_order = False
        life_s = deadline.remaining_s() + _LIFE_BEYOND_S
        # By its path and without our folder in front (-P): it needs nothing of ours.
        command = [sys.executable, "-P", str(Path(card_child.__file__))]
        self._process = subprocess.Popen(  # noqa: S603  (our own file; no shell)
            [*command, name, str(wait_s), which, str(life_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        # A run that is interrupted leaves our thread behind: no process may outlive it.
        atexit.register(self._kill)
        self._lines: queue.Queue[str] = queue.Queue()
        assert self._process.stdout is not None  # noqa: S101  (a pipe was asked for)
        threading.Thread(
            target=self._collect, args=(self._process.stdout,), name="card lines", daemon=True
        ).start()

    def _collect(self, stream: IO[str]) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in stream:
                self._lines.put(line)
        self._lines.put("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process: in order (the card is powered off), else by force."""
        process = self._process
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(0.5 if kind is None and self.in_order else 0.0)
        except subprocess.TimeoutExpired:
            self._kill()
        atexit.unregister(self._kill)
        if process.stdout is not None:
            process.stdout.close()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait(_KILL_WAIT_S)

    def send(self, command: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended: the next line says so
            if self._process.stdin is not None:
                self._process.stdin.write(command.hex() + "\n")
                self._process.stdin.flush()

    def told(self, wait_s: float) -> dict[str, object] | None:
        """Return the next line, empty where the process ended; None: nothing came in time."""
        try:
            line = self._lines.get(timeout=wait_s) if wait_s > 0 else self._lines.get_nowait()
        except queue.Empty:
            return None
        try:
            value = json.loads(line) if line.strip() else {}
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class _PcscRun:
    def __init__(
        self, child: _Child, session: CardSession, deadline: Deadline, silent_after_s: float
    ) -> None:
        self._child = child
        self._session = session
        self._deadline = deadline
        self._silent_after_s = silent_after_s

    def until_over(self, wait_s: float) -> PcscCard:
        limit_s, cut = self._deadline.cut(wait_s + START_LIMIT_S)
        began = self._child.told(limit_s)
        if began is None:
            kind = FailureKind.CENSORED if cut else FailureKind.SILENT
            raise LinkError(kind, Operation.OPEN, "the reader does not answer", waited_s=limit_s)
        reader = str(began.get("reader", ""))
        if "atr" not in began:
            self._not_begun(began)
            return PcscCard(self._session, reader, None)
        self._session.power_up(bytes.fromhex(str(began["atr"])))
        while self._session.command is not None:
            self._one(self._session.command)
        self._child.in_order = self._session.failure is None
        # SCARD_PROTOCOL_T0 is 1, T1 is 2.
        return PcscCard(self._session, reader, 0 if began.get("protocol") == 1 else 1)

    def _one(self, command: bytes) -> None:
        limit_s, cut = self._deadline.cut(self._silent_after_s)
        self._child.send(command)
        told = self._child.told(limit_s)
        if told is None:
            kind = FailureKind.CENSORED if cut else FailureKind.SILENT
            self._session.fail(kind, waited_s=limit_s)
        elif "answer" in told:
            self._session.take(bytes.fromhex(str(told["answer"])))
        elif told.get("code") in _REMOVED or told.get("present") is False:
            self._session.fail(FailureKind.GONE)
        else:
            self._session.fail(FailureKind.PROTOCOL_ERROR, _in_words(told))

    def _not_begun(self, told: dict[str, object]) -> None:
        """Record that there is no card or a mute one; all else is the laptop's side."""
        code = told.get("code")
        if code in _NO_CARD:
            detail = "" if told.get("taken_out", True) else "the card was not taken out"
            self._session.fail(FailureKind.NOT_FOUND, detail)
        elif told.get("at") == "mute" or code in _MUTE:
            self._session.fail(FailureKind.MUTE)
        elif code in _REMOVED:
            self._session.fail(FailureKind.GONE)
        elif told.get("at") == "connect" and code == _PROTOCOL:
            self._session.fail(FailureKind.PROTOCOL_ERROR, "answer to reset cannot be used")
        elif told.get("at") == "service":
            raise _no_service(told)
        elif told.get("at") == "readers":
            raise CannotRun(NotRunReason.NOT_APPLICABLE, _no_reader(told))
        elif code == _BUSY:
            raise LinkError(FailureKind.BUSY, Operation.OPEN, "another program has the card")
        else:
            raise LinkError(FailureKind.UNEXPECTED, Operation.OPEN, _in_words(told))


def _no_service(told: dict[str, object]) -> CannotRun:
    path = Path(os.environ.get("PCSCLITE_CSOCK_NAME", "/run/pcscd/pcscd.comm"))
    if sys.platform.startswith("linux"):
        try:
            there = path.exists()
        except PermissionError:  # the folder itself is closed to us
            there = True
        # Its socket is there and we may not write to it: the service runs, for others.
        if there and not os.access(path, os.W_OK):
            return CannotRun(NotRunReason.NO_PERMISSION, lacks("permission"))
    return CannotRun(NotRunReason.PACKAGE_MISSING, f"{lacks('service')} ({_in_words(told)})")


def _no_reader(told: dict[str, object]) -> str:
    readers = told.get("readers")
    if isinstance(readers, list) and readers:
        return f"no card reader of that name, only {', '.join(map(str, readers))}"
    return lacks("reader")


def _in_words(told: dict[str, object]) -> str:
    code = told.get("code")
    if not isinstance(code, int):
        return "the process that reads the card ended"
    return f"PC/SC code 0x{code:08X}" if code else "an answer without a status word"
