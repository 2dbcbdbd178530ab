"""Reading an EMV card far enough to diagnose it, without I/O.

It sends SELECT, READ RECORD, GET PROCESSING OPTIONS and GET DATA only: nothing that moves a counter
of tries or asks the card for a cryptogram. The full PAN and track data never leave this module:
what comes out is first 6 / last 4, scheme, dates and counters.

Source: EMV Book 1 chapter 12 and Book 3 chapter 10 as walked through in public PBOC/EMV articles;
status words from public lists.
"""

from __future__ import annotations

import datetime
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from posdiag.model.errors import RemoteWireError
from posdiag.wire import pan, tlv
from posdiag.wire.emv_commands import (
    get_data,
    located,
    processing_options,
    read_record,
    select,
    told,
    wanted,
)

PSE: Final = b"1PAY.SYS.DDF01"
PPSE: Final = b"2PAY.SYS.DDF01"
"""Directories of the contact and of the contactless side."""
MOST_COMMANDS: Final = 96
"""Far more than any card needs; a card that keeps saying 61xx ends here."""
SCHEMES: Final = {
    "A000000333": "UnionPay",
    "A000000003": "Visa",
    "A000000004": "Mastercard",
    "A000000025": "American Express",
    "A000000065": "JCB",
    "A000000152": "Discover",
    "A000000324": "Diners",
    "A000000277": "Interac",
    "A000000359": "girocard",
}
"""Registered application provider -> scheme (several public lists agree)."""
TRIED_AIDS: Final = (
    "A000000333010101",
    "A000000333010102",
    "A0000000031010",
    "A0000000041010",
    "A0000000043060",
    "A00000002501",
    "A0000000651010",
    "A0000001523010",
)
_BLOCKED: Final = 0x6283
_CARD_BLOCKED: Final = 0x6A81
_REFUSED: Final = 0x6985
_FAILING: Final = (0x6281, 0x6400, 0x6581, 0x6F00)
"""Data may be corrupt, execution error, memory failure: a failing chip."""
_NOT_EMV: Final = (0x6D00, 0x6E00)


@dataclass(slots=True)
class CardRead:
    """What a card said.

    Attributes:
        application: ``ok``, ``blocked``, ``refused`` (it would not begin a payment) or ``none``.
        blocked_at: ``card`` or ``application``, else empty.
        masked_pan: first 6 and last 4, else empty.
        effective_on: first day of validity, None if the card does not say.
        expires_on: last day of validity, likewise.
        country: of the issuer, three digits, else empty.
        pin_tries_left: None where the card does not say.
        payments: how many it has begun (ATC); None where it does not say.
        payments_offline: of these, since it was last online.
        doubts: what contradicts itself or is missing; see ``_judge``. Never card data.
    """

    application: str = "none"
    blocked_at: str = ""
    scheme: str = ""
    masked_pan: str = ""
    effective_on: datetime.date | None = None
    expires_on: datetime.date | None = None
    country: str = ""
    pin_tries_left: int | None = None
    payments: int | None = None
    payments_offline: int | None = None
    doubts: list[str] = field(default_factory=list)


class EmvReading:
    """Terminal side of the read: hand ``command`` to the card, give its answer to ``take``."""

    def __init__(self, *, today: datetime.date, contactless: bool = False) -> None:
        """Start with the first command ready.

        Args:
            today: what a card that asks for the date is told.
            contactless: the reader talks to it without contacts.
        """
        self.result = CardRead()
        self._today = today
        self._contactless = contactless
        self._sent = 0
        self._script = self._read()
        self.command: bytes | None = next(self._script)

    def take(self, answer: bytes) -> None:
        """Take the card's answer to ``command``; ``command`` is then the next one or None.

        Args:
            answer: data and status word, 2 to 258 bytes.

        Raises:
            RemoteWireError: shorter than a status word, or data that cannot be taken apart.
        """
        if len(answer) < 2:
            raise RemoteWireError("answer without a status word", field="SW", offset=len(answer))
        try:
            self.command = self._script.send(answer)
        except StopIteration:
            self.command = None

    def _read(self) -> Generator[bytes, bytes, None]:
        directory = yield from self._directory()
        if directory is None:
            return
        for aid in directory or [bytes.fromhex(text) for text in TRIED_AIDS]:
            data, status = yield from self._exchange(select(aid))
            if status == 0x9000:
                self._found(aid, "ok")
                yield from self._application(data)
                return
            if status in (_BLOCKED, _CARD_BLOCKED):
                self._found(aid, "blocked")
                self.result.blocked_at = "application"
                yield from self._counters()
            elif status in _FAILING:
                self._doubt(f"status_{status:04X}")

    def _found(self, aid: bytes, state: str) -> None:
        self.result.application = state
        self.result.blocked_at = ""
        self.result.scheme = SCHEMES.get(aid.hex().upper()[:10], "")

    def _doubt(self, what: str) -> None:
        if what not in self.result.doubts:
            self.result.doubts.append(what)

    def _directory(self) -> Generator[bytes, bytes, list[bytes] | None]:
        """Return the listed applications by priority, none where there is no list, or None."""
        name = PPSE if self._contactless else PSE
        data, status = yield from self._exchange(select(name))
        if status == _CARD_BLOCKED:
            self.result.application, self.result.blocked_at = "blocked", "card"
            return None
        if status in _NOT_EMV:
            return None
        if status in _FAILING:
            self._doubt(f"status_{status:04X}")
        if status != 0x9000:
            return []
        objects = tlv.parse(data)
        entries = [item for item in tlv.walk(objects) if item.tag == "61"]
        short = tlv.find(objects, "88")
        if short and 1 <= short[0] <= 30:
            entries += yield from self._directory_records(short[0])
        return _by_priority(entries)

    def _directory_records(self, file: int) -> Generator[bytes, bytes, list[tlv.Tlv]]:
        entries: list[tlv.Tlv] = []
        for record in range(1, 11):
            data, status = yield from self._exchange(read_record(file, record))
            if status != 0x9000:
                break
            entries += [item for item in tlv.walk(tlv.parse(data)) if item.tag == "61"]
        return entries

    def _application(self, selected: bytes) -> Generator[bytes, bytes, None]:
        entries = wanted(tlv.find(tlv.parse(selected), "9F38") or b"")
        options = processing_options(told(entries, self._today))
        data, status = yield from self._exchange(options)
        if status != 0x9000:
            # Refused after a good SELECT: blocked, expired, or it wants what we cannot tell.
            self.result.application = "refused" if status == _REFUSED else "ok"
            if status != _REFUSED:
                self._doubt(f"status_{status:04X}")
        else:
            found = _Found()
            yield from self._records(tlv.parse(data), found)
            self._judge(found)
        yield from self._counters()

    def _records(
        self, options: tuple[tlv.Tlv, ...], found: _Found
    ) -> Generator[bytes, bytes, None]:
        found.take(options)
        whole = tlv.find(options, "80")
        locator = whole[2:] if whole else tlv.find(options, "94")
        if not locator and self._contactless:
            return  # a quick contactless payment: all came at once
        for place in located(locator or b""):
            for record in range(place.first, place.last + 1):
                data, status = yield from self._exchange(read_record(place.file, record))
                if status != 0x9000:
                    self._doubt(f"status_{status:04X}")
                    continue
                objects = tlv.parse(data)
                if place.file <= 10 and [item.tag for item in objects] != ["70"]:
                    self._doubt("record_is_no_template")
                found.take(objects)

    def _judge(self, found: _Found) -> None:
        """Turn what was found into facts; the PAN and the track end here.

        Doubts: ``pan_differs``, ``expiry_differs`` (the chip contradicts itself), ``no_pan``,
        ``no_expiry``, ``no_cdol`` (a terminal would stop as well), ``check_digit`` (a hint only:
        some private cards do not use one), ``twice`` (an object that may be there once).
        """
        result = self.result
        number, track_number, track_month = found.number(), *found.track()
        result.masked_pan = pan.masked(number or track_number) if number or track_number else ""
        end, start = found.values.get("5F24"), found.values.get("5F25")
        result.effective_on = pan.day(start, field="5F25") if start else None
        month = pan.month_end(track_month, field="57") if track_month else None
        result.expires_on = pan.day(end, field="5F24") if end else month
        country = found.values.get("5F28", b"").hex()
        result.country = country[-3:] if country.isdigit() else ""
        for doubt, is_so in (
            ("no_pan", not result.masked_pan),
            ("no_expiry", result.expires_on is None),
            ("no_cdol", not self._contactless and "8C" not in found.values),
            ("pan_differs", number and track_number and number != track_number),
            ("expiry_differs", _differ(result.expires_on, month)),
            ("check_digit", not pan.check_digit_ok(number or track_number)),
            ("twice", found.twice),
        ):
            if is_so:
                self._doubt(doubt)

    def _counters(self) -> Generator[bytes, bytes, None]:
        """Read what most cards tell; absent is normal."""
        values: dict[str, int] = {}
        for tag in ("9F17", "9F36", "9F13"):
            data, status = yield from self._exchange(get_data(tag))
            value = tlv.find(tlv.parse(data), tag) if status == 0x9000 else None
            if value and len(value) <= 2:
                values[tag] = int.from_bytes(value, "big")
        self.result.pin_tries_left = values.get("9F17")
        self.result.payments = values.get("9F36")
        if "9F36" in values and "9F13" in values and values["9F36"] >= values["9F13"]:
            self.result.payments_offline = values["9F36"] - values["9F13"]

    def _exchange(self, command: bytes) -> Generator[bytes, bytes, tuple[bytes, int]]:
        data = b""
        for _ in range(10):
            self._sent += 1
            if self._sent > MOST_COMMANDS:
                raise RemoteWireError("the card does not come to an end", field="SW")
            answer = yield command
            data += answer[:-2]
            status = int.from_bytes(answer[-2:], "big")
            if status >> 8 == 0x61:
                command = bytes([0x00, 0xC0, 0x00, 0x00, status & 0xFF])
            elif status >> 8 == 0x6C:
                command = command[:-1] + bytes([status & 0xFF])
            else:
                return data, status
        raise RemoteWireError("the card keeps announcing more data", field="SW")


class _Track(NamedTuple):
    number: str
    month: str


class _Found:
    """Data objects of one application. Holds the PAN and the track; never leaves this module."""

    _KEPT = ("57", "5A", "5F24", "5F25", "5F28", "8C")

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.twice = False

    def __repr__(self) -> str:
        return "_Found()"

    def take(self, objects: tuple[tlv.Tlv, ...]) -> None:
        for item in tlv.walk(objects):
            if item.tag in self._KEPT:
                self.twice = self.twice or item.tag in self.values
                self.values.setdefault(item.tag, item.value)

    def number(self) -> str:
        return self.values.get("5A", b"").hex().upper().rstrip("F")

    def track(self) -> _Track:
        number, _, rest = self.values.get("57", b"").hex().upper().partition("D")
        return _Track(number.rstrip("F"), rest[:4])


def _differ(end: datetime.date | None, month: datetime.date | None) -> bool:
    return bool(end and month and (end.year, end.month) != (month.year, month.month))


def _by_priority(entries: list[tlv.Tlv]) -> list[bytes]:
    """Return application names, the preferred first; one without a priority comes last."""
    ranked: list[tuple[int, bytes]] = []
    for entry in entries:
        aid = tlv.find(entry.children, "4F")
        rank = tlv.find(entry.children, "87")
        if aid and 5 <= len(aid) <= 16:
            ranked.append(((rank[0] & 0x0F if rank else 0) or 16, aid))
    return list(dict.fromkeys(aid for _, aid in sorted(ranked, key=lambda pair: pair[0])))
