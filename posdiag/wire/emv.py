"""Reading an EMV card far enough to diagnose it, without I/O.

It sends SELECT, READ RECORD and GET PROCESSING OPTIONS only: nothing that moves a counter of tries
or asks the card for a cryptogram. The full PAN and track data never leave this module: what comes
out is first 6 / last 4, scheme and expiry.

Source: EMV Book 1 chapter 12 and Book 3 chapter 10 as walked through in public PBOC/EMV articles;
status words from public lists.
"""

from __future__ import annotations

import datetime
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from posdiag.model.errors import RemoteWireError
from posdiag.wire import tlv

PSE: Final = b"1PAY.SYS.DDF01"
MAX_COMMANDS: Final = 64
"""Far more than any card needs; a card that keeps saying 61xx ends here."""
AIDS: Final = {
    "A000000333": "UnionPay",
    "A000000003": "Visa",
    "A000000004": "Mastercard",
    "A000000025": "American Express",
    "A000000065": "JCB",
    "A000000152": "Discover",
}
"""Registered application provider -> scheme (several public lists agree)."""
TRIED_AIDS: Final = (
    "A000000333010101",
    "A000000333010102",
    "A0000000031010",
    "A0000000041010",
    "A00000002501",
    "A0000000651010",
)


@dataclass(slots=True)
class CardRead:
    """What a card said.

    Attributes:
        application: ``ok``, ``blocked`` or ``none`` (no payment application found).
        masked_pan: first 6 and last 4, else empty.
        expires_on: last day of validity, None if the card does not say.
    """

    application: str = "none"
    scheme: str = ""
    masked_pan: str = ""
    expires_on: datetime.date | None = None


class EmvReading:
    """Terminal side of the read: hand ``command`` to the card, give its answer to ``take``."""

    def __init__(self) -> None:
        """Start with the first command ready."""
        self.result = CardRead()
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
        applications = yield from self._directory()
        for aid in applications or [bytes.fromhex(text) for text in TRIED_AIDS]:
            data, status = yield from self._exchange(_select(aid))
            if status in (0x6283, 0x6A81):
                self._found(aid, "blocked")
                return
            if status == 0x9000:
                self._found(aid, "ok")
                yield from self._application(data)
                return

    def _found(self, aid: bytes, state: str) -> None:
        self.result.application = state
        self.result.scheme = AIDS.get(aid.hex().upper()[:10], "")

    def _directory(self) -> Generator[bytes, bytes, list[bytes]]:
        data, status = yield from self._exchange(_select(PSE))
        short = tlv.find(tlv.parse(data), "88") if status == 0x9000 else None
        if not short:
            return []
        found: list[bytes] = []
        for record in range(1, 11):
            data, status = yield from self._exchange(_read_record(short[0] << 3, record))
            if status != 0x9000:
                break
            found.extend(item.value for item in tlv.walk(tlv.parse(data)) if item.tag == "4F")
        return found

    def _application(self, selected: bytes) -> Generator[bytes, bytes, None]:
        wanted = tlv.find(tlv.parse(selected), "9F38") or b""
        data, status = yield from self._exchange(_processing_options(_zeros_for(wanted)))
        if status == 0x6985:
            # Refused after a good SELECT: blocked or expired application.
            self.result.application = "blocked"
        if status != 0x9000:
            return
        objects = tlv.parse(data)
        whole = tlv.find(objects, "80")
        locator = whole[2:] if whole else tlv.find(objects, "94") or b""
        for at in range(0, len(locator) - 3, 4):
            file, first, last = locator[at], locator[at + 1], locator[at + 2]
            for record in range(first, min(last, first + 15) + 1):
                data, status = yield from self._exchange(_read_record(file, record))
                if status == 0x9000:
                    self._note(tlv.parse(data))

    def _note(self, objects: tuple[tlv.Tlv, ...]) -> None:
        pan = tlv.find(objects, "5A")
        if pan:
            self.result.masked_pan = _masked(pan.hex().upper().rstrip("F"))
        expiry = tlv.find(objects, "5F24")
        if expiry:
            self.result.expires_on = _date(expiry)
        track = tlv.find(objects, "57")
        if track:
            number, _, rest = track.hex().upper().partition("D")
            self.result.masked_pan = self.result.masked_pan or _masked(number)
            if self.result.expires_on is None and rest[:4].isdigit():
                self.result.expires_on = _month_end(rest[:4])

    def _exchange(self, command: bytes) -> Generator[bytes, bytes, tuple[bytes, int]]:
        data = b""
        for _ in range(10):
            self._sent += 1
            if self._sent > MAX_COMMANDS:
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


def _select(name: bytes) -> bytes:
    return bytes([0x00, 0xA4, 0x04, 0x00, len(name)]) + name + b"\x00"


def _read_record(file: int, record: int) -> bytes:
    return bytes([0x00, 0xB2, record & 0xFF, (file & 0xF8) | 0x04, 0x00])


def _processing_options(values: bytes) -> bytes:
    body = tlv.encode("83", values)
    return bytes([0x80, 0xA8, 0x00, 0x00, len(body)]) + body + b"\x00"


def _zeros_for(wanted: bytes) -> bytes:
    """Return zeros for a list of (tag, length): most contact cards accept them."""
    total, at = 0, 0
    while at < len(wanted):
        start = at
        at += 1
        if wanted[start] & 0x1F == 0x1F:
            while at < len(wanted) and wanted[at] & 0x80:
                at += 1
            at += 1
        if at >= len(wanted):
            raise RemoteWireError("PDOL ends inside an entry", field="9F38", offset=start)
        total += wanted[at]
        at += 1
    if total > 250:
        raise RemoteWireError("PDOL asks for more than a command holds", field="9F38")
    return bytes(total)


def _masked(pan: str) -> str:
    if not pan.isdigit() or not 8 <= len(pan) <= 19:
        raise RemoteWireError("PAN is not 8 to 19 digits", field="5A")
    return f"{pan[:6]}…{pan[-4:]}" if len(pan) >= 14 else f"…{pan[-4:]}"


def _date(value: bytes) -> datetime.date:
    text = value.hex()
    try:
        return datetime.date(_year(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError as error:
        raise RemoteWireError("expiry is not a date", field="5F24") from error


def _month_end(text: str) -> datetime.date:
    year, month = _year(text[:2]), int(text[2:4])
    if not 1 <= month <= 12:
        raise RemoteWireError("expiry is not a month", field="57")
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return following - datetime.timedelta(days=1)


def _year(text: str) -> int:
    """Return 1950-2049 for two digits, as EMV says."""
    year = int(text)
    return 2000 + year if year < 50 else 1900 + year
