"""Errors of operating systems become failure kinds by one table."""

from __future__ import annotations

import errno
import socket

import pytest

from posdiag.link.failures import error_of, failure_kind, link_error
from posdiag.model.observation import FailureKind, Operation


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ECONNREFUSED", FailureKind.REFUSED),
        ("ECONNRESET", FailureKind.RESET),
        ("ECONNABORTED", FailureKind.RESET),
        ("EPIPE", FailureKind.RESET),
        ("ENETUNREACH", FailureKind.UNREACHABLE),
        ("EHOSTUNREACH", FailureKind.UNREACHABLE),
        ("ENETDOWN", FailureKind.UNREACHABLE),
        ("EHOSTDOWN", FailureKind.UNREACHABLE),
        ("ETIMEDOUT", FailureKind.SILENT),
        ("EACCES", FailureKind.PERMISSION),
        ("EPERM", FailureKind.PERMISSION),
        ("ENOENT", FailureKind.NOT_FOUND),
        ("ENODEV", FailureKind.NOT_FOUND),
        ("EBUSY", FailureKind.BUSY),
        ("EADDRINUSE", FailureKind.BUSY),
        ("ENXIO", FailureKind.GONE),
        ("EIO", FailureKind.GONE),
        # This machine has no more ports, files or memory: nothing is said about anybody else.
        ("EADDRNOTAVAIL", FailureKind.UNEXPECTED),
        ("EMFILE", FailureKind.UNEXPECTED),
        ("ENOMEM", FailureKind.UNEXPECTED),
    ],
)
def test_numbers_of_this_system(name: str, kind: FailureKind) -> None:
    assert failure_kind(error_of(getattr(errno, name))) is kind


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (10061, FailureKind.REFUSED),
        (1225, FailureKind.REFUSED),
        (10054, FailureKind.RESET),
        (10053, FailureKind.RESET),
        (10051, FailureKind.UNREACHABLE),
        (10065, FailureKind.UNREACHABLE),
        (10060, FailureKind.SILENT),
        (121, FailureKind.SILENT),
        (10013, FailureKind.PERMISSION),
        (5, FailureKind.PERMISSION),
        (2, FailureKind.NOT_FOUND),
        (32, FailureKind.BUSY),
        (433, FailureKind.GONE),
        (1167, FailureKind.GONE),
    ],
)
def test_numbers_of_windows(number: int, kind: FailureKind) -> None:
    error = OSError(0, "")
    error.winerror = number  # type: ignore[attr-defined,unused-ignore]  # exists on Windows only
    assert failure_kind(error) is kind
    if number >= 10000:
        assert failure_kind(OSError(number, "")) is kind


def test_small_numbers_of_windows_are_not_read_from_errno() -> None:
    # 32 is EPIPE here and a file in use there.
    assert failure_kind(OSError(errno.EPIPE, "")) is FailureKind.RESET


def test_a_timeout_of_python_has_no_number() -> None:
    assert failure_kind(TimeoutError("timed out")) is FailureKind.SILENT
    assert failure_kind(OSError("odd")) is FailureKind.UNEXPECTED


def test_the_text_names_no_file() -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "/home/somebody/key.pem")
    made = link_error(error, Operation.OPEN, waited_s=1.5)
    assert (made.kind, made.operation, made.waited_s) == (
        FailureKind.NOT_FOUND,
        Operation.OPEN,
        1.5,
    )
    assert made.detail == "No such file or directory"
    assert "somebody" not in str(made)


def test_a_refusal_as_the_system_really_says_it() -> None:
    with socket.socket() as bound, socket.socket() as client:
        bound.bind(("127.0.0.1", 0))
        number = client.connect_ex(bound.getsockname())
    assert failure_kind(error_of(number)) is FailureKind.REFUSED
