"""How much a round trip is over-stated, on a veth pair, by posdiag, ping and a timed connect.

``benchmarks/rtt_fidelity`` prints the table (Linux, root, ip, ping).

The kernel's own round trip is what its software stamps say for a bare echo: sent to received.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
NEAR, FAR = "198.18.7.1", "198.18.7.2"
PAUSE_S = 0.01
TCP_LIMIT_S = 25e-6
TCP_SHARE = 0.35

SERVER = """
import socket, sys
server = socket.create_server(("198.18.7.2", 7007), backlog=128)
sys.stdout.write("ready\\n"); sys.stdout.flush()
while True:
    server.accept()[0].close()
"""


class Fidelity(NamedTuple):
    """Medians over the rounds, seconds.

    Attributes:
        kernel_s: software stamps of a bare echo.
        icmp_s: posdiag's echo.
        ping_s: what ping says.
        tcp_s: posdiag's TCP round trip.
        connect_s: a blocking connect, timed.
    """

    kernel_s: float
    icmp_s: float
    ping_s: float
    tcp_s: float
    connect_s: float

    @property
    def tcp_excess_s(self) -> float:
        """Return how much posdiag's TCP round trip is over the kernel's."""
        return self.tcp_s - self.kernel_s

    @property
    def tcp_share(self) -> float:
        """Return posdiag's TCP excess as a share of a timed connect's."""
        return self.tcp_excess_s / (self.connect_s - self.kernel_s)

    @property
    def is_good(self) -> bool:
        """Return whether both claims hold."""
        icmp = self.icmp_s - self.kernel_s <= max(0.0, self.ping_s - self.kernel_s)
        return icmp and self.tcp_excess_s <= TCP_LIMIT_S and self.tcp_share <= TCP_SHARE


def lines_of(found: Fidelity) -> list[str]:
    """Return the table."""
    rows = {
        "kernel's own stamps": found.kernel_s,
        "posdiag, ICMP": found.icmp_s,
        "ping": found.ping_s,
        "posdiag, TCP": found.tcp_s,
        "timed connect": found.connect_s,
    }
    lines = [
        f"{name:20} {seconds * 1e6:7.1f} us, excess {(seconds - found.kernel_s) * 1e6:+6.1f} us"
        for name, seconds in rows.items()
    ]
    excess = f"TCP over the kernel's: {found.tcp_excess_s * 1e6:.1f} us (limit 25)"
    return [*lines, f"{excess}, {found.tcp_share:.2f} of a timed connect's (limit 0.35)"]


@contextmanager
def _pair() -> Iterator[tuple[str, str]]:
    names = [f"rf{os.getpid()}{end}" for end in "ab"]
    made: list[str] = []
    try:
        for name in names:
            _sh(f"ip netns add {name}")
            made.append(name)
        _sh(f"ip -n {names[0]} link add v0 type veth peer name v0 netns {names[1]}")
        for name, address in zip(names, (NEAR, FAR), strict=True):
            _sh(f"ip -n {name} addr add {address}/24 dev v0")
            _sh(f"ip -n {name} link set v0 up")
        yield names[0], names[1]
    finally:
        for name in made:
            _sh(f"ip netns del {name}")


def _sh(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True, timeout=20)


def measure(*, rounds: int, count: int) -> Fidelity:
    """Return the medians of all rounds; tools take turns inside each."""
    with _pair() as (near, far):
        inside = ["ip", "netns", "exec"]
        server = subprocess.Popen(
            [*inside, far, sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
        )
        try:
            if server.stdout is None or server.stdout.readline() != "ready\n":
                raise RuntimeError("the server did not start")
            done = subprocess.run(
                [
                    *inside,
                    near,
                    sys.executable,
                    "-m",
                    "benchmarks.rtt_fidelity",
                    str(rounds),
                    str(count),
                ],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                cwd=ROOT,
            )
            if done.returncode:
                raise RuntimeError(done.stderr)
            return Fidelity(*json.loads(done.stdout))
        finally:
            server.kill()
            server.wait()
            if server.stdout:
                server.stdout.close()


def _inside(rounds: int, count: int) -> Fidelity:
    """Return the medians; runs in the near namespace."""
    found = [
        (_kernel(count), _icmp(count), _ping(count), _tcp(count), _connect(count))
        for _ in range(rounds)
    ]
    return Fidelity(*(statistics.median(column) for column in zip(*found, strict=True)))


def _kernel(count: int) -> float:
    """Return the kernel's own round trip: stamps of sending and receiving, one echo at a time."""
    import socket
    import time

    from posdiag.link.echo_series import _SO_TIMESTAMPING, _STAMPS, _kernel_stamp
    from posdiag.link.icmp import Pinger, echo_request, reply_sequence

    times = []
    with Pinger(FAR) as pinger:
        link = pinger.socket
        link.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _STAMPS)
        link.settimeout(2.0)
        for number in range(count):
            link.send(echo_request(number, pinger.token))
            while True:
                data, notes, _flags, _peer = link.recvmsg(2048, 512)
                if reply_sequence(data, pinger.token) == number:
                    break
            received = _kernel_stamp(notes)
            _data, notes, _flags, _peer = link.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            sent = _kernel_stamp(notes)
            if received is not None and sent is not None:
                times.append(received - sent)
            time.sleep(PAUSE_S)
    return statistics.median(times)


def _icmp(count: int) -> float:
    from posdiag.link.deadline import Deadline
    from posdiag.link.round_trips import take_series

    series = take_series(FAR, "icmp", count=count, deadline=Deadline.after(60))
    return statistics.median(series.samples)


def _ping(count: int) -> float:
    done = subprocess.run(
        ["ping", "-n", "-c", str(count), "-i", str(PAUSE_S), FAR],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    times = re.findall(r"time=([\d.]+) ms", done.stdout)
    return statistics.median(float(one) / 1000 for one in times)


def _tcp(count: int) -> float:
    import time

    from posdiag.link.deadline import Deadline
    from posdiag.link.round_trips import tcp_round_trip

    times = []
    for _ in range(count):
        times.append(tcp_round_trip(FAR, 7007, 2.0, Deadline.after(5)))
        time.sleep(PAUSE_S)
    return statistics.median(times)


def _connect(count: int) -> float:
    import socket
    import time

    times = []
    for _ in range(count):
        link = socket.socket()
        began_s = time.perf_counter()
        link.connect((FAR, 7007))
        times.append(time.perf_counter() - began_s)
        link.close()
        time.sleep(PAUSE_S)
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(_inside(int(sys.argv[1]), int(sys.argv[2]))))
