"""The one place where errors of pyserial become failure kinds.

Numbers: each was provoked on Linux with pyserial 3.5; those of Windows are from Microsoft, "System
Error Codes (0-499)" and "(500-999)".
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys

from posdiag.link.failures import error_of, failure_kind
from posdiag.link.port_holders import holder_words
from posdiag.link.port_rights import who_may
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation


def errors_of_ports() -> tuple[type[Exception], ...]:
    """Return what pyserial may raise on an open port.

    ``SerialException`` is an ``OSError``, ``termios.error`` is not and comes through unwrapped.
    """
    try:
        import termios
    except ImportError:
        return (OSError,)
    return (OSError, termios.error)


def error_number(error: Exception) -> int:
    """Return the number of the operating system in an error of pyserial, 0 where there is none.

    pyserial keeps it in ``errno``, or only in its text: ``(5, 'Input/output error')``,
    ``[Errno 111] Connection refused``; on Windows ``PermissionError(13, '...', None, 5)``, whose
    last number is the one of Windows.
    """
    number = getattr(error, "errno", None) or (
        error.args[0] if error.args and isinstance(error.args[0], int) else None
    )
    if isinstance(number, int):
        return number
    text = str(error)
    for pattern in (r", (\d+)\)'?$", r"\[Errno (\d+)\]", r"\((\d+), "):
        if found := re.search(pattern, text):
            return int(found[1])
    return errno.ETIMEDOUT if "timed out" in text else 0


_WINDOWS_KINDS = {
    2: FailureKind.NOT_FOUND,
    3: FailureKind.NOT_FOUND,
    # Ports are exclusive by nature there: access denied is another program.
    5: FailureKind.BUSY,
    32: FailureKind.BUSY,
    170: FailureKind.BUSY,
    31: FailureKind.GONE,
    433: FailureKind.GONE,
    1167: FailureKind.GONE,
}


def open_error(name: str, error: Exception) -> LinkError:
    """Return why a port could not be opened; its text names no path."""
    number = error_number(error)
    if sys.platform == "win32":
        kind = _WINDOWS_KINDS.get(number, FailureKind.UNEXPECTED)
        return LinkError(kind, Operation.OPEN, f"Windows error {number}" if number else "")
    if number == errno.EAGAIN or "exclusively" in str(error):
        detail = _holder(name, "another program has locked it")
        return LinkError(FailureKind.BUSY, Operation.OPEN, detail)
    if number in (errno.ENOTTY, errno.EISDIR, errno.EINVAL):
        return LinkError(FailureKind.UNEXPECTED, Operation.OPEN, "this is no serial port")
    if number in (errno.ENODEV, errno.ENXIO, errno.EIO):
        # A name of the system's without a chip behind it: opens, and then cannot be set.
        detail = "no hardware behind this name"
        return LinkError(FailureKind.NOT_FOUND, Operation.OPEN, detail)
    if "no ports found" in str(error):
        return LinkError(FailureKind.NOT_FOUND, Operation.OPEN, "no port of that description")
    text = os.strerror(number) if number else ""
    kind = failure_kind(error_of(number)) if number else FailureKind.UNEXPECTED
    if kind is FailureKind.PERMISSION:
        text = who_may(name) or text
    elif kind is FailureKind.BUSY:
        text = _holder(name, "another program has it")
    return LinkError(kind, Operation.OPEN, text)


def _holder(name: str, otherwise: str) -> str:
    """Return who has a port, or, where it is not known, only that somebody has."""
    held = holder_words(name)
    return f"{held} has it" if held else otherwise


def lacking(error: Exception, detail: str) -> CannotRun | LinkError:
    """Return that a port has no such thing, or that the port is gone."""
    number = error_number(error)
    unsupported = (errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)
    if number in unsupported or isinstance(error, AttributeError | io.UnsupportedOperation):
        return CannotRun(NotRunReason.UNSUPPORTED, f"{detail} on this kind of port")
    return gone(error, Operation.READ_STATUS)


def gone(error: Exception, operation: Operation) -> LinkError:
    """Return that a port went away while it was used."""
    number = error_number(error)
    text = os.strerror(number) if number else "unplugged, or a second program reads it"
    return LinkError(FailureKind.GONE, operation, text)
