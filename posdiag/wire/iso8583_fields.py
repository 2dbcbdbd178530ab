"""Field tables of the ISO 8583 dialects, and which fields may never become values.

Sources: UnionPay POS (Q/CUP 009.1-2015 as quoted in public terminal code: union_pay.xml of a
Centerm POS, a Wireshark Lua plugin); ISO 8583:1987 and ISO 8583:1993 tables of fields (jPOS
``iso87ascii``, ``iso93ascii``); Hypercom: x-lugoo/HK_Indirect_EDC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from posdiag.model.site import Dialect


class Content(StrEnum):
    """What a field holds."""

    DIGITS = "digits"
    """n: decimal digits; packed two to a byte in BCD, one character each in ASCII."""
    TRACK = "track"
    """z: track characters 0-9 D = ; packed like digits in BCD."""
    ASCII = "ascii"
    """an, ans of identifiers: printable ASCII only."""
    TEXT = "text"
    """ans of free text: printable GBK."""
    BYTES = "bytes"
    """b: raw bytes in BCD messages, hex digits in ASCII messages."""


class Field(NamedTuple):
    """How one field is written.

    Attributes:
        content: what it holds.
        size: digits, characters or bytes: exact for fixed fields, else the maximum.
        length_digits: 0 for a fixed field, 2 for LLVAR, 3 for LLLVAR.
        pad_right: an odd number of packed digits is padded on the right (else zero on the left).
    """

    content: Content
    size: int
    length_digits: int = 0
    pad_right: bool = False


_N, _Z, _A, _T, _B = Content.DIGITS, Content.TRACK, Content.ASCII, Content.TEXT, Content.BYTES

UNIONPAY_FIELDS: Mapping[int, Field] = MappingProxyType(
    {
        2: Field(_N, 19, 2, pad_right=True),
        3: Field(_N, 6),
        4: Field(_N, 12),
        7: Field(_N, 10),
        11: Field(_N, 6),
        12: Field(_N, 6),
        13: Field(_N, 4),
        14: Field(_N, 4),
        15: Field(_N, 4),
        22: Field(_N, 3, pad_right=True),
        23: Field(_N, 3),
        24: Field(_N, 3),
        25: Field(_N, 2),
        26: Field(_N, 2),
        32: Field(_N, 11, 2),
        35: Field(_Z, 37, 2, pad_right=True),
        36: Field(_Z, 104, 3, pad_right=True),
        37: Field(_A, 12),
        38: Field(_A, 6),
        39: Field(_A, 2),
        41: Field(_A, 8),
        42: Field(_A, 15),
        43: Field(_T, 40),
        44: Field(_T, 25, 2),
        48: Field(_N, 322, 3, pad_right=True),
        49: Field(_A, 3),
        52: Field(_B, 8),
        53: Field(_N, 16),
        54: Field(_A, 20, 3),
        55: Field(_B, 255, 3),
        60: Field(_N, 17, 3, pad_right=True),
        61: Field(_N, 29, 3, pad_right=True),
        62: Field(_T, 512, 3),
        63: Field(_T, 163, 3),
        64: Field(_B, 8),
    }
)
"""UnionPay POS, packed. A field that is not here is refused, never guessed."""


HYPERCOM_FIELDS: Mapping[int, Field] = MappingProxyType(
    {**UNIONPAY_FIELDS, **{number: Field(_T, 999, 3) for number in (48, 60, 61, 62, 63)}}
)
"""Hypercom style, packed: private fields are text where UnionPay packs digits."""


def _fixed(table: dict[Content, str]) -> dict[int, Field]:
    return {
        int(number): Field(content, int(size))
        for content, entries in table.items()
        for number, _, size in (entry.partition(":") for entry in entries.split())
    }


def _iso1987() -> dict[int, Field]:
    table = _fixed(
        {
            _N: "3:6 4:12 5:12 6:12 7:10 8:8 9:8 10:8 11:6 12:6 13:4 14:4 15:4 16:4 17:4 18:4 19:3"
            " 20:3 21:3 22:3 23:3 24:3 25:2 26:2 27:1 53:16 66:1 67:2 68:3 69:3 70:3 71:4 72:4 73:6"
            " 74:10 75:10 76:10 77:10 78:10 79:10 80:10 81:10 82:12 83:12 84:12 85:12 86:16 87:16"
            " 88:16 89:16 90:42",
            _A: "28:9 29:9 30:9 31:9 37:12 38:6 39:2 40:3 41:8 42:15 49:3 50:3 51:3 91:1 92:2 93:5"
            " 94:7 95:42 97:17 98:25",
            _T: "43:40",
            _B: "52:8 64:8 96:8 128:8",
        }
    )
    table |= {number: Field(_N, size, 2) for number, size in ((2, 19), (32, 11), (33, 11))}
    table |= {number: Field(_N, 11, 2) for number in (99, 100)}
    table |= {34: Field(_A, 28, 2), 35: Field(_Z, 37, 2), 36: Field(_Z, 104, 3)}
    table |= {44: Field(_T, 25, 2), 45: Field(_A, 76, 2), 54: Field(_A, 120, 3)}
    table |= {101: Field(_A, 17, 2), 102: Field(_A, 28, 2), 103: Field(_A, 28, 2)}
    private = [46, 47, 48, *range(55, 64), *range(105, 128)]
    return table | {number: Field(_T, 999, 3) for number in private} | {104: Field(_T, 100, 3)}


def _iso1993() -> dict[int, Field]:
    """Return the table of 1993: F12 holds the date too, F24 the function, F39 three digits."""
    table = _iso1987() | _fixed(
        {
            _N: "12:12 24:3 25:4 26:4 27:1 28:6 29:3 30:24 39:3 57:3 71:8 105:16 106:16",
            _A: "22:12",
        }
    )
    table |= {31: Field(_A, 99, 2), 43: Field(_T, 99, 2), 44: Field(_T, 99, 2)}
    table |= {53: Field(_B, 48, 2), 55: Field(_B, 255, 3), 56: Field(_N, 35, 2)}
    table |= {58: Field(_N, 11, 2), 66: Field(_T, 204, 3), 72: Field(_T, 999, 3)}
    table |= {number: Field(_N, 11, 2) for number in (93, 94)}
    return table | {95: Field(_A, 99, 2), 96: Field(_B, 999, 3), 99: Field(_A, 11, 2)}


ISO1987_FIELDS: Mapping[int, Field] = MappingProxyType(_iso1987())
"""ISO 8583:1987. Bit 65 (a third bitmap) is refused."""
ISO1993_FIELDS: Mapping[int, Field] = MappingProxyType(_iso1993())
"""ISO 8583:1993, as far as network management and its answers need it."""

FIELDS: Mapping[Dialect, Mapping[int, Field]] = MappingProxyType(
    {
        Dialect.UNIONPAY: UNIONPAY_FIELDS,
        Dialect.HYPERCOM: HYPERCOM_FIELDS,
        Dialect.ISO1987: ISO1987_FIELDS,
        Dialect.ISO1987_BCD: ISO1987_FIELDS,
        Dialect.ISO1993: ISO1993_FIELDS,
        Dialect.ISO1993_BCD: ISO1993_FIELDS,
    }
)

ALWAYS_DROPPED = frozenset({14, 34, 35, 36, 45, 48, 52, 53, 55, 61, 64, 96, 102, 103, 128})
"""Expiry, tracks, PIN block, key and card data, account numbers, MACs: only the length is kept.

Source: PCI DSS v4.0.1 requirements 3.3.1 and 3.5.1; F14, F34 and F102/F103 are our own caution.
"""
PRIVATE = frozenset({46, 47, *range(55, 64), *range(105, 128)})
"""Private fields outside UnionPay: a host may send keys in any of them, also as text.

In network management they are dropped where they look like one: 16 letters and digits in a row.
"""
DESCRIPTION = 62
"""F62 of an answer carries the working keys, that of a request often a master key or its cipher."""
DESCRIPTION_CODES = frozenset({"001", "003", "004", "362"})
"""F60.3 of the network-management requests whose F62 is the terminal's description of itself.

Sign-on (device serial number) and status upload. Everywhere else F62 is dropped.
"""
PAN = 2
MASK = "*"


def masked_pan(digits: str) -> str:
    """Return first 6 and last 4 digits; nothing of a number too short to hide any.

    Source: PCI DSS v4.0.1 requirement 3.4.1 (BIN and last four may be shown).
    """
    if len(digits) < 13:
        return MASK * len(digits)
    return digits[:6] + MASK * (len(digits) - 10) + digits[-4:]


_KEY_LAYOUTS = {24: 8, 40: 16, 60: 16}
"""Bytes of F62 in a sign-on answer -> bytes of each key in it; each has 4 bytes of check value.

Source: Q/CUP 009.1-2015 as quoted in public terminal code; 56 and 84 are named there too, with a
layout that nobody confirms, so their check values are not read.
"""
KEY_NAMES = ("PIK", "MAK", "TDK")


def key_check_values(keys: bytes) -> dict[str, str]:
    """Return the check values of working keys: name -> first 6 hex digits; keys are not kept.

    Args:
        keys: F62 of a sign-on answer; of another length than the known ones nothing is read.
    """
    size = _KEY_LAYOUTS.get(len(keys))
    if size is None:
        return {}
    found = {}
    for name, at in zip(KEY_NAMES, range(0, len(keys), size + 4), strict=False):
        found[name] = keys[at + size : at + size + 3].hex().upper()
    return found


def without_pans(text: str) -> str:
    """Return a text in which whatever may be a card number is masked, also one in groups."""
    return _CARD_LIKE.sub(lambda found: masked_pan(re.sub(r"[ -]", "", found.group())), text)


_CARD_LIKE = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)", re.ASCII)
