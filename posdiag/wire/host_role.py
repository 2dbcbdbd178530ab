"""The host's side of echo test and sign-on, for the simulated host."""

from __future__ import annotations

import datetime

from posdiag.model.errors import RemoteWireError
from posdiag.model.site import Dialect, EchoSettings
from posdiag.wire.echo import NAMES_TERMINAL, swapped
from posdiag.wire.iso8583 import Layout, Message, decode, encode
from posdiag.wire.iso8583_fields import DESCRIPTION

_TPDU_BYTES, _MTI_BYTES = 5, 2
_COPIED = (3, 7, 11, 12, 24, 41, 42, 60, 70)
_CODES_1993 = {"00": "800", "91": "907", "96": "909", "97": "109"}


class EchoHost:
    """Answers echoes and sign-ons like a host; used by the simulated one.

    Attributes:
        response_codes: F39 by TID, for TIDs that get another than ``response_code``.
    """

    def __init__(
        self,
        settings: EchoSettings,
        *,
        response_code: str = "00",
        response_codes: dict[str, str] | None = None,
        processing_request: str = "0",
        wrong_mti: bool = False,
        keys: bytes = b"",
    ) -> None:
        """Keep how to answer.

        Args:
            settings: dialect, TPDU and header that it understands.
            response_code: F39.
            response_codes: by TID.
            processing_request: digit of the UnionPay header.
            wrong_mti: it answers with the MTI of another exchange.
            keys: F62 of its answer to an accepted sign-on; empty: it has no keys to give.
        """
        self._keys = keys
        self._layout = Layout.of(settings)
        self._response_code = response_code
        self.response_codes = dict(response_codes or {})
        self._processing_request = processing_request
        self._wrong_mti = wrong_mti

    def answer(self, body: bytes, at: datetime.datetime) -> tuple[str, bytes]:
        """Return (MTI of the request, answer body).

        Args:
            body: one request without its length prefix.
            at: the host's own local time, for F12 and F13.

        Raises:
            RemoteWireError: the request does not follow the dialect.
        """
        request = decode(body, self._layout)
        if request.mti not in ("0800", "0820", "1804"):
            raise RemoteWireError(f"{request.mti} is no network management", field="MTI")
        mti = f"{int(request.mti) + (30 if self._wrong_mti else 10):04d}"
        code = self.response_codes.get(request.fields.get(41, ""), self._response_code)
        if self._layout.dialect.family == "iso1993" and len(code) == 2:
            code = _CODES_1993.get(code, f"9{code}" if code.isdigit() else "909")
        fields = {n: request.fields[n] for n in _COPIED if n in request.fields}
        fields[39] = code
        if self._layout.dialect in NAMES_TERMINAL:
            fields |= {12: f"{at:%H%M%S}", 13: f"{at:%m%d}"}
        is_unionpay = self._layout.dialect is Dialect.UNIONPAY
        if is_unionpay and request.mti == "0800":
            fields |= {32: "00000000", 37: f"{at:%H%M%S}{request.fields.get(11, '000000')}"}
        header = request.header
        if is_unionpay and header:
            header = header[:5] + self._processing_request + header[6:]
        answer = Message(mti=mti, fields=fields, tpdu=swapped(request.tpdu), header=header)
        data = encode(answer, self._layout)
        if is_unionpay and request.mti == "0800" and code == "00" and self._keys:
            data = self._with_keys(data)
        return request.mti, data

    def _with_keys(self, answer: bytes) -> bytes:
        """Return a sign-on answer with F62, which the codec never writes.

        F60 is its last field otherwise, and bit 62 is the third bit from the end of the bitmap.
        """
        at = _TPDU_BYTES * self._layout.tpdu + self._layout.header_size + _MTI_BYTES
        bits = int.from_bytes(answer[at : at + 8]) | 1 << (64 - DESCRIPTION)
        length = bytes.fromhex(f"{len(self._keys):04d}")
        return answer[:at] + bits.to_bytes(8) + answer[at + 8 :] + length + self._keys
