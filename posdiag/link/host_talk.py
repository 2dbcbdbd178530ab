"""What is said to an acquirer's host on one connection: TLS, HTTP and echo tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from posdiag.link.deadline import Deadline
from posdiag.link.reach import is_address, is_out_of_reach, resolvers
from posdiag.link.tcp import ConnectOnly
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.observation import Failed, FailureKind, NotRunReason
from posdiag.model.site import AcquirerProfile, HostEndpoint, Site
from posdiag.wire.conversation import Conversation

if TYPE_CHECKING:
    import ssl

    from posdiag.link.names import Resolution
    from posdiag.link.polite_echoes import PoliteEchoes
    from posdiag.wire.http_post import HttpPostConversation
    from posdiag.wire.tls import TlsConversation

OLD_TLS_SIGNS = frozenset(
    {
        FailureKind.TLS_ALERT,
        FailureKind.PROTOCOL_ERROR,
        FailureKind.CLOSED,
        FailureKind.RESET,
    }
)
"""How hosts that speak nothing newer than TLS 1.1 end a handshake of TLS 1.2 or newer."""


def subject_of(host: HostEndpoint) -> str:
    """Return how a host is called in observations: address and port."""
    bracketed = f"[{host.address}]" if ":" in host.address else host.address
    return f"{bracketed}:{host.port}"


@dataclass(frozen=True, slots=True)
class Found:
    """Where a host is.

    Attributes:
        resolver: which name server decided; None where the host is given as an address.
    """

    address: str
    took_s: float = 0.0
    resolver: object = None
    failure: Failed | None = None


def find_host(
    site: Site, acquirer: AcquirerProfile, host: HostEndpoint, deadline: Deadline
) -> Found:
    """Return a host's address, looked up where it is given as a name.

    Raises:
        CannotRun: no name server can be asked from here.
    """
    if is_address(host.address):
        return Found(host.address)
    from posdiag.link.names import resolve

    known = resolvers(site)
    servers = [one for one in known if not is_out_of_reach(site, one)]
    if known and not servers:
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    try:
        told: Resolution = resolve(host.address, servers, acquirer.limits, deadline)
    except LinkError as error:
        failure = error.as_failed()
        return Found("", 0.0, servers[0], failure)
    address = told.addresses[0] if told.addresses else ""
    return Found(address, told.took_s, told.resolver, told.failure)


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said to a host on one connection.

    Attributes:
        outermost: what the driver steps.
        tls: None on a host without TLS.
        http: None where messages go bare.
        echoes: None where none may be sent.
    """

    host: HostEndpoint
    outermost: Conversation
    tls: TlsConversation | None = None
    http: HttpPostConversation | None = None
    echoes: PoliteEchoes | None = None

    @property
    def tls_is_over(self) -> bool:
        """Whether TLS is so far that the echo began; the end of the connection says more."""
        return self.tls is not None and self.echoes is not None and self.echoes.begun

    @property
    def http_clock_difference(self) -> float | None:
        """The host's HTTP date minus the laptop's time at its last answer, in seconds."""
        date = self.http.date if self.http else None
        ours = self.echoes.passed_at() if self.echoes else None
        return (date - ours).total_seconds() if date and ours else None

    @property
    def answered(self) -> bool:
        """Whether an echo was answered."""
        return self.echoes is not None and bool(self.echoes.echoes.answers)

    @property
    def wants_old_tls(self) -> bool:
        """Whether TLS failed in a way in which it fails with hosts that speak an old version."""
        tls = self.tls
        if tls is None or tls.failure is None or tls.handshake_s is not None:
            return False
        return tls.failure.failure in OLD_TLS_SIGNS


def talk_to(
    acquirer: AcquirerProfile,
    host: HostEndpoint,
    echoes: PoliteEchoes | None,
    *,
    inside: Conversation | None = None,
    legacy: bool = False,
) -> Talk:
    """Return the layers that a host wants, from the outermost to the echo tests.

    Args:
        acquirer: for its limits.
        host: for TLS, its name in it, and its HTTP path.
        echoes: None: nothing is said inside.
        inside: something else to say, instead of echo tests.
        legacy: TLS 1.0 and 1.1 alone.

    Raises:
        CannotRun: unsupported: this Python has no such TLS; not_declared: a name or path that
            cannot be sent.
    """
    from posdiag.link.tls_settings import client_context, legacy_context

    inner: Conversation | None = echoes or inside
    http = tls = None
    try:
        if inner is not None and host.http_path:
            from posdiag.wire.http_post import HttpPostConversation

            inner = http = HttpPostConversation(inner, subject_of(host), host.http_path)
        if host.tls:
            if echoes is not None:
                echoes.pause_first = True
            context = legacy_context() if legacy else client_context()
            inner = tls = _tls(context, acquirer, host, inner)
    except LocalWireError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"acquirer.hosts: {error}") from error
    return Talk(host, inner or ConnectOnly(), tls, http, echoes)


def tls_name(host: HostEndpoint) -> str:
    """Return the name that a host's certificate should have."""
    return host.server_name or host.address


def _tls(
    context: ssl.SSLContext,
    acquirer: AcquirerProfile,
    host: HostEndpoint,
    inner: Conversation | None,
) -> TlsConversation:
    from posdiag.wire.tls import TlsConversation

    return TlsConversation(context, tls_name(host), limit_s=acquirer.limits.tls_s, inner=inner)
