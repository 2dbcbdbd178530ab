"""Lines of known behaviour: what posdiag predicts of sign-ons over them, and how long they took.

First the probes measure, over an emulator of their own: ten round trips a second to a reference,
and up to three echoes with the host. Then terminals sign on over other emulators with the same
settings and other seeds. Where losses come in bursts or stalls, or the line is slow, each emulator
carries one sign-on at a time, and ten packets a second beside it: the emulator's bursts are counted
in packets, those of a line last a time.
"""

from __future__ import annotations

import datetime
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import hypot, sqrt
from pathlib import Path
from typing import Any

import msgspec

from posdiag.diagnose.time_budget import time_budget
from posdiag.link.syn_timers import kernel_syn_waits
from posdiag.model.knowledge import Case
from posdiag.model.observation import Observation
from posdiag.simulate.host import DEFAULT_ECHO
from posdiag.wire.echo import echo_request
from posdiag.wire.framing import encode_frame
from posdiag.wire.iso8583 import Layout, encode
from tests.testbed.linkemu import LinkEmulator

ROOT = Path(__file__).parents[2]
REFERENCE = "198.18.0.9"
HOST = "198.18.1.1"
"""Not the emulator's own far end: documentation addresses are never asked by the probes."""
MOST_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """One link setting with its host and its three timers.

    Attributes:
        settings: of the emulator, both directions.
        outages: mean seconds between outages and mean length of one, both exponential, both ways.
        hold: packets wait for the end of an outage instead of being lost.
        shared: losses are independent, so that many sign-ons share one emulator.
    """

    name: str
    settings: dict[str, Any]
    timers_s: tuple[float, float, float]
    outages: tuple[float, float] | None = None
    hold: bool = False
    shared: bool = False
    tls: bool = False
    service_s: float = 0.3
    sigma: float = 0.3
    pause_s: float = 1.0

    def emulated(self, seed: int, lasts_s: float) -> LinkEmulator:
        """Return an emulator of this line."""
        settings = dict(self.settings)
        if self.outages is not None:
            settings |= {"blackouts": _outages(self.outages, seed, lasts_s), "hold": self.hold}
        return LinkEmulator(seed=seed, anyip_b=["198.18.0.0/15"], **settings)


def _outages(means: tuple[float, float], seed: int, lasts_s: float) -> list[list[float]]:
    draw, at_s, windows = random.Random(seed), 0.0, []
    while at_s < lasts_s:
        at_s += draw.expovariate(1 / means[0])
        length_s = draw.expovariate(1 / means[1])
        windows.append([at_s, length_s])
        at_s += length_s
    return windows


@dataclass(kw_only=True)
class Compared:
    """One line: what was predicted per timer, and what came."""

    line: Line
    pings: int
    durations: list[float] = field(default_factory=list)
    predicted: list[tuple[float, float, float]] = field(default_factory=list)

    def observed(self, timer_s: float) -> float:
        """Return the share of sign-ons that took longer."""
        return sum(one > timer_s for one in self.durations) / len(self.durations)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per timer."""
        return [
            _row(self, timer_s, chances)
            for timer_s, chances in zip(self.line.timers_s, self.predicted, strict=True)
        ]


def _row(compared: Compared, timer_s: float, chances: tuple[float, float, float]) -> dict[str, Any]:
    chance, low, high = chances
    count, seen = len(compared.durations), compared.observed(timer_s)
    # Agresti and Coull's two successes and two failures keep the noise of a rare share above 0.
    share = (chance * count + 2) / (count + 4)
    noise = 1.96 * sqrt(share * (1 - share) / count)
    inside = chance - hypot(chance - low, noise) <= seen <= chance + hypot(high - chance, noise)
    return {
        "line": compared.line.name,
        "timer_s": timer_s,
        "sign_ons": count,
        "pings": compared.pings,
        "predicted": round(chance, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "observed": round(seen, 4),
        "inside": inside,
    }


def compare(line: Line, *, seed: int, measured_s: float, sign_ons: int, emulators: int) -> Compared:
    """Measure a line, predict, sign on, and return both.

    Args:
        line: what is emulated.
        seed: of everything.
        measured_s: seconds of the long series.
        sign_ons: at least; rounded up to the same number per emulator.
        emulators: lines at the same time where each carries one sign-on at a time.
    """
    observations = measured(line, seed, measured_s)
    case = case_of(line)
    compared = Compared(line=line, pings=_pings(observations))
    for timer_s in line.timers_s:
        budget = time_budget(msgspec.structs.replace(case, timer_s=timer_s), observations)
        if budget.exceeds is None or budget.exceeds_low is None or budget.exceeds_high is None:
            raise RuntimeError(f"{line.name}: nothing predicted from {observations}")
        compared.predicted.append((budget.exceeds, budget.exceeds_low, budget.exceeds_high))
    compared.durations = signed_on(line, seed + 1, sign_ons, emulators)
    return compared


def case_of(line: Line) -> Case:
    """Return the case: what a terminal's and an acquirer's profile would say of the rig."""
    waits = tuple(wait for wait in kernel_syn_waits() if wait < MOST_S)
    return Case(syn_waits_s=waits, service_sigma=line.sigma)


def _pings(observations: Sequence[Observation]) -> int:
    for seen in observations:
        if seen.name == "stalls.begun_at":
            return len(seen.result.value)  # type: ignore[union-attr,arg-type]
    return 0


_MEASURE = """
import json, sys
import msgspec
from posdiag.engine.chain import measure
from posdiag.probes import discover
from posdiag.site import load_site
from pathlib import Path
probes = {name: probe for name, probe in discover().items() if name in ("host", "stalls")}
done = measure(load_site(Path(sys.argv[1])), probes=probes, budget_s=float(sys.argv[2]))
sys.stdout.buffer.write(msgspec.json.encode(done.outcomes))
"""
_SITE = """
acquirer = "unionpay_tcp_private_apn"
terminal = "generic_countertop_eth"
laptop_at = "terminal_cable"
[network]
reference = "{reference}"
stalls_s = {measured_s}
method = "icmp"
[set]
"acquirer.reach" = "public"
"acquirer.hosts" = [{{ role = "primary", address = "{host}", port = {port}, tls = {tls} }}]
"acquirer.limits.connect_s" = 60.0
"acquirer.limits.tls_s" = 60.0
"acquirer.echo.test_tid" = "12345678"
"acquirer.echo.test_mid" = "123456789012345"
"""


def measured(line: Line, seed: int, measured_s: float) -> list[Observation]:
    """Return what the probes observe on a line before any sign-on."""
    from posdiag.model.observation import ProbeOutcome

    budget_s = measured_s + 40
    with line.emulated(seed, budget_s) as wan:
        port = _host(wan, line, seed)
        text = _SITE.format(
            reference=REFERENCE,
            measured_s=measured_s,
            host=HOST,
            port=port,
            tls=str(line.tls).lower(),
        )
        site = Path("/dev/shm") / f"posdiag-rig-{wan.ns['a']}.toml"
        site.write_text(text, encoding="utf-8")
        try:
            argv = [sys.executable, "-c", _MEASURE, str(site), str(budget_s)]
            done = wan.run("a", argv, timeout=budget_s + 60, cwd=ROOT)
        finally:
            site.unlink()
    if done.returncode:
        raise RuntimeError(done.stderr)
    outcomes = msgspec.json.decode(done.stdout, type=list[ProbeOutcome])
    return [seen for outcome in outcomes for seen in outcome.observations]


def _host(wan: LinkEmulator, line: Line, seed: int) -> int:
    told = {
        "seed": seed,
        "median_s": line.service_s,
        "sigma": line.sigma,
        "count": 1000,
        "tls": line.tls,
    }
    argv = [sys.executable, "-m", "tests.sign_on_time.far_end", json.dumps(told)]
    pipe = subprocess.PIPE
    host = wan.popen("b", argv, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
    assert host.stdout is not None
    return int(json.loads(host.stdout.readline())["port"])


def signed_on(line: Line, seed: int, sign_ons: int, emulators: int) -> list[float]:
    """Return how long sign-ons over a line took."""
    lines = 1 if line.shared else emulators
    side_by_side = 20 if line.shared else 1
    each = -(-sign_ons // (lines * side_by_side))

    def one(number: int) -> list[float]:
        return _signed_on_over(line, seed * 1000 + number, each, side_by_side)

    with ThreadPoolExecutor(lines) as pool:
        found = list(pool.map(one, range(lines)))
    return [duration for durations in found for duration in durations]


def _signed_on_over(line: Line, seed: int, each: int, side_by_side: int) -> list[float]:
    lasts_s = each * (MOST_S + 2 * line.pause_s)
    with line.emulated(seed, lasts_s) as wan:
        port = _host(wan, line, seed)
        if not line.shared:
            beside = ["ping", "-q", "-i", "0.1", REFERENCE]
            wan.popen("a", beside, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = {
            "host": HOST,
            "port": port,
            "tls": line.tls,
            "count": each,
            "side_by_side": side_by_side,
            "pause_s": line.pause_s,
            "most_s": MOST_S,
            "seed": seed,
            "message": _message().hex(),
        }
        argv = [sys.executable, str(Path(__file__).with_name("terminal.py")), json.dumps(told)]
        done = wan.run("a", argv, timeout=lasts_s + 60)
    if done.returncode:
        raise RuntimeError(done.stderr)
    durations: list[float] = json.loads(done.stdout)
    return durations


def _message() -> bytes:
    request = echo_request(
        DEFAULT_ECHO,
        tid=DEFAULT_ECHO.test_tid,
        mid=DEFAULT_ECHO.test_mid,
        stan=1,
        at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    )
    return encode_frame(DEFAULT_ECHO.framing, encode(request, Layout.of(DEFAULT_ECHO)))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| line | timer | predicted (95 %) | observed | sign-ons, pings | |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = f"{row['predicted']:.3f} ({row['low']:.3f}-{row['high']:.3f})"
        counts = f"{row['sign_ons']}, {row['pings']}"
        inside = "inside" if row["inside"] else "OUTSIDE"
        lines.append(
            f"| {row['line']} | {row['timer_s']:g} s | {interval} | {row['observed']:.3f} "
            f"| {counts} | {inside} |"
        )
    return "\n".join(lines)
