"""Reads the magnetic stripe of one swipe, from a declared reader or what somebody pastes."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from posdiag.link.serial_port import resource_of
from posdiag.link.swipes import KEYBOARD, read_swipe
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason, Operation, Part, Unmeasured
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.text.words import N_
from posdiag.wire.swipe import SwipeConversation
from posdiag.wire.tracks import StripeRead

SWIPE_LIMIT_S = 15.0
"""How long somebody may take to swipe."""


def _readers(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.STRIPE_READER]


def _targets(site: Site) -> list[str]:
    readers = _readers(site)
    if not readers:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no stripe reader in the site file, no --swipe")
    return [reader.port for reader in readers]


def _resources(site: Site) -> list[str]:
    ports = [reader.port for reader in _readers(site)]
    return [port if port == KEYBOARD else resource_of(port) for port in ports]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    for reader in _readers(context.site):
        yield from _swiped(context, reader)


def _swiped(context: ProbeContext, reader: Device) -> Iterator[ProbeYield]:
    since_s = context.now_s()
    context.ask(
        N_("Swipe the card now, or paste what a reader gave and press Enter. It is not shown.")
    )
    try:
        swipe = read_swipe(reader.port, context.deadline, limit_s=SWIPE_LIMIT_S, baud=reader.baud)
    except LinkError as error:
        yield context.failed(
            "stripe.reader",
            error.kind,
            error.operation,
            detail=error.detail,
            waited_s=error.waited_s,
            subject=reader.port,
            part=reader.part,
            since_s=since_s,
        )
        yield _gap(reader, NotRunReason.EARLIER_STEP_FAILED)
        return
    if swipe.stripe is None:
        yield from _nothing_came(context, reader, swipe, since_s)
        return
    yield from _facts(context, reader, swipe.stripe, since_s)


def _gap(reader: Device, reason: NotRunReason, detail: str = "") -> Unmeasured:
    return Unmeasured(name="stripe.*", subject=reader.port, reason=reason, detail=detail)


def _nothing_came(
    context: ProbeContext, reader: Device, swipe: SwipeConversation, since_s: float
) -> Iterator[ProbeYield]:
    """Say that no swipe came: nobody swiped, or the reader is in another mode. No finding."""
    if swipe.failure is not None and reader.part is Part.TERMINAL:
        yield context.failed(
            "stripe.swipe",
            swipe.failure,
            Operation.READ_CARD,
            waited_s=swipe.waited_s,
            subject=reader.port,
            part=reader.part,
            since_s=since_s,
        )
    yield _gap(reader, NotRunReason.NOT_APPLICABLE, "no swipe came; is the reader in this mode?")


def _facts(
    context: ProbeContext, reader: Device, stripe: StripeRead, since_s: float
) -> Iterator[ProbeYield]:
    today = datetime.datetime.now(tz=datetime.UTC).astimezone().date()
    days = None if stripe.expires_on is None else (stripe.expires_on - today).days
    readable = stripe.state in ("ok", "chip_card")
    state = "expired" if readable and days is not None and days < 0 else stripe.state
    # A stripe that was read speaks of the card; one that was not may be the reader's fault.
    part = Part.CARD if readable else reader.part
    for name, value, unit, whose in (
        ("stripe.state", state, "", part),
        ("stripe.tracks", _tracks(stripe), "", part),
        ("stripe.report", stripe.detail, "", part),
        ("stripe.masked_pan", stripe.masked_pan, "", Part.CARD),
        ("stripe.digits", stripe.digits or None, "count", Part.CARD),
        ("stripe.service_code", stripe.service_code, "", Part.CARD),
        ("stripe.expiry_days_left", days, "day", Part.CARD),
    ):
        if value is not None and value != "":
            yield context.measured(
                name, value, unit, subject=reader.port, part=whose, since_s=since_s
            )


def _tracks(stripe: StripeRead) -> str:
    return ", ".join(f"{track}: {state}" for track, state in sorted(stripe.tracks.items()))


PROBE = Probe(
    name="stripe",
    title="Magnetic stripe of one swipe",
    sends="nothing: it waits for a swipe in the declared reader, or for pasted text",
    observables=(
        Observable("stripe.reader", "", "the reader could not be opened", "the reader was opened"),
        Observable("stripe.swipe", "", "no swipe came", "a swipe came, or nobody swiped"),
        Observable(
            "stripe.state",
            "",
            "ok, expired, chip_card, blank, half_read, reader_error, wrong_checksum, "
            "wrong_check_digit, wrong_layout or unreadable",
        ),
        Observable("stripe.tracks", "", "each track that came, with its own state"),
        Observable("stripe.report", "", "what the reader reported", "it reported nothing"),
        Observable("stripe.masked_pan", "", "first 6 and last 4 digits"),
        Observable("stripe.digits", "count", "digits of the card number"),
        Observable("stripe.service_code", "", "three digits; 2 or 6 first: the card has a chip"),
        Observable("stripe.expiry_days_left", "day", "days until the last day of validity"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    typical_s=15.0,
)
