"""Types command lines, in this process and in one of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from posdiag.cli.main import main
from posdiag.probes import discover
from posdiag.report.json_document import schema

ROOT = Path(__file__).parents[2]
PROBES = sorted(discover())
NO_PROBES = [argument for probe in PROBES for argument in ("--skip", probe)]


class Typed(NamedTuple):
    """What a command line left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return the one JSON document on standard output, checked as a report."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        errors = [error.message for error in Draft202012Validator(schema()).iter_errors(found)]
        assert errors == []
        assert found["exit_code"] == self.code
        return found


def typed(capfd: pytest.CaptureFixture[str], *arguments: str) -> Typed:
    """Run a command line in this process."""
    capfd.readouterr()
    code = main(arguments)
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    return Typed(code, out, err)


def command_line(*arguments: str) -> list[str]:
    """Return the words that start posdiag in a process of its own."""
    return [sys.executable, "-m", "posdiag", *arguments]


def spawned(
    *arguments: str, script: str = "", timeout_s: float = 50.0, **environment: str
) -> Typed:
    """Run a command line in a process of its own.

    Args:
        arguments: of posdiag.
        script: Python to run before it.
        timeout_s: until it is given up.
        environment: added to this process' own.
    """
    argv = command_line(*arguments)
    if script:
        start = f"import sys\nsys.argv = {['posdiag', *arguments]!r}\n"
        end = "\nfrom posdiag.__main__ import run\nrun()\n"
        argv = [sys.executable, "-c", start + script + end]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=timeout_s,
        env={**os.environ, **environment},
    )
    out, err = (part.decode("utf-8", "surrogateescape") for part in (done.stdout, done.stderr))
    assert "Traceback" not in out + err, err
    return Typed(done.returncode, out, err)


def children_of(pid: int) -> list[int]:
    """Return the processes whose parent is ``pid``."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def alive(pids: Sequence[int]) -> list[int]:
    """Return those processes that still run."""
    import psutil

    running = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                running.append(pid)
    return running


def until(condition: Any, *, seconds: float = 20.0) -> None:
    """Wait until something holds; fail where it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.05)


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a command line that runs in a process of its own; killed afterwards if it still does."""
    with subprocess.Popen(
        command_line(*arguments),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
