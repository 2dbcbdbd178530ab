"""The one place where errors of an operating system become failure kinds."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType

from posdiag.model.errors import LinkError
from posdiag.model.observation import FailureKind, Operation


def _numbers(*names: str) -> list[int]:
    """Return the numbers of those names that this system has."""
    return [getattr(errno, name) for name in names if hasattr(errno, name)]


_POSIX: Mapping[FailureKind, list[int]] = {
    FailureKind.REFUSED: _numbers("ECONNREFUSED"),
    FailureKind.RESET: _numbers("ECONNRESET", "ECONNABORTED", "EPIPE", "ENETRESET", "ESHUTDOWN"),
    # EADDRNOTAVAIL is not here: it also says that this machine ran out of ports.
    FailureKind.UNREACHABLE: _numbers("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN"),
    FailureKind.SILENT: _numbers("ETIMEDOUT"),
    FailureKind.PERMISSION: _numbers("EACCES", "EPERM"),
    FailureKind.NOT_FOUND: _numbers("ENOENT", "ENODEV"),
    FailureKind.BUSY: _numbers("EBUSY", "EADDRINUSE"),
    FailureKind.GONE: _numbers("ENXIO", "EIO"),
}
# Source: Microsoft, "Windows Sockets Error Codes" and "System Error Codes (0-499)", (500-999).
_WINDOWS: Mapping[FailureKind, list[int]] = {
    FailureKind.REFUSED: [10061, 1225],
    FailureKind.RESET: [10054, 10053, 10052, 10058, 1236],
    FailureKind.UNREACHABLE: [10051, 10065, 10050, 10064, 1231, 1232],
    FailureKind.SILENT: [10060, 121],
    FailureKind.PERMISSION: [10013, 5],
    FailureKind.NOT_FOUND: [2, 3, 20],
    FailureKind.BUSY: [10048, 32, 170],
    FailureKind.GONE: [21, 22, 31, 433, 995, 1167],
}


def _by_number(table: Mapping[FailureKind, list[int]]) -> Mapping[int, FailureKind]:
    return MappingProxyType({number: kind for kind, row in table.items() for number in row})


_POSIX_KINDS = _by_number(_POSIX)
_WINDOWS_KINDS = _by_number(_WINDOWS)


def failure_kind(error: OSError) -> FailureKind:
    """Return what kind of failure an error of the operating system is.

    Windows numbers are read from ``winerror`` where there is one, and from ``errno`` where it
    holds a number of Windows Sockets (10000 and up), which no other system uses.
    """
    number = error.errno or 0
    windows = getattr(error, "winerror", None) or (number if number >= 10000 else None)
    if windows is not None and windows in _WINDOWS_KINDS:
        return _WINDOWS_KINDS[windows]
    if isinstance(error, TimeoutError):
        return FailureKind.SILENT
    return _POSIX_KINDS.get(number, FailureKind.UNEXPECTED)


def error_of(number: int) -> OSError:
    """Return the error that a number (``SO_ERROR``, ``connect_ex``) stands for."""
    import os

    return OSError(number, os.strerror(number))


def link_error(error: OSError, operation: Operation, *, waited_s: float | None = None) -> LinkError:
    """Return the error as a fact; its text names no file or address."""
    return LinkError(failure_kind(error), operation, error.strerror or "", waited_s=waited_s)
