"""Delay under load, on a line with a deep buffer and on one with a shallow one; consent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from posdiag.engine.plan import make_plan
from posdiag.link.deadline import Deadline
from posdiag.link.load import MOST_BYTES, upload
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import NotRunReason
from posdiag.model.site import LaptopAt, NetworkSettings, Site
from posdiag.probes.load import PROBE
from posdiag.probes.probe import ProbeContext
from posdiag.simulate.listener import Listener
from tests.conditions.shop_line import REFERENCE, ShopLine
from tests.probes.line_runs import shop_line, site_of
from tests.testbed.needs import needs_links
from tests.testbed.seen import Seen, probe_in


@pytest.fixture(scope="module")
def line() -> Iterator[ShopLine]:
    with shop_line("ld") as found:
        yield found


def run(line: ShopLine, *options: str) -> Seen:
    sink = f'load_sink = "{REFERENCE}:{line.ports["sink"]}"\n'
    site = site_of(line).replace("[network]\n", f"[network]\n{sink}")
    return probe_in(line.links["lan"], "load", site, *options)


@needs_links
def test_nothing_is_sent_without_consent(line: ShopLine) -> None:
    before = line.links["line"].stats()["ab"]["rx"]
    seen = run(line)
    assert (seen.outcome["status"], seen.outcome["reason"]) == ("not_run", "consent_required")
    assert line.links["line"].stats()["ab"]["rx"] == before


@needs_links
@pytest.mark.parametrize(
    ("buffer_bytes", "least_s", "most_s"), [(6_000, 0, 0.25), (256_000, 0.5, 9)]
)
def test_the_buffer_shows(buffer_bytes: int, least_s: float, most_s: float, line: ShopLine) -> None:
    line.links["line"].set("ab", rate_kbit=1000, buffer_bytes=buffer_bytes)
    before = line.links["line"].stats()["ab"]["rx_bytes"]
    seen = run(line, "--allow", "load")
    sent = line.links["line"].stats()["ab"]["rx_bytes"] - before
    (idle_s,), (loaded_s,) = (
        seen.values("load.idle_round_trip"),
        seen.values("load.loaded_round_trip"),
    )
    assert idle_s < 0.05
    assert least_s <= loaded_s - idle_s <= most_s
    assert sent < MOST_BYTES


def test_the_plan_names_the_sink_before_anyone_agrees() -> None:
    network = NetworkSettings(load_sink="198.18.3.2:9", reference="198.18.3.2")
    plan = make_plan(Site(network=network), {"load": PROBE})
    assert plan.lines[0].targets == ["198.18.3.2:9", "198.18.3.2"]
    assert plan.lines[0].left_out == NotRunReason.CONSENT_REQUIRED


def test_an_upload_is_bounded() -> None:
    got: list[int] = []

    def swallow(link: object) -> None:
        while data := listener.receive(link):  # type: ignore[arg-type]
            got.append(len(data))

    listener = Listener(swallow)
    listener.start()
    try:
        sent = upload("127.0.0.1", listener.port, Deadline.after(0.5))
    finally:
        listener.stop()
    assert sent.took_s < 1.0
    assert 0 < sum(got) <= sent.sent_bytes <= MOST_BYTES + 16384


def test_nobody_takes_it() -> None:
    with pytest.raises(LinkError):
        upload("127.0.0.1", 9, Deadline.after(1))


@pytest.mark.parametrize(
    ("network", "at", "reason"),
    [
        (NetworkSettings(), LaptopAt.SAME_LAN, NotRunReason.NOT_DECLARED),
        (NetworkSettings(load_sink="127.0.0.1"), LaptopAt.SAME_LAN, NotRunReason.NOT_DECLARED),
        (
            NetworkSettings(load_sink="127.0.0.1:9"),
            LaptopAt.HOTSPOT,
            NotRunReason.NOT_REACHABLE_FROM_HERE,
        ),
    ],
)
def test_cannot_run(network: NetworkSettings, at: LaptopAt, reason: NotRunReason) -> None:
    site = Site(network=network, laptop_at=at)
    with pytest.raises(CannotRun) as caught:
        list(PROBE.run(ProbeContext(site, Deadline.after(1), HostAllowance())))
    assert caught.value.reason is reason
