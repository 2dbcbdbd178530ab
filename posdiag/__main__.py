"""Entry of the command line: the script ``posdiag`` and ``python -m posdiag``."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line of this process and leave it with the exit code."""
    from posdiag.cli.main import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
