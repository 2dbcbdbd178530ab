"""Backup and terminal management hosts: connected to, shaken hands with, told nothing."""

from __future__ import annotations

import sys
import time

import msgspec
import pytest

from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.site import HostEndpoint, HostRole, Politeness, Reach, Site
from posdiag.probes import other_hosts
from posdiag.probes.other_hosts import PROBE
from tests.probes.device_runs import Yielded
from tests.probes.host_runs import (
    HOME,
    NAME,
    QUICK,
    StartHost,
    StartNameServer,
    connects,
    endpoint,
    requests,
    site,
)

FIRST = HostEndpoint(address=HOME, port=1)


def run(shop: Site, **settings: object) -> Yielded:
    return Yielded(PROBE, shop, **settings)  # type: ignore[arg-type]


def test_answered(start_host: StartHost) -> None:
    backup, tms = start_host(), start_host(tls=True)
    shop = site(FIRST, endpoint(backup, role=HostRole.BACKUP), endpoint(tms, role=HostRole.TMS))
    assert PROBE.targets(shop) == [f"{HOME}:{backup.port}", f"{HOME}:{tms.port}"]
    yielded = run(shop)
    assert yielded.observation("backup_tcp.connect_time").subject == f"{HOME}:{backup.port}"
    assert "backup_tls.handshake_time" not in yielded.names()
    assert yielded.value("tms_tls.verification") == "trusted"
    assert yielded.value("tms_tls.certificate_days_left") == pytest.approx(365, abs=1)
    assert (connects(backup, 1), connects(tms, 1)) == (1, 1)
    assert requests(backup) == requests(tms) == 0


def test_a_second_primary_host_is_one_to_fall_back_on(start_host: StartHost) -> None:
    yielded = run(site(FIRST, endpoint(start_host())))
    assert "backup_tcp.connect_time" in yielded.names()


@pytest.mark.parametrize(
    ("faults", "kind"),
    [({"tls_certificate": "expired"}, "verification"), ({"tls_silent": True}, "handshake_time")],
)
def test_answered_badly(start_host: StartHost, faults: dict[str, object], kind: str) -> None:
    limits = msgspec.structs.replace(QUICK, connect_s=10.0)
    if kind == "verification":
        limits = msgspec.structs.replace(limits, tls_s=10.0)
    host = start_host(tls=True, **faults)
    yielded = run(site(FIRST, endpoint(host, role=HostRole.TMS), limits=limits))
    expected = {
        "verification": FailureKind.CERTIFICATE_EXPIRED,
        "handshake_time": FailureKind.SILENT,
    }
    assert yielded.kind(f"tms_tls.{kind}") is expected[kind]


def test_refused_and_silent_at_the_same_time(start_host: StartHost) -> None:
    hosts = [start_host(refuse=True)]
    if sys.platform == "linux":
        hosts.append(start_host(connect_silent=True))
    shop = site(FIRST, *(endpoint(one, role=HostRole.BACKUP) for one in hosts), limits=QUICK)
    began_s = time.monotonic()
    yielded = run(shop)
    kinds = [
        yielded.failed("backup_tcp.connect_time", f"{HOME}:{one.port}").failure for one in hosts
    ]
    assert kinds == [FailureKind.REFUSED, FailureKind.SILENT][: len(hosts)]
    assert time.monotonic() - began_s < 3


def test_the_deadline(start_host: StartHost) -> None:
    host = start_host(tls=True, tls_silent=True)
    yielded = run(site(FIRST, endpoint(host, role=HostRole.BACKUP)), budget_s=0.5)
    assert yielded.kind("backup_tls.handshake_time") is FailureKind.CENSORED


def test_its_name_is_not_found(start_host: StartHost, start_name_server: StartNameServer) -> None:
    backup, server = start_host(), start_name_server(nxdomain=True)
    shop = site(FIRST, endpoint(backup, address=NAME, role=HostRole.BACKUP), servers=(server,))
    gap = run(shop).unmeasured("backup_tcp.connect_time")
    assert gap.reason is NotRunReason.EARLIER_STEP_FAILED
    assert "name_not_found" in gap.detail


def test_politeness(start_host: StartHost) -> None:
    host = start_host()
    shop = site(FIRST, endpoint(host, role=HostRole.BACKUP))
    allowance = HostAllowance(Politeness(connects=1))
    run(shop, allowance=allowance)
    gap = run(shop, allowance=allowance).unmeasured("backup_tcp.connect_time")
    assert gap.reason is NotRunReason.POLITENESS_LIMIT
    assert connects(host, 1) == 1


def test_what_the_laptop_may_not_do(start_host: StartHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise LinkError(FailureKind.PERMISSION, Operation.CONNECT, "Operation not permitted")

    monkeypatch.setattr(other_hosts, "run_tcp", refuse)
    yielded = run(site(FIRST, endpoint(start_host(), role=HostRole.BACKUP)))
    assert yielded.unmeasured("backup_tcp.connect_time").reason is NotRunReason.NO_PERMISSION
    assert yielded.names() == set()


@pytest.mark.parametrize(
    ("shop", "reason"),
    [
        (Site(), NotRunReason.NOT_DECLARED),
        (site(FIRST), NotRunReason.NOT_DECLARED),
        (
            site(FIRST, HostEndpoint(address=HOME, port=2), reached=Reach.PRIVATE_APN),
            NotRunReason.NOT_REACHABLE_FROM_HERE,
        ),
    ],
)
def test_cannot_run(shop: Site, reason: NotRunReason) -> None:
    for call in (PROBE.targets, run):
        with pytest.raises(CannotRun) as caught:
            call(shop)
        assert caught.value.reason is reason
