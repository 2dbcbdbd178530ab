"""What goes to standard output and standard error, and what happens where it cannot."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from posdiag.text.console_signs import make_safe, printable

if TYPE_CHECKING:
    from posdiag.report.sheet import Sheet


class OutputError(Exception):
    """Standard output cannot be written: closed, full, or its reader is gone."""


@contextlib.contextmanager
def writing() -> Iterator[TextIO]:
    """Give standard output, and flush it afterwards.

    Raises:
        OutputError: it cannot be written.
    """
    stream = sys.stdout
    if stream is None:
        raise OutputError("closed")
    try:
        yield make_safe(stream)
        stream.flush()
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from error


def put_document(document: bytes) -> None:
    """Write one JSON document, UTF-8 whatever the console's encoding is."""
    with writing() as stream:
        stream.flush()
        stream.buffer.write(document if document.endswith(b"\n") else document + b"\n")


def put_value(value: object) -> None:
    """Write a value as one JSON document, indented for people."""
    import msgspec

    put_document(msgspec.json.format(msgspec.json.encode(value), indent=2))


def put_text(text: str) -> None:
    """Write text as it is."""
    with writing() as stream:
        stream.write(text)


def put_sheet(sheet: Sheet) -> None:
    """Write a page, in colour where standard output is a terminal that has it."""
    from posdiag.report.sheet import print_sheet, wants_color

    with writing() as stream:
        print_sheet(sheet, stream, color=wants_color(stream, os.environ))


def page_width() -> int:
    """Return the columns of a page on standard output."""
    from posdiag.report.sheet import WIDTH, console_width

    return console_width(sys.stdout) if sys.stdout is not None else WIDTH


def tell(text: str) -> None:
    """Write lines to standard error; where that cannot be written nobody is told."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):
        make_safe(sys.stderr)
        sys.stderr.write("".join(f"{printable(line)}\n" for line in text.splitlines()))
        sys.stderr.flush()


def give_up_output() -> None:
    """Point standard output at nothing, or the interpreter would fail on it again at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
