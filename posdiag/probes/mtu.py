"""Whether packets of full size reach the reference: a path may lose them without a word.

Echoes tell it of both directions. Where there are none (the system reserves them, the reference
answers none or is not there), two TLS hellos to the acquirer's host tell it of one, to the host.
"""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.host_talk import subject_of
from posdiag.link.long_hello import hello_host, long_hello
from posdiag.link.path_mtu import PathMtu, path_mtu
from posdiag.link.reach import is_away
from posdiag.link.round_trips import split_address
from posdiag.link.targets import reference_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Failed,
    Measured,
    NotRunReason,
    Observation,
    Part,
    Unmeasured,
)
from posdiag.model.site import Site
from posdiag.probes.probe import THE_LINE, Observable, Probe, ProbeContext, ProbeYield

_LARGE, _LARGEST = "path_mtu.large_packets", "path_mtu.largest"


def _address(site: Site) -> str:
    """Return the reference.

    Raises:
        CannotRun: not_declared, politeness_limit; not_applicable: it answers names only.
    """
    address, _port = split_address(reference_address(site))
    if site.network.method == "dns":
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "network.method = dns")
    return address


def _targets(site: Site) -> list[str]:
    """Return the reference, and the host that is asked where the reference can't be.

    Raises:
        CannotRun: there is neither; why there is no reference.
    """
    found, lacks = [], []
    for name in (_address, lambda site: subject_of(hello_host(site))):
        try:
            found.append(name(site))
        except CannotRun as cannot:
            lacks.append(cannot)
    if not found:
        raise lacks[0]
    return found


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    site, since_s = context.site, context.now_s()
    try:
        address = _address(site)
        found = _by_echoes(context, address)
    except CannotRun as cannot:
        yield from _by_hellos(context, cannot)
        return
    part = Part.LAPTOP if is_away(site) else Part.ACCESS_LINE
    yield context.measured(_LARGE, found.large, subject=address, part=part, since_s=since_s)
    yield context.measured(
        _LARGEST, found.largest_bytes, "byte", subject=address, part=part, since_s=since_s
    )


def _by_echoes(context: ProbeContext, address: str) -> PathMtu:
    """Return what echoes say.

    Raises:
        CannotRun: there are none; earlier_step_failed: small ones are not answered.
    """
    try:
        return path_mtu(address, context.deadline, interface=context.site.network.interface)
    except LinkError as error:
        # What small packets meet is the business of the probe "path".
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"{address}: {error.kind}") from error


def _by_hellos(context: ProbeContext, no_echoes: CannotRun) -> Iterator[ProbeYield]:
    """Yield what two hellos say.

    Raises:
        CannotRun: they can't be said either; why there are no echoes stands first.
    """
    if context.deadline.passed():
        raise no_echoes
    since_s = context.now_s()
    part = Part.LAPTOP if is_away(context.site) else Part.ACCESS_LINE
    try:
        subject, large = long_hello(context.site, context.allowance, context.deadline)
    except CannotRun as cannot:
        detail = f"{no_echoes.detail}; {cannot.detail}"
        raise CannotRun(no_echoes.reason, detail) from cannot
    yield Observation(
        name=_LARGE,
        subject=subject,
        part=part,
        start_s=since_s,
        end_s=context.now_s(),
        result=large if isinstance(large, Failed) else Measured(large),
    )
    yield Unmeasured(name=_LARGEST, reason=no_echoes.reason, detail=no_echoes.detail)


PROBE = Probe(
    name="mtu",
    title="Packets of full size",
    sends=(
        "about ten echo requests of 576 to 1,500 bytes, not to be cut, to the reference; without "
        "their answers two TLS hellos to the host, of 250 bytes and one full packet"
    ),
    observables=(
        Observable(
            "path_mtu.large_packets",
            "",
            "packets of full size are answered, told (somebody says they are too long) or lost",
        ),
        Observable("path_mtu.largest", "byte", "largest packet that is answered, within 8 bytes"),
    ),
    targets=_targets,
    resources=lambda _site: [THE_LINE],
    run=_run,
    needs_laptop=True,
    typical_s=2.0,
)
