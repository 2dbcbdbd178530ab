"""Entry of the command line: the script ``posdiag`` and ``python -m posdiag``."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line of this process and leave it with the exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        # Scripts ask for nothing more often; it need not wait for the whole command line.
        from posdiag.cli.version import main as show_version

        sys.exit(show_version())
    from posdiag.cli.main import main

    sys.exit(main(arguments))


if __name__ == "__main__":
    run()
