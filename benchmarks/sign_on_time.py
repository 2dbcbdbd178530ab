"""The sign-on time model against truth: six lines, three timers each, 400 sign-ons per line.

    benchmarks/sign_on_time            # about 11 minutes; Linux, root
    benchmarks/sign_on_time --sign-ons 100 --measured 100

Predicted is only from what the probes saw before: a series of ten round trips a second to a
reference over the same line, and up to three echoes with the host. Then terminals sign on over
other runs of the same line. Writes benchmarks/results/sign_on_time.md and .json; exit code 1 where
a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.sign_on_time.lines import LINES  # noqa: E402  (the path comes first)
from tests.sign_on_time.rig import Compared, Line, compare, table  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"


def main() -> int:
    """Run all, print and write the result; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sign-ons", type=int, default=400)
    parser.add_argument("--measured", type=float, default=300.0, help="seconds of the series")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--emulators", type=int, default=8)
    parser.add_argument("--no-write", action="store_true")
    told = parser.parse_args()
    began_s = time.monotonic()

    def one(numbered: tuple[int, Line]) -> Compared:
        number, line = numbered
        time.sleep(4 * number)  # programs that start together make each other's host look slow
        return compare(
            line,
            seed=told.seed + 10 * number,
            measured_s=told.measured,
            sign_ons=told.sign_ons,
            emulators=told.emulators,
        )

    with ThreadPoolExecutor(len(LINES)) as pool:
        compared = list(pool.map(one, enumerate(LINES)))
    rows = [row for line in compared for row in line.rows()]
    inside = sum(row["inside"] for row in rows)
    telling = sum(0.05 <= row["observed"] <= 0.95 for row in rows)
    width = statistics.median(row["high"] - row["low"] for row in rows)
    met = {
        f"observed inside the predicted interval: {inside} of {len(rows)} (at least 16)": inside
        >= 16,
        f"true share between 5 and 95 %: {telling} of {len(rows)} (at least 9)": telling >= 9,
        f"median width of the interval: {width:.3f} (at most 0.20)": width <= 0.20,
    }
    text = _page(rows, met, time.monotonic() - began_s, told)
    print(text)
    if not told.no_write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "sign_on_time.md").write_text(text + "\n", encoding="utf-8")
        detail = [
            {"line": one.line.name, "rows": one.rows(), "durations_s": sorted(one.durations)}
            for one in compared
        ]
        (RESULTS / "sign_on_time.json").write_text(_rounded(detail), encoding="utf-8")
    return 0 if all(met.values()) else 1


def _rounded(detail: object) -> str:
    return json.dumps(json.loads(json.dumps(detail), parse_float=lambda t: round(float(t), 3)))


def _page(
    rows: list[dict[str, object]], met: dict[str, bool], took_s: float, told: argparse.Namespace
) -> str:
    lines = [
        "# Sign-on time model against truth",
        "",
        (
            f"`benchmarks/sign_on_time --seed {told.seed}`, {time.strftime('%Y-%m-%d')}, "
            f"{took_s:.0f} s; {platform.system()} {platform.release()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}."
        ),
        "",
        table(rows),
        "",
        *(f"- {what}: {'met' if ok else 'MISSED'}" for what, ok in met.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
