"""Cards as data: what they hold, how they answer, and that no real number is among them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from posdiag.model.errors import InputError
from posdiag.simulate.card import CardFaults
from posdiag.simulate.card_image import CardImage, PlayedCard, image_names, load_image
from posdiag.simulate.scenario import load_scenario
from posdiag.wire import tlv
from posdiag.wire.pan import check_digit_ok

TEST_NUMBERS = {
    "6200000000000005",
    "4761739001010010",
    "5413330089099999",
    "6200000000000000000",
    "6200000000000013",
}
"""Of the card read fact sheet; the last two are zeros but for the check digit."""


def _numbers(image: CardImage) -> set[str]:
    found: set[str] = set()
    for answer in image.answers:
        for item in tlv.walk(tlv.parse(bytes.fromhex(answer.data)[:-2])):
            if item.tag == "5A":
                found.add(item.value.hex().upper().rstrip("F"))
            elif item.tag == "57":
                found.add(item.value.hex().upper().partition("D")[0])
    return found


@pytest.mark.parametrize("name", image_names())
def test_only_test_numbers(name: str) -> None:
    assert _numbers(load_image(name)) <= TEST_NUMBERS
    assert all(check_digit_ok(number) for number in TEST_NUMBERS)


@pytest.mark.parametrize("name", image_names())
def test_every_answer_ends_with_a_status_word(name: str) -> None:
    image = load_image(name)
    assert image.about
    for answer in image.answers:
        assert re.fullmatch(r"(..)*(9000|62..|65..|6[A-F]..)", answer.data)


def test_a_card_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="no card"):
        load_image("gold")
    with pytest.raises(ValueError, match=r"card\.image"):
        CardFaults(image="gold")


def test_a_scenario_with_a_card_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text('[card]\nimage = "gold"\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_scenario(str(path))
    assert "unionpay" in str(caught.value)


def test_what_it_does_not_know_it_refuses_as_cards_do() -> None:
    card = PlayedCard(load_image("unionpay"))
    for command, status in (
        ("00A4040005A000000004", "6A82"),
        ("00B2010C00", "6A83"),  # nothing is selected yet
        ("80A8000002830000", "6985"),
        ("80CA9F3600", "6A88"),
        ("0084000008", "6D00"),
    ):
        answer = card.answer(bytes.fromhex(command))
        assert answer is not None
        assert answer.hex().upper() == status


def test_data_are_fetched_as_t0_cards_have_it() -> None:
    card = PlayedCard(load_image("unionpay"))
    first = card.answer(bytes.fromhex("00A404000E315041592E5359532E444446303100"))
    assert first is not None
    assert first[0] == 0x61
    fetched = card.answer(bytes([0x00, 0xC0, 0x00, 0x00, first[1]]))
    assert fetched is not None
    assert len(fetched) == first[1] + 2
    assert fetched.endswith(b"\x90\x00")


def test_power_forgets_what_was_selected() -> None:
    card = PlayedCard(load_image("visa"))
    assert card.answer(bytes.fromhex("00A4040007A000000003101000")) != b"\x6a\x82"
    assert (card.answer(bytes.fromhex("80CA9F3600")) or b"").endswith(b"\x90\x00")
    card.answer_to_reset()  # asked for again and again: changes nothing
    assert (card.answer(bytes.fromhex("80CA9F3600")) or b"").endswith(b"\x90\x00")
    card.reset()
    assert card.answer(bytes.fromhex("80CA9F3600")) == b"\x6a\x88"


@pytest.mark.parametrize(("then", "answer"), [("silent", None), ("removed", b""), ("short", b"o")])
def test_how_it_fails(then: str, answer: bytes | None) -> None:
    image = CardImage(about="fails", atr="3B00", after=0, then=then)  # type: ignore[arg-type]
    assert PlayedCard(image).answer(bytes.fromhex("00A4040000")) == answer


def test_another_last_day() -> None:
    image = CardFaults(expires=date(2031, 5, 31)).card()
    assert any("5F2403310531" in answer.data for answer in image.answers)
