"""TLV, answer to reset and the lists of a card: tables, truncation, fuzz."""

import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire import atr, emv_commands, tlv

# PSE answer of a public PBOC walk-through (card sheet, EMV read step 1).
PSE_ANSWER = bytes.fromhex("6F15840E315041592E5359532E4444463031A503880101")


def test_tlv_of_a_directory_answer() -> None:
    objects = tlv.parse(PSE_ANSWER)
    assert tlv.find(objects, "84") == b"1PAY.SYS.DDF01"
    assert tlv.find(objects, "88") == b"\x01"
    assert tlv.find(objects, "9F38") is None


@pytest.mark.parametrize("end", range(1, len(PSE_ANSWER)))
def test_tlv_cut_anywhere_is_refused(end: int) -> None:
    with pytest.raises(RemoteWireError):
        tlv.parse(PSE_ANSWER[:end])


def test_tlv_bombs_are_refused() -> None:
    deep = b""
    for _ in range(20):
        deep = tlv.encode("70", deep)
    for bomb in (deep, b"\x70\x84\xff\xff\xff\xff", b"\x5a\x00" * 600, bytes(5000)):
        with pytest.raises(RemoteWireError):
            tlv.parse(bomb)


@given(st.binary(max_size=200))
def test_tlv_fuzz(data: bytes) -> None:
    with contextlib.suppress(RemoteWireError):
        tlv.parse(data)


@given(st.binary(max_size=300))
def test_tlv_round_trip(value: bytes) -> None:
    assert tlv.parse(tlv.encode("5A", value))[0].value == value


def test_tlv_value_too_long_is_our_mistake() -> None:
    with pytest.raises(LocalWireError):
        tlv.encode("5A", bytes(70000))


@pytest.mark.parametrize(
    ("hexed", "protocols", "checksum", "complete"),
    [
        ("3B6800000073C84013009000", (0,), None, True),  # card sheet, worked example
        ("3B6800000073C840", (0,), None, False),  # truncated: bad contact
        ("3BE900008121455649535F494E46200678", (1,), True, True),  # T=1, historical text, TCK
        ("3BE900008121455649535F494E46200679", (1,), False, True),  # wrong TCK
        ("3FFF", (0,), None, False),
    ],
)
def test_answer_to_reset(
    hexed: str, protocols: tuple[int, ...], checksum: bool | None, complete: bool
) -> None:
    got = atr.parse(bytes.fromhex(hexed))
    assert (got.protocols, got.checksum_ok, got.complete) == (protocols, checksum, complete)
    assert got.valid is (complete and checksum is not False)


@given(st.binary(max_size=60))
def test_answer_to_reset_fuzz(data: bytes) -> None:
    with contextlib.suppress(RemoteWireError):
        atr.parse(data)


def test_answer_to_reset_of_a_contactless_reader() -> None:
    # PC/SC part 3, 3.1.3.2.3.
    assert atr.parse(bytes.fromhex("3B858001010203040505")).contactless
    assert not atr.parse(bytes.fromhex("3B6800000073C84013009000")).contactless


@pytest.mark.parametrize("hexed", ["", "3B", "00" * 10, "3B" * 40, "FF00"])
def test_what_is_no_answer_to_reset(hexed: str) -> None:
    with pytest.raises(RemoteWireError):
        atr.parse(bytes.fromhex(hexed))


def test_locator() -> None:
    assert emv_commands.located(bytes.fromhex("0801010010010201")) == [(1, 1, 1), (2, 1, 2)]


@pytest.mark.parametrize(
    "hexed",
    [
        "",
        "080101",  # not 4 bytes
        "00010100",  # file 0
        "F8010100",  # file 31
        "09010100",  # low bits set
        "08000100",  # record 0
        "08020100",  # backwards
        "08010102",  # more signed records than there are
        "0801FF00",  # more records than any card has
    ],
)
def test_locator_that_emv_does_not_allow(hexed: str) -> None:
    with pytest.raises(RemoteWireError):
        emv_commands.located(bytes.fromhex(hexed))


def test_what_a_card_asks_for() -> None:
    entries = emv_commands.wanted(bytes.fromhex("9F66049F02069A039F3704DF6001"))
    assert [entry.tag for entry in entries] == ["9F66", "9F02", "9A", "9F37", "DF60"]
    told = emv_commands.told(entries, datetime.date(2026, 3, 1))
    assert told.hex() == "36004000" + "000000000001" + "260301" + "00000001" + "00"
    assert emv_commands.wanted(b"") == []


@pytest.mark.parametrize("hexed", ["9F", "9F66", "9F02FF9F03FF", "1FFFFFFFFF0101"])
def test_a_list_that_cannot_be_told(hexed: str) -> None:
    with pytest.raises(RemoteWireError):
        emv_commands.wanted(bytes.fromhex(hexed))


def test_commands() -> None:
    # Card sheet, EMV read steps 1 to 8.
    directory = "00A404000E315041592E5359532E444446303100"
    assert emv_commands.select(b"1PAY.SYS.DDF01").hex().upper() == directory
    assert emv_commands.read_record(1, 2).hex().upper() == "00B2020C00"
    assert emv_commands.processing_options(b"").hex().upper() == "80A8000002830000"
    assert emv_commands.get_data("9F36").hex().upper() == "80CA9F3600"
    with pytest.raises(LocalWireError):
        emv_commands.select(bytes(17))
