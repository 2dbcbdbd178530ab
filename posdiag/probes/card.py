"""Reads the card in a declared reader far enough to tell whether it is readable and in date.

With ``cards = 2`` a second card, known to be good, is read after it: a reader that reads none of
them is suspect itself, and where it is the laptop's own nothing is said about the first card.
"""

from __future__ import annotations

import datetime
from collections.abc import Generator, Iterator

from posdiag.link.card_pcsc import PcscCard
from posdiag.link.card_reader import read_card
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Observation,
    Operation,
    Part,
    Unmeasured,
    Value,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import Observable, Probe, ProbeContext, ProbeYield
from posdiag.text.words import N_
from posdiag.wire.card_session import CardSession

CARD_LIMIT_S = 3.0
"""Silence of a card after a command; USB readers give up after a few seconds as well."""
PERSON_LIMIT_S = 30.0
"""How long somebody may take to change the card."""
_UNREAD = ("mute", "unresponsive", "damaged")
"""States that a bad reader gives as well as a bad card."""


def _readers(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.CARD_READER]


def _targets(site: Site) -> list[str]:
    readers = _readers(site)
    if not readers:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no card reader in the site file")
    return [reader.port for reader in readers]


def _resources(site: Site) -> list[str]:
    # One at a time: two names may be one reader, and the service serves one card after the other.
    return ["card_reader"] if _readers(site) else []


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    readers = _readers(context.site)
    for reader in readers:
        try:
            yield from _Reading(context, reader).all_cards()
        except CannotRun as cannot:
            if len(readers) == 1:
                raise
            # One reader that cannot be used does not cost what another one reads.
            yield Unmeasured(
                name="card.*", subject=reader.port, reason=cannot.reason, detail=cannot.detail
            )


class _Reading:
    """The cards in one reader, one after the other."""

    def __init__(self, context: ProbeContext, reader: Device) -> None:
        self._context = context
        self._reader = reader
        self._today = datetime.datetime.now(tz=datetime.UTC).astimezone().date()

    def all_cards(self) -> Iterator[ProbeYield]:
        count = self._context.site.cards
        since_s = self._context.now_s()
        try:
            first = self._read(first=True)
        except LinkError as error:
            # The reader, not the card: nothing is learned about the card.
            yield self._reader_failed(error, since_s)
            yield self._gap("card.*", NotRunReason.EARLIER_STEP_FAILED)
            return
        if first.session.failure is FailureKind.NOT_FOUND:
            yield self._gap("card.*", NotRunReason.NOT_APPLICABLE, "no card in the reader")
            return
        if first.session.failure is None:
            yield from self._facts(first.session)
        others: list[CardSession] = []
        for _ in range(1, count):
            other = yield from self._another()
            if other is None:
                break
            others.append(other)
        yield from self._first(first, since_s, others)
        yield from self._compared(first.session, others)

    def _read(self, *, first: bool) -> PcscCard:
        many = self._context.site.cards > 1
        if first and many:
            self._context.ask(N_("Put the card in question into the reader."))
        return read_card(
            self._reader.port,
            CardSession(self._today),
            self._context.deadline,
            silent_after_s=CARD_LIMIT_S,
            wait_s=PERSON_LIMIT_S if many else 0.0,
            after_another=not first,
        )

    def _another(self) -> Generator[ProbeYield, None, CardSession | None]:
        self._context.ask(N_("Take it out and put in another card, one that is known to be good."))
        since_s = self._context.now_s()
        try:
            other = self._read(first=False).session
        except (LinkError, CannotRun) as error:
            # What the first card gave stands: the second one is an addition.
            detail = str(error)
            yield self._gap("card.other_state", NotRunReason.EARLIER_STEP_FAILED, detail)
            return None
        if other.failure is FailureKind.NOT_FOUND:
            yield self._gap("card.other_state", NotRunReason.NOT_APPLICABLE, "no other card came")
            return None
        if other.state:
            yield self._measured("card.other_state", other.state, part=Part.CARD, since_s=since_s)
        return other

    def _first(
        self, read: PcscCard, since_s: float, others: list[CardSession]
    ) -> Iterator[ProbeYield]:
        card = read.session
        part = self._part(card, others)
        if card.atr is not None:
            yield self._measured("card.answer_to_reset", card.atr.state, part=part)
            spoken = read.protocol if read.protocol is not None else card.atr.protocols[0]
            yield self._measured("card.protocol", f"T={spoken}", part=part)
            yield self._measured("card.contactless", card.atr.contactless, part=part)
        if card.failure is not None:
            yield self._context.failed(
                "card.read",
                card.failure,
                Operation.READ_CARD,
                detail=card.detail or _advice(card),
                waited_s=card.waited_s,
                subject=self._where(read),
                part=part,
                since_s=since_s,
            )
        elif card.read.application != "none":
            yield self._measured("card.read", "ok", part=part, since_s=since_s)
        if self._suspect(card, others):
            detail = "no card reads in the laptop's own reader: it is suspect, not the card"
            yield self._gap("card.state", NotRunReason.NOT_APPLICABLE, detail)
        elif card.state:
            yield self._measured("card.state", card.state, part=part, since_s=since_s)

    def _facts(self, card: CardSession) -> Iterator[ProbeYield]:
        """Yield what the card itself says, whichever reader it is in."""
        read = card.read
        for name, value, unit in (
            ("card.application", read.application, ""),
            ("card.blocked_at", read.blocked_at, ""),
            ("card.scheme", read.scheme, ""),
            ("card.masked_pan", read.masked_pan, ""),
            ("card.issuer_country", read.country, ""),
            ("card.doubts", ", ".join(read.doubts), ""),
            ("card.pin_tries_left", read.pin_tries_left, "count"),
            ("card.payments", read.payments, "count"),
            ("card.payments_offline", read.payments_offline, "count"),
            ("card.expiry_days_left", self._days(read.expires_on), "day"),
            ("card.days_until_valid", self._days(read.effective_on), "day"),
        ):
            if value is not None and value != "":
                yield self._measured(name, value, unit, part=Part.CARD)

    def _days(self, date: datetime.date | None) -> int | None:
        return None if date is None else (date - self._today).days

    def _compared(self, first: CardSession, others: list[CardSession]) -> Iterator[ProbeYield]:
        """Yield what several cards say about the reader."""
        if not others or not all(card.state for card in others):
            return
        reads_one = any(card.state not in _UNREAD for card in others)
        value = "reads" if reads_one else "reads_none"
        if reads_one or first.state in _UNREAD:
            yield self._measured("card.reader_check", value, part=self._reader.part)
        if self._suspect(first, others):
            yield self._measured("card.own_reader_suspect", value=True, part=Part.LAPTOP)

    def _suspect(self, first: CardSession, others: list[CardSession]) -> bool:
        """Return whether no card reads in a reader that is not the terminal's."""
        unread = all(card.state in _UNREAD for card in [first, *others])
        return bool(others) and unread and self._reader.part is not Part.TERMINAL

    def _part(self, first: CardSession, others: list[CardSession]) -> Part:
        """Return whose part a reading is about: an unread card may be our own reader's fault."""
        if self._reader.part is Part.TERMINAL:
            return Part.TERMINAL
        proven = first.state not in _UNREAD or any(card.state not in _UNREAD for card in others)
        return Part.CARD if proven else self._reader.part

    def _where(self, read: PcscCard | None = None) -> str:
        return read.reader if read is not None and read.reader else self._reader.port

    def _measured(
        self,
        name: str,
        value: Value,
        unit: str = "",
        *,
        part: Part,
        since_s: float | None = None,
    ) -> Observation:
        return self._context.measured(
            name, value, unit, subject=self._reader.port, part=part, since_s=since_s
        )

    def _reader_failed(self, error: LinkError, since_s: float) -> Observation:
        return self._context.failed(
            "card.reader",
            error.kind,
            error.operation,
            detail=error.detail,
            waited_s=error.waited_s,
            subject=self._reader.port,
            part=self._reader.part,
            since_s=since_s,
        )

    def _gap(self, name: str, reason: NotRunReason, detail: str = "") -> Unmeasured:
        return Unmeasured(name=name, subject=self._reader.port, reason=reason, detail=detail)


def _advice(card: CardSession) -> str:
    if card.failure is FailureKind.MUTE:
        return "no answer to reset: is it the right way round? Wipe the contacts"
    return ""


PROBE = Probe(
    name="card",
    title="Card in the reader",
    sends="SELECT, GET PROCESSING OPTIONS, READ RECORD and GET DATA to the card in the reader",
    observables=(
        Observable(
            "card.reader", "", "the reader itself could not be reached", "the reader answered"
        ),
        Observable("card.answer_to_reset", "", "valid, truncated or wrong_checksum"),
        Observable("card.protocol", "", "T=0 or T=1"),
        Observable("card.contactless", "", "whether it is read without contacts"),
        Observable("card.read", "", "the card's payment application could be read"),
        Observable(
            "card.state",
            "",
            "ok, expired, not_yet_valid, blocked, refused, not_emv, damaged, mute, unresponsive "
            "or removed",
            "nothing is known of it, or no card reads in this reader",
        ),
        Observable("card.application", "", "ok, blocked, refused or none"),
        Observable("card.blocked_at", "", "card or application", "not blocked"),
        Observable("card.scheme", "", "card scheme by its registered application provider"),
        Observable("card.masked_pan", "", "first 6 and last 4 digits"),
        Observable("card.issuer_country", "", "three digits, ISO 3166"),
        Observable("card.doubts", "", "what contradicts itself or is missing", "none"),
        Observable("card.pin_tries_left", "count", "PIN tries before it is blocked"),
        Observable("card.payments", "count", "payments it has begun"),
        Observable("card.payments_offline", "count", "of these, since it was last online"),
        Observable("card.expiry_days_left", "day", "days until the last day of validity"),
        Observable("card.days_until_valid", "day", "days until the first day of validity"),
        Observable("card.other_state", "", "state of a further card, as card.state"),
        Observable("card.reader_check", "", "reads or reads_none: cards known to be good"),
        Observable("card.own_reader_suspect", "", "no card reads in the laptop's own reader"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    typical_s=5.0,
)
