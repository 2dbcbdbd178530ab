"""Status and parameter uploads in UnionPay style: items in field 62 of an 0820 or 0800 message.

    30 31 31  30 32 31  ...  31 32 36 30   items 01 = 1 (keyboard good), 02 = 1, ... 12 = 60 (s)

Two digits of item number, then a value whose length the number gives; nothing says how long the
whole is. Many terminals send 1 for every device whatever its state is, so a 1 is kept as said and
proves little.

Source: public UnionPay host and terminal code (fact sheet of ISO 8583, section 2: status list).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.site import Dialect
from posdiag.model.terminal_word import Saying
from posdiag.wire import iso8583
from posdiag.wire.iso8583 import Layout

_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "01": 1,
        "02": 1,
        "03": 1,
        "04": 1,
        "05": 1,
        "11": 2,
        "12": 2,
        "13": 1,
        "14": 14,
        "15": 14,
        "16": 14,
        "17": 14,
        "18": 1,
        "19": 2,
        "20": 1,
        "21": 1,
        "22": 40,
        "23": 1,
        "24": 1,
        "25": 1,
        "26": 4,
        "27": 2,
        "51": 12,
    }
)
_DEVICES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "01": ("keyboard", "defective"),
        "02": ("pin_pad", "defective"),
        "03": ("reader", "defective"),
        "04": ("printer", "out_of_order"),
        "05": ("display", "defective"),
    }
)
_PHONES: Final = ("14", "15", "16", "17")
_MAX_BYTES: Final = 1024
_UPLOAD: Final = "362"
"""Network management code (60.3) of a status upload. Field 62 of others may hold keys: dropped."""


class Upload(NamedTuple):
    """What an upload holds.

    Attributes:
        items: number -> value as sent, phone numbers without the spaces that fill them up.
        rest: offset of the first item that is not known; -1 where all was read.
    """

    items: dict[str, str]
    rest: int = -1


def decode_items(data: bytes) -> Upload:
    """Return the items of field 62.

    Args:
        data: the field's value without its length.

    Raises:
        RemoteWireError: nothing that can be read, or a value cut off.
    """
    if len(data) > _MAX_BYTES or not data:
        raise RemoteWireError("no list of items", field="F62", offset=0)
    items: dict[str, str] = {}
    at = 0
    while at < len(data):
        number = data[at : at + 2].decode("latin-1")
        size = _LENGTHS.get(number)
        if size is None:
            if not items:
                raise RemoteWireError("an item that is not known", field="F62", offset=at)
            return Upload(items, at)
        value = data[at + 2 : at + 2 + size]
        if len(value) < size:
            raise RemoteWireError("an item cut off", field=f"F62.{number}", offset=at)
        items.setdefault(number, _text(number, value))
        at += 2 + size
    return Upload(items)


def _text(number: str, value: bytes) -> str:
    # A merchant's name (22) is GBK on Chinese hosts.
    text = value.decode("gb18030" if number == "22" else "latin-1", "replace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def encode_items(items: Mapping[str, str]) -> bytes:
    """Return items as field 62, in the order given.

    Raises:
        LocalWireError: a number that is not known, or a value that is too long.
    """
    out = b""
    for number, value in items.items():
        size = _LENGTHS.get(number, 0)
        raw = value.encode("gb18030" if number == "22" else "ascii")
        if not size or len(raw) > size:
            raise LocalWireError("an item that the list cannot hold", field=f"F62.{number}")
        out += number.encode() + raw.ljust(size)
    return out


def decode_upload(data: bytes) -> Upload:
    """Return the items of an upload, as it comes out of a file or a capture.

    Args:
        data: field 62 alone; or a whole message, with or without length prefix, TPDU and
            application header.

    Raises:
        RemoteWireError: neither.
    """
    for start in (0, 2):
        for layout in _LAYOUTS:
            try:
                message = iso8583.decode(data[start:], layout)
            except RemoteWireError:
                continue
            return _of_message(message)
    return decode_items(data)


def decode_file(data: bytes) -> Upload:
    """Return the items of an upload that was kept as bytes, or as their hex digits.

    Raises:
        RemoteWireError: neither holds an upload.
    """
    first: Upload | RemoteWireError
    try:
        first = decode_upload(data)
    except RemoteWireError as error:
        first = error
    if isinstance(first, Upload) and first.rest < 0:
        return first
    try:
        return decode_upload(bytes.fromhex(data.decode("ascii")))
    except (ValueError, RemoteWireError):
        if isinstance(first, Upload):
            return first
        raise first from None


_LAYOUTS: Final = (
    Layout(Dialect.UNIONPAY, tpdu=True, header_size=6),
    Layout(Dialect.UNIONPAY, tpdu=True),
    Layout(Dialect.UNIONPAY, header_size=6),
    Layout(Dialect.UNIONPAY),
)


def _of_message(message: iso8583.Message) -> Upload:
    code = message.fields.get(60, "")[8:11]
    if message.mti not in ("0820", "0800") or code != _UPLOAD:
        raise RemoteWireError("a message that uploads no status", field="F60")
    return decode_items(message.fields.get(62, "").encode("gb18030", "replace"))


def sayings_of(upload: Upload) -> list[Saying]:
    """Return what the items say; that a device is good is not said, it would prove nothing."""
    items = upload.items
    found = [
        Saying(topic, bad) for number, (topic, bad) in _DEVICES.items() if items.get(number) == "0"
    ]
    if (timer := items.get("12", "")).isdecimal() and timer.isascii() and int(timer):
        found.append(Saying("timer", float(timer)))
    if (tries := items.get("13", "")).isdecimal() and tries.isascii():
        found.append(Saying("attempts", int(tries)))
    found += [Saying("phone", items[number]) for number in _PHONES if items.get(number)]
    return found
