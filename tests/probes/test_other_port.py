"""Another port of the host: answered, refused, silent, not allowed, cut."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Failed, FailureKind, Measured, NotRunReason, Observation
from posdiag.model.site import (
    AcquirerProfile,
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    HostRole,
    LaptopAt,
    NetworkSettings,
    Politeness,
    Reach,
    Site,
    StepLimits,
)
from posdiag.model.text import Text
from posdiag.probes import other_port
from posdiag.probes.probe import ProbeContext

HOME = "127.0.0.1"


@pytest.fixture
def deaf() -> Iterator[int]:
    """Yield a port whose queue is full: connects to it are not answered (Linux)."""
    with socket.socket() as server:
        server.bind((HOME, 0))
        server.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
            fillers.append(filler)
        yield server.getsockname()[1]
        for filler in fillers:
            filler.close()


def site(*ports: int, address: str = HOME, reach: Reach = Reach.PUBLIC, limit_s: float = 3) -> Site:
    """Return a site whose host has these ports, the first for messages."""
    roles = (HostRole.PRIMARY, HostRole.TMS)
    hosts = [
        HostEndpoint(role=role, address=address, port=port)
        for role, port in zip(roles, ports, strict=False)
    ]
    acquirer = AcquirerProfile(
        id="one",
        title=Text("one", "一"),
        reach=reach,
        hosts=hosts,
        echo=EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BINARY2),
        limits=StepLimits(connect_s=limit_s, dns_try_s=0.2, dns_tries=1),
        sources={},
    )
    network = NetworkSettings(resolvers=[f"{HOME}:9"])
    return Site(acquirer=acquirer, laptop_at=LaptopAt.SAME_LAN, network=network)


def run(shop: Site, *, budget_s: float = 5, connects: int = 20) -> list[Observation]:
    allowance = HostAllowance(Politeness(connects=connects))
    context = ProbeContext(shop, Deadline.after(budget_s), allowance)
    return [item for item in other_port.PROBE.run(context) if isinstance(item, Observation)]


def failure(shop: Site, budget_s: float = 5) -> FailureKind:
    (seen,) = run(shop, budget_s=budget_s)
    assert isinstance(seen.result, Failed)
    return seen.result.failure


def test_answered() -> None:
    with socket.create_server((HOME, 0)) as server:
        port = server.getsockname()[1]
        (seen,) = run(site(1, port))
    assert seen.subject == f"{HOME}:{port}"
    assert isinstance(seen.result, Measured)


def test_refused() -> None:
    with socket.socket() as taken:
        taken.bind((HOME, 0))
        assert failure(site(1, taken.getsockname()[1])) is FailureKind.REFUSED


def test_silent_and_cut(deaf: int) -> None:
    assert failure(site(1, deaf, limit_s=0.2)) is FailureKind.SILENT
    assert failure(site(1, deaf), budget_s=0.2) is FailureKind.CENSORED


def test_a_usual_port_where_the_profile_names_one_only() -> None:
    assert other_port.PROBE.targets(site(8583)) == [f"{HOME}:443"]
    assert other_port.PROBE.targets(site(443)) == [f"{HOME}:80"]


@pytest.mark.parametrize(
    ("shop", "connects", "reason"),
    [
        (Site(), 20, NotRunReason.NOT_DECLARED),
        (site(1, 2, reach=Reach.PRIVATE_APN), 20, NotRunReason.NOT_REACHABLE_FROM_HERE),
        (site(1, 2, address="signon.nowhere.internal"), 20, NotRunReason.EARLIER_STEP_FAILED),
    ],
)
def test_cannot_run(shop: Site, connects: int, reason: NotRunReason) -> None:
    with pytest.raises(CannotRun) as caught:
        run(shop, connects=connects)
    assert caught.value.reason is reason


def test_politeness() -> None:
    allowance = HostAllowance(Politeness(connects=1))
    allowance.take_connect(HOME)
    context = ProbeContext(site(1, 2), Deadline.after(5), allowance)
    with pytest.raises(CannotRun) as caught:
        list(other_port.PROBE.run(context))
    assert caught.value.reason is NotRunReason.POLITENESS_LIMIT
