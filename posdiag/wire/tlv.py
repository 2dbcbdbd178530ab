"""BER-TLV as EMV uses it: bounded in depth, size and count.

Source: EMV Book 3 annex B as summarised in public walk-throughs: no indefinite length, 00 between
objects is padding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError

MAX_DEPTH = 8
MAX_OBJECTS = 512
MAX_BYTES = 4096


class Tlv(NamedTuple):
    """One data object.

    Attributes:
        tag: upper-case hex (``5F24``).
        value: its bytes; for a constructed object the encoded children.
        children: decoded children of a constructed object, else empty.
    """

    tag: str
    value: bytes
    children: tuple[Tlv, ...] = ()


def parse(data: bytes) -> tuple[Tlv, ...]:
    """Return the data objects of a template.

    Args:
        data: at most 4096 bytes.

    Raises:
        RemoteWireError: a length past the end, a tag over 4 bytes, nesting over 8, over 512 parts.
    """
    if len(data) > MAX_BYTES:
        raise RemoteWireError("more data than a card may send", field="tlv", offset=MAX_BYTES)
    return _objects(data, depth=0, room=[MAX_OBJECTS])


def find(objects: tuple[Tlv, ...], tag: str) -> bytes | None:
    """Return the value of the first object with this tag, searched depth first, else None."""
    return next((item.value for item in walk(objects) if item.tag == tag), None)


def walk(objects: tuple[Tlv, ...]) -> Iterator[Tlv]:
    """Yield all objects, parents before children."""
    for item in objects:
        yield item
        yield from walk(item.children)


def encode(tag: str, value: bytes) -> bytes:
    """Return one encoded object.

    Raises:
        LocalWireError: the value is longer than 65,535 bytes.
    """
    length = len(value)
    if length > 0xFFFF:
        raise LocalWireError("value too long for two length bytes", field=tag)
    if length < 0x80:
        size = bytes([length])
    elif length < 0x100:
        size = bytes([0x81, length])
    else:
        size = bytes([0x82]) + length.to_bytes(2, "big")
    return bytes.fromhex(tag) + size + value


def _objects(data: bytes, *, depth: int, room: list[int]) -> tuple[Tlv, ...]:
    if depth > MAX_DEPTH:
        raise RemoteWireError("templates nested too deep", field="tlv")
    found: list[Tlv] = []
    at = 0
    while at < len(data):
        if data[at] in (0x00, 0xFF):  # padding between objects
            at += 1
            continue
        room[0] -= 1
        if room[0] < 0:
            raise RemoteWireError("too many data objects", field="tlv", offset=at)
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        value = data[at : at + length]
        if len(value) < length:
            raise RemoteWireError("length past the end", field=tag, offset=at)
        at += length
        constructed = bool(int(tag[:2], 16) & 0x20)
        children = _objects(value, depth=depth + 1, room=room) if constructed else ()
        found.append(Tlv(tag, value, children))
    return tuple(found)


def _tag(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1
    if data[at] & 0x1F == 0x1F:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
    if end > len(data):
        raise RemoteWireError("tag cut off", field="tag", offset=at)
    if end - at > 4:
        raise RemoteWireError("tag longer than 4 bytes", field="tag", offset=at)
    return data[at:end].hex().upper(), end


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise RemoteWireError("length missing", field="length", offset=at)
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if size not in (1, 2):
        raise RemoteWireError("length form that EMV does not allow", field="length", offset=at)
    if at + 1 + size > len(data):
        raise RemoteWireError("length cut off", field="length", offset=at)
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
