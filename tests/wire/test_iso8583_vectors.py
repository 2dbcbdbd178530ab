"""Every published and every built vector, against an independent decoder (pyiso8583)."""

from __future__ import annotations

import copy

import iso8583
import iso8583.specs
import pytest

from posdiag.model.site import Dialect
from posdiag.wire.iso8583 import Layout, decode, encode
from tests.wire.iso8583_frames import FRAMES, Frame

Spec = dict[str, dict[str, object]]
NAMES = {f"V{number:02d}" for number in range(1, 21)} | {f"C{number}" for number in range(1, 12)}
_PLAIN: dict[str, object] = {"len_enc": "bcd", "len_type": 0, "desc": ""}


def _packed(text: str, sizes: dict[int, int], texts: dict[int, tuple[int, int]]) -> Spec:
    """Return a table of packed messages: fixed bytes, and texts by (bytes of length, most)."""
    spec: Spec = {
        str(number): {**_PLAIN, "data_enc": "b", "max_len": 0} for number in range(1, 129)
    }
    spec["h"] = {**_PLAIN, "data_enc": "b", "max_len": 0}
    spec["t"] = {**_PLAIN, "data_enc": "b", "max_len": 2}
    spec["p"] = spec["1"] = {**_PLAIN, "data_enc": "b", "max_len": 8}
    spec |= {str(n): {**_PLAIN, "data_enc": "b", "max_len": size} for n, size in sizes.items()}
    for number, (length, size) in texts.items():
        spec[str(number)] = {**_PLAIN, "data_enc": text, "len_type": length, "max_len": size}
    return spec


def _oracle(layout: Layout) -> Spec:
    """Return what pyiso8583 is told of a dialect, from the fact sheet and not from our table."""
    fixed = {3: 3, 7: 5, 11: 3, 12: 3, 13: 2, 24: 2, 70: 2}
    match layout.dialect:
        case Dialect.UNIONPAY | Dialect.HYPERCOM:
            texts = {37: (0, 12), 39: (0, 2), 41: (0, 8), 42: (0, 15), 43: (0, 40), 63: (2, 163)}
            spec = _packed("latin-1", fixed, texts | {62: (2, 512)})
            for number, length, most, side in ((32, 1, 11, "left"), (60, 2, 17, "right")):
                spec[str(number)] = {**_PLAIN, "data_enc": "b", "max_len": most}
                spec[str(number)] |= {
                    "len_type": length,
                    "len_count": "nibbles",
                    f"{side}_pad": "0",
                }
            return spec
        case Dialect.ISO1987_BCD:
            return _packed("cp037" if layout.ebcdic else "ascii", fixed, {39: (0, 2)})
        case Dialect.ISO1993_BCD:
            return _packed("ascii", {11: 3, 12: 6, 24: 2, 39: 2}, {})
        case Dialect.ISO1987 | Dialect.ISO1993:
            base = iso8583.specs.default if layout.raw_bitmap else iso8583.specs.default_ascii
            spec = copy.deepcopy(base)
            spec["h"]["max_len"] = layout.header_size
            if layout.dialect is Dialect.ISO1993:
                spec["12"]["max_len"], spec["39"]["max_len"] = 12, 3
            return spec


def _inner(one: Frame) -> bytes:
    """Return the message as the oracle takes it: it knows no TPDU and no packed header."""
    packed_header = one.layout.header_size if one.layout.dialect is Dialect.UNIONPAY else 0
    return one.body[5 * one.layout.tpdu + packed_header :]


def _as_ours(read: dict[str, str], one: Frame) -> dict[int, str]:
    fields = {int(name): value for name, value in read.items() if name not in ("h", "t", "p", "1")}
    if one.layout.packed:
        odd = {24, 70} | ({39} if one.layout.dialect is Dialect.ISO1993_BCD else set())
        for number in odd & set(fields):
            assert fields[number][0] == "0"
            fields[number] = fields[number][1:]
    return fields


def test_no_vector_is_missing() -> None:
    assert {one.name for one in FRAMES} == NAMES
    assert {one.layout.dialect for one in FRAMES} == set(Dialect)


@pytest.mark.parametrize("one", FRAMES, ids=lambda one: one.name)
def test_the_other_decoder_agrees(one: Frame) -> None:
    spec = _oracle(one.layout)
    read, _ = iso8583.decode(_inner(one), spec)
    message = decode(one.body, one.layout)
    theirs = _as_ours(read, one)
    assert read["t"] == message.mti == one.mti
    assert {n: v for n, v in theirs.items() if n not in message.dropped} == message.fields
    assert set(theirs) == set(message.fields) | set(message.dropped)
    assert {n: len(theirs[n]) for n in message.dropped} == message.dropped
    raw, _ = iso8583.encode(read, spec)
    assert bytes(raw) == _inner(one)


@pytest.mark.parametrize(
    "one", [one for one in FRAMES if not one.dropped], ids=lambda one: one.name
)
def test_ours_writes_the_same_bytes_again(one: Frame) -> None:
    assert encode(decode(one.body, one.layout), one.layout) == one.body
