"""Feeds mutated host answers to the echo conversation and counts what comes of them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from posdiag.model.site import Dialect
from tests.wire.mutated_answers import outcomes


def main(count: int) -> int:
    """Print the outcomes per dialect; return the exit code."""
    lines, fine = [], True
    for dialect in Dialect:
        began_s = time.perf_counter()
        found: Counter[str] = outcomes(dialect, count)
        took_s = time.perf_counter() - began_s
        told = ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
        lines.append(f"{dialect:12} {sum(found.values()):7} answers in {took_s:5.1f} s: {told}")
        fine &= sum(found.values()) == count and {"value", "protocol error"} == set(found)
    lines.append(f"machine: {platform.system()} {platform.release()}, {os.cpu_count()} cores")
    version = importlib.metadata.version("posdiag")
    lines.append(f"python {platform.python_version()}; posdiag {version}")
    lines.append("nothing but values and single protocol errors" if fine else "SOMETHING ELSE CAME")
    text = "\n".join(lines)
    print(text)
    path = Path(__file__).parent / "results" / "fuzz_host_answers.txt"
    path.write_text(text + "\n", encoding="utf-8")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
