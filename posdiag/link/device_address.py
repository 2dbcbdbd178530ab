"""Devices that stand on the network: what their port in the site file means; talking to them."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from posdiag.link.deadline import Deadline
from posdiag.link.names import resolve
from posdiag.link.politeness import HostAllowance
from posdiag.link.reach import is_address, is_away, resolvers
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Site, StepLimits
from posdiag.wire.conversation import Conversation

CONNECT_LIMIT_S = 3.0
"""A device stands in the shop: it is there at once or not at all."""
_SCHEME = "socket://"
_NAME_LIMITS = StepLimits(dns_try_s=2.0, dns_tries=1)


class DeviceAddress(NamedTuple):
    """Where a device listens.

    Attributes:
        host: name or IP address.
    """

    host: str
    port: int


def is_on_network(port: str) -> bool:
    """Return whether a port of the site file is ``socket://host:port``."""
    return port.lower().startswith(_SCHEME)


def device_address(port: str) -> DeviceAddress:
    """Return what ``socket://host:port`` or ``host:port`` says.

    Raises:
        CannotRun: unsupported: neither of them.
    """
    text = port if is_on_network(port) else _SCHEME + port
    try:
        parts = urlsplit(text)
        host, number = parts.hostname, parts.port
    except ValueError:
        host, number = None, None
    if not host or not number:
        raise CannotRun(NotRunReason.UNSUPPORTED, "expected host:port")
    return DeviceAddress(host, number)


def numeric_address(host: str, site: Site, deadline: Deadline) -> str:
    """Return the IP address of a device, looked up where it is a name.

    Args:
        host: name or IP address.
        site: knows the name servers.
        deadline: end of the run.

    Raises:
        LinkError: the name could not be looked up.
        CannotRun: not_declared: no name server to ask, or it is no name.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    if is_address(host):
        return host
    found = resolve(host, resolvers(site), _NAME_LIMITS, deadline)
    if found.failure is not None:
        failed = found.failure
        raise LinkError(
            failed.failure, failed.operation, "the device's name", waited_s=failed.waited_s
        )
    return found.addresses[0]


def talk_over_network(
    address: DeviceAddress,
    conversation: Conversation,
    deadline: Deadline,
    *,
    site: Site,
    allowance: HostAllowance,
) -> None:
    """Step a conversation with a device on the network; what was said is in it.

    Args:
        address: of the device.
        conversation: what to say.
        deadline: end of the run.
        site: knows the name servers, and where the laptop stands.
        allowance: of the run.

    Raises:
        LinkError: the name could not be looked up, or the connection did not come about.
        CannotRun: not_reachable_from_here: the shop's own network, and the laptop is not on it;
            politeness_limit; not_declared, as for ``numeric_address``.
    """
    host = numeric_address(address.host, site, deadline)
    number = ipaddress.ip_address(host)
    if is_away(site) and number.is_private and not number.is_loopback:
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    allowance.take_connect(f"{host}:{address.port}")
    run_tcp(host, address.port, conversation, deadline, CONNECT_LIMIT_S)
