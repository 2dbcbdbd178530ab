"""Probes' first observations at the same moment: each process comes back alive."""

from __future__ import annotations

import subprocess
import sys

FIRST_USE = """
import sys, threading
from posdiag.engine.runner import _as_saved
from posdiag.model.observation import Measured, NotRunReason, Observation, Unmeasured

sys.setswitchinterval(1e-6)
barrier = threading.Barrier(12)
seen = Observation(name="path.rtt", result=Measured(1.0, "s"))
gap = Unmeasured(name="path.rtt", reason=NotRunReason.SKIPPED)
alike = []

def work(item):
    barrier.wait()
    alike.append(_as_saved(item) == item)

threads = [threading.Thread(target=work, args=(item,)) for item in [seen, gap] * 6]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(0 if alike == [True] * 12 else 1)
"""


def test_types_are_not_resolved_by_several_threads_at_once() -> None:
    # Where they were, one process in three ended with a segmentation fault.
    codes = [
        subprocess.run([sys.executable, "-c", FIRST_USE], check=False, timeout=30).returncode
        for _ in range(10)
    ]
    assert codes == [0] * 10
