"""The card probe: every card's outcome, several cards, readers that are not there, and secrets."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from posdiag.model.errors import CannotRun
from posdiag.model.observation import (
    Failed,
    FailureKind,
    Measured,
    NotRunReason,
    Part,
    Unmeasured,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import card as card_probe
from posdiag.probes.card import PROBE
from posdiag.simulate.card import CardFaults, SimulatedCard
from posdiag.simulate.card_image import image_names
from tests.probes.device_runs import Yielded
from tests.real_pcscd import READER, RealPcscd

OUTCOMES = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "cards" / "outcomes.toml").read_text(encoding="utf-8")
)

TEN = (
    "unionpay",
    "visa",
    "expired",
    "blocked",
    "mute",
    "wrong_checksum",
    "truncated",
    "removed",
    "silent",
    "t1_only",
)


@pytest.fixture
def cards() -> Iterator[list[SimulatedCard]]:
    started: list[SimulatedCard] = []
    yield started
    for card in started:
        card.stop()


def _site(port: str, *, part: Part = Part.LAPTOP, cards: int = 1) -> Site:
    reader = Device(kind=DeviceKind.CARD_READER, port=port, part=part)
    return Site(devices=[reader], cards=cards)


def _embedded(cards: list[SimulatedCard], faults: CardFaults, *, budget_s: float = 10.0) -> Yielded:
    card = SimulatedCard(faults)
    card.start()
    cards.append(card)
    return Yielded(PROBE, _site(card.path), budget_s=budget_s)


def _values(seen: Yielded) -> dict[str, object]:
    return {
        item.name: item.result.value
        for item in seen.items
        if not isinstance(item, Unmeasured) and isinstance(item.result, Measured)
    }


def _agrees(seen: Yielded, outcome: dict[str, object]) -> None:
    values = _values(seen)
    assert values.get("card.state") == outcome["state"]
    facts = outcome.get("facts", {})
    assert isinstance(facts, dict)
    assert {name: values.get(name) for name in facts} == facts
    failed = [one.result for one in seen.observations("card.read")]
    failure = str(failed[0].failure) if failed and isinstance(failed[0], Failed) else None
    assert failure == outcome.get("failure")


def test_every_card_has_an_outcome() -> None:
    assert sorted(OUTCOMES) == image_names()
    states = {str(outcome["state"]) for outcome in OUTCOMES.values()}
    assert {"ok", "expired", "blocked", "mute", "unresponsive", "removed"} <= states


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_card_in_the_embedded_reader(name: str, cards: list[SimulatedCard]) -> None:
    _agrees(_embedded(cards, CardFaults(image=name)), OUTCOMES[name])


def _children() -> list[int]:
    import psutil

    return [
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "card_child.py" in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize("name", [*TEN, "contactless", "short_answer"])
def test_each_card_in_a_real_reader(name: str, reader: RealPcscd) -> None:
    reader.insert(name)
    began_s = time.monotonic()
    seen = Yielded(PROBE, _site(f"pcsc:{READER}"), budget_s=15.0)
    assert time.monotonic() - began_s < 15.5
    _agrees(seen, OUTCOMES[name])
    assert not _children()


def test_cards_that_read_well_differ_in_their_facts() -> None:
    # The others differ in their outcome.
    told = [repr(sorted(OUTCOMES[name].items(), key=str)) for name in TEN]
    assert len(set(told)) == len(TEN)


def test_silent_card_ends_with_the_deadline(reader: RealPcscd) -> None:
    reader.insert("silent")
    began_s = time.monotonic()
    seen = Yielded(PROBE, _site("pcsc"), budget_s=2.0)
    assert time.monotonic() - began_s < 2.6
    failed = seen.observation("card.read").result
    assert isinstance(failed, Failed)
    assert failed.failure is FailureKind.CENSORED
    assert not seen.observations("card.state")
    assert not _children()


def test_empty_real_reader_says_nothing_about_cards(reader: RealPcscd) -> None:
    seen = Yielded(PROBE, _site(f"pcsc:{READER}"))
    assert [item.reason for item in seen.items if isinstance(item, Unmeasured)] == [
        NotRunReason.NOT_APPLICABLE
    ]
    assert len(seen.items) == 1


@pytest.mark.parametrize(
    ("first", "second", "part", "check", "suspect"),
    [
        ("mute", "visa", Part.LAPTOP, "reads", False),
        ("mute", "mute", Part.LAPTOP, "reads_none", True),
        ("mute", "mute", Part.TERMINAL, "reads_none", False),
    ],
)
def test_two_cards_in_a_real_reader(
    reader: RealPcscd, *, first: str, second: str, part: Part, check: str, suspect: bool
) -> None:
    reader.insert(first)
    reader.change(1.5, second)
    seen = Yielded(PROBE, _site(f"pcsc:{READER}", part=part, cards=2), budget_s=20.0)
    compared = seen.observation("card.reader_check")
    assert (compared.result, compared.part) == (Measured(check), part)
    assert bool(seen.observations("card.own_reader_suspect")) is suspect
    # Nothing is said about the card where our own reader is suspect.
    assert bool(seen.observations("card.state")) is not suspect
    if not suspect:
        assert seen.observation("card.state").part is (
            Part.CARD if part is Part.LAPTOP else Part.TERMINAL
        )


def test_second_card_that_never_comes(reader: RealPcscd) -> None:
    reader.insert("visa")
    seen = Yielded(PROBE, _site(f"pcsc:{READER}", cards=2), budget_s=4.0)
    assert seen.observation("card.state").result == Measured("ok")
    gap = next(item for item in seen.items if isinstance(item, Unmeasured))
    assert (gap.name, gap.reason) == ("card.other_state", NotRunReason.NOT_APPLICABLE)


def test_unread_card_in_the_laptops_own_reader_may_be_the_readers_fault(
    cards: list[SimulatedCard],
) -> None:
    seen = _embedded(cards, CardFaults(image="mute"))
    assert seen.observation("card.state").part is Part.LAPTOP
    read = seen.observation("card.read").result
    assert isinstance(read, Failed)
    assert "right way round" in read.detail


def test_faults_beyond_the_image(cards: list[SimulatedCard]) -> None:
    assert _values(_embedded(cards, CardFaults(pulled_after=2)))["card.state"] == "removed"
    silent = _embedded(cards, CardFaults(silent_after=1), budget_s=0.5).observation("card.read")
    assert isinstance(silent.result, Failed)
    assert silent.result.failure is FailureKind.CENSORED


def test_no_card_says_nothing_about_cards(cards: list[SimulatedCard]) -> None:
    seen = _embedded(cards, CardFaults(absent=True))
    assert all(isinstance(item, Unmeasured) for item in seen.items)


def test_two_embedded_cards(cards: list[SimulatedCard]) -> None:
    card = SimulatedCard(CardFaults(image="mute"))
    card.start()
    cards.append(card)
    seen = Yielded(PROBE, _site(card.path, cards=2))
    assert seen.observation("card.own_reader_suspect").result == Measured(value=True)


def test_reader_that_is_not_there() -> None:
    seen = Yielded(PROBE, _site("socket://127.0.0.1:1"))
    failed = seen.observation("card.reader").result
    assert isinstance(failed, Failed)
    assert failed.failure is FailureKind.REFUSED
    assert not seen.observations("card.read")


def test_other_readers_are_unsupported_and_none_is_not_declared() -> None:
    with pytest.raises(CannotRun) as unsupported:
        Yielded(PROBE, _site("PC/SC reader 0"))
    assert unsupported.value.reason is NotRunReason.UNSUPPORTED
    with pytest.raises(CannotRun) as undeclared:
        PROBE.targets(Site())
    assert undeclared.value.reason is NotRunReason.NOT_DECLARED
    assert PROBE.resources(_site("pcsc")) == ["card_reader"]
    assert card_probe.PROBE.targets(_site("pcsc:ACS")) == ["pcsc:ACS"]


def test_one_reader_that_cannot_be_used_does_not_cost_the_other(
    cards: list[SimulatedCard],
) -> None:
    card = SimulatedCard(CardFaults(image="visa"))
    card.start()
    cards.append(card)
    ports = ("pcsc-without-colon", card.path)
    readers = [Device(kind=DeviceKind.CARD_READER, port=port, part=Part.LAPTOP) for port in ports]
    seen = Yielded(PROBE, Site(devices=readers))
    assert seen.observation("card.state").result == Measured("ok")
    gap = next(item for item in seen.items if isinstance(item, Unmeasured))
    assert gap.reason is NotRunReason.UNSUPPORTED
