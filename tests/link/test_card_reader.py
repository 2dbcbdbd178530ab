"""Card readers over TCP: what cannot be used, and every end of a wait."""

from __future__ import annotations

import datetime
import socket
import time
from collections.abc import Iterator

import pytest

from posdiag.link.card_reader import read_card
from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.simulate.card import CardFaults, SimulatedCard
from posdiag.wire.card_session import CardSession


def _session() -> CardSession:
    return CardSession(datetime.date(2026, 3, 1))


@pytest.fixture
def card() -> Iterator[SimulatedCard]:
    simulated = SimulatedCard(CardFaults())
    simulated.start()
    yield simulated
    simulated.stop()


@pytest.mark.parametrize(
    "port", ["ACS ACR122U", "/dev/ttyUSB0", "COM3", "socket://127.0.0.1", "http://[::1]:80"]
)
def test_other_readers_are_not_supported(port: str) -> None:
    with pytest.raises(CannotRun) as caught:
        read_card(port, _session(), Deadline.after(5), silent_after_s=1)
    assert caught.value.reason is NotRunReason.UNSUPPORTED
    assert port in caught.value.detail


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(LinkError) as caught:
        read_card(f"socket://127.0.0.1:{port}", _session(), Deadline.after(5), silent_after_s=1)
    assert caught.value.kind is FailureKind.REFUSED
    assert caught.value.operation is Operation.CONNECT


def test_the_simulated_card(card: SimulatedCard) -> None:
    session = _session()
    read_card(card.path, session, Deadline.after(10), silent_after_s=5)
    assert session.failure is None
    assert session.state == "ok"


@pytest.mark.parametrize(
    ("silent_after_s", "budget_s", "kind"),
    [(0.2, 20.0, FailureKind.SILENT), (5.0, 0.2, FailureKind.CENSORED)],
)
def test_a_reader_that_says_nothing(
    silent_after_s: float, budget_s: float, kind: FailureKind
) -> None:
    session = _session()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = f"socket://127.0.0.1:{silent.getsockname()[1]}"
        began_s = time.monotonic()
        read_card(port, session, Deadline.after(budget_s), silent_after_s=silent_after_s)
        assert time.monotonic() - began_s < 3
    assert session.failure is kind
    assert session.waited_s == pytest.approx(0.2, abs=0.2)
