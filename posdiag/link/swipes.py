"""One swipe of a card: from a stripe reader on a serial port, or one that types like a keyboard.

What is typed is never shown: the terminal's echo is off while we wait, and what is left over is
thrown away, so that no shell gets to see it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Final

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import clock_s
from posdiag.link.serial_port import open_port, run_serial
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.wire.conversation import Ended, Wait
from posdiag.wire.swipe import SwipeConversation

KEYBOARD: Final = "keyboard"
_LOOK_S: Final = 0.1
_READ_BYTES: Final = 1024


def read_swipe(
    port: str, deadline: Deadline, *, limit_s: float, baud: int | None
) -> SwipeConversation:
    """Wait for one swipe; what it gave is in the conversation.

    Args:
        port: ``keyboard`` (standard input: typed by a reader, or pasted), or a serial port.
        deadline: end of the run.
        limit_s: how long a person may take.
        baud: of a serial port; None: what is usual.

    Raises:
        CannotRun: unsupported or not_applicable, where there is no keyboard; as ``open_port``.
        LinkError: the port failed.
    """
    conversation = SwipeConversation(limit_s=limit_s)
    if port.lower() == KEYBOARD:
        _from_keyboard(conversation, deadline)
    else:
        with open_port(port, baud=baud, deadline=deadline) as opened:
            run_serial(opened, conversation, deadline)
    return conversation


def _from_keyboard(conversation: SwipeConversation, deadline: Deadline) -> None:
    if sys.stdin is None or sys.stdin.closed:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "no standard input")
    if sys.platform == "win32":
        _from_windows_console(conversation, deadline)
        return
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError) as error:
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "no standard input") from error
    with unechoed(descriptor):
        _collect(descriptor, conversation, deadline)


def _collect(descriptor: int, conversation: SwipeConversation, deadline: Deadline) -> None:
    """Read characters until the swipe is over or the time is up."""
    import select

    while isinstance(step := conversation.step(clock_s()), Wait):
        since_s = clock_s()
        wait_s, cut = deadline.cut(step.limit_s)
        ready = select.select([descriptor], [], [], max(0.0, wait_s))[0]
        data = os.read(descriptor, _READ_BYTES) if ready else b""
        if data:
            conversation.receive(data, clock_s())
        else:
            why = Ended.EOF if ready else Ended.BUDGET if cut else Ended.LIMIT
            conversation.ended(why, clock_s(), clock_s() - since_s)


@contextlib.contextmanager
def unechoed(descriptor: int) -> Iterator[None]:
    """Have a terminal show nothing of what is typed, character by character; Ctrl-C still works.

    What is not a terminal is left alone.
    """
    import termios

    if not os.isatty(descriptor):
        yield
        return
    # A background job that touches the terminal would be stopped: such a swipe never comes.
    with contextlib.suppress(OSError):  # not the terminal that controls us: nobody stops us
        if os.tcgetpgrp(descriptor) != os.getpgrp():
            raise CannotRun(NotRunReason.NOT_APPLICABLE, "the keyboard belongs to another program")
    before = termios.tcgetattr(descriptor)
    quiet = [*before]
    quiet[3] = before[3] & ~(termios.ECHO | termios.ECHONL | termios.ICANON)
    quiet[6] = list(before[6])
    quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 1, 0

    def restore() -> None:
        # TCSAFLUSH throws the rest of a swipe away.
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)

    # A run that is interrupted leaves this thread behind: the terminal must not stay mute.
    atexit.register(restore)
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        restore()
        atexit.unregister(restore)


def _from_windows_console(conversation: SwipeConversation, deadline: Deadline) -> None:
    """Read keys of the console one by one; they are not shown."""
    try:
        import msvcrt
    except ImportError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "no console") from error
    pause = threading.Event()
    while isinstance(step := conversation.step(clock_s()), Wait):
        since_s = clock_s()
        wait_s, cut = deadline.cut(step.limit_s)
        while not (hit := msvcrt.kbhit()) and clock_s() - since_s < wait_s:  # type: ignore[attr-defined]
            pause.wait(_LOOK_S)
        if hit:
            conversation.receive(msvcrt.getwch().encode(), clock_s())  # type: ignore[attr-defined]
        else:
            why = Ended.BUDGET if cut else Ended.LIMIT
            conversation.ended(why, clock_s(), clock_s() - since_s)
