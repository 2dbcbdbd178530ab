"""Round trips to gateway and reference, against name servers on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from posdiag.link import targets
from posdiag.link.deadline import Deadline
from posdiag.link.interfaces import DefaultRoute
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Failed,
    FailureKind,
    Measured,
    NotRunReason,
    Observation,
    Operation,
    Part,
    Unmeasured,
)
from posdiag.model.site import (
    AcquirerProfile,
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    LaptopAt,
    NetworkSettings,
    Reach,
    Site,
)
from posdiag.model.text import Text
from posdiag.probes import path
from posdiag.probes.probe import ProbeContext

HOME = "127.0.0.1"


@contextmanager
def answering(
    wanted: Callable[[int], bool], delay_s: float = 0.0
) -> Iterator[tuple[str, list[bytes]]]:
    """Answer those queries whose number is wanted; give ``ip:port`` and what was asked."""
    queries: list[bytes] = []
    stop = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOME, 0))
        server.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    query, peer = server.recvfrom(512)
                except TimeoutError:
                    continue
                queries.append(query)
                if wanted(len(queries)):
                    time.sleep(delay_s)
                    server.sendto(query[:2] + b"\x80\x05" + query[4:], peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{HOME}:{server.getsockname()[1]}", queries
        stop.set()
        thread.join()


def always(_number: int) -> bool:
    return True


def never(_number: int) -> bool:
    return False


def site(
    gateway: str | None,
    reference: str | None = None,
    *,
    series: int = 5,
    laptop_at: LaptopAt = LaptopAt.SAME_LAN,
    simulated: bool = True,
    method: str = "dns",
) -> Site:
    network = NetworkSettings(gateway=gateway, reference=reference, series=series, method=method)
    return Site(network=network, laptop_at=laptop_at, simulated=simulated)


Seen = dict[str, Observation | Unmeasured]


def run(shop: Site, budget_s: float = 20.0) -> Seen:
    context = ProbeContext(shop, Deadline.after(budget_s), HostAllowance())
    items = list(path.PROBE.run(context))
    known = {one.name for one in path.PROBE.observables}
    assert all(item.name in known or item.name.endswith(".*") for item in items)
    assert len({item.name for item in items}) == len(items)
    return {item.name: item for item in items}


def value(item: Observation | Unmeasured) -> object:
    assert isinstance(item, Observation), item
    assert isinstance(item.result, Measured), item
    return item.result.value


def failure(item: Observation | Unmeasured) -> Failed:
    assert isinstance(item, Observation), item
    assert isinstance(item.result, Failed), item
    return item.result


def reason(item: Observation | Unmeasured) -> NotRunReason:
    assert isinstance(item, Unmeasured), item
    return item.reason


def test_both_answer_at_the_same_time() -> None:
    with answering(always, 0.05) as (near, _), answering(always, 0.1) as (far, _):
        began_s = time.monotonic()
        seen = run(site(near, far))
        took_s = time.monotonic() - began_s
    assert took_s < 0.05 * 5 + 0.1 * 5 + 0.1, "one after the other would take longer"
    assert (value(seen["gateway.sent"]), value(seen["gateway.lost"])) == (5, 0)
    for prefix, delay_s, part in (
        ("gateway", 0.05, Part.SHOP_NETWORK),
        ("reference", 0.1, Part.ACCESS_LINE),
    ):
        item = seen[f"{prefix}.round_trip"]
        assert isinstance(item, Observation)
        assert item.part is part
        assert item.end_s > item.start_s
        samples = value(item)
        assert isinstance(samples, list)
        assert len(samples) == 5
        middle, tail = (
            value(seen[f"{prefix}.round_trip_p50"]),
            value(seen[f"{prefix}.round_trip_p95"]),
        )
        assert isinstance(middle, float)
        assert isinstance(tail, float)
        assert delay_s <= middle <= tail == max(samples)


def test_percentiles_are_by_nearest_rank() -> None:
    context = ProbeContext(Site(), Deadline.after(5), HostAllowance())
    leg = path._Leg("gateway", HOME, Part.SHOP_NETWORK)
    samples = [float(n) for n in range(1, 21)]
    seen = {item.name: item for item in path._delays(context, leg, samples, 0.0)}
    assert value(seen["gateway.round_trip_p50"]) == 10.5
    assert value(seen["gateway.round_trip_p95"]) == 19.0


def test_every_third_is_lost() -> None:
    with answering(lambda number: number % 3 != 0) as (near, queries):
        seen = run(site(near, series=6))
        assert len(queries) == 6
    assert (value(seen["gateway.sent"]), value(seen["gateway.lost"])) == (6, 2)
    assert reason(seen["reference.*"]) is NotRunReason.NOT_DECLARED


def test_silence_in_bounded_time() -> None:
    with answering(never) as (near, _):
        began_s = time.monotonic()
        seen = run(site(near, series=50))
        assert time.monotonic() - began_s < 8
    sent = value(seen["gateway.sent"])
    assert isinstance(sent, int)
    assert 5 <= sent <= 7
    assert value(seen["gateway.lost"]) == sent
    failed = failure(seen["gateway.round_trip"])
    assert (failed.failure, failed.operation) == (FailureKind.SILENT, Operation.PING)
    assert failed.waited_s is not None
    assert failed.waited_s > 5
    assert reason(seen["gateway.round_trip_p95"]) is NotRunReason.EARLIER_STEP_FAILED


def test_a_wait_that_the_budget_cuts_is_censored() -> None:
    with answering(never) as (near, _):
        seen = run(site(near), budget_s=0.3)
    failed = failure(seen["gateway.round_trip"])
    assert failed.failure is FailureKind.CENSORED
    assert failed.waited_s == pytest.approx(0.3, abs=0.15)
    assert "gateway.sent" not in seen


def test_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOME, 0))
        port = taken.getsockname()[1]
    seen = run(site(f"{HOME}:{port}"))
    assert failure(seen["gateway.round_trip"]).failure is FailureKind.REFUSED
    assert value(seen["gateway.lost"]) == 5


def test_unreachable_and_faults_of_the_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = [
        LinkError(FailureKind.UNREACHABLE, Operation.CONNECT, "No route to host"),
        CannotRun(NotRunReason.NO_PERMISSION, "ICMP echo"),
    ]

    def take(address: str, *_args: object, **_kwargs: object) -> None:
        raise errors[address == "192.168.1.2"]

    monkeypatch.setattr(path, "take_series", take)
    seen = run(site("192.168.1.1", "192.168.1.2"))
    assert failure(seen["gateway.round_trip"]).failure is FailureKind.UNREACHABLE
    assert reason(seen["reference.*"]) is NotRunReason.NO_PERMISSION


def test_nothing_declared_at_a_simulated_site_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(targets, "default_routes", lambda: pytest.fail("looked at the laptop"))
    for call in (lambda: path.PROBE.targets(site(None)), lambda: run(site(None))):
        with pytest.raises(CannotRun) as caught:
            call()
        assert caught.value.reason is NotRunReason.NOT_DECLARED
    with answering(always) as (far, _):
        seen = run(site(None, far))
    assert reason(seen["gateway.*"]) is NotRunReason.NOT_DECLARED


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([DefaultRoute("eth0", "192.168.1.1"), DefaultRoute("tun0", "10.8.0.1")], "192.168.1.1"),
        ([DefaultRoute("ppp0", "")], NotRunReason.NOT_APPLICABLE),
        ([], NotRunReason.NOT_DECLARED),
    ],
)
def test_the_gateway_of_a_real_site_is_found(
    routes: list[DefaultRoute], expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "default_routes", lambda: routes)
    shop = site(None, simulated=False)
    if not isinstance(expected, NotRunReason):
        assert path.PROBE.targets(shop) == [expected]
        return
    with pytest.raises(CannotRun) as caught:
        path.PROBE.targets(shop)
    assert caught.value.reason is expected


@pytest.mark.parametrize("laptop_at", [LaptopAt.HOTSPOT, LaptopAt.ELSEWHERE])
def test_the_shops_gateway_is_not_asked_from_elsewhere(laptop_at: LaptopAt) -> None:
    with answering(always) as (near, queries), answering(always) as (far, _):
        seen = run(site(near, far, laptop_at=laptop_at))
        assert queries == []
    assert reason(seen["gateway.*"]) is NotRunReason.NOT_REACHABLE_FROM_HERE
    item = seen["reference.round_trip"]
    assert isinstance(item, Observation)
    assert item.part is Part.LAPTOP


def test_a_host_of_the_acquirer_is_no_reference() -> None:
    acquirer = AcquirerProfile(
        id="one",
        title=Text("one", "一"),
        reach=Reach.PUBLIC,
        hosts=[HostEndpoint(address="203.0.113.9", port=443)],
        echo=EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BINARY2),
        sources={},
    )
    with answering(always) as (near, _):
        network = NetworkSettings(gateway=near, reference="203.0.113.9", method="dns", series=5)
        seen = run(Site(network=network, acquirer=acquirer, laptop_at=LaptopAt.SAME_LAN))
    assert reason(seen["reference.*"]) is NotRunReason.POLITENESS_LIMIT
    assert value(seen["gateway.sent"]) == 5


def test_tcp_round_trips() -> None:
    with socket.create_server((HOME, 0)) as server:
        seen = run(site(f"{HOME}:{server.getsockname()[1]}", method="tcp"))
    assert (value(seen["gateway.sent"]), value(seen["gateway.lost"])) == (5, 0)
