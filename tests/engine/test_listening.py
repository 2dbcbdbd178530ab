"""The host's answer is listened for after the budget: the verdict comes first, then its update."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posdiag.engine.chain import Measurement, measure_in_steps
from posdiag.model.observation import Failed, FailureKind, Measured, Observation
from posdiag.model.report import End
from posdiag.model.site import Site
from posdiag.probes import discover
from posdiag.simulate.host import HostFaults
from posdiag.simulate.scenario import Scenario
from posdiag.simulate.shop import SimulatedShop
from posdiag.site import load_site

HOST = {name: probe for name, probe in discover().items() if name == "host"}


@contextmanager
def answering_after(folder: Path, delay_s: float, *, tls: bool = False) -> Iterator[Site]:
    with SimulatedShop(Scenario(host=HostFaults(delay_s=delay_s, tls=tls)), pty=False) as shop:
        path = folder / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        yield load_site(path)


def answers(measurement: Measurement) -> list[Observation]:
    return [
        seen
        for seen in measurement.outcomes[0].observations
        if seen.name == "host_echo.answer_time"
    ]


def test_a_late_answer_replaces_the_wait_that_the_budget_cut(tmp_path: Path) -> None:
    with answering_after(tmp_path, 2.5, tls=True) as site:
        first, second = measure_in_steps(site, probes=HOST, budget_s=1.2, patience_s=8.0)
    (cut,) = answers(first)
    assert isinstance(cut.result, Failed)
    assert cut.result.failure is FailureKind.CENSORED
    assert 0.3 < (cut.result.waited_s or 0.0) < 1.7
    assert (first.listening, first.end) == (True, End.BUDGET_SPENT)
    values = [seen.result for seen in answers(second)]
    assert all(isinstance(value, Measured) for value in values)
    assert isinstance(values[0], Measured)
    assert isinstance(values[0].value, float)
    assert 2.4 < values[0].value < 5.0
    assert (second.listening, second.end) == (False, End.FINISHED)


def test_patience_ends_too(tmp_path: Path) -> None:
    with answering_after(tmp_path, 30.0) as site:
        first, second = measure_in_steps(site, probes=HOST, budget_s=0.8, patience_s=2.0)
    waits = [seen.result for step in (first, second) for seen in answers(step)]
    assert len(waits) == 2
    assert all(isinstance(one, Failed) and one.failure is FailureKind.CENSORED for one in waits)
    assert isinstance(waits[1], Failed)
    assert 1.5 < (waits[1].waited_s or 0.0) < 2.6


def test_without_patience_there_is_one_verdict(tmp_path: Path) -> None:
    with answering_after(tmp_path, 30.0) as site:
        for patience_s in (None, 0.5):
            (only,) = measure_in_steps(site, probes=HOST, budget_s=0.8, patience_s=patience_s)
            (cut,) = answers(only)
            assert isinstance(cut.result, Failed)
            assert cut.result.failure is FailureKind.CENSORED


def test_an_answer_in_time_is_not_listened_for(tmp_path: Path) -> None:
    with answering_after(tmp_path, 0.1) as site:
        (only,) = measure_in_steps(site, probes=HOST, budget_s=5.0, patience_s=20.0)
    assert not only.listening
    assert all(isinstance(seen.result, Measured) for seen in answers(only))


def test_an_interrupt_ends_the_listening(tmp_path: Path) -> None:
    interrupt = threading.Event()
    with answering_after(tmp_path, 30.0) as site:
        steps = measure_in_steps(
            site, probes=HOST, budget_s=0.8, patience_s=30.0, interrupt=interrupt
        )
        first = next(steps)
        interrupt.set()
        second = next(steps)
    assert first.listening
    assert second.end is End.INTERRUPTED
    assert answers(second) == answers(first)
