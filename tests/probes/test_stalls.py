"""A long series to the reference: answered, lost, silent, refused, cut, not asked for."""

from __future__ import annotations

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.echo_series import Echoes
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Failed,
    FailureKind,
    Measured,
    NotRunReason,
    Observation,
    Operation,
    Unmeasured,
)
from posdiag.model.site import LaptopAt, NetworkSettings, Site
from posdiag.probes import stalls
from posdiag.probes.probe import ProbeContext, ProbeYield

SILENT = FailureKind.SILENT


class Socketless:
    """A pinger that opens nothing."""

    def __init__(self, address: str, *, interface: str | None = None) -> None:
        self.address, self.interface = address, interface

    def __enter__(self) -> Socketless:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def site(**network: object) -> Site:
    given = {"reference": "198.18.0.9", "stalls_s": 30.0} | network
    return Site(network=NetworkSettings(**given), laptop_at=LaptopAt.SAME_LAN)  # type: ignore[arg-type]


def run(shop: Site, seconds: float = 100.0) -> list[ProbeYield]:
    return list(stalls.PROBE.run(ProbeContext(shop, Deadline.after(seconds), HostAllowance())))


@pytest.fixture
def gives(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return what was asked of the series; ``result`` is what it gives or raises."""
    asked: dict[str, object] = {}

    def series(pinger: Socketless, **how: object) -> object:
        asked.update(how, address=pinger.address, interface=pinger.interface)
        result = asked["result"]
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(stalls, "Pinger", Socketless)
    monkeypatch.setattr(stalls, "echo_series", series)
    return asked


def values(found: list[ProbeYield]) -> dict[str, object]:
    return {
        one.name: one.result.value
        for one in found
        if isinstance(one, Observation) and isinstance(one.result, Measured)
    }


def even(times_s: list[float | None], *, cut: bool = False) -> Echoes:
    begun = tuple(0.1 * number for number in range(len(times_s)))
    failure = SILENT if None in times_s else None
    return Echoes(times_s, failure, cut, 0.1 * len(times_s), begun)


def test_answered(gives: dict[str, object]) -> None:
    gives["result"] = even([0.05] * 300)
    found = values(run(site(interface="wan0")))
    assert found["stalls.round_trip"] == [0.05] * 300
    begun = found["stalls.begun_at"]
    assert isinstance(begun, list)
    assert len(begun) == 300
    assert found["stalls.longest_gap"] == 0.0
    assert (gives["count"], gives["address"], gives["interface"]) == (300, "198.18.0.9", "wan0")
    assert gives["pause_s"] == 0.1


def test_losses_and_late_answers_are_gaps(gives: dict[str, object]) -> None:
    gives["result"] = even([0.05, None, None, 0.05, *([None] * 7), 2.1, 2.0, 0.05, None])
    found = values(run(site()))
    assert found["stalls.round_trip"][:3] == [0.05, "lost", "lost"]  # type: ignore[index]
    assert found["stalls.longest_gap"] == pytest.approx(0.9)


def test_silence_and_a_budget_that_is_spent(gives: dict[str, object]) -> None:
    gives["result"] = even([None] * 5)
    seen = run(site())[-1]
    assert isinstance(seen, Observation)
    assert seen.result == Failed(SILENT, Operation.PING, waited_s=0.5)
    gives["result"] = Echoes([], None, True, 0.2)
    seen = run(site(), 0.0)[-1]
    assert isinstance(seen, Observation)
    assert seen.result == Failed(FailureKind.CENSORED, Operation.PING, waited_s=0.2)


def test_a_series_that_was_cut_is_kept(gives: dict[str, object]) -> None:
    gives["result"] = even([0.05] * 40, cut=True)
    assert len(values(run(site()))["stalls.round_trip"]) == 40  # type: ignore[arg-type]


def test_refused_by_the_machine_itself(gives: dict[str, object]) -> None:
    gives["result"] = LinkError(FailureKind.PERMISSION, Operation.PING, "Operation not permitted")
    seen = run(site())[-1]
    assert isinstance(seen, Observation)
    assert isinstance(seen.result, Failed)
    assert seen.result.failure is FailureKind.PERMISSION


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ({"stalls_s": 0.0}, NotRunReason.NOT_DECLARED),
        ({"reference": None}, NotRunReason.NOT_DECLARED),
        ({"reference": "198.18.0.9:443"}, NotRunReason.UNSUPPORTED),
    ],
)
def test_cannot_run(network: dict[str, object], reason: NotRunReason) -> None:
    for ask in (stalls.PROBE.targets, run):
        with pytest.raises(CannotRun) as caught:
            ask(site(**network))
        assert caught.value.reason is reason


def test_a_system_that_does_not_tell_its_timers(
    gives: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> list[float]:
        raise CannotRun(NotRunReason.UNSUPPORTED, "timers")

    monkeypatch.setattr(stalls, "kernel_syn_waits", refuse)
    gives["result"] = even([0.05] * 40)
    first = run(site())[0]
    assert isinstance(first, Unmeasured)
    assert first.name == "laptop_tcp.syn_waits"
