"""How a declared terminal is reached: a serial port, TCP, or HTTPS."""

from __future__ import annotations

import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from posdiag.link.deadline import Deadline
from posdiag.link.device_address import (
    DeviceAddress,
    device_address,
    is_on_network,
    talk_over_network,
)
from posdiag.link.politeness import HostAllowance
from posdiag.link.serial_port import EIGHT_ONE, Bits, open_port, run_serial
from posdiag.link.tls_settings import client_context, trusted_roots
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Device, Site
from posdiag.wire.conversation import Conversation

_HTTPS = "https://"
_NEXO_PORT = 8443
TLS_LIMIT_S = 10.0


class TerminalLine(NamedTuple):
    """What a conversation with a terminal needs besides itself.

    Attributes:
        site: knows name servers, and where the laptop stands.
        deadline: end of the run.
        allowance: of the run.
    """

    site: Site
    deadline: Deadline
    allowance: HostAllowance

    def talk(
        self,
        device: Device,
        conversation: Conversation,
        *,
        baud: int | None = None,
        bits: Bits = EIGHT_ONE,
    ) -> None:
        """Step a conversation over the device's line; what was said is in it.

        Args:
            device: its port is ``socket://host:port`` or a serial port.
            conversation: what to say.
            baud: of a serial line where the device says none.
            bits: of a serial line.

        Raises:
            LinkError: the line did not come about, or went away.
            CannotRun: as for ``open_port`` and ``talk_over_network``.
        """
        if is_on_network(device.port):
            self.talk_to(device_address(device.port), conversation)
            return
        speed = device.baud or baud
        with open_port(device.port, baud=speed, deadline=self.deadline, bits=bits) as port:
            run_serial(port, conversation, self.deadline)

    def talk_to(self, address: DeviceAddress, conversation: Conversation) -> None:
        """Step a conversation with an address of the shop; errors as :meth:`talk`."""
        talk_over_network(
            address, conversation, self.deadline, site=self.site, allowance=self.allowance
        )


class HttpsAddress(NamedTuple):
    """Where a terminal serves HTTPS."""

    host: str
    port: int
    path: str


def is_https(port: str) -> bool:
    """Return whether a port of the site file is ``https://host[:port][/path]``."""
    return port.lower().startswith(_HTTPS)


def https_address(port: str) -> HttpsAddress:
    """Return what ``https://host[:port][/path]`` says; 8443 and ``/nexo`` are usual.

    Raises:
        CannotRun: unsupported: not such an address.
    """
    try:
        parts = urlsplit(port)
        host, number = parts.hostname, parts.port
    except ValueError:
        host, number = None, None
    if not host:
        raise CannotRun(NotRunReason.UNSUPPORTED, "expected https://host:port")
    path = parts.path if parts.path.strip("/") else "/nexo"
    return HttpsAddress(host, number or _NEXO_PORT, path)


def roots_of(device: Device) -> list[bytes]:
    """Return the root that a terminal's certificate must lead to.

    Raises:
        CannotRun: ca_missing where the site names none: the system's roots never signed a
            terminal's certificate; else as ``trusted_roots``.
    """
    if not device.ca_file:
        raise CannotRun(NotRunReason.CA_MISSING, "ca_file of the terminal's own root")
    return trusted_roots(device.ca_file)


def now() -> datetime.datetime:
    """Return the time by which certificates are judged."""
    return datetime.datetime.now(tz=datetime.UTC)


def service_id() -> str:
    """Return a name for one exchange, new within 48 hours: base 36 of the time and of chance."""
    import secrets

    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(secrets.choice(letters) for _ in range(10))


def nonce(size: int) -> bytes:
    """Return fresh random bytes."""
    import secrets

    return secrets.token_bytes(size)


__all__ = [
    "TLS_LIMIT_S",
    "HttpsAddress",
    "TerminalLine",
    "client_context",
    "https_address",
    "is_https",
    "nonce",
    "now",
    "roots_of",
    "service_id",
]
