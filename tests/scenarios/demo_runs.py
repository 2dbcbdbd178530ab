"""Runs demos as a user would, once each, and keeps what they printed."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
LABELS: dict[str, dict[str, Any]] = tomllib.loads(
    (ROOT / "posdiag" / "cli" / "scenario_labels.toml").read_text(encoding="utf-8")
)
LANGUAGE = {"LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in LANGUAGE}
"""Handed to each child as it was at first: tests change this process' own while others start."""
PATIENT = ["--budget", "40"]
"""A machine that stands still for seconds cuts no demo; its time is a benchmark's affair."""
HAS_NAMESPACES = (
    sys.platform == "linux" and os.geteuid() == 0 and shutil.which("unshare") is not None
)


class Run(NamedTuple):
    """What a command left."""

    code: int
    report: dict[str, Any]
    stderr: str

    def order(self, count: int) -> list[str]:
        """Return the first causes."""
        return [diagnosis["cause"] for diagnosis in self.report["diagnoses"][:count]]

    def posterior(self, cause: str) -> float:
        """Return one hypothesis' probability."""
        return next(
            float(diagnosis["posterior"])
            for diagnosis in self.report["diagnoses"]
            if diagnosis["cause"] == cause
        )


def run_json(argv: list[str], *, timeout_s: float = 55.0) -> Run:
    """Run a command line whose output is one JSON document."""
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout, f"exit {done.returncode}, nothing on standard output: {done.stderr}"
    return Run(done.returncode, json.loads(done.stdout), done.stderr)


class DemoRuns:
    """Runs each command line once: ahead of the tests that want it, two at a time.

    A demo mostly waits for its shop, so two of them disturb each other little.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._runs: dict[tuple[str, ...], Future[Run]] = {}

    def ahead(self, argv: Sequence[str]) -> Future[Run]:
        """Begin with a command line, or say that it has begun."""
        key = tuple(argv)
        if key not in self._runs:
            self._runs[key] = self._pool.submit(run_json, list(argv))
        return self._runs[key]

    def result(self, argv: Sequence[str]) -> Run:
        """Return what a command line left; one that has not begun is run now."""
        waiting = self._runs.get(tuple(argv))
        if waiting is None or waiting.cancel():
            self._runs[tuple(argv)] = done = Future[Run]()
            done.set_result(run_json(list(argv)))
        return self._runs[tuple(argv)].result()

    def close(self) -> None:
        """Forget what has not begun."""
        self._pool.shutdown(cancel_futures=True)


@functools.cache
def runs() -> DemoRuns:
    """Return the runs of this test session."""
    return DemoRuns()


def demo_line(scenario: str, *options: str) -> list[str]:
    """Return the command line of a demo."""
    return [sys.executable, "-m", "posdiag", "demo", scenario, "--json", *PATIENT, *options]


def demo(scenario: str, *options: str) -> Run:
    """Return one demo, run in this process' environment."""
    return runs().result(demo_line(scenario, *options))


LONELY = """
import fcntl, socket, struct, sys
from pathlib import Path
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(link, 0x8914, struct.pack('16sh', b'lo', 0x41))  # loopback up, nothing else is there
import psutil
from collections import namedtuple
low = namedtuple('sbattery', 'percent secsleft power_plugged')(4, 300, False)
psutil.sensors_battery = lambda: low
from posdiag.link import power_supply
for name in dir(power_supply):
    if isinstance(getattr(power_supply, name), Path):
        setattr(power_supply, name, Path(sys.argv[1]))
sys.argv = ['posdiag', 'demo', *sys.argv[2:], '--json']
from posdiag.__main__ import run
run()
"""
"""A driver that runs a demo in a namespace with a loopback only, beside a recorded low battery."""


def lonely_line(scenario: str) -> list[str]:
    """Return the line for a demo with nothing but a loopback, beside a recorded low battery."""
    command = ["unshare", "-n", sys.executable, "-c", LONELY, str(low_battery())]
    return [*command, scenario, *PATIENT]


def lonely_demo(scenario: str) -> Run:
    """Return one demo of those."""
    return runs().result(lonely_line(scenario))


@functools.cache
def low_battery() -> Path:
    """Return a power supply tree as Linux has it: a battery at 4 %, discharging, and no mains."""
    folder = Path(tempfile.mkdtemp(prefix="posdiag-battery-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    battery, mains = folder / "BAT0", folder / "AC"
    battery.mkdir()
    mains.mkdir()
    for name, value in {
        "type": "Battery",
        "scope": "System",
        "status": "Discharging",
        "capacity": "4",
        "present": "1",
        "health": "Good",
    }.items():
        (battery / name).write_text(value + "\n", encoding="utf-8")
    (mains / "type").write_text("Mains\n", encoding="utf-8")
    (mains / "online").write_text("0\n", encoding="utf-8")
    return folder
