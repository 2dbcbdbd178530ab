"""The echo test of the host probe: what is said, whose number, and how often."""

from __future__ import annotations

import time

import msgspec
import pytest

from posdiag.link import polite_echoes
from posdiag.link.politeness import HostAllowance
from posdiag.model.observation import (
    FailureKind,
    Measured,
    NotRunReason,
    Operation,
)
from posdiag.model.site import (
    HostEndpoint,
    Politeness,
    StepLimits,
)
from posdiag.simulate.host import DEFAULT_ECHO
from posdiag.wire.host_role import EchoHost
from tests.probes.host_runs import (
    HOME,
    LATER_THAN_TCP,
    LIVE,
    PATIENT,
    QUICK,
    StartHost,
    answering_once,
    assert_gaps,
    connects,
    endpoint,
    requests,
    run,
    seconds,
    site,
)


@pytest.mark.parametrize(
    ("faults", "limits", "kind"),
    [
        ({"accept_silent": True}, QUICK, FailureKind.SILENT),
        ({"close_at_once": True}, PATIENT, FailureKind.CLOSED),
        ({"reset_at_once": True}, PATIENT, FailureKind.RESET),
        ({"close_after_request": True}, PATIENT, FailureKind.CLOSED),
        ({"reset_after_request": True}, PATIENT, FailureKind.RESET),
        ({"garbage": True}, PATIENT, FailureKind.PROTOCOL_ERROR),
        ({"wrong_mti": True}, PATIENT, FailureKind.PROTOCOL_ERROR),
        ({"cut_answer_to": 20}, QUICK, FailureKind.PROTOCOL_ERROR),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_answered_badly(
    start_host: StartHost,
    faults: dict[str, object],
    limits: StepLimits,
    kind: FailureKind,
    tls: bool,
) -> None:
    at_connect = {"accept_silent", "close_at_once", "reset_at_once"} & set(faults)
    limits = msgspec.structs.replace(limits, connect_s=10.0, tls_s=0.3 if at_connect else 10.0)
    host = start_host(**(faults | {"tls": tls}))
    yielded = run(site(endpoint(host), limits=limits))
    assert seconds(yielded, "host_tcp.connect_time") > 0
    if tls and at_connect:
        assert yielded.kind("host_tls.handshake_time") is kind
        assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_echo.*")
        return
    failed = yielded.failed("host_echo.answer_time")
    assert (failed.failure, failed.operation) == (kind, Operation.ECHO_TEST)
    assert "host_echo.response_code" not in yielded.names()
    assert requests(host) <= 1


def test_the_deadline_in_the_echo(start_host: StartHost) -> None:
    began_s = time.monotonic()
    failed = run(site(endpoint(start_host(accept_silent=True))), budget_s=0.5).failed(
        "host_echo.answer_time"
    )
    assert time.monotonic() - began_s < 3
    assert failed.failure is FailureKind.CENSORED
    assert failed.waited_s is not None
    assert failed.waited_s < 0.6


def test_a_budget_that_is_spent_sends_nothing(start_host: StartHost) -> None:
    host = start_host()
    yielded = run(site(endpoint(host)), budget_s=-1.0)
    assert yielded.kind("host_tcp.connect_time") is FailureKind.CENSORED
    assert requests(host) == 0


def test_delays_are_the_echos(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(delays_s=[0.0, 0.4, 0.0]))))
    results = [item.result for item in yielded.observations("host_echo.answer_time")]
    values = [one.value for one in results if isinstance(one, Measured)]
    assert len(values) == 3
    assert [isinstance(one, float) and one >= 0.4 for one in values] == [False, True, False]


def test_a_slow_host_is_asked_once(start_host: StartHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polite_echoes, "QUICK_S", 0.1)
    host = start_host(delay_s=0.2)
    run(site(endpoint(host)))
    assert requests(host) == 1


def test_a_keep_alive_is_no_answer(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(keepalive_first=True, delay_s=0.2))))
    assert yielded.value("host_echo.response_code") == "00"
    assert len(yielded.observations("host_echo.answer_time")) == 3


def test_a_host_that_hangs_up_after_one_answer_is_not_broken() -> None:
    with answering_once(EchoHost(DEFAULT_ECHO)) as port:
        yielded = run(site(HostEndpoint(address=HOME, port=port)))
    assert seconds(yielded, "host_echo.answer_time") > 0
    assert yielded.value("host_echo.response_code") == "00"


def test_what_the_host_says(start_host: StartHost) -> None:
    host = start_host(response_code="97", processing_request="3", clock_offset_s=1200.0)
    yielded = run(site(endpoint(host)))
    assert yielded.value("host_echo.response_code") == "97"
    assert yielded.value("host_echo.processing_request") == "3"
    assert yielded.value("host_echo.clock_difference") == pytest.approx(1200, abs=10)


def test_the_test_number_is_used(start_host: StartHost) -> None:
    host = start_host(response_code="05", response_codes={DEFAULT_ECHO.test_tid: "00"})
    shop = site(endpoint(host), tid="87654321", mid="543210987654321")
    assert run(shop, consents=LIVE).value("host_echo.response_code") == "00"


def test_a_live_number_only_with_consent(start_host: StartHost) -> None:
    host = start_host(response_code="05", response_codes={"87654321": "00"})
    without = msgspec.structs.replace(DEFAULT_ECHO, test_tid="", test_mid="")
    shop = site(endpoint(host), echo=without, tid="87654321", mid="543210987654321")
    refused = run(shop)
    assert_gaps(refused, NotRunReason.CONSENT_REQUIRED, "host_echo.*")
    assert seconds(refused, "host_tcp.connect_time") > 0
    assert connects(host, 1) == 1
    assert requests(host) == 0
    allowed = run(shop, consents=LIVE)
    assert allowed.value("host_echo.live_response_code") == "00"
    assert "host_echo.response_code" not in allowed.names()


def test_a_live_number_with_tls_only_with_consent(start_host: StartHost) -> None:
    host = start_host(tls=True)
    without = msgspec.structs.replace(DEFAULT_ECHO, test_tid="", test_mid="")
    yielded = run(site(endpoint(host), echo=without))
    assert_gaps(yielded, NotRunReason.CONSENT_REQUIRED, "host_echo.*")
    assert yielded.value("host_tls.verification") == "trusted"
    assert requests(host) == 0


def test_at_most_twenty_connects_and_three_echoes(start_host: StartHost) -> None:
    host, allowance = start_host(), HostAllowance()
    shop = site(endpoint(host))
    runs = [run(shop, allowance=allowance) for _ in range(22)]
    assert connects(host, 20) == 20
    assert requests(host) == 3
    assert_gaps(runs[1], NotRunReason.POLITENESS_LIMIT, "host_echo.*")
    last = runs[-1]
    assert_gaps(last, NotRunReason.POLITENESS_LIMIT, "host_tcp.*", *LATER_THAN_TCP)


@pytest.mark.parametrize("echoes", [0, 1, 2])
def test_a_profile_may_lower_the_limits(start_host: StartHost, echoes: int) -> None:
    host = start_host()
    allowance = HostAllowance(Politeness(connects=1, echoes=echoes))
    yielded = run(site(endpoint(host)), allowance=allowance)
    assert requests(host) == echoes
    assert len(yielded.observations("host_echo.answer_time")) == echoes
    if not echoes:
        assert_gaps(yielded, NotRunReason.POLITENESS_LIMIT, "host_echo.*")
    assert_gaps(
        run(site(endpoint(host)), allowance=allowance),
        NotRunReason.POLITENESS_LIMIT,
        "host_tcp.*",
    )
    assert connects(host, 1) == 1
