"""What this laptop makes of the certificates that a host sent."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from posdiag.link.host_talk import tls_name
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Failed, Measured, NotRunReason, Operation
from posdiag.model.site import HostEndpoint

TRUSTED = "trusted"
AS_PINNED = "as_pinned"
ISSUER_CHANGED = "issuer_changed"
ISSUER_LOCAL = "issuer_local"


class HostCertificate(NamedTuple):
    """What is known of a host's certificate.

    Attributes:
        verdict: trusted, or the first reason against it, or why it cannot be judged.
        days_left: until it ends; None if it is unreadable.
        issuer: RFC 4514, empty if it is unreadable.
        chain: names of what was sent, in that order.
        pin: the issuer against the known one: ``as_pinned``, ``issuer_changed``, or
            ``issuer_local`` where the other one is a box or program on the way; empty without a
            known one.
    """

    verdict: Measured | Failed | CannotRun
    days_left: float | None
    issuer: str
    chain: tuple[str, ...]
    pin: str


def judge(host: HostEndpoint, chain: tuple[bytes, ...]) -> HostCertificate:
    """Return what a chain says, judged by this laptop's clock, which the probe ``clock`` looks at.

    Args:
        host: with its name, its root and its known issuer.
        chain: DER, as it was sent.
    """
    from posdiag.link.tls_settings import trusted_roots
    from posdiag.wire.certificates import chain_facts, verify_chain

    roots: list[bytes] = []
    cannot = CannotRun(NotRunReason.UNSUPPORTED, "this system has no roots to trust")
    try:
        roots = trusted_roots(host.ca_file)
    except CannotRun as why:
        cannot = why
    told = verify_chain(chain, tls_name(host), roots, datetime.datetime.now(tz=datetime.UTC))
    facts = chain_facts(chain)
    verdict: Measured | Failed | CannotRun = Measured(TRUSTED)
    if not roots:
        verdict = cannot
    elif told.failure is not None:
        verdict = Failed(told.failure, Operation.VERIFY_CERTIFICATE, told.detail)
    pin = _pin(host, facts.issuer, is_local=facts.is_local)
    return HostCertificate(verdict, told.days_left, facts.issuer, facts.subjects, pin)


def _pin(host: HostEndpoint, issuer: str, *, is_local: bool) -> str:
    from posdiag.wire.certificates import same_name

    if not host.issuer or not issuer:
        return ""
    if same_name(host.issuer, issuer):
        return AS_PINNED
    return ISSUER_LOCAL if is_local else ISSUER_CHANGED
