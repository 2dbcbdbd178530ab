"""The laptop's clock: read, and what the system says about it."""

from __future__ import annotations

import datetime

import pytest

from posdiag.link import system_clock
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Measured, NotRunReason, Observation, Part, Unmeasured
from posdiag.model.site import Site
from posdiag.probes import clock
from posdiag.probes.probe import ProbeContext


def run() -> dict[str, Observation | Unmeasured]:
    context = ProbeContext(Site(), Deadline.after(5), HostAllowance())
    return {item.name: item for item in clock.PROBE.run(context)}


def value(item: Observation | Unmeasured) -> object:
    assert isinstance(item, Observation)
    assert item.part is Part.LAPTOP
    assert isinstance(item.result, Measured)
    return item.result.value


@pytest.mark.parametrize("in_step", [True, False])
def test_time_offset_and_state(in_step: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "is_synchronised", lambda: in_step)
    seen = run()
    told = datetime.datetime.fromisoformat(str(value(seen["laptop_clock.time_utc"])))
    assert abs(datetime.datetime.now(tz=datetime.UTC) - told) < datetime.timedelta(seconds=5)
    offset = datetime.datetime.now().astimezone().utcoffset()
    assert offset is not None
    assert value(seen["laptop_clock.utc_offset"]) == offset.total_seconds()
    assert value(seen["laptop_clock.synchronised"]) is in_step


def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> bool:
        raise CannotRun(NotRunReason.UNSUPPORTED, "state of the clock")

    monkeypatch.setattr(clock, "is_synchronised", refuse)
    seen = run()["laptop_clock.synchronised"]
    assert isinstance(seen, Unmeasured)
    assert seen.reason is NotRunReason.UNSUPPORTED


def test_the_real_call_answers_or_says_that_it_cannot() -> None:
    try:
        answer = system_clock.is_synchronised()
    except CannotRun as cannot:
        pytest.skip(f"this system does not say: {cannot}")
    assert answer in (True, False)


def test_declaration() -> None:
    assert clock.PROBE.needs_laptop
    assert set(run()) == {one.name for one in clock.PROBE.observables}
