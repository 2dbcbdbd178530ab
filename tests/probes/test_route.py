"""Routers on the way, and where loss or a queue begins: on a real line, and by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.link.segments import HopSeries, Segment, loss_begins, queue_begins
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import NetworkSettings, Site
from posdiag.probes import route
from posdiag.probes.probe import ProbeContext
from tests.conditions.shop_line import REFERENCE, ShopLine
from tests.probes.line_runs import shop_line, site_of
from tests.testbed.needs import needs_links
from tests.testbed.seen import probe_in


@pytest.fixture(scope="module")
def line() -> Iterator[ShopLine]:
    with shop_line("rt") as found:
        yield found


@needs_links
def test_a_clean_way(line: ShopLine) -> None:
    seen = probe_in(line.links["lan"], "route", site_of(line))
    assert seen.values("route.hops") == [3]
    assert seen.values("route.hop_loss") == [0.0, 0.0, 0.0]
    near, middle, far = seen.values("route.hop_time")
    assert near < 0.005 < middle <= far < 0.05
    assert seen.values("route.loss_begins") == seen.values("route.queue_begins") == ["nowhere"]
    subjects = [one["subject"] for one in seen.outcome["observations"]]
    assert f"3 {REFERENCE}" in subjects


@needs_links
@pytest.mark.parametrize(
    ("link", "segment"), [("lan", "shop"), ("line", "access"), ("core", "beyond")]
)
def test_loss_is_placed(link: str, segment: str, line: ShopLine) -> None:
    line.links[link].set(loss=0.12)
    seen = probe_in(line.links["lan"], "route", site_of(line))
    line.links[link].set(loss=0.0)
    assert seen.values("route.loss_begins") == [segment]


@needs_links
def test_a_silent_reference_places_nothing(line: ShopLine) -> None:
    line.links["core"].set(down=True)
    seen = probe_in(line.links["lan"], "route", site_of(line))
    line.links["core"].set(down=False)
    assert seen.values("route.hop_loss") == [0.0, 0.0]
    assert seen.gaps()["route.loss_begins"] == "earlier_step_failed"


@needs_links
def test_the_deadline_ends_it(line: ShopLine) -> None:
    seen = probe_in(line.links["lan"], "route", site_of(line), "--budget", "1")
    assert seen.outcome["status"] in ("completed", "not_run")
    assert seen.outcome["end_s"] < 2.0


def series(number: int, lost: int, *, late: float = 0.0, count: int = 100) -> HopSeries:
    """Return a hop's echoes: so many lost, most of the others late."""
    quick = [0.01] * 10
    slow = [0.01 + late] * (count - lost - 10)
    times: Sequence[float | None] = [*([None] * lost), *quick, *slow]
    return HopSeries(number, times)


def test_a_busy_router_is_no_loss() -> None:
    assert loss_begins([series(1, 0), series(2, 60), series(3, 0)], 1) is Segment.NOWHERE
    assert loss_begins([series(1, 60), series(2, 0), series(3, 10)], 1) is Segment.BEYOND


def test_a_router_that_answers_nothing_leaves_it_open() -> None:
    silent = HopSeries(2, [])
    assert loss_begins([series(1, 0), silent, series(3, 10)], 1) is Segment.OUTSIDE


def test_queues_are_placed_by_their_own_delay() -> None:
    clean, late = series(1, 0), series(2, 0, late=0.9)
    assert queue_begins([clean, late, series(3, 0, late=1.0)], 1) is Segment.ACCESS
    assert queue_begins([clean, series(2, 0), series(3, 0, late=1.0)], 1) is Segment.BEYOND
    everywhere = [series(number, 0, late=0.9) for number in (1, 2, 3)]
    assert queue_begins(everywhere, 1) is Segment.SHOP
    # A router that answers late though what lies behind it is quick is only busy.
    assert queue_begins([clean, late, series(3, 0)], 1) is Segment.NOWHERE


def test_nothing_declared_is_cannot_run() -> None:
    for network, reason in (
        (NetworkSettings(), NotRunReason.NOT_DECLARED),
        (NetworkSettings(reference="127.0.0.1", method="dns"), NotRunReason.NOT_APPLICABLE),
    ):
        context = ProbeContext(Site(network=network), Deadline.after(5), HostAllowance())
        with pytest.raises(CannotRun) as caught:
            list(route.PROBE.run(context))
        assert caught.value.reason is reason
