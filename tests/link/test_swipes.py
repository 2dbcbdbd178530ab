"""Swipes over a pseudo terminal: as a serial reader, and as a keyboard that shows nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import OTHER_SYSTEM

if sys.platform == "win32":
    pytest.skip(OTHER_SYSTEM + "pseudo terminals are Unix's", allow_module_level=True)

import pty
import termios

from posdiag.link.deadline import Deadline
from posdiag.link.swipes import read_swipe, unechoed
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason
from posdiag.wire.swipe import SwipeConversation
from tests.wire.swipe_samples import PAN, SWIPES


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    ours, theirs = pty.openpty()
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def _read(port: str, *, budget_s: float = 10.0, limit_s: float = 3.0) -> SwipeConversation:
    return read_swipe(port, Deadline.after(budget_s), limit_s=limit_s, baud=9600)


def test_a_swipe_over_a_serial_line(line: tuple[int, str]) -> None:
    ours, port = line
    timer = threading.Timer(0.3, os.write, [ours, SWIPES["good"].encode()])
    timer.start()
    read = _read(port)
    timer.join()
    assert read.stripe is not None
    assert read.stripe.masked_pan == "620000…0005"


@pytest.mark.parametrize(
    ("limit_s", "budget_s", "kind"),
    [(0.2, 5.0, FailureKind.SILENT), (5.0, 0.5, FailureKind.CENSORED)],
)
def test_nobody_swipes(
    limit_s: float, budget_s: float, kind: FailureKind, line: tuple[int, str]
) -> None:
    read = _read(line[1], limit_s=limit_s, budget_s=budget_s)
    assert read.stripe is None
    assert read.failure is kind


def test_pasted_text_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    out, into = os.pipe()
    os.write(into, SWIPES["good"].encode())
    os.close(into)
    with os.fdopen(out) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        read = _read("keyboard")
    assert read.stripe is not None
    assert read.stripe.state == "ok"


def test_standard_input_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        read = _read("keyboard")
    assert read.failure is FailureKind.GONE


@pytest.mark.parametrize("stdin", [None, object()])
def test_no_standard_input(stdin: object, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        closed = True

    monkeypatch.setattr(sys, "stdin", None if stdin is None else Closed())
    with pytest.raises(CannotRun) as caught:
        _read("keyboard")
    assert caught.value.reason is NotRunReason.NOT_APPLICABLE


_READER = """
import sys
from posdiag.link.deadline import Deadline
from posdiag.link.swipes import read_swipe
sys.stdout.write("waiting\\n"); sys.stdout.flush()
read = read_swipe("keyboard", Deadline.after(8), limit_s=5, baud=9600)
sys.stdout.write(f"state={read.stripe.state if read.stripe else read.failure}\\n")
"""


def _on_a_terminal(typed: bytes, *, code: str = _READER, after: bytes = b"") -> str:
    """Return all that a terminal shows while a program waits for a swipe that is typed on it."""
    pid, ours = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code])  # noqa: S606  (no shell is wanted)
    shown = b""
    until_s = time.monotonic() + 10
    while b"waiting" not in shown and time.monotonic() < until_s:
        shown += os.read(ours, 1024)
    _await_no_echo(ours)
    os.write(ours, typed)
    if after:
        time.sleep(0.2)
        os.write(ours, after)
    while time.monotonic() < until_s:
        try:
            data = os.read(ours, 1024)
        except OSError:  # the program has ended
            break
        if not data:
            break
        shown += data
    os.close(ours)
    os.waitpid(pid, 0)
    return shown.decode(errors="replace")


def _await_no_echo(descriptor: int) -> None:
    until_s = time.monotonic() + 5
    while termios.tcgetattr(descriptor)[3] & termios.ECHO and time.monotonic() < until_s:
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["good", "half_read"])
def test_a_terminal_shows_nothing_of_a_swipe(name: str) -> None:
    shown = _on_a_terminal(SWIPES[name].encode())
    assert "state=" in shown
    assert PAN not in shown
    assert "=4912" not in shown


def test_a_swipe_after_the_swipe_is_thrown_away() -> None:
    # Some readers type a second line: it must not reach whoever reads the keyboard next.
    code = _READER + (
        "\nimport select\n"
        "sys.stdout.write('left=' + str(bool(select.select([0], [], [], 0.5)[0])) + '\\n')\n"
    )
    shown = _on_a_terminal((SWIPES["good"] + SWIPES["good"]).encode(), code=code)
    assert "left=False" in shown
    assert PAN not in shown


def test_echo_comes_back(line: tuple[int, str]) -> None:
    descriptor = os.open(line[1], os.O_RDWR | os.O_NOCTTY)
    try:
        with unechoed(descriptor):
            assert not termios.tcgetattr(descriptor)[3] & termios.ECHO
        assert termios.tcgetattr(descriptor)[3] & termios.ECHO
    finally:
        os.close(descriptor)


_INTERRUPTED = """
import fcntl, os, sys, termios, threading, time
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from posdiag.link.deadline import Deadline
from posdiag.link.swipes import read_swipe

def wait():
    read_swipe("keyboard", Deadline.after(60), limit_s=60, baud=9600)

threading.Thread(target=wait, daemon=True).start()
until_s = time.monotonic() + 10
while termios.tcgetattr(0)[3] & termios.ECHO and time.monotonic() < until_s:
    time.sleep(0.01)
sys.stdout.write("off" if not termios.tcgetattr(0)[3] & termios.ECHO else "on")
"""


def test_echo_comes_back_where_the_run_was_interrupted() -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", _INTERRUPTED], stdin=theirs, capture_output=True, check=True
        )
        assert done.stdout == b"off"
        assert termios.tcgetattr(theirs)[3] & termios.ECHO
    finally:
        os.close(ours)
        os.close(theirs)
