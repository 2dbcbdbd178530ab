"""Echo tests under an allowance, played against the host's role without a socket."""

from __future__ import annotations

import datetime

import pytest

from posdiag.link.polite_echoes import QUICK_S, PoliteEchoes, clock_difference, echoes_for
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.site import (
    AcquirerProfile,
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    Politeness,
    Reach,
    Site,
)
from posdiag.model.text import Text
from posdiag.wire.conversation import Done, Ended, Send, Wait
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.iso8583 import Layout, Message, decode

HOST = "10.0.0.1"
LIVE = frozenset({"echo-live-tid"})
UNIONPAY = {
    "dialect": Dialect.UNIONPAY,
    "framing": Framing.BINARY2,
    "tpdu": "6000030000",
    "header": "602200000000",
}
NOON = datetime.datetime(2024, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)


def acquirer(**settings: object) -> AcquirerProfile:
    return AcquirerProfile(
        id="one",
        title=Text("one", "一"),
        reach=Reach.PUBLIC,
        hosts=[HostEndpoint(address=HOST, port=1)],
        echo=EchoSettings(**(UNIONPAY | settings)),  # type: ignore[arg-type]
        sources={},
    )


WITH_TEST_NUMBERS = acquirer(test_tid="12345678", test_mid="123456789012345")


def prepared(
    profile: AcquirerProfile = WITH_TEST_NUMBERS,
    allowance: HostAllowance | None = None,
    *,
    consents: frozenset[str] = frozenset(),
    tid: str = "",
    mid: str = "",
) -> PoliteEchoes:
    site = Site(acquirer=profile, tid=tid, mid=mid)
    return echoes_for(site, profile, allowance or HostAllowance(), HOST, consents)


def played(
    polite: PoliteEchoes, profile: AcquirerProfile = WITH_TEST_NUMBERS, *, answer_s: float = 0.1
) -> list[Message]:
    """Answer every echo after a while; return the requests."""
    role, settings = EchoHost(profile.echo), profile.echo
    frames = FrameDecoder(settings.framing)
    requests: list[Message] = []
    now_s = 0.0
    while not isinstance(step := polite.step(now_s), Done):
        if isinstance(step, Send):
            frames.feed(step.data)
            continue
        body = frames.next_body()
        assert body is not None
        requests.append(decode(body, Layout.of(settings)))
        now_s += answer_s
        polite.receive(encode_frame(settings.framing, role.answer(body, NOON)[1]), now_s)
    return requests


def test_three_echoes_with_the_test_number() -> None:
    polite = prepared(tid="87654321", mid="543210987654321", consents=LIVE)
    requests = played(polite)
    assert [one.mti for one in requests] == ["0820"] * 3
    assert {one.fields[41] for one in requests} == {"12345678"}
    assert {one.fields[42] for one in requests} == {"123456789012345"}
    assert not polite.live
    assert polite.refusal is None
    assert [one.response_code for one in polite.echoes.answers] == ["00"] * 3
    assert len(polite.answered_at) == 3


def test_the_allowance_is_of_the_run_not_of_the_connection() -> None:
    allowance = HostAllowance(Politeness(echoes=2))
    first, second = prepared(allowance=allowance), prepared(allowance=allowance)
    assert len(played(first)) == 2
    assert first.refusal is not None
    assert first.refusal.reason is NotRunReason.POLITENESS_LIMIT
    assert played(second) == []
    assert second.refusal is not None


def test_a_slow_host_is_not_asked_again() -> None:
    assert len(played(prepared(), answer_s=QUICK_S + 0.1)) == 1
    assert len(played(prepared(), answer_s=QUICK_S - 0.1)) == 3


def test_a_pause_before_the_first() -> None:
    polite = prepared()
    polite.pause_first = True
    step = polite.step(0.0)
    assert isinstance(step, Wait)
    assert step.limit_s < 0.1
    assert polite.begun
    polite.ended(Ended.LIMIT, step.limit_s, step.limit_s)
    assert isinstance(polite.step(step.limit_s), Send)
    assert polite.echoes.failure is None


@pytest.mark.parametrize(
    ("why", "kind"), [(Ended.EOF, FailureKind.CLOSED), (Ended.RESET, FailureKind.RESET)]
)
def test_a_host_that_is_gone_in_the_pause(why: Ended, kind: FailureKind) -> None:
    polite = prepared()
    polite.pause_first = True
    polite.step(0.0)
    polite.ended(why, 0.001, 0.001)
    assert isinstance(polite.step(0.001), Done)
    assert polite.echoes.failure is not None
    assert polite.echoes.failure.failure is kind


def test_silence() -> None:
    polite = prepared()
    assert isinstance(polite.step(0.0), Send)
    step = polite.step(0.0)
    assert step == Wait(60.0, Operation.ECHO_TEST)
    polite.ended(Ended.LIMIT, 60.0, 60.0)
    assert isinstance(polite.step(60.0), Done)
    assert polite.echoes.failure is not None
    assert polite.echoes.failure.failure is FailureKind.SILENT
    assert polite.clock_difference() is None


def test_a_live_number_needs_consent() -> None:
    with pytest.raises(CannotRun) as caught:
        prepared(acquirer(), tid="87654321", mid="543210987654321")
    assert caught.value.reason is NotRunReason.CONSENT_REQUIRED
    assert caught.value.detail == "--allow echo-live-tid"


def test_a_live_number_with_consent_is_padded() -> None:
    profile = acquirer()
    polite = prepared(profile, consents=LIVE, tid="7654321", mid="5432109876")
    assert polite.live
    request = played(polite, profile)[0]
    assert request.fields[41].rstrip() == "7654321"
    assert request.fields[42].rstrip() == "5432109876"


@pytest.mark.parametrize(
    ("profile", "tid", "mid", "missing"),
    [
        (acquirer(), "", "543210987654321", "tid, mid"),
        (acquirer(), "87654321", "", "tid, mid"),
        (acquirer(test_tid="12345678"), "87654321", "543210987654321", "acquirer.echo.test_mid"),
        (acquirer(), "终端87654", "543210987654321", "acquirer.echo"),
        (acquirer(), "876543210", "543210987654321", "acquirer.echo"),
    ],
)
def test_numbers_that_are_missing_or_cannot_be_said(
    profile: AcquirerProfile, tid: str, mid: str, missing: str
) -> None:
    with pytest.raises(CannotRun) as caught:
        prepared(profile, consents=LIVE, tid=tid, mid=mid)
    assert caught.value.reason is NotRunReason.NOT_DECLARED
    assert caught.value.detail.startswith(missing)


def test_the_1987_echo_names_no_terminal() -> None:
    profile = acquirer(dialect=Dialect.ISO1987, framing=Framing.ASCII4, tpdu="", header="")
    requests = played(prepared(profile), profile)
    assert [one.fields[70] for one in requests] == ["301"] * 3
    assert not {41, 42} & set(requests[0].fields)
    stans = [int(one.fields[11]) for one in requests]
    assert stans == [stans[0], stans[0] + 1, stans[0] + 2]


@pytest.mark.parametrize(
    ("host_time", "laptop", "expected_s"),
    [
        ("120000", "12:00:00", 0.0),
        ("120130", "12:00:00", 90.0),
        ("115900", "12:00:00", -60.0),
        ("000010", "23:59:50", 20.0),
        ("235950", "00:00:10", -20.0),
        ("200000", "12:00:00", 8 * 3600.0),
        ("030000", "18:00:00", 9 * 3600.0),
        ("000000", "12:00:00", -12 * 3600.0),
    ],
)
def test_clock_difference(host_time: str, laptop: str, expected_s: float) -> None:
    now = datetime.datetime.fromisoformat(f"2024-03-01T{laptop}+00:00")
    assert clock_difference(host_time, now) == expected_s


@pytest.mark.parametrize("host_time", ["", "250000", "126000", "1200", "noon"])
def test_what_is_no_time_of_day(host_time: str) -> None:
    assert clock_difference(host_time, NOON) is None


def test_the_hosts_clock_is_compared_as_of_the_last_answer() -> None:
    polite = prepared()
    played(polite)
    difference = polite.clock_difference()
    last = polite.answered_at[-1]
    assert difference == clock_difference("120000", last)
    assert last.utcoffset() is not None
