"""Runs a simulated shop until its standard input ends.

::

    python -m posdiag.simulate SCENARIO [--no-pty]

prints one line of JSON, ``{"site": "<path>"}``, when everything answers. The parent holds the other
end of standard input: when the parent is gone, even killed, the pipe ends and so does the shop.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from posdiag.model.errors import InputError
from posdiag.simulate.scenario import Scenario, load_scenario
from posdiag.simulate.shop import SimulatedShop


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def main(arguments: list[str]) -> int:
    """Run the shop.

    Returns:
        0 after standard input ended, 64 for wrong arguments, 65 for a wrong scenario, 74 where the
        system has no port or pseudo terminal left or nobody reads the line of JSON.
    """
    names = [argument for argument in arguments if argument != "--no-pty"]
    if len(names) != 1 or names[0].startswith("-"):
        return _complain("usage: python -m posdiag.simulate SCENARIO [--no-pty]", 64)
    signal.signal(signal.SIGTERM, _terminated)
    # Ctrl-C in a shared terminal is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name == "posix":
        with contextlib.suppress(PermissionError):  # it leads one already
            os.setsid()
    pty = "--no-pty" not in arguments and os.name == "posix"
    try:
        _serve(load_scenario(names[0]), pty=pty)
    except InputError as error:
        return _complain(error, 65)
    except OSError as error:
        return _complain(error, 74)
    return 0


def _serve(scenario: Scenario, *, pty: bool) -> None:
    """Keep the shop running until standard input ends."""
    with (
        tempfile.TemporaryDirectory(prefix="posdiag-") as folder,
        SimulatedShop(scenario, pty=pty) as shop,
    ):
        site = Path(folder) / "site.toml"
        site.write_text(shop.site, encoding="utf-8")
        print(json.dumps({"site": str(site)}), flush=True)  # noqa: T201  (the line of JSON)
        while sys.stdin.buffer.read(4096):
            pass


def _complain(what: object, code: int) -> int:
    print(what, file=sys.stderr)  # noqa: T201  (a program of its own)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
