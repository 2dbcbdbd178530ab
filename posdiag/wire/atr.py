"""Answer to reset of a chip card.

Source: ISO 7816-3 as described in the PC/SC-lite documentation: TS, T0, interface bytes, historical
bytes, TCK (present unless only T=0 is offered; XOR of T0..TCK is 0).

    3B 68 00 00 00 73 C8 40 13 00 90 00    direct convention, TB1 TC1, 8 historical bytes, T=0
    3B 85 80 01 01 02 03 04 05 84          made up by a contactless reader: TD1 80, TD2 01
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import NamedTuple

from posdiag.model.errors import RemoteWireError

MAX_ATR_BYTES = 33
_CONTACTLESS = b"\x80\x01"


class Atr(NamedTuple):
    """A parsed answer to reset.

    Attributes:
        protocols: offered protocol numbers in order (0 for T=0).
        historical: historical bytes.
        checksum_ok: None where no checksum is due.
        complete: False where it ends before its own announced length.
        contactless: a contactless reader made it up (PC/SC part 3, 3.1.3.2.3: 3B 8n 80 01).
    """

    protocols: tuple[int, ...]
    historical: bytes
    checksum_ok: bool | None
    complete: bool
    contactless: bool = False

    @property
    def valid(self) -> bool:
        """Return whether it is complete and its checksum, if due, is right."""
        return self.complete and self.checksum_ok is not False

    @property
    def state(self) -> str:
        """Return ``valid``, ``truncated`` or ``wrong_checksum``."""
        if not self.complete:
            return "truncated"
        return "wrong_checksum" if self.checksum_ok is False else "valid"


def parse(data: bytes) -> Atr:
    """Return the parts of an answer to reset.

    A truncated one or one with a wrong checksum is returned as such (cards with it do work): only
    bytes that are no answer to reset at all are refused.

    Raises:
        RemoteWireError: shorter than 2 or longer than 33 bytes, or TS is neither 3B nor 3F.
    """
    if not 2 <= len(data) <= MAX_ATR_BYTES:
        raise RemoteWireError("answer to reset has 2 to 33 bytes", field="ATR", offset=len(data))
    if data[0] not in (0x3B, 0x3F):
        raise RemoteWireError("initial character is neither 3B nor 3F", field="TS", offset=0)
    protocols: list[int] = []
    follow, at = data[1] >> 4, 2
    while follow:
        has_next = bool(follow & 0x8)
        at += bin(follow & 0x7).count("1")
        if not has_next:
            break
        if at >= len(data):
            return Atr(tuple(protocols) or (0,), b"", None, complete=False)
        protocols.append(data[at] & 0x0F)
        follow = data[at] >> 4
        at += 1
    offered = tuple(dict.fromkeys(protocols)) or (0,)
    count = data[1] & 0x0F
    historical = data[at : at + count]
    needs_check = any(protocol != 0 for protocol in offered)
    end = at + count + (1 if needs_check else 0)
    complete = len(data) >= end
    checksum = reduce(xor, data[1:end]) == 0 if needs_check and complete else None
    made_up = data[0] == 0x3B and data[1] >> 4 == 0x8 and data[2:4] == _CONTACTLESS
    return Atr(offered, historical, checksum, complete, contactless=made_up)
