"""Commands to an EMV card, and the two lists by which a card says what it wants and where it is.

Source: EMV Book 1 chapter 11 and Book 3 chapters 6 and 10 as walked through in public PBOC/EMV
articles.

    00 A4 04 00 0E 31 50 41 59 2E ...  00     SELECT 1PAY.SYS.DDF01
    00 B2 01 0C 00                            READ RECORD 1 of file 1
    80 A8 00 00 02 83 00 00                   GET PROCESSING OPTIONS, nothing asked for
"""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire import tlv

MOST_RECORDS: Final = 48
"""Records that a card may make us read: several times what any card has."""


def select(name: bytes) -> bytes:
    """Return SELECT by name (application or directory).

    Raises:
        LocalWireError: not 1 to 16 bytes.
    """
    if not 1 <= len(name) <= 16:
        raise LocalWireError("a name has 1 to 16 bytes", field="SELECT")
    return bytes([0x00, 0xA4, 0x04, 0x00, len(name)]) + name + b"\x00"


def read_record(file: int, record: int) -> bytes:
    """Return READ RECORD.

    Args:
        file: short file identifier, 1 to 30.
        record: 1 to 255.
    """
    return bytes([0x00, 0xB2, record, (file << 3) | 0x04, 0x00])


def get_data(tag: str) -> bytes:
    """Return GET DATA for a tag of two bytes, in hex."""
    return b"\x80\xca" + bytes.fromhex(tag) + b"\x00"


def processing_options(values: bytes) -> bytes:
    """Return GET PROCESSING OPTIONS with what the card asked for, at most 250 bytes."""
    body = tlv.encode("83", values)
    return bytes([0x80, 0xA8, 0x00, 0x00, len(body)]) + body + b"\x00"


class Wanted(NamedTuple):
    """One thing that a card asks the terminal for."""

    tag: str
    length: int


def wanted(listed: bytes) -> list[Wanted]:
    """Return the entries of a data object list (``9F38``): tag, length, tag, length ...

    Raises:
        RemoteWireError: it ends inside an entry, or asks for more than a command holds.
    """
    entries: list[Wanted] = []
    at = 0
    while at < len(listed):
        start = at
        at += 1
        if listed[start] & 0x1F == 0x1F:
            while at < len(listed) and listed[at] & 0x80:
                at += 1
            at += 1
        if at >= len(listed) or at - start > 4:
            raise RemoteWireError("PDOL ends inside an entry", field="9F38", offset=start)
        entries.append(Wanted(listed[start:at].hex().upper(), listed[at]))
        at += 1
    if sum(entry.length for entry in entries) > 250:
        raise RemoteWireError("PDOL asks for more than a command holds", field="9F38")
    return entries


def told(entries: list[Wanted], today: datetime.date) -> bytes:
    """Return what a terminal would tell a card: a payment of 0.01 in China, today, never sent.

    Zeros where nothing is known: most contact cards accept them, and contactless ones want the
    terminal's qualifiers (``9F66``) and a number that is not zero (``9F37``).

    Args:
        entries: what the card asks for, in its order.
        today: for ``9A``.
    """
    known = {
        "9F02": bytes.fromhex("000000000001"),
        "9F1A": bytes.fromhex("0156"),
        "5F2A": bytes.fromhex("0156"),
        "9A": bytes.fromhex(today.strftime("%y%m%d")),
        "9F37": bytes.fromhex("00000001"),
        "9F66": bytes.fromhex("36004000"),
    }
    return b"".join(known.get(tag, b"")[:length].ljust(length, b"\x00") for tag, length in entries)


class RecordsAt(NamedTuple):
    """Records of one file, first to last."""

    file: int
    first: int
    last: int


def located(locator: bytes) -> list[RecordsAt]:
    """Return where a card's records are (tag ``94``): 4 bytes per file.

    Raises:
        RemoteWireError: not a multiple of 4 bytes, a file or record number that EMV does not allow,
            or more records than any card has.
    """
    if not locator or len(locator) % 4:
        raise RemoteWireError("locator is not 4 bytes per file", field="94", offset=len(locator))
    places: list[RecordsAt] = []
    for at in range(0, len(locator), 4):
        file, first, last, signed = locator[at] >> 3, *locator[at + 1 : at + 4]
        if locator[at] & 0x07 or not 1 <= file <= 30:
            raise RemoteWireError("file number not allowed", field="94", offset=at)
        if not 1 <= first <= last or signed > last - first + 1:
            raise RemoteWireError("record numbers not allowed", field="94", offset=at + 1)
        places.append(RecordsAt(file, first, last))
    if sum(place.last - place.first + 1 for place in places) > MOST_RECORDS:
        raise RemoteWireError("more records than a card has", field="94")
    return places
