"""Codec for ISO 8583 messages: UnionPay POS, Hypercom, ISO 8583:1987 and 1993, packed or ASCII.

Layout of a UnionPay echo request (回响测试), 52 bytes::

    60 00 03 00 00      TPDU: id, destination and source address
    60 22 00 00 00 00   application header: class, version, status, processing request, sub-version
    08 20               MTI
    00000000 00C00010   bitmap: fields 41, 42, 60
    31..38 31..35       F41, F42 (ASCII)
    00 11 000000013010  F60: 11 digits, padded with a nibble on the right

The same in 1987 ASCII is text: MTI 4 characters, bitmap 16 or 32 hex digits, fields.

Never guesses: a layout is handed in, a field that the table does not know is refused. Secret
fields are gone after ``decode``: only their length is kept.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple, Self

import msgspec

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.site import Dialect, EchoSettings
from posdiag.wire.iso8583_fields import (
    ALWAYS_DROPPED,
    DESCRIPTION,
    DESCRIPTION_CODES,
    FIELDS,
    MASK,
    PAN,
    PRIVATE,
    Content,
    Field,
    key_check_values,
    masked_pan,
)

_TPDU_BYTES = 5
_HEADER_BYTES = 6
_EBCDIC = "cp037"
_DIGITS = re.compile(r"[0-9]*", re.ASCII)
_TRACK = re.compile(r"[0-9D=]*", re.ASCII)
_KEY_TEXT = re.compile(r"[0-9A-Za-z+/=]{16}", re.ASCII)
"""What a key written as text looks like, in hex digits or base64."""
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)


class Layout(NamedTuple):
    """What surrounds the fields.

    Attributes:
        dialect: packed or ASCII.
        tpdu: 5 bytes of TPDU come first.
        header_size: bytes of application header after the TPDU (UnionPay: 6 packed bytes, else
            characters); 0 where there is none.
        raw_bitmap: ASCII dialects only: bitmaps are raw bytes instead of hex digits.
        ebcdic: packed ISO dialects only: text fields are in EBCDIC (code page 037).
    """

    dialect: Dialect
    tpdu: bool = False
    header_size: int = 0
    raw_bitmap: bool = False
    ebcdic: bool = False

    @property
    def packed(self) -> bool:
        """Whether two digits share a byte."""
        return self.dialect.packed

    @classmethod
    def of(cls, settings: EchoSettings) -> Self:
        """Return the layout that a host's echo settings describe."""
        is_unionpay = settings.dialect is Dialect.UNIONPAY
        header = (_HEADER_BYTES if is_unionpay else len(settings.header)) if settings.header else 0
        return cls(
            settings.dialect, bool(settings.tpdu), header, settings.raw_bitmap, settings.ebcdic
        )


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message without its secrets.

    Attributes:
        tpdu: 10 hex digits, empty where the layout has none.
        header: digits (UnionPay) or characters; empty where the layout has none.
        mti: 4 digits.
        fields: number -> digits, text, or hex digits for binary fields; F2 is masked.
        dropped: number -> size (digits, characters or bytes) of fields that are secret, or free
            text that cannot be read.
        oddities: what differed from the specification and did no harm, for people.
        check_values: of the keys in a UnionPay sign-on answer: name -> first 6 hex digits of the
            check value. The keys themselves are gone.
    """

    mti: str
    fields: dict[int, str] = {}
    tpdu: str = ""
    header: str = ""
    dropped: dict[int, int] = {}
    oddities: tuple[str, ...] = ()
    check_values: dict[str, str] = {}

    @property
    def is_answer(self) -> bool:
        """Whether the MTI is one of a response (its third digit is odd)."""
        return self.mti[2] in "13579"

    @property
    def processing_request(self) -> str:
        """What a UnionPay host wants next (处理要求, digit 6 of the header), else empty."""
        return self.header[5] if len(self.header) == 12 and self.header.isdigit() else ""


class _Reader:
    """Walks over the bytes; every error names field and offset."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int, field: str) -> bytes:
        if self.at + size > len(self.data):
            raise RemoteWireError(
                f"{len(self.data) - self.at} of {size} bytes are there", field=field, offset=self.at
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def digits(self, size: int, field: str, *, packed: bool) -> str:
        start = self.at
        raw = self.take((size + 1) // 2 if packed else size, field)
        text = raw.hex() if packed else raw.decode("latin-1")
        if not _DIGITS.fullmatch(text):
            raise RemoteWireError("not a number", field=field, offset=start)
        return text


def decode(data: bytes, layout: Layout) -> Message:
    """Return the message that these bytes are.

    Args:
        data: one whole message, without its length prefix.
        layout: what surrounds the fields.

    Raises:
        RemoteWireError: too short, too long, or a part that does not follow the table. Holds field
            and offset, never payload.
    """
    reader = _Reader(data)
    packed = layout.packed
    tpdu = reader.take(_TPDU_BYTES, "TPDU").hex().upper() if layout.tpdu else ""
    header = _take_header(reader, layout)
    mti = reader.digits(4, "MTI", packed=packed)
    fields: dict[int, str] = {}
    dropped: dict[int, int] = {}
    oddities: list[str] = []
    check_values: dict[str, str] = {}
    for number in _take_bitmap(reader, layout):
        field = FIELDS[layout.dialect].get(number)
        if field is None:
            raise RemoteWireError(
                "a field that this dialect does not have", field=f"F{number}", offset=reader.at
            )
        value, size = _take_field(reader, number, field, oddities, layout)
        if number == DESCRIPTION and mti == "0810" and layout.dialect is Dialect.UNIONPAY:
            check_values = key_check_values(data[reader.at - size : reader.at])
        if value is None or _is_secret(number, value, mti, fields, layout):
            dropped[number] = size
        else:
            fields[number] = masked_pan(value) if number == PAN else value
    if reader.at != len(data):
        raise RemoteWireError(
            f"{len(data) - reader.at} bytes too many", field="end", offset=reader.at
        )
    return Message(
        mti=mti,
        fields=fields,
        tpdu=tpdu,
        header=header,
        dropped=dropped,
        oddities=tuple(oddities),
        check_values=check_values,
    )


def _is_secret(number: int, value: str, mti: str, earlier: dict[int, str], layout: Layout) -> bool:
    if number in ALWAYS_DROPPED:
        return True
    if layout.dialect is not Dialect.UNIONPAY:
        may_be_key = mti[1] == "8" and number in PRIVATE and _KEY_TEXT.search(value) is not None
        return may_be_key or number == DESCRIPTION
    if number != DESCRIPTION:
        return False
    asks = mti[0] == "0" and mti[1] == "8" and mti[2] in "02"
    return not asks or earlier.get(60, "")[8:11] not in DESCRIPTION_CODES


def _take_header(reader: _Reader, layout: Layout) -> str:
    if layout.dialect is Dialect.UNIONPAY:
        return reader.digits(layout.header_size * 2, "header", packed=True)
    start = reader.at
    text = reader.take(layout.header_size, "header").decode("latin-1")
    if not _PRINTABLE.fullmatch(text):
        raise RemoteWireError("not text", field="header", offset=start)
    return text


def _take_bitmap(reader: _Reader, layout: Layout) -> list[int]:
    """Return the numbers of the fields that follow."""
    numbers: list[int] = []
    for first in (0, 64):
        start = reader.at
        if layout.packed or layout.raw_bitmap:
            bits = int.from_bytes(reader.take(8, "bitmap"))
        else:
            text = reader.take(16, "bitmap").decode("latin-1")
            if not re.fullmatch(r"[0-9A-Fa-f]{16}", text):
                raise RemoteWireError("not hex digits", field="bitmap", offset=start)
            bits = int(text, 16)
        numbers += [first + bit for bit in range(1, 65) if bits >> (64 - bit) & 1]
        if first == 0 and 1 not in numbers:
            break
    return [number for number in numbers if number != 1]


def _take_field(
    reader: _Reader, number: int, field: Field, oddities: list[str], layout: Layout
) -> tuple[str | None, int]:
    """Return (value, its size); the value is None where free text cannot be read."""
    name, packed = f"F{number}", layout.packed
    size = field.size
    if field.length_digits:
        start = reader.at
        size = int(reader.digits(field.length_digits, name, packed=packed))
        if size > field.size:
            raise RemoteWireError(f"length {size} above {field.size}", field=name, offset=start)
    start = reader.at
    match field.content:
        case Content.DIGITS | Content.TRACK:
            return _take_numeric(reader, name, field, size, oddities, packed=packed), size
        case Content.BYTES:
            raw = reader.take(size if packed else size * 2, name)
            text = raw.hex().upper() if packed else raw.decode("latin-1").upper()
            if not re.fullmatch(r"[0-9A-F]*", text):
                raise RemoteWireError("not hex digits", field=name, offset=start)
            return text, size
        case Content.ASCII:
            text = reader.take(size, name).decode(_EBCDIC if layout.ebcdic else "latin-1")
            if not _PRINTABLE.fullmatch(text):
                what = "printable EBCDIC" if layout.ebcdic else "printable ASCII"
                raise RemoteWireError(f"not {what}", field=name, offset=start)
            return text, size
        case Content.TEXT:
            readable = _readable(reader.take(size, name), layout)
            if readable is None:
                oddities.append(f"{name} is not text ({size} bytes)")
            return readable, size


def _take_numeric(
    reader: _Reader, name: str, field: Field, size: int, oddities: list[str], *, packed: bool
) -> str:
    start = reader.at
    raw = reader.take((size + 1) // 2 if packed else size, name)
    text = raw.hex().upper() if packed else raw.decode("latin-1")
    if packed and size % 2:
        pad, text = (text[-1], text[:-1]) if field.pad_right else (text[0], text[1:])
        if pad != "0":
            # Terminals in the field pad with 1 or F; harmless, but worth saying.
            oddities.append(f"{name} is padded with {pad}")
    if not (_TRACK if field.content is Content.TRACK else _DIGITS).fullmatch(text):
        raise RemoteWireError("not a number", field=name, offset=start)
    return text


def _readable(raw: bytes, layout: Layout) -> str | None:
    """Return text that can be shown and written back unchanged, else None."""
    try:
        text = raw.decode(_text_codec(layout))
        same = text.encode(_text_codec(layout)) == raw
    except UnicodeError:
        return None
    # Control characters would move the cursor of whoever shows them.
    shown = all(unicodedata.category(letter)[0] != "C" for letter in text)
    return text if same and shown else None


def _text_codec(layout: Layout) -> str:
    return _EBCDIC if layout.ebcdic else "gbk"


def encode(message: Message, layout: Layout) -> bytes:
    """Return the bytes of a message, without a length prefix.

    Args:
        message: fields are written as they stand, never padded to fit; ``dropped`` must be empty.
        layout: what surrounds the fields.

    Raises:
        LocalWireError: something that the table cannot say, a masked or a dropped field.
    """
    packed = layout.packed
    if message.dropped:
        raise LocalWireError("a message whose secrets were dropped cannot be written again")
    if not re.fullmatch(r"[0-9]{4}", message.mti):
        raise LocalWireError("four digits are needed", field="MTI")
    if len(message.tpdu) != 2 * _TPDU_BYTES * layout.tpdu or not _is_hex(message.tpdu):
        raise LocalWireError("does not fit the layout", field="TPDU")
    parts = [bytes.fromhex(message.tpdu), _header_bytes(message.header, layout)]
    parts.append(bytes.fromhex(message.mti) if packed else message.mti.encode("ascii"))
    parts.append(_bitmap_bytes(message.fields, layout))
    for number in sorted(message.fields):
        field = FIELDS[layout.dialect].get(number)
        if field is None:
            raise LocalWireError("not in the table of this dialect", field=f"F{number}")
        parts.append(_field_bytes(number, field, message.fields[number], layout))
    return b"".join(parts)


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Fa-f]*", text) is not None


def _header_bytes(header: str, layout: Layout) -> bytes:
    packed = layout.dialect is Dialect.UNIONPAY  # its header alone is digits
    wanted = layout.header_size * 2 if packed else layout.header_size
    if len(header) != wanted or not (_DIGITS if packed else _PRINTABLE).fullmatch(header):
        raise LocalWireError("does not fit the layout", field="header")
    return bytes.fromhex(header) if packed else header.encode("ascii")


def _bitmap_bytes(fields: dict[int, str], layout: Layout) -> bytes:
    second = any(number > 64 for number in fields)
    width = 128 if second else 64
    bits = 1 << (width - 1) if second else 0
    for number in fields:
        if not 2 <= number <= 128:
            raise LocalWireError("no such field", field=f"F{number}")
        bits |= 1 << (width - number)
    raw = bits.to_bytes(width // 8)
    if layout.packed or layout.raw_bitmap:
        return raw
    return raw.hex().upper().encode("ascii")


def _field_bytes(number: int, field: Field, value: str, layout: Layout) -> bytes:
    name, packed = f"F{number}", layout.packed
    if number == PAN and MASK in value:
        raise LocalWireError("a masked number cannot be written", field=name)
    raw, size = _content_bytes(name, field, value, layout)
    if size > field.size or (not field.length_digits and size != field.size):
        raise LocalWireError(f"size {size} where {field.size} is allowed", field=name)
    if not field.length_digits:
        return raw
    if packed:
        return bytes.fromhex(f"{size:0{field.length_digits + field.length_digits % 2}d}") + raw
    return f"{size:0{field.length_digits}d}".encode("ascii") + raw


def _content_bytes(name: str, field: Field, value: str, layout: Layout) -> tuple[bytes, int]:
    """Return the bytes of a value and its size as the length prefix counts it."""
    packed = layout.packed
    match field.content:
        case Content.DIGITS | Content.TRACK:
            allowed = _TRACK if field.content is Content.TRACK else _DIGITS
            if not allowed.fullmatch(value):
                raise LocalWireError("not a number", field=name)
            if not packed:
                return value.encode("ascii"), len(value)
            pad = "0" * (len(value) % 2)
            digits = (value + pad if field.pad_right else pad + value).replace("=", "D")
            return bytes.fromhex(digits), len(value)
        case Content.BYTES:
            if len(value) % 2 or not _is_hex(value):
                raise LocalWireError("not hex digits", field=name)
            raw = bytes.fromhex(value)
            return (raw if packed else value.upper().encode("ascii")), len(raw)
        case Content.ASCII:
            if not _PRINTABLE.fullmatch(value):
                raise LocalWireError("not printable ASCII", field=name)
            return value.encode(_EBCDIC if layout.ebcdic else "ascii"), len(value)
        case Content.TEXT:
            try:
                raw = value.encode(_text_codec(layout))
            except UnicodeError:
                raise LocalWireError("not in the host's characters", field=name) from None
            if _readable(raw, layout) != value:
                raise LocalWireError("not printable text", field=name)
            return raw, len(raw)
