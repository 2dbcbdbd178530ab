"""Whether a login page stands between the shop's Wi-Fi and the network beyond."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from posdiag.link.device_address import numeric_address
from posdiag.link.reach import is_away
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation, Part
from posdiag.model.site import Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.http_check import HttpCheck

LIMIT_S = 4.0
_NAME = "portal.answer"
_NO_CONTENT = 204


class _Check(NamedTuple):
    host: str
    port: int
    path: str


def _check(site: Site) -> _Check:
    """Return what to ask for.

    Raises:
        CannotRun: not_declared; not_reachable_from_here: the laptop is on another network.
    """
    if is_away(site):
        raise CannotRun(NotRunReason.NOT_REACHABLE_FROM_HERE, f"laptop_at = {site.laptop_at}")
    text = site.network.portal_check
    if not text:
        raise CannotRun(NotRunReason.NOT_DECLARED, "network.portal_check")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 80
    if not host or parts.scheme != "http":
        raise CannotRun(
            NotRunReason.NOT_DECLARED, "network.portal_check: expected http://host/path"
        )
    return _Check(host, port, parts.path or "/")


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    check = _check(context.site)
    subject = f"{check.host}:{check.port}"
    since_s = context.now_s()
    talk = HttpCheck(check.host, check.path, limit_s=LIMIT_S)
    try:
        address = numeric_address(check.host, context.site, context.deadline)
        context.allowance.take_connect(subject)
        run_tcp(
            address,
            check.port,
            talk,
            context.deadline,
            LIMIT_S,
            interface=context.site.network.interface,
        )
    except LinkError as error:
        if error.operation is Operation.RESOLVE:
            # Names are the business of the probe "dns".
            raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"its name: {error.kind}") from error
        if error.kind is FailureKind.PERMISSION:
            raise CannotRun(NotRunReason.NO_PERMISSION, error.detail) from error
        yield context.failed(
            _NAME,
            error.kind,
            error.operation,
            waited_s=error.waited_s,
            subject=subject,
            part=Part.SHOP_NETWORK,
            since_s=since_s,
        )
        return
    if talk.failure is not None:
        yield context.failed(
            _NAME,
            talk.failure.failure,
            talk.failure.operation,
            waited_s=talk.failure.waited_s,
            subject=subject,
            part=Part.SHOP_NETWORK,
            since_s=since_s,
        )
        return
    yield context.measured(
        _NAME, _answer(talk), subject=subject, part=Part.SHOP_NETWORK, since_s=since_s
    )


def _answer(talk: HttpCheck) -> str:
    """Return what came in place of 204 with nothing in it."""
    if talk.status == _NO_CONTENT:
        return "as_expected"
    return "redirect" if talk.redirects else "other_page"


PROBE = Probe(
    name="portal",
    title="Login page in the way",
    sends="one HTTP request to the address that the site names for it",
    observables=(
        Observable(
            _NAME, "", "answer to a request that should give 204: as_expected, redirect, other_page"
        ),
    ),
    targets=lambda site: [f"{_check(site).host}:{_check(site).port}"],
    run=_run,
    needs_laptop=True,
    typical_s=0.5,
)
