"""The acquirer's host of the rig, in a namespace: prints its port, ends with its input."""

from __future__ import annotations

import json
import random
import sys

from posdiag.simulate.host import DEFAULT_ECHO, HostFaults, SimulatedHost
from posdiag.simulate.listener import Listener


def main() -> None:
    """Serve until standard input ends."""
    told = json.loads(sys.argv[1])
    draw = random.Random(told["seed"])
    delays = [
        told["median_s"] * draw.lognormvariate(0.0, told["sigma"]) for _ in range(told["count"])
    ]
    Listener.address = SimulatedHost.address = "0.0.0.0"
    host = SimulatedHost(HostFaults(delays_s=delays, tls=told["tls"]), DEFAULT_ECHO)
    host.start()
    sys.stdout.write(json.dumps({"port": host.port}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    host.stop()


if __name__ == "__main__":
    main()
