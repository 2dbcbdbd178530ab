"""Packets of full size: over a line that carries them, one that says no, one that swallows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from posdiag.link import path_mtu
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.site import NetworkSettings, Site
from posdiag.probes import mtu
from posdiag.probes.probe import ProbeContext
from tests.conditions.shop_line import ShopLine
from tests.probes.line_runs import shop_line, site_of
from tests.testbed.needs import needs_links
from tests.testbed.seen import probe_in

NAMES = ("path_mtu.large_packets", "path_mtu.largest")


@pytest.fixture(scope="module")
def line() -> Iterator[ShopLine]:
    with shop_line("mt") as found:
        yield found


@needs_links
def test_answered(line: ShopLine) -> None:
    line.links["core"].reset()
    seen = probe_in(line.links["lan"], "mtu", site_of(line))
    assert [seen.values(name) for name in NAMES] == [["answered"], [1500]]


@needs_links
def test_a_black_hole(line: ShopLine) -> None:
    line.links["core"].set(mtu_blackhole=1400)
    seen = probe_in(line.links["lan"], "mtu", site_of(line))
    line.links["core"].reset()
    assert seen.values("path_mtu.large_packets") == ["lost"]
    assert 1392 <= seen.values("path_mtu.largest")[0] <= 1400


@needs_links
def test_a_router_that_says_so(line: ShopLine) -> None:
    line.links["core"].run("a", ["ip", "link", "set", "core0", "mtu", "1300"])
    seen = probe_in(line.links["lan"], "mtu", site_of(line))
    line.links["core"].run("a", ["ip", "link", "set", "core0", "mtu", "1500"])
    assert seen.values("path_mtu.large_packets") == ["told"]
    assert 1292 <= seen.values("path_mtu.largest")[0] <= 1300


@needs_links
def test_nobody_there_and_a_budget_that_ends(line: ShopLine) -> None:
    line.links["core"].set(down=True)
    seen = probe_in(line.links["lan"], "mtu", site_of(line), "--budget", "2")
    line.links["core"].reset()
    assert seen.outcome["status"] == "not_run"
    assert seen.outcome["reason"] == "earlier_step_failed"
    assert "censored" in seen.outcome["detail"]


def context(**network: object) -> ProbeContext:
    site = Site(network=NetworkSettings(**network))  # type: ignore[arg-type]
    return ProbeContext(site, Deadline.after(5), HostAllowance())


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ({}, NotRunReason.NOT_DECLARED),
        ({"reference": "127.0.0.1", "method": "dns"}, NotRunReason.NOT_APPLICABLE),
    ],
)
def test_cannot_run(network: dict[str, object], reason: NotRunReason) -> None:
    with pytest.raises(CannotRun) as caught:
        list(mtu.PROBE.run(context(**network)))
    assert caught.value.reason is reason


def test_small_packets_are_the_affair_of_another_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_args: object, **_kwargs: object) -> None:
        raise LinkError(FailureKind.SILENT, Operation.PING)

    monkeypatch.setattr(mtu, "path_mtu", silent)
    with pytest.raises(CannotRun) as caught:
        list(mtu.PROBE.run(context(reference="127.0.0.1")))
    assert caught.value.reason is NotRunReason.EARLIER_STEP_FAILED
    assert path_mtu.FULL_BYTES == 1500
