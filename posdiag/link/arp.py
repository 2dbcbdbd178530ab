"""Who answers for an IPv4 address on the shop's own wire: two answers are one too many."""

from __future__ import annotations

import socket
import struct
import sys
import time
from pathlib import Path

from posdiag.link.deadline import Deadline
from posdiag.link.failures import link_error
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason, Operation

WAIT_S = 1.0
"""Source: RFC 5227, section 2.1.1: probes are a second or two apart."""
_ETHERTYPE = 0x0806
_BROADCAST = b"\xff" * 6
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_SYSTEM = Path("/sys/class/net")


def owners_of(address: str, interface: str, deadline: Deadline) -> list[str]:
    """Return the MAC addresses that claim an IPv4 address, ours left out; three probes.

    The probes bear no sender address, so that nobody's table changes.

    Args:
        address: IPv4, on the same wire.
        interface: an Ethernet or Wi-Fi interface.
        deadline: end of the run's budget.

    Raises:
        CannotRun: unsupported (not Linux, or no Ethernet there), no_permission.
        LinkError: the interface is down or gone.

    Source: RFC 826 (frame), RFC 5227 (probe).
    """
    own = _own_mac(interface)
    try:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE))
    except PermissionError as error:
        raise CannotRun(NotRunReason.NO_PERMISSION, "ARP needs administrator rights") from error
    found: dict[str, None] = {}
    with wire:
        try:
            wire.bind((interface, _ETHERTYPE))
            for _ in range(3):
                if deadline.passed():
                    break
                wire.send(_probe(own, address))
                _gather(wire, address, own, found, min(WAIT_S, deadline.remaining_s()))
        except OSError as error:
            raise link_error(error, Operation.PING) from error
    return list(found)


def _own_mac(interface: str) -> bytes:
    if sys.platform != "linux":
        raise CannotRun(NotRunReason.UNSUPPORTED, "ARP on this system")
    try:
        kind = (_SYSTEM / interface / "type").read_text(encoding="ascii").strip()
        text = (_SYSTEM / interface / "address").read_text(encoding="ascii").strip()
    except OSError as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"{interface} has no MAC address") from error
    if kind != "1":  # ARPHRD_ETHER
        raise CannotRun(NotRunReason.NOT_APPLICABLE, f"{interface} is no Ethernet")
    return bytes.fromhex(text.replace(":", ""))


def _probe(own: bytes, address: str) -> bytes:
    """Return one ARP probe.

    ``to 6 | from 6 | 0806 | 0001 | 0800 | 6 | 4 | 0001 | sender 6 + 4 | target 6 + 4``.
    """
    target = socket.inet_aton(address)
    return _FRAME.pack(
        _BROADCAST, own, _ETHERTYPE, 1, 0x0800, 6, 4, 1, own, bytes(4), bytes(6), target
    )


def _gather(
    wire: socket.socket, address: str, own: bytes, found: dict[str, None], wait_s: float
) -> None:
    until_s = time.perf_counter() + wait_s
    wanted = socket.inet_aton(address)
    while (left_s := until_s - time.perf_counter()) > 0:
        wire.settimeout(left_s)
        try:
            frame = wire.recv(128)
        except TimeoutError:
            return
        if len(frame) < _FRAME.size:
            continue
        parts = _FRAME.unpack_from(frame)
        operation, sender_mac, sender_ip = parts[7], parts[8], parts[9]
        if operation == 2 and sender_ip == wanted and sender_mac != own:
            found[sender_mac.hex(":")] = None
