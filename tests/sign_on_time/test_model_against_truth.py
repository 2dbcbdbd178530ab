"""The sign-on time model against sign-ons over emulated lines: a smaller run of the benchmark.

Two of its six lines, 40 s of series each (400 round trips where the benchmark takes 3,000) and 80
sign-ons (400 there); benchmarks/sign_on_time runs all.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sign_on_time.lines import LINES
from tests.sign_on_time.rig import Compared, Line, compare, table

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(os, "geteuid")
        or os.geteuid() != 0
        or not Path("/dev/net/tun").exists()
        or not (shutil.which("ip") and shutil.which("ping")),
        reason="needs root, TUN, iproute2 and ping",
    ),
]
SHORT = [line for line in LINES if line.name.startswith(("single losses", "losses in bursts"))]


@pytest.mark.timeout(240)
def test_what_is_predicted_comes() -> None:
    def one(numbered: tuple[int, Line]) -> Compared:
        number, line = numbered
        return compare(line, seed=40 + number, measured_s=40.0, sign_ons=80, emulators=8)

    with ThreadPoolExecutor(len(SHORT)) as pool:
        rows = [row for found in pool.map(one, enumerate(SHORT)) for row in found.rows()]
    shown = table(rows)
    assert len(rows) == 6, shown
    # 95 % each, so that one may be outside, and both lines are of chance.
    assert sum(row["inside"] for row in rows) >= 4, shown
    assert sum(0.04 <= row["observed"] <= 0.96 for row in rows) >= 2, shown
    # No interval that says nothing.
    assert sorted(row["high"] - row["low"] for row in rows)[2] <= 0.4, shown
