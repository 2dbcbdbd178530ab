"""Status uploads: items of field 62, alone, in a message, in a file."""

from __future__ import annotations

import random

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.site import Dialect
from posdiag.model.terminal_word import Saying, is_sayable
from posdiag.simulate.status_upload import upload_frame
from posdiag.wire.iso8583 import Layout, Message, encode
from posdiag.wire.status_upload import (
    decode_file,
    decode_items,
    decode_upload,
    encode_items,
    sayings_of,
)

ITEMS = {
    "01": "1",
    "02": "0",
    "03": "1",
    "04": "0",
    "05": "1",
    "11": "60",
    "12": "45",
    "13": "3",
    "14": "057112345678",
    "15": "057187654321",
    "16": "",
    "17": "02012345678",
    "18": "0",
    "23": "3",
    "25": "1",
}
SAID = [
    Saying("pin_pad", "defective"),
    Saying("printer", "out_of_order"),
    Saying("timer", 45.0),
    Saying("attempts", 3),
    Saying("phone", "057112345678"),
    Saying("phone", "057187654321"),
    Saying("phone", "02012345678"),
]
LAYOUT = Layout(Dialect.UNIONPAY, tpdu=True, header_size=6)


def message(code: str = "362", text: str | None = None) -> bytes:
    """Return a whole upload as a terminal sends it."""
    value = encode_items(ITEMS).decode() if text is None else text
    fields = {41: "12345678", 42: "123456789012345", 60: f"00000001{code}", 62: value}
    return encode(
        Message(mti="0820", tpdu="6000030000", header="602200000000", fields=fields), LAYOUT
    )


def test_items_come_back() -> None:
    upload = decode_items(encode_items(ITEMS))
    assert upload.items == ITEMS
    assert upload.rest == -1
    assert sayings_of(upload) == SAID
    assert all(is_sayable(*one) for one in SAID)


def test_that_a_device_is_good_is_not_said() -> None:
    assert sayings_of(decode_items(b"011021031041051")) == []


@pytest.mark.parametrize("prefix", [b"", b"\x00\xb7"])
def test_a_whole_message_and_a_captured_frame(prefix: bytes) -> None:
    raw = message()
    framed = len(raw).to_bytes(2) + raw if prefix else raw
    assert decode_upload(framed).items == ITEMS


def test_a_simulated_upload() -> None:
    assert decode_upload(upload_frame({"01": "1", "04": "0"})).items == {"01": "1", "04": "0"}


def test_a_file_may_hold_bytes_or_hex_digits() -> None:
    for raw in (encode_items(ITEMS), message()):
        assert decode_file(raw).items == ITEMS
        assert decode_file(raw.hex(" ").encode() + b"\n").items == ITEMS
        assert decode_file(raw.hex().encode()).items == ITEMS


def test_a_message_that_uploads_no_status_is_refused() -> None:
    with pytest.raises(RemoteWireError):
        decode_upload(message(code="301"))


def test_reading_stops_at_an_unknown_item_and_tells_where() -> None:
    upload = decode_items(b"011" + b"99x")
    assert upload.items == {"01": "1"}
    assert upload.rest == 3


@pytest.mark.parametrize("data", [b"", b"99", b"0", b"12", b"126", b"1405", b"x" * 2000])
def test_what_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteWireError):
        decode_items(data)


def test_what_the_list_cannot_hold_is_not_written() -> None:
    for items in ({"99": "1"}, {"01": "12"}):
        with pytest.raises(LocalWireError):
            encode_items(items)


def test_random_bytes_give_a_value_or_a_refusal() -> None:
    # 5,000 here; 200,000 in benchmarks/fuzz_terminal_protocols.py.
    draw = random.Random(62)
    for seed in (encode_items(ITEMS), message()):
        for _ in range(2500):
            data = bytearray(seed)
            for _ in range(draw.randrange(1, 5)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            try:
                sayings_of(decode_file(bytes(data[: draw.randrange(len(data))])))
            except RemoteWireError:
                continue
