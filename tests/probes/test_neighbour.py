"""Addresses used twice, on a veth pair between namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from posdiag.link import arp
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import LaptopAt, NetworkSettings, Site
from posdiag.probes.neighbour import PROBE
from posdiag.probes.probe import ProbeContext
from tests.testbed.linkemu import ROOT
from tests.testbed.needs import needs_namespaces
from tests.testbed.seen import probe_in

SITE = 'laptop_at = "same_lan"\n[network]\ngateway = "198.18.9.1"\ninterface = "e0"\n'


FIRST, SECOND = "198.18.9.1=02:00:00:00:00:01", "198.18.9.1=02:00:00:00:00:02"
TAKEN = "198.18.9.2=02:00:00:00:00:03"
RESPONDER = """
import socket, struct, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind(("e1", 0x0806))
owners = [pair.split("=") for pair in sys.argv[1:]]
sys.stdout.write("ready\\n"); sys.stdout.flush()
while True:
    frame = wire.recv(128)
    if frame[20:22] != b"\\0\\1":
        continue
    for address, mac in owners:
        if frame[38:42] == socket.inet_aton(address):
            own = bytes.fromhex(mac.replace(":", ""))
            head = frame[6:12] + own + b"\\x08\\x06" + frame[14:20] + b"\\0\\2"
            wire.send(head + own + frame[38:42] + frame[22:28] + frame[28:32])
"""
"""Devices on the other end of the wire, each with an address and a MAC address of its own."""


@contextmanager
def lan(*owners: str) -> Iterator[str]:
    """Give the namespace of a laptop (198.18.9.2) on a wire with these devices (``ip=mac``)."""
    laptop, others = f"nb{os.getpid()}a", f"nb{os.getpid()}b"
    made: list[str] = []
    responder: subprocess.Popen[str] | None = None
    try:
        for name in (laptop, others):
            sh(f"ip netns add {name}")
            made.append(name)
        sh(f"ip -n {laptop} link add e0 type veth peer name e1 netns {others}")
        sh(f"ip -n {laptop} addr add 198.18.9.2/24 dev e0")
        sh(f"ip -n {laptop} link set e0 up")
        sh(f"ip -n {others} link set e1 up")
        responder = subprocess.Popen(
            ["ip", "netns", "exec", others, sys.executable, "-c", RESPONDER, *owners],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert responder.stdout is not None
        assert responder.stdout.readline() == "ready\n"
        yield laptop
    finally:
        if responder is not None and responder.stdout is not None:
            responder.kill()
            responder.wait()
            responder.stdout.close()
        for name in made:
            sh(f"ip netns del {name}")


def sh(command: str) -> None:
    subprocess.run(command.split(), check=True, capture_output=True, timeout=20)


@needs_namespaces
def test_one_gateway() -> None:
    with lan(FIRST) as laptop:
        seen = probe_in(None, "neighbour", SITE, namespace=laptop)
    assert seen.values("neighbour.gateway_owners") == [1]
    assert seen.values("neighbour.own_address_owners") == [0]


@needs_namespaces
def test_two_gateways_and_our_own_address_taken() -> None:
    with lan(FIRST, SECOND, TAKEN) as laptop:
        seen = probe_in(None, "neighbour", SITE, namespace=laptop)
    assert seen.values("neighbour.gateway_owners") == [2]
    assert seen.values("neighbour.own_address_owners") == [1]


UNPRIVILEGED = """
import encodings.ascii
import os
from posdiag.link.arp import owners_of
from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun
os.setgid(65534)
os.setuid(65534)
try:
    owners_of("198.18.9.1", "e0", Deadline.after(2))
except CannotRun as error:
    print(error.reason)
"""


@needs_namespaces
def test_without_rights_it_says_so() -> None:
    with lan(FIRST) as laptop:
        done = subprocess.run(
            ["ip", "netns", "exec", laptop, sys.executable, "-c", UNPRIVILEGED],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            cwd=ROOT,
        )
    assert done.stdout.strip() == "no_permission", done.stderr


def test_an_interface_without_ethernet() -> None:
    with pytest.raises(CannotRun) as caught:
        arp.owners_of("127.0.0.1", "lo", Deadline.after(1))
    assert caught.value.reason in (NotRunReason.NOT_APPLICABLE, NotRunReason.UNSUPPORTED)


def test_from_elsewhere() -> None:
    site = Site(network=NetworkSettings(gateway="127.0.0.1"), laptop_at=LaptopAt.ELSEWHERE)
    context = ProbeContext(site, Deadline.after(1), HostAllowance())
    with pytest.raises(CannotRun) as caught:
        list(PROBE.run(context))
    assert caught.value.reason is NotRunReason.NOT_REACHABLE_FROM_HERE
