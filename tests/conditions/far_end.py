"""What stands beyond the shop's line: the acquirer's host, a name server, a sink for uploads.

Run as a program inside a namespace: prints one JSON line with its ports and ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from pathlib import Path

import msgspec

from posdiag.simulate import host as simulated_host
from posdiag.simulate.host import DEFAULT_ECHO as ECHO
from posdiag.simulate.host import HostFaults, SimulatedHost
from posdiag.simulate.listener import Listener
from posdiag.simulate.name_server import NameServerFaults, SimulatedNameServer
from posdiag.simulate.shop import HOST_NAME
from posdiag.simulate.throwaway_certificates import Files, Kind, write_certificates

HOST_ADDRESS = "198.18.3.9"
NAME = "signon.acquirer.internal"


def _swallow(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.settimeout(None)
        while link.recv(65536):
            pass


def _long_chain(folder: Path, kind: Kind, server_name: str, days: float) -> Files:
    """Write certificates as acquirers' hosts send them: their chain fills several packets."""
    files = write_certificates(folder, kind, server_name, days)
    chain = files.certificate.read_bytes() + 5 * files.ca.read_bytes()
    files.certificate.write_bytes(chain)
    return files


def main() -> None:
    """Serve until standard input ends."""
    told = json.loads(sys.argv[1])
    vars(simulated_host)["write_certificates"] = _long_chain
    Listener.address = SimulatedNameServer.address = "0.0.0.0"
    SimulatedHost.address = "0.0.0.0"
    faults = msgspec.convert(told.get("host", {}), HostFaults)
    host = SimulatedHost(faults, ECHO, server_name=HOST_NAME)
    names = SimulatedNameServer(
        msgspec.convert(told.get("name_server", {}), NameServerFaults), {NAME: [HOST_ADDRESS]}
    )
    sink, other = Listener(_swallow), Listener(_swallow)
    for part in (host, names, sink, other):
        part.start()
    ports = {"host": host.port, "names": names.port, "sink": sink.port, "other": other.port}
    told = {**ports, "ca_file": host.ca_file, "server_name": HOST_NAME}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    for part in (host, names, sink, other):
        part.stop()


if __name__ == "__main__":
    main()
