"""Fetches one text from an ``https://`` address, such as an acquirer's maintenance calendar."""

from __future__ import annotations

from urllib.parse import urlsplit

from posdiag.link.deadline import Deadline
from posdiag.link.host_certificate import judge
from posdiag.link.names import resolve
from posdiag.link.reach import is_address, resolvers
from posdiag.link.tcp import run_tcp
from posdiag.link.tls_settings import client_context
from posdiag.model.errors import CannotRun, LinkError, LocalWireError
from posdiag.model.observation import Failed, FailureKind, NotRunReason, Operation
from posdiag.model.site import HostEndpoint, Site, StepLimits

_LIMIT_S = 5.0


def fetch_text(site: Site, url: str, deadline: Deadline, *, most: int, ca_file: str | None) -> str:
    """Return the text at an address. A certificate that is not trusted is refused.

    Args:
        site: for its name servers.
        url: ``https://host[:port]/path``.
        deadline: end of all waits.
        most: bytes.
        ca_file: of a root of its own; None: the system's.

    Raises:
        CannotRun: not_declared: no such address, or its name is not found, or its certificate is
            not trusted.
        LinkError: it cannot be reached, or gives no such text.
    """
    from posdiag.wire.http_get import HttpGetConversation
    from posdiag.wire.tls import TlsConversation

    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        get = HttpGetConversation(parts.netloc, path, limit_s=_LIMIT_S, most=most)
        tls = TlsConversation(client_context(), host, limit_s=_LIMIT_S, inner=get)
    except (ValueError, LocalWireError) as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{url}: no address") from error
    address = _numeric(site, host, deadline)
    run_tcp(address, port, tls, deadline, _LIMIT_S)
    failure = tls.failure or get.failure
    if failure is not None:
        raise LinkError(failure.failure, failure.operation, failure.detail)
    if get.body is None:
        raise LinkError(FailureKind.CLOSED, Operation.RECEIVE)
    verdict = judge(HostEndpoint(address=host, port=port, tls=True, ca_file=ca_file), tls.chain)
    if isinstance(verdict.verdict, CannotRun):
        raise verdict.verdict
    if isinstance(verdict.verdict, Failed):
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{host}: {verdict.verdict.failure}")
    return get.body.decode("utf-8", "replace")


def _numeric(site: Site, host: str, deadline: Deadline) -> str:
    if is_address(host):
        return host
    limits = StepLimits(dns_try_s=2.0, dns_tries=1)
    found = resolve(host, resolvers(site), limits, deadline)
    if not found.addresses:
        why = found.failure.failure if found.failure else "no address"
        raise CannotRun(NotRunReason.NOT_DECLARED, f"{host}: {why}")
    return found.addresses[0]
