"""``posdiag --version``, without the rest of the command line."""

from __future__ import annotations

import posdiag
from posdiag.cli import exits
from posdiag.cli.output import OutputError, give_up_output, put_text, tell


def main() -> int:
    """Print the version and return the exit code."""
    try:
        show_version()
    except OutputError as error:
        give_up_output()
        tell(f"posdiag: {error}")
        return exits.IO_FAILED
    return exits.OK


def show_version() -> None:
    """Print the version.

    Raises:
        OutputError: standard output cannot be written.
    """
    put_text(f"posdiag {posdiag.__version__}\n")
