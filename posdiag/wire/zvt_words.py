"""What ZVT's codes, status bytes and TLV objects say, as sayings of a terminal.

Source: VdTH PA00P015 rev. 13.08: error codes (chapter 10), terminal status (8), intermediate
status (chapter on 04 FF), terminal locks (tag 1F55). The meanings are our own words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from posdiag.model.errors import RemoteWireError
from posdiag.model.terminal_word import Saying
from posdiag.wire.iso8583_fields import without_pans
from posdiag.wire.tlv import find, walk
from posdiag.wire.zvt import Fields, counted_length, decode_fields

_S = Saying


class Code(NamedTuple):
    """A result code.

    Attributes:
        meaning: in English, for people.
        says: what it means for the terminal's parts.
    """

    meaning: str
    says: tuple[Saying, ...] = ()


CODES: Mapping[int, Code] = MappingProxyType(
    {
        0x64: Code("card not readable", (_S("card", "unreadable"),)),
        0x65: Code("no track and no chip found", (_S("card", "unreadable"),)),
        0x66: Code("processing error, also of the reader", (_S("reader", "defective"),)),
        0x6B: Code("terminal not registered", (_S("state", "not_registered"),)),
        0x6C: Code("ended by time-out or by the abort key", (_S("waits_for", "operator"),)),
        0x6F: Code("wrong currency"),
        0x72: Code("error of the chip", (_S("card", "unreadable"),)),
        0x73: Code("card data incorrect", (_S("card", "invalid"),)),
        0x77: Code("settlement not possible"),
        0x78: Code("card expired", (_S("card", "expired"),)),
        0x79: Code("card not yet valid", (_S("card", "invalid"),)),
        0x7A: Code("card unknown", (_S("card", "invalid"),)),
        0x7B: Code("fallback to the stripe not possible", (_S("card", "invalid"),)),
        0x7C: Code("fallback to the stripe not possible", (_S("card", "invalid"),)),
        0x7D: Code("communication module silent or missing", (_S("line", "down"),)),
        0x7E: Code("fallback to the stripe not possible", (_S("card", "invalid"),)),
        0x83: Code("function not possible"),
        0x85: Code("key missing", (_S("keys", "missing"),)),
        0x89: Code("PIN pad defective", (_S("pin_pad", "defective"),)),
        0x9A: Code("protocol error"),
        0x9B: Code("dial-up or communication fault", (_S("line", "down"),)),
        0x9C: Code("please wait", (_S("state", "busy"),)),
        0xA0: Code("receiver not ready", (_S("host", "unreachable"),)),
        0xA1: Code("remote station does not respond", (_S("host", "unreachable"),)),
        0xA3: Code("no connection", (_S("host", "unreachable"),)),
        0xA5: Code("refused by security rules"),
        0xB1: Code("memory full", (_S("state", "memory_full"),)),
        0xB2: Code("journal full", (_S("state", "memory_full"),)),
        0xBF: Code("supply voltage too low", (_S("supply", "low"),)),
        0xC0: Code("lock defective", (_S("state", "out_of_order"),)),
        0xC1: Code("merchant card locked", (_S("state", "locked"),)),
        0xC2: Code("diagnosis required", (_S("state", "diagnosis_needed"),)),
        0xC4: Code("card profiles invalid", (_S("state", "update_needed"),)),
        0xCC: Code("printer not ready (paper, lid)", (_S("printer", "not_ready"),)),
        0xDC: Code("card inserted", (_S("reader", "card_inserted"),)),
        0xDD: Code("card cannot be ejected", (_S("reader", "defective"),)),
        0xDE: Code("error while the card was inserted", (_S("reader", "defective"),)),
        0xDF: Code("out of order", (_S("state", "out_of_order"),)),
        0xE0: Code("remote maintenance running", (_S("state", "maintenance"),)),
        0xE1: Code("card not fully removed", (_S("reader", "card_inserted"),)),
        0xE2: Code("card reader silent or defective", (_S("reader", "defective"),)),
        0xE3: Code("shutter fault", (_S("reader", "defective"),)),
        0xE4: Code("activation required", (_S("state", "activation_needed"),)),
        0xED: Code("PIN pad defective", (_S("pin_pad", "defective"),)),
        0xF0: Code("end of day is due", (_S("state", "settlement_needed"),)),
        0xF5: Code("outdoor terminal: error"),
        0xF6: Code("outdoor terminal: data missing", (_S("state", "not_configured"),)),
        0xFA: Code("clearing error"),
        0xFB: Code("data set defective"),
        0xFC: Code("device missing"),
        0xFD: Code("baud rate not supported"),
        0xFF: Code("system error"),
    }
)
"""Codes of 84 xx, 06 1E xx and field 27."""

_STATUS: Mapping[int, tuple[Saying, ...]] = MappingProxyType(
    {
        0x00: (_S("state", "ready"),),
        0x51: (_S("state", "initialisation_needed"),),
        0x62: (_S("clock", "wrong"),),
    }
)
"""Terminal status bytes that are not among the codes, or mean something else there."""

_LOCKS: tuple[tuple[int, int, Saying], ...] = (
    (0, 0x80, _S("state", "settlement_needed")),
    (0, 0x40, _S("state", "initialisation_needed")),
    (0, 0x20, _S("state", "diagnosis_needed")),
    (0, 0x10, _S("state", "maintenance")),
    (0, 0x08, _S("state", "out_of_order")),
    (0, 0x04, _S("printer", "not_ready")),
    (0, 0x02, _S("state", "initialisation_needed")),
    (0, 0x01, _S("keys", "tampered")),
    (1, 0x80, _S("state", "out_of_order")),
    (1, 0x40, _S("reader", "defective")),
    (1, 0x20, _S("reader", "card_inserted")),
    (1, 0x10, _S("keys", "missing")),
    (1, 0x08, _S("state", "activation_needed")),
    (1, 0x04, _S("supply", "low")),
)
"""Byte and bit of tag 1F55. The contactless part and the vending bus are left out."""

_UNLOCKED: Final = (("printer", 0, 0x04), ("reader", 1, 0x40), ("supply", 1, 0x04))
"""A terminal that tells its locks and not this one says that the part is fine."""

_DEVICE_STATE: Mapping[int, Saying] = MappingProxyType(
    {
        1: _S("state", "initialisation_needed"),
        2: _S("keys", "missing"),
        3: _S("keys", "tampered"),
    }
)

INTERMEDIATE: Mapping[int, str] = MappingProxyType(
    {
        0x00: "waiting for the amount",
        0x01: "watch the PIN pad",
        0x02: "watch the PIN pad",
        0x03: "not accepted",
        0x04: "waiting for the host",
        0x05: "automatic reversal",
        0x06: "sending later bookings",
        0x07: "card not admitted",
        0x08: "card unknown",
        0x09: "card expired",
        0x0A: "insert card",
        0x0B: "remove card",
        0x0C: "card not readable",
        0x0D: "processing error",
        0x0E: "please wait",
        0x0F: "automatic end of day",
        0x10: "card invalid",
        0x12: "system malfunction",
        0x13: "payment not possible",
        0x15: "PIN wrong",
        0x17: "please wait",
        0x18: "PIN tries exceeded",
        0x19: "card data wrong",
        0x1A: "service mode",
        0x1D: "declined",
        0x2B: "offline emergency",
        0x68: "card detected",
        0xC8: "waiting for the cashier",
        0xC9: "automatic diagnosis",
        0xCA: "automatic initialisation",
        0xCB: "journal full",
        0xCC: "debit advice not possible",
        0xD2: "dialling",
        0xD3: "connected",
        0xE2: "use a cleaning card",
        0xF1: "offline",
        0xF2: "online",
        0xF3: "offline transaction",
    }
)
"""First byte of 04 FF; 40 more means the same with "remove card"."""

WAITS: Mapping[int, str] = MappingProxyType(
    {0x04: "host", 0xD2: "dialling", 0xC8: "operator", 0x0A: "operator", 0x0B: "operator"}
)
"""Intermediate status -> what it waits for: a hang in D2 is the line, one in 04 the host."""

_AGAINST: Final = ("state", "printer", "reader", "keys", "clock", "supply")
_TEXT_TAG: Final = "07"
_MAX_TEXT: Final = 200


def meaning_of(code: int) -> str:
    """Return what a result code means, also those of the host (01 to 63 hex)."""
    if 0 < code < 0x64:
        return "refused by the host"
    known = CODES.get(code)
    return known.meaning if known else "not in the list"


def code_sayings(code: int) -> list[Saying]:
    """Return what a result code says."""
    known = CODES.get(code)
    return [_S("code", f"{code:02X}"), *(known.says if known else ())]


def status_sayings(data: bytes) -> list[Saying]:
    """Return what the completion of a status enquiry says.

    Args:
        data: [version with a length of three digits] status byte [06 TLV].

    Raises:
        RemoteWireError: no status byte in it.
    """
    at, version = 0, b""
    with contextlib.suppress(RemoteWireError):
        size, start = counted_length(data, 0, 3)
        at, version = start + size, data[start : start + size]
    if at >= len(data):
        raise RemoteWireError("no status byte", field="status", offset=at)
    fields = decode_fields(data[at + 1 :])
    said = [*_byte_sayings(data[at]), *_object_sayings(fields)]
    if version and all(one.topic != "software" for one in said):
        said.append(_S("software", readable(version)))
    return _known_once(said)


def _byte_sayings(status: int) -> list[Saying]:
    if status in _STATUS:
        return list(_STATUS[status])
    known = CODES.get(status)
    return [_S("code", f"{status:02X}"), *(known.says if known else ())]


def registration_sayings(data: bytes) -> list[Saying]:
    """Return what the completion of a registration says.

    Raises:
        RemoteWireError: fields that cannot be read.
    """
    fields = decode_fields(data)
    status = fields.bmp.get(0x19, b"\0")[0]
    said = [_S("state", "initialisation_needed")] if status & 1 else []
    said += [_S("state", "diagnosis_needed")] if status & 2 else []
    return _known_once([*said, *_object_sayings(fields)])


def message_sayings(data: bytes) -> list[Saying]:
    """Return what a status information (04 0F) says.

    Raises:
        RemoteWireError: fields that cannot be read.
    """
    fields = decode_fields(data)
    code = fields.bmp.get(0x27)
    said = code_sayings(code[0]) if code and code[0] else []
    return _known_once([*said, *_object_sayings(fields)])


def _object_sayings(fields: Fields) -> Iterator[Saying]:
    """Yield what terminal number, locks, device and texts say."""
    tid = find(fields.tlv, "1F44") or fields.bmp.get(0x29)
    if tid:
        yield _S("tid", tid.hex())
    locks = (find(fields.tlv, "1F55") or b"")[:2]
    locks = locks if len(locks) == 2 else b""
    for byte, bit, saying in _LOCKS:
        if locks and locks[byte] & bit:
            yield saying
    if locks:
        yield from (_S(topic, "ok") for topic, byte, bit in _UNLOCKED if not locks[byte] & bit)
    state = find(fields.tlv, "1F43")
    if state and state[0] in _DEVICE_STATE:
        yield _DEVICE_STATE[state[0]]
    device = find(fields.tlv, "1F40")
    if device:
        software = find(fields.tlv, "1F41") or b""
        yield _S("software", f"{readable(device)} {readable(software)}".strip())
    text = find(fields.tlv, "1F17")
    if text:
        yield _S("text", readable(text))


def _known_once(sayings: list[Saying]) -> list[Saying]:
    """Return sayings without "ready" where something stands against it, each once."""
    found = list(dict.fromkeys(sayings))
    ready = _S("state", "ready")
    against = [one for one in found if one.topic in _AGAINST and one.value != "ok"]
    return [one for one in found if one != ready] if against != [ready] else found


def texts_of(fields: Fields) -> list[str]:
    """Return the lines of text (tag 07) in a unit."""
    return [readable(item.value) for item in walk(fields.tlv) if item.tag == _TEXT_TAG]


def readable(raw: bytes) -> str:
    """Return a text of the terminal: code page 437, no controls, no card numbers."""
    text = raw[:_MAX_TEXT].decode("cp437")
    shown = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return without_pans(shown)
