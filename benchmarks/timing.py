"""Times posdiag and says on what machine. Results go to ``benchmarks/results``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
BARE = """import click
@click.command()
@click.version_option("1")
def bare() -> None:
    pass
bare()
"""


def _seconds(argv: Sequence[str], allowed: Sequence[int]) -> float:
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    spent = time.perf_counter() - start
    if done.returncode not in allowed:
        raise SystemExit(f"{argv} ended with {done.returncode}: {done.stderr.decode()}")
    return spent


def start_up(runs: int) -> tuple[list[str], bool]:
    """Compare ``posdiag --version`` with a bare click program."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE, encoding="utf-8")
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(runs + 1):
            ours.append(_seconds([str(BIN / "posdiag"), "--version"], [0]))
            theirs.append(_seconds([sys.executable, str(bare), "--version"], [0]))
    # The first pair warms the caches.
    a, b = statistics.median(ours[1:]), statistics.median(theirs[1:])
    return [
        f"posdiag --version   median {a * 1000:6.1f} ms",
        f"bare click program  median {b * 1000:6.1f} ms",
        f"ratio {a / b:.2f} (limit 1.20)",
    ], a / b <= 1.2


def demo_time(runs: int) -> tuple[list[str], bool]:
    """Time the default and the healthy demo."""
    lines: list[str] = []
    good = True
    for name, limit_s, codes in ((None, 15.0, [2]), ("healthy", 8.0, [0])):
        argv = [str(BIN / "posdiag"), "demo", *([name] if name else [])]
        times = sorted(_seconds(argv, codes) for _ in range(runs))
        lines.append(
            f"demo {name or '(default)':10} median {statistics.median(times):5.2f} s, "
            f"max {times[-1]:5.2f} s (limit {limit_s:.0f} s)"
        )
        good = good and times[-1] < limit_s
    return lines, good


def diagnosis_time(runs: int) -> tuple[list[str], bool]:
    """Time loading the knowledge and diagnosing the observations of the default demo."""
    from posdiag.engine.replay import replay
    from posdiag.knowledge import load_knowledge
    from posdiag.report.json_document import decode

    done = subprocess.run(
        [str(BIN / "posdiag"), "demo", "--json"], cwd=ROOT, capture_output=True, check=False
    )
    report = decode(done.stdout)
    load = getattr(load_knowledge, "__wrapped__", load_knowledge)
    load()
    loads, verdicts = [], []
    for _ in range(runs):
        start = time.perf_counter()
        knowledge = load()
        loads.append(time.perf_counter() - start)
        start = time.perf_counter()
        replay(report, knowledge)
        verdicts.append(time.perf_counter() - start)
    a, b = statistics.median(loads), statistics.median(verdicts)
    return [
        f"knowledge loads     median {a * 1000:6.1f} ms",
        f"whole verdict       median {b * 1000:6.1f} ms (limit 200 ms)",
    ], b <= 0.2


def rtt_fidelity(runs: int) -> tuple[list[str], bool]:
    """Compare round trips on a veth pair with the kernel's own: rounds of 200."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.rtt_fidelity import lines_of, measure

    found = measure(rounds=runs, count=200)
    return lines_of(found), found.is_good


BENCHMARKS: dict[str, Callable[[int], tuple[list[str], bool]]] = {
    "start_up": start_up,
    "demo_time": demo_time,
    "diagnosis_time": diagnosis_time,
    "rtt_fidelity": rtt_fidelity,
}


def machine() -> list[str]:
    """Return what the figures were taken on."""
    packages = ("posdiag", "click", "msgspec", "rich", "dnspython", "cryptography")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return [
        (
            f"machine: {platform.system()} {platform.release()} {platform.machine()}, "
            f"{os.cpu_count()} cores, load {json.dumps(os.getloadavg())}"
        ),
        f"python {platform.python_version()}; {versions}",
        f"taken on {time.strftime('%Y-%m-%d')}",
    ]


def main(name: str, runs: int) -> int:
    """Run one benchmark, print it and keep it."""
    lines, good = BENCHMARKS[name](runs)
    text = "\n".join([*lines, f"{runs} runs", *machine(), "within limits" if good else "TOO SLOW"])
    print(text)
    (ROOT / "benchmarks" / "results" / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
