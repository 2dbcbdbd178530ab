"""Reads the card in a declared reader far enough to tell whether it is readable and in date."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from posdiag.link.card_reader import read_card
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Operation,
    Part,
    Unmeasured,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.wire.card_frames import CardReadConversation

CARD_LIMIT_S = 3.0
"""Silence of a card after a command; USB readers give up after a few seconds as well."""


def _readers(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.CARD_READER]


def _targets(site: Site) -> list[str]:
    readers = _readers(site)
    if not readers:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no card reader in the site file")
    return [reader.port for reader in readers]


def _resources(site: Site) -> list[str]:
    return [f"card_reader:{reader.port}" for reader in _readers(site)]


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    for reader in _readers(context.site):
        yield from _read(context, reader)


def _read(context: ProbeContext, reader: Device) -> Iterator[ProbeYield]:
    since_s = context.now_s()
    try:
        read = read_card(reader.port, context.deadline, silent_after_s=CARD_LIMIT_S)
    except LinkError as error:
        # The reader, not the card: nothing is learned about the card.
        yield context.failed(
            "card.reader",
            error.kind,
            error.operation,
            detail=error.detail,
            waited_s=error.waited_s,
            subject=reader.port,
            part=reader.part,
            since_s=since_s,
        )
        yield _unread(reader, NotRunReason.EARLIER_STEP_FAILED)
        return
    if read.failure is FailureKind.NOT_FOUND:
        yield _unread(reader, NotRunReason.NOT_APPLICABLE, "no card in the reader")
        return
    yield from _observed(context, reader, read, since_s)


def _unread(reader: Device, reason: NotRunReason, detail: str = "") -> Unmeasured:
    return Unmeasured(name="card.*", subject=reader.port, reason=reason, detail=detail)


def _observed(
    context: ProbeContext, reader: Device, read: CardReadConversation, since_s: float
) -> Iterator[ProbeYield]:
    where, part = reader.port, Part.CARD
    if read.atr is not None:
        yield context.measured("card.atr_valid", read.atr.valid, subject=where, part=part)
    if read.failure is not None:
        yield context.failed(
            "card.read",
            read.failure,
            Operation.READ_CARD,
            detail=read.detail,
            waited_s=read.waited_s,
            subject=where,
            part=part,
            since_s=since_s,
        )
        return
    card = read.read
    yield context.measured("card.application", card.application, subject=where, part=part)
    if card.application != "none":
        yield context.measured("card.read", "ok", subject=where, part=part, since_s=since_s)
    if card.scheme:
        yield context.measured("card.scheme", card.scheme, subject=where, part=part)
    if card.masked_pan:
        yield context.measured("card.masked_pan", card.masked_pan, subject=where, part=part)
    if card.expires_on is not None:
        today = datetime.datetime.now(tz=datetime.UTC).astimezone().date()
        days = (card.expires_on - today).days
        yield context.measured("card.expiry_days_left", days, "day", subject=where, part=part)


PROBE = Probe(
    name="card",
    title="Card in the reader",
    sends="SELECT, GET PROCESSING OPTIONS and READ RECORD to the card in the declared reader",
    observables=(
        Observable(
            "card.reader", "", "the reader itself could not be reached", "the reader answered"
        ),
        Observable("card.atr_valid", "", "answer to reset is complete and its checksum is right"),
        Observable("card.read", "", "the card's payment application could be read"),
        Observable("card.application", "", "ok, blocked or none"),
        Observable("card.scheme", "", "card scheme by its registered application provider"),
        Observable("card.masked_pan", "", "first 6 and last 4 digits"),
        Observable("card.expiry_days_left", "day", "days until the last day of validity"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    typical_s=5.0,
)
