"""Sign-on (签到) from a laptop: one request, and what the answer says without its keys.

================ ======= ===============================================
dialect          request what it holds
================ ======= ===============================================
UnionPay         0800    F11, F41, F42, F60 = 00 + batch + 003, F63 = 01
ISO 8583:1987    0800    F7, F11, F70 = 001
ISO 8583:1993    1804    F11, F12, F24 = 801
Hypercom         0800    F3 = 920000, F11, F24 = NII, F41
================ ======= ===============================================

A host makes new working keys for each request, so the terminal must sign on again afterwards.
Sources: Q/CUP 009.1-2015 and public terminal code; jPOS-CMF; x-lugoo/HK_Indirect_EDC.
"""

from __future__ import annotations

import datetime

import msgspec

from posdiag.model.observation import Operation
from posdiag.model.site import Dialect, EchoSettings
from posdiag.wire.echo import HostConversation, echo_request
from posdiag.wire.iso8583 import Message
from posdiag.wire.iso8583_fields import DESCRIPTION

_OPERATOR = "01 "
_CODES = {70: "001", 24: "801", 3: "920000"}


def sign_on_request(
    settings: EchoSettings,
    *,
    tid: str,
    mid: str,
    stan: int,
    at: datetime.datetime,
    batch: str = "000000",
) -> Message:
    """Return the sign-on request of this dialect.

    Args:
        settings: dialect, TPDU, header and the code of a UnionPay sign-on.
        tid: 8 characters.
        mid: 15 characters.
        stan: trace number.
        at: now, with time zone.
        batch: 6 digits of the open batch, zeros where it is not known.

    Raises:
        LocalWireError: as ``echo_request``.
    """
    echo = echo_request(settings, tid=tid, mid=mid, stan=stan, at=at, batch=batch)
    if settings.dialect is Dialect.UNIONPAY:
        fields = {
            11: f"{stan % 1_000_000:06d}",
            41: tid,
            42: mid,
            60: f"00{batch}{settings.sign_on_code}",
            63: _OPERATOR,
        }
        return msgspec.structs.replace(echo, mti="0800", fields=fields)
    number = {"hypercom": 3, "iso1993": 24}.get(settings.dialect.family, 70)
    return msgspec.structs.replace(echo, fields=echo.fields | {number: _CODES[number]})


class SignOnConversation(HostConversation):
    """Sends one sign-on request."""

    operation = Operation.SIGN_ON

    @property
    def keys_size(self) -> int:
        """Bytes of keys that the answer held; 0 without."""
        return self.messages[-1].dropped.get(DESCRIPTION, 0) if self.messages else 0

    @property
    def check_values(self) -> dict[str, str]:
        """Check values of the keys in the answer: name -> first 6 hex digits."""
        return dict(self.messages[-1].check_values) if self.messages else {}
