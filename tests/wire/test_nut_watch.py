"""A UPS that is asked again and again, and what its answers say together."""

from __future__ import annotations

import pytest

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import FailureKind
from posdiag.wire.conversation import Ended
from posdiag.wire.nut import UpsServer
from posdiag.wire.nut_watch import UpsWatch, ups_events
from tests.wire.played import play

HEALTHY = {"ups.status": "OL", "input.voltage": "230", "input.transfer.low": "170"}


def _server(**changes: str) -> UpsServer:
    return UpsServer("shop", {**HEALTHY, **changes})


@pytest.mark.parametrize("piece", [1, 4096])
def test_a_quiet_minute(piece: int) -> None:
    watch = UpsWatch("", for_s=10.0, limit_s=2.0)
    server = _server()
    played = play(watch, server.feed, piece=piece)
    assert 9.0 <= played.took_s <= 10.5
    assert 18 <= len(watch.samples) <= 20
    # The name is asked for once.
    assert server.requests.count("LIST UPS") == 1
    seen = ups_events(watch.samples)
    assert (seen.on_battery, seen.sags, seen.failure, seen.lowest_v) == (0, 0, None, 230.0)
    assert seen.took_s == pytest.approx(9.5, abs=0.6)
    assert 0.5 <= seen.longest_gap_s <= 0.7


def test_events_are_counted_by_their_beginnings() -> None:
    course = ["OL"] * 2 + ["OB"] * 3 + ["OL"] + ["OB LB"] + ["OL"] * 3
    volts = ["230", "160", "0", "0", "0", "231", "0", "229", "229", "229"]
    served = [_server(**{"ups.status": s, "input.voltage": v}) for s, v in zip(course, volts)]  # noqa: B905

    def device(data: bytes) -> bytes:
        return (served.pop(0) if len(served) > 1 else served[0]).feed(data)

    watch = UpsWatch("shop", for_s=5.0, limit_s=2.0)
    play(watch, device)
    seen = ups_events(watch.samples)
    assert (seen.on_battery, seen.sags, seen.lowest_v) == (2, 2, 0.0)


def test_a_server_that_dies_ends_it_with_what_was_seen() -> None:
    served = 0
    server = _server()

    def device(data: bytes) -> bytes:
        nonlocal served
        served += 1
        return server.feed(data) if served <= 4 else b""

    watch = UpsWatch("shop", for_s=60.0, limit_s=1.0)
    play(watch, device, budget_s=5.0)
    seen = ups_events(watch.samples)
    assert seen.failure is not None
    assert seen.failure.failure is FailureKind.CENSORED
    assert seen.took_s > 1.0
    empty = UpsWatch("shop", for_s=60.0, limit_s=1.0)
    play(empty, lambda _: b"", end=Ended.EOF)
    lost = ups_events(empty.samples)
    assert lost.failure is not None
    assert (lost.failure.failure, lost.took_s) == (FailureKind.CLOSED, 0.0)
    assert ups_events([]).failure is None


def test_stale_answers_are_kept_and_the_watch_goes_on() -> None:
    stale = UpsServer("shop", HEALTHY, error="DATA-STALE")
    watch = UpsWatch("shop", for_s=3.0, limit_s=1.0)
    play(watch, stale.feed)
    assert len(watch.samples) >= 5
    failure = ups_events(watch.samples).failure
    assert failure is not None
    assert failure.failure is FailureKind.STALE


def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(LocalWireError):
        UpsWatch("a b", for_s=1.0, limit_s=1.0)
