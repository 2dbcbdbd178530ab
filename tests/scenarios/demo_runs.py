"""Runs demos as a user would, once each, and keeps what they printed."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
LABELS: dict[str, dict[str, Any]] = tomllib.loads(
    (ROOT / "posdiag" / "cli" / "scenario_labels.toml").read_text(encoding="utf-8")
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


def run_json(argv: list[str], *, timeout_s: float = 50.0) -> Run:
    """Run a command line whose output is one JSON document."""
    done = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, json.loads(done.stdout), done.stderr)


@functools.cache
def demo(scenario: str, *options: str) -> Run:
    """Run one demo in this process' environment."""
    return run_json([sys.executable, "-m", "posdiag", "demo", scenario, "--json", *options])


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
sys.argv = ['posdiag', 'demo', sys.argv[2], '--json']
from posdiag.__main__ import run
run()
"""
"""A driver that runs a demo in a namespace with a loopback only, beside a recorded low battery."""


def lonely_demo(scenario: str, supplies: Path) -> Run:
    """Run one demo where only a loopback is, with power supplies read from a recorded tree."""
    return run_json(["unshare", "-n", sys.executable, "-c", LONELY, str(supplies), scenario])
