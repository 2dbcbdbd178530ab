"""Whether packets of full size reach the reference: a path may lose them without a word."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.link.path_mtu import path_mtu
from posdiag.link.reach import is_away
from posdiag.link.round_trips import split_address
from posdiag.link.targets import reference_address
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason, Part
from posdiag.model.site import Site
from posdiag.probes.probe import THE_LINE, Observable, Probe, ProbeContext, ProbeYield


def _address(site: Site) -> str:
    """Return the reference.

    Raises:
        CannotRun: not_declared, politeness_limit; not_applicable: it answers names only.
    """
    address, _port = split_address(reference_address(site))
    if site.network.method == "dns":
        raise CannotRun(NotRunReason.NOT_APPLICABLE, "network.method = dns")
    return address


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    site = context.site
    address = _address(site)
    since_s = context.now_s()
    part = Part.LAPTOP if is_away(site) else Part.ACCESS_LINE
    try:
        found = path_mtu(address, context.deadline, interface=site.network.interface)
    except LinkError as error:
        # What small packets meet is the business of the probe "path".
        raise CannotRun(NotRunReason.EARLIER_STEP_FAILED, f"{address}: {error.kind}") from error
    yield context.measured(
        "path_mtu.large_packets", found.large, subject=address, part=part, since_s=since_s
    )
    yield context.measured(
        "path_mtu.largest", found.largest_bytes, "byte", subject=address, part=part, since_s=since_s
    )


PROBE = Probe(
    name="mtu",
    title="Packets of full size",
    sends="about ten echo requests of 576 to 1,500 bytes, not to be cut, to the reference",
    observables=(
        Observable(
            "path_mtu.large_packets",
            "",
            "packets of 1,500 bytes are answered, told (somebody says they are too long) or lost",
        ),
        Observable("path_mtu.largest", "byte", "largest packet that is answered, within 8 bytes"),
    ),
    targets=lambda site: [_address(site)],
    resources=lambda _site: [THE_LINE],
    run=_run,
    needs_laptop=True,
    typical_s=2.0,
)
