"""The laptop's interface: what the probe makes of what the system tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.link import interfaces, way_out
from posdiag.link.deadline import Deadline
from posdiag.link.interfaces import DefaultRoute, InterfaceState
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
from posdiag.model.site import NetworkSettings, Site
from posdiag.probes import interface
from posdiag.probes.interface import PROBE
from posdiag.probes.probe import ProbeContext

HEALTHY = InterfaceState("eth0", True, False, ("192.168.1.7",), 1000, 2000, 4)
LOOPBACK = InterfaceState("lo", True, True, ("127.0.0.1",), None, 10, 0)


def run(
    monkeypatch: pytest.MonkeyPatch,
    every: list[InterfaceState] | LinkError,
    routes: list[DefaultRoute] | CannotRun,
    wanted: str | None = None,
) -> dict[str, Observation | Unmeasured]:
    monkeypatch.setattr(interface, "WINDOW_S", 0.01)
    monkeypatch.setattr(way_out, "proxies", list)

    def tell(answer: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(interfaces, "interfaces", lambda: tell(every))
    monkeypatch.setattr(interfaces, "default_routes", lambda: tell(routes))
    site = Site(network=NetworkSettings(interface=wanted))
    context = ProbeContext(site, Deadline.after(5), HostAllowance())
    seen = {item.name: item for item in PROBE.run(context)}
    assert set(seen) <= {one.name for one in PROBE.observables}
    return seen


def value(item: Observation | Unmeasured) -> object:
    assert isinstance(item, Observation)
    assert item.part is Part.LAPTOP
    assert isinstance(item.result, Measured)
    return item.result.value


def test_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = run(monkeypatch, [HEALTHY, LOOPBACK], [DefaultRoute("eth0", "192.168.1.1")])
    known = {name: value(item) for name, item in seen.items()}
    known.pop("interface.carrier_changes", None)  # this machine's own eth0, where it has one
    assert known == {
        "interface.active_count": 1,
        "interface.up": True,
        "interface.address_kind": "private",
        "interface.speed": 1000,
        "interface.error_ratio": 0.002,
        "interface.errors_per_s": 0.0,
        "interface.default_routes": 1,
        "interface.tunnel": False,
        "interface.proxy": False,
        "interface.ip_versions": "4",
    }
    assert seen["interface.up"].subject == "eth0"


def test_no_cable_and_nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    down = InterfaceState("eth0", False, False, (), None, 0, 0)
    seen = run(monkeypatch, [down, LOOPBACK], [])
    assert value(seen["interface.up"]) is False
    assert value(seen["interface.address_kind"]) == "none"
    assert value(seen["interface.active_count"]) == 0
    for name in ("interface.speed", "interface.error_ratio"):
        gap = seen[name]
        assert isinstance(gap, Unmeasured)
        assert gap.reason is NotRunReason.UNSUPPORTED


def test_nobody_answered_dhcp(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = HEALTHY._replace(addresses=("169.254.9.9",), packets=2, faulty=9)
    seen = run(monkeypatch, [alone], CannotRun(NotRunReason.UNSUPPORTED, "route table"))
    assert value(seen["interface.address_kind"]) == "self_assigned"
    assert value(seen["interface.error_ratio"]) == 1.0


def test_nothing_but_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = run(monkeypatch, [LOOPBACK], [])
    assert value(seen["interface.up"]) is False


def test_the_named_interface_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = run(monkeypatch, [HEALTHY], [], wanted="usb0")
    missing = seen["interface.up"]
    assert isinstance(missing, Observation)
    assert missing.subject == "usb0"
    assert missing.result == Failed(FailureKind.NOT_FOUND, Operation.READ_SYSTEM)
    gap = seen["interface.speed"]
    assert isinstance(gap, Unmeasured)
    assert gap.reason is NotRunReason.EARLIER_STEP_FAILED


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FailureKind.PERMISSION, NotRunReason.NO_PERMISSION),
        (FailureKind.UNEXPECTED, NotRunReason.UNSUPPORTED),
    ],
)
def test_a_system_that_does_not_tell(
    kind: FailureKind, reason: NotRunReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CannotRun) as caught:
        run(monkeypatch, LinkError(kind, Operation.READ_SYSTEM, "no"), [])
    assert caught.value.reason is reason


def test_this_machine() -> None:
    context = ProbeContext(Site(), Deadline.after(5), HostAllowance())
    names = {item.name for item in PROBE.run(context)}
    unsaid = {"interface.duplex", "interface.carrier_changes"}
    assert names | unsaid == {one.name for one in PROBE.observables} | unsaid
    assert PROBE.needs_laptop
    assert PROBE.targets(Site()) == []


def test_errors_that_come_now(monkeypatch: pytest.MonkeyPatch) -> None:
    worse = iter([[HEALTHY], [HEALTHY._replace(faulty=44)]])
    monkeypatch.setattr(interface, "WINDOW_S", 0.2)
    monkeypatch.setattr(interfaces, "interfaces", lambda: next(worse))
    monkeypatch.setattr(interfaces, "default_routes", list)
    context = ProbeContext(Site(), Deadline.after(5), HostAllowance())
    seen = {item.name: item for item in PROBE.run(context)}
    rate = value(seen["interface.errors_per_s"])
    assert isinstance(rate, float)
    assert 100 <= rate <= 200


def test_a_vpn_a_proxy_and_half_duplex(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system = tmp_path / "net"
    for name, kind, changes in (("eth0", "1", "7"), ("corp0", "65534", "1")):
        (system / name).mkdir(parents=True)
        (system / name / "type").write_text(kind + "\n")
        (system / name / "carrier_changes").write_text(changes + "\n")
    assert not way_out.is_tunnel("eth0", system)
    assert way_out.is_tunnel("corp0", system)
    assert way_out.is_tunnel("utun3", tmp_path / "another system")
    assert way_out.carrier_changes("eth0", system) == 7
    assert way_out.carrier_changes("eth1", system) is None
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy.internal:3128")
    assert way_out.proxies() == ["https"]
    half = HEALTHY._replace(duplex="half", addresses=("192.168.1.7", "fe80::1", "2408:8000::7"))
    routes = [DefaultRoute("eth0", "192.168.1.1"), DefaultRoute("corp0", "")]
    seen = run(monkeypatch, [half], routes)
    assert value(seen["interface.duplex"]) == "half"
    assert value(seen["interface.default_routes"]) == 2
    assert value(seen["interface.ip_versions"]) == "4+6"
