"""Simulated peers for tests of probes, stopped at the end of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from posdiag.model.site import EchoSettings
from posdiag.simulate.host import HostFaults, SimulatedHost
from posdiag.simulate.name_server import NameServerFaults, SimulatedNameServer
from tests.probes.host_runs import HOME, NAME, StartHost, StartNameServer


@pytest.fixture
def start_host() -> Iterator[StartHost]:
    """Start simulated hosts."""
    started: list[SimulatedHost] = []

    def begin(echo: EchoSettings | None = None, **faults: object) -> SimulatedHost:
        host = SimulatedHost(HostFaults(**faults), echo)  # type: ignore[arg-type]
        host.start()
        started.append(host)
        return host

    yield begin
    for host in started:
        host.stop()


@pytest.fixture
def start_name_server() -> Iterator[StartNameServer]:
    """Start name servers that know the host at loopback."""
    started: list[SimulatedNameServer] = []

    def begin(**faults: object) -> SimulatedNameServer:
        server = SimulatedNameServer(
            NameServerFaults(**faults),  # type: ignore[arg-type]
            {NAME: [HOME]},
        )
        server.start()
        started.append(server)
        return server

    yield begin
    for server in started:
        server.stop()
