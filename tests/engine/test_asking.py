"""A probe that asks the person beside the laptop for something."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from posdiag.engine.events import Event, Observed, PersonAsked
from posdiag.probes.probe import ProbeContext, ProbeYield
from posdiag.report.live_table import LiveTable
from tests.engine.made_up_probes import made_up, number, run_probes


def _asks(context: ProbeContext) -> Iterator[ProbeYield]:
    context.ask("Put the card in question into the reader.")
    yield number(context, 1)


def test_it_is_an_event_and_comes_in_order() -> None:
    events: list[Event] = []
    run_probes(made_up("asks", _asks), events=events.append)
    told = [event for event in events if isinstance(event, PersonAsked | Observed)]
    assert [type(event).__name__ for event in told] == ["PersonAsked", "Observed"]
    first = told[0]
    assert isinstance(first, PersonAsked)
    assert (first.probe, first.text) == ("asks", "Put the card in question into the reader.")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [_Terminal(), io.StringIO()])
def test_the_line_stays_above_the_table(stream: io.StringIO) -> None:
    with LiveTable(["card"], budget_s=20.0, language="zh", stream=stream) as table:
        table.asked("Put the card in question into the reader.")
        table.started("card")
    assert "请把有疑问的卡插入读卡器。" in stream.getvalue()
