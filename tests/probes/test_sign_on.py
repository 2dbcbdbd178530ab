"""A sign-on from the laptop: with whose consent, as whom, and what survives of the answer."""

from __future__ import annotations

import time

import msgspec
import pytest

from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason
from posdiag.model.site import Dialect, EchoSettings, Framing, HostEndpoint, Reach, Site, StepLimits
from posdiag.probes.sign_on import PROBE
from posdiag.simulate.host import DEFAULT_ECHO
from tests.probes.device_runs import Yielded
from tests.probes.host_runs import (
    HOME,
    PATIENT,
    QUICK,
    StartHost,
    StartNameServer,
    connects,
    endpoint,
    requests,
    site,
)

TEST, LIVE = frozenset({"sign-on"}), frozenset({"sign-on-live"})
TID, MID = "87654321", "543210987654321"


def run(shop: Site, consents: frozenset[str] = TEST, **settings: object) -> Yielded:
    return Yielded(PROBE, shop, consents=consents, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("size", [24, 40, 60])
def test_answered_with_keys(start_host: StartHost, tls: bool, size: int) -> None:
    host = start_host(tls=tls, keys=size)
    yielded = run(site(endpoint(host), tid=TID, mid=MID))
    assert yielded.value("sign_on.sent") == "test"
    assert yielded.value("sign_on.response_code") == "00"
    assert (yielded.value("sign_on.keys"), yielded.value("sign_on.keys_bytes")) == ("given", size)
    values = yielded.value("sign_on.check_values")
    assert isinstance(values, list)
    assert [str(one)[:3] for one in values] == ["PIK", "MAK", "TDK"][: 3 if size == 60 else 2]
    assert all(len(str(one)) == 10 for one in values)
    assert host.journal.count("request 0800") == 1
    # Nothing that was observed is as long as a key.
    assert max(len(part) for part in repr(yielded.items).replace("'", " ").split()) < 60


def test_a_host_without_keys_and_a_refusal(start_host: StartHost) -> None:
    assert run(site(endpoint(start_host()))).value("sign_on.keys") == "none"
    refused = run(site(endpoint(start_host(response_code="97", keys=60))))
    assert refused.value("sign_on.response_code") == "97"
    assert "sign_on.keys" not in refused.names()


@pytest.mark.parametrize(("cut", "same"), [(6, True), (4, True), (0, False)])
def test_typed_check_values_are_compared(start_host: StartHost, cut: int, same: bool) -> None:
    host = start_host(keys=40)
    shown = run(site(endpoint(host))).value("sign_on.check_values")
    assert isinstance(shown, list)
    typed = str(shown[0])[4:][:cut].lower() if cut else "123456"
    shop = msgspec.structs.replace(site(endpoint(host)), facts={"pik_check_value": typed})
    # Each sign-on makes other keys at a real host; the simulated one keeps its own.
    assert run(shop).value("sign_on.check_values_match") is same


def test_the_live_number_only_with_its_own_consent(start_host: StartHost) -> None:
    host = start_host(response_code="05", response_codes={"87654321": "00"})
    without = msgspec.structs.replace(DEFAULT_ECHO, test_tid="", test_mid="")
    shop = site(endpoint(host), echo=without, tid=TID, mid=MID)
    nothing: frozenset[str] = frozenset()
    for consents, wanted in ((nothing, "sign-on"), (TEST, "sign-on-live")):
        with pytest.raises(CannotRun) as caught:
            run(shop, consents)
        assert caught.value.reason is NotRunReason.CONSENT_REQUIRED
        assert caught.value.detail == f"--allow {wanted}"
    time.sleep(0.1)
    assert host.journal == [], "no socket was opened"
    yielded = run(shop, LIVE)
    assert yielded.value("sign_on.sent") == "live"
    assert yielded.value("sign_on.live_response_code") == "00"
    assert "sign_on.response_code" not in yielded.names()


def test_once_per_run(start_host: StartHost) -> None:
    host, allowance = start_host(), HostAllowance()
    shop = site(endpoint(host))
    run(shop, allowance=allowance)
    with pytest.raises(CannotRun) as caught:
        run(shop, allowance=allowance)
    assert caught.value.reason is NotRunReason.POLITENESS_LIMIT
    assert host.journal.count("request 0800") == 1


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_dialect(start_host: StartHost, dialect: Dialect) -> None:
    echo = EchoSettings(
        dialect=dialect,
        framing=Framing.BINARY2,
        tpdu="6000030000" if dialect.packed else "",
        header="602200000000" if dialect is Dialect.UNIONPAY else "",
        test_tid="12345678",
        test_mid="123456789012345",
    )
    host = start_host(echo)
    yielded = run(site(endpoint(host), echo=echo))
    assert yielded.value("sign_on.keys") == "none"
    assert requests(host) == 1


@pytest.mark.parametrize(
    ("faults", "limits", "kind"),
    [
        ({"accept_silent": True}, QUICK, FailureKind.SILENT),
        ({"reset_after_request": True}, PATIENT, FailureKind.RESET),
        ({"garbage": True}, PATIENT, FailureKind.PROTOCOL_ERROR),
    ],
)
def test_answered_badly(
    start_host: StartHost, faults: dict[str, object], limits: StepLimits, kind: FailureKind
) -> None:
    limits = msgspec.structs.replace(limits, connect_s=10.0)
    yielded = run(site(endpoint(start_host(**faults)), limits=limits))
    assert yielded.kind("sign_on.answer_time") is kind
    assert yielded.value("sign_on.sent") == "test", "the host may have taken it"


def test_tls_that_fails_sends_nothing(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(tls=True, client_certificate_required=True))))
    assert yielded.kind("sign_on.answer_time") is FailureKind.CLIENT_CERTIFICATE_REQUIRED
    assert "sign_on.sent" not in yielded.names()


def test_refused_and_the_deadline(start_host: StartHost) -> None:
    with pytest.raises(CannotRun) as caught:
        run(site(endpoint(start_host(refuse=True))))
    assert caught.value.reason is NotRunReason.EARLIER_STEP_FAILED
    cut = run(site(endpoint(start_host(accept_silent=True))), budget_s=0.4)
    assert cut.kind("sign_on.answer_time") is FailureKind.CENSORED


@pytest.mark.parametrize(
    ("shop", "reason"),
    [
        (Site(), NotRunReason.NOT_DECLARED),
        (site(), NotRunReason.NOT_DECLARED),
        (
            site(HostEndpoint(address=HOME, port=2), reached=Reach.PRIVATE_APN),
            NotRunReason.NOT_REACHABLE_FROM_HERE,
        ),
    ],
)
def test_cannot_run(shop: Site, reason: NotRunReason) -> None:
    for call in (PROBE.targets, run):
        with pytest.raises(CannotRun) as caught:
            call(shop)
        assert caught.value.reason is reason


def test_its_name_is_not_found(start_host: StartHost, start_name_server: StartNameServer) -> None:
    host, server = start_host(), start_name_server(nxdomain=True)
    shop = site(endpoint(host, address="host.pos.example"), servers=(server,))
    with pytest.raises(CannotRun) as caught:
        run(shop)
    assert caught.value.reason is NotRunReason.EARLIER_STEP_FAILED
    assert connects(host, 0) == 0
