"""The card probe against simulated cards: each outcome, and what never comes out."""

import datetime
import socket
from collections.abc import Iterator

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import (
    Failed,
    FailureKind,
    Measured,
    NotRunReason,
    Observation,
    Unmeasured,
)
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.card import PROBE
from posdiag.probes.probe import ProbeContext, ProbeYield
from posdiag.simulate.card import TEST_PAN, CardFaults, SimulatedCard


@pytest.fixture
def cards() -> Iterator[list[SimulatedCard]]:
    started: list[SimulatedCard] = []
    yield started
    for card in started:
        card.stop()


def _site(port: str) -> Site:
    return Site(devices=[Device(kind=DeviceKind.CARD_READER, port=port)])


def _run(port: str, *, budget_s: float = 10.0) -> list[ProbeYield]:
    context = ProbeContext(
        site=_site(port), deadline=Deadline.after(budget_s), allowance=HostAllowance()
    )
    return list(PROBE.run(context))


def _read(
    cards: list[SimulatedCard], faults: CardFaults, *, budget_s: float = 10.0
) -> list[ProbeYield]:
    card = SimulatedCard(faults)
    card.start()
    cards.append(card)
    return _run(card.path, budget_s=budget_s)


def _result(yielded: list[ProbeYield], name: str) -> Measured | Failed:
    return next(
        item.result for item in yielded if isinstance(item, Observation) and item.name == name
    )


def test_good_card(cards: list[SimulatedCard]) -> None:
    yielded = _read(cards, CardFaults())
    assert _result(yielded, "card.read") == Measured("ok")
    assert _result(yielded, "card.masked_pan") == Measured("620000…0005")
    days = _result(yielded, "card.expiry_days_left")
    assert isinstance(days, Measured)
    assert isinstance(days.value, int)
    assert days.value > 0
    assert TEST_PAN not in repr(yielded)


def test_expired_card(cards: list[SimulatedCard]) -> None:
    yielded = _read(cards, CardFaults(expires=datetime.date(2021, 3, 31)))
    days = _result(yielded, "card.expiry_days_left")
    assert isinstance(days, Measured)
    assert isinstance(days.value, int)
    assert days.value < -1000


def test_blocked_card(cards: list[SimulatedCard]) -> None:
    yielded = _read(cards, CardFaults(blocked=True))
    assert _result(yielded, "card.application") == Measured("blocked")


@pytest.mark.parametrize(
    ("faults", "budget_s", "kind"),
    [
        (CardFaults(mute=True), 10.0, FailureKind.MUTE),
        (CardFaults(silent_after=1), 10.0, FailureKind.SILENT),
        (CardFaults(silent_after=1), 0.5, FailureKind.CENSORED),
        (CardFaults(pulled_after=2), 10.0, FailureKind.GONE),
    ],
)
def test_card_that_cannot_be_read(
    cards: list[SimulatedCard], faults: CardFaults, budget_s: float, kind: FailureKind
) -> None:
    failed = _result(_read(cards, faults, budget_s=budget_s), "card.read")
    assert isinstance(failed, Failed)
    assert failed.failure is kind


def test_no_card_says_nothing_about_cards(cards: list[SimulatedCard]) -> None:
    yielded = _read(cards, CardFaults(absent=True))
    assert all(isinstance(item, Unmeasured) for item in yielded)


def test_reader_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yielded = _run(f"socket://127.0.0.1:{port}")
    failed = _result(yielded, "card.reader")
    assert isinstance(failed, Failed)
    assert failed.failure is FailureKind.REFUSED
    assert not any(isinstance(i, Observation) and i.name == "card.read" for i in yielded)


def test_other_readers_are_unsupported_and_none_is_not_declared() -> None:
    with pytest.raises(CannotRun) as unsupported:
        _run("PC/SC reader 0")
    assert unsupported.value.reason is NotRunReason.UNSUPPORTED
    with pytest.raises(CannotRun) as undeclared:
        PROBE.targets(Site())
    assert undeclared.value.reason is NotRunReason.NOT_DECLARED
    assert PROBE.resources(_site("socket://127.0.0.1:1")) == ["card_reader:socket://127.0.0.1:1"]


def test_yields_only_what_it_declares(cards: list[SimulatedCard]) -> None:
    declared = {observable.name for observable in PROBE.observables}
    for faults in (CardFaults(), CardFaults(mute=True), CardFaults(blocked=True)):
        names = {i.name for i in _read(cards, faults) if isinstance(i, Observation)}
        assert names <= declared
