"""A site with simulated hosts, and the host probe at it."""

from __future__ import annotations

import datetime
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from posdiag.model.observation import (
    NotRunReason,
)
from posdiag.model.site import (
    AcquirerProfile,
    EchoSettings,
    HostEndpoint,
    LaptopAt,
    NetworkSettings,
    Reach,
    Site,
    StepLimits,
)
from posdiag.model.text import Text
from posdiag.probes.host import PROBE
from posdiag.simulate.host import DEFAULT_ECHO, SimulatedHost
from posdiag.simulate.name_server import SimulatedNameServer
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from tests.probes.device_runs import Yielded

HOME = "127.0.0.1"
NAME = "host.pos.example"
LIVE = frozenset({"echo-live-tid"})
PATIENT = StepLimits(dns_try_s=5.0, dns_tries=1, connect_s=10.0, tls_s=10.0, echo_s=10.0)
QUICK = StepLimits(dns_try_s=0.2, dns_tries=1, connect_s=0.3, tls_s=0.3, echo_s=0.3)
"""For silences only: a busy machine may need longer for anything that answers."""
LATER_THAN_TCP = ("host_tls.*", "host_echo.*")
StartHost = Callable[..., SimulatedHost]
StartNameServer = Callable[..., SimulatedNameServer]


def endpoint(host: SimulatedHost, **changes: object) -> HostEndpoint:
    plain = HostEndpoint(
        address=HOME,
        port=host.port,
        tls=bool(host.ca_file),
        server_name=host.server_name,
        ca_file=host.ca_file or None,
    )
    return msgspec.structs.replace(plain, **changes)


def site(
    *hosts: HostEndpoint,
    limits: StepLimits = PATIENT,
    echo: EchoSettings = DEFAULT_ECHO,
    reached: Reach = Reach.PUBLIC,
    laptop_at: LaptopAt = LaptopAt.SAME_LAN,
    servers: tuple[SimulatedNameServer, ...] = (),
    tid: str = "",
    mid: str = "",
) -> Site:
    acquirer = AcquirerProfile(
        id="one",
        title=Text("one", "一"),
        reach=reached,
        hosts=list(hosts),
        echo=echo,
        limits=limits,
        sources={},
    )
    return Site(
        acquirer=acquirer,
        laptop_at=laptop_at,
        network=NetworkSettings(resolvers=[f"{one.address}:{one.port}" for one in servers]),
        tid=tid,
        mid=mid,
        simulated=True,
    )


def run(shop: Site, **settings: object) -> Yielded:
    return Yielded(PROBE, shop, **settings)  # type: ignore[arg-type]


def seconds(yielded: Yielded, name: str) -> float:
    value = yielded.value(name)
    assert isinstance(value, float)
    return value


def requests(host: SimulatedHost) -> int:
    return sum(line.startswith("request") for line in host.journal)


def connects(host: SimulatedHost, expected: int) -> int:
    """Return how many came, once its threads have had time to write down all of them."""
    until_s = time.monotonic() + 5
    while host.journal.count("connect") < expected and time.monotonic() < until_s:
        time.sleep(0.01)
    time.sleep(0.1)
    return host.journal.count("connect")


def assert_gaps(yielded: Yielded, reason: NotRunReason, *names: str) -> None:
    for name in names:
        assert yielded.unmeasured(name).reason is reason, name
        group = name.removesuffix("*")
        assert not [seen for seen in yielded.names() if seen.startswith(group)]


@contextmanager
def answering_once(answer: bytes | EchoHost) -> Iterator[int]:
    """Take a request, answer it once and close, each connection; give the port."""
    with socket.create_server((HOME, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                with link:
                    link.settimeout(5)
                    asked = link.recv(4096)
                    link.sendall(_answer(asked))
                    link.shutdown(socket.SHUT_WR)
                    link.recv(4096)

        def _answer(asked: bytes) -> bytes:
            if isinstance(answer, bytes):
                return answer
            frames = FrameDecoder(DEFAULT_ECHO.framing)
            frames.feed(asked)
            body = frames.next_body()
            assert body is not None
            now = datetime.datetime.now(tz=datetime.UTC)
            return encode_frame(DEFAULT_ECHO.framing, answer.answer(body, now)[1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
