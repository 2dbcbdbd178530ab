"""How a declared terminal is reached: a serial port, TCP, or HTTPS."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final, NamedTuple
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
from posdiag.model.observation import Failed, FailureKind, NotRunReason, Operation
from posdiag.model.site import Device, Site
from posdiag.wire.conversation import Conversation
from posdiag.wire.http import HttpExchange, post
from posdiag.wire.nexo import DiagnosisAnswer, Header
from posdiag.wire.nexo_dialogue import (
    Checked,
    LengthExchange,
    Question,
    judge_terminal,
    read_body,
    read_http,
)
from posdiag.wire.tls import TlsConversation

_HTTPS = "https://"
_NEXO_PORT = 8443
TLS_LIMIT_S: Final = 10.0
ANSWER_LIMIT_S: Final = 10.0
HOST_LIMIT_S: Final = 30.0
"""A host test may need the terminal's own time-out."""
MOST_UPLOAD: Final = 16384
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CLOSED: Final = Failed(FailureKind.CLOSED, Operation.READ_STATUS, "no answer")


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


class NexoCall:
    """Asks one terminal for its diagnosis, as often as it is called."""

    def __init__(self, line: TerminalLine, device: Device, passphrase: str | None) -> None:
        """Keep how it is reached, and make the keys of the envelope.

        Raises:
            CannotRun: ca_missing and the like, for HTTPS.
        """
        from posdiag.wire.nexo_envelope import derive_keys

        self._line = line
        self._device = device
        self._roots = roots_of(device) if is_https(device.port) else []
        self._keys = (
            derive_keys(passphrase, device.key_id, device.key_version) if passphrase else None
        )

    def ask(self, *, ask_host: bool) -> DiagnosisAnswer | Failed:
        """Return what it says, or why it says nothing.

        Args:
            ask_host: it goes online and tests its host.

        Raises:
            LinkError: the line did not come about.
            CannotRun: as for :meth:`TerminalLine.talk_to`.
        """
        question = self._question(ask_host=ask_host)
        limit_s = HOST_LIMIT_S if ask_host else ANSWER_LIMIT_S
        if is_https(self._device.port):
            return self._over_https(question, limit_s)
        exchange = LengthExchange(question.encode(), limit_s=limit_s)
        self._line.talk_to(device_address(self._device.port), exchange)
        if exchange.answer is None:
            return exchange.failure or _CLOSED
        return read_body(exchange.answer, question)

    def _question(self, *, ask_host: bool) -> Question:
        import secrets

        header = Header(_service_id(), "posdiag", self._device.poi_id)
        is_xml = self._device.protocol == "nexo_xml"
        return Question(
            header, ask_host, is_xml, None if is_xml else self._keys, secrets.token_bytes(16)
        )

    def _over_https(self, question: Question, limit_s: float) -> DiagnosisAnswer | Failed:
        address = https_address(self._device.port)
        media_type = "application/xml" if question.xml else "application/json"
        exchange = HttpExchange(
            post(address.host, address.path, question.encode(), media_type), limit_s=limit_s
        )
        at = datetime.datetime.now(tz=datetime.UTC)
        checked = Checked(
            exchange,
            lambda: judge_terminal(tls.chain, question.header.poi_id, self._roots, at),
        )
        tls = TlsConversation(client_context(), None, limit_s=TLS_LIMIT_S, inner=checked)
        self._line.talk_to(DeviceAddress(address.host, address.port), tls)
        if not exchange.reader.complete:
            # An alert after a whole answer takes nothing away from it.
            failure = tls.failure or checked.failure
            if failure is not None:
                return failure
        return read_http(exchange, question)


def _service_id() -> str:
    """Return a name for one exchange that is new within 48 hours."""
    import secrets

    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def read_upload(port: str) -> bytes:
    """Return the bytes of a status upload that were kept in a file.

    Raises:
        CannotRun: no_permission, not_declared where there is no such file, unsupported where it is
            longer than any upload.
    """
    path = Path(port)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_UPLOAD + 1)
    except PermissionError:
        raise CannotRun(NotRunReason.NO_PERMISSION, port) from None
    except (OSError, ValueError):
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{port}: cannot be read") from None
    if len(raw) > MOST_UPLOAD:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"{port}: longer than any upload")
    return raw
