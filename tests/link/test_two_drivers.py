"""Every misbehaviour of the simulated peers, seen through both drivers: the same is seen.

All conversations of all drivers go on at the same time, each with a peer of its own, so the whole
costs little more than the longest silence.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec
import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.event_loop import Job, Outcome, run_many
from posdiag.link.tcp import TcpResult, run_tcp
from posdiag.link.tls_settings import client_context
from posdiag.link.udp import run_udp
from posdiag.link.watched import watch_tcp
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import Failed, FailureKind
from posdiag.simulate.delays import Delays
from posdiag.simulate.host import DEFAULT_ECHO, HostFaults, SimulatedHost
from posdiag.simulate.name_server import NameServerFaults, SimulatedNameServer
from posdiag.simulate.throwaway_certificates import Kind
from posdiag.wire.certificates import verify_chain
from posdiag.wire.conversation import Conversation
from posdiag.wire.echo import EchoConversation
from posdiag.wire.http_post import HttpPostConversation
from posdiag.wire.name_lookup import NameLookupConversation
from posdiag.wire.tls import TlsConversation

HOME = "127.0.0.1"
NAME = "host.pos.example"
LIMIT_S = 2.0
LONG_S = 60.0
"""A peer that takes so long is silent for us."""
TRY_S = 1.0
CUT_S = 0.8
"""Budget of a conversation that is cut: shorter than every limit."""


class Case(NamedTuple):
    """One way of a peer, and what is seen of it."""

    faults: HostFaults | NameServerFaults
    seen: list[str]
    cut: bool = False
    name: str = NAME


def _tls(**faults: object) -> HostFaults:
    return msgspec.convert({"tls": True, **faults}, HostFaults)


GOOD_13 = "TLSv1.3 trusted 365"
ECHOES = ["echo 00 0", "echo 00 0"]
PLAIN = {
    "healthy": Case(HostFaults(), ["connected", *ECHOES]),
    "refuse": Case(HostFaults(refuse=True), ["connect refused"]),
    "connect_silent": Case(HostFaults(connect_silent=True), ["connect silent, waited"]),
    "connect_cut": Case(HostFaults(connect_silent=True), ["connect censored, waited"], cut=True),
    "accept_silent": Case(
        HostFaults(accept_silent=True), ["connected", "echo_test silent, waited"]
    ),
    "echo_cut": Case(
        HostFaults(accept_silent=True), ["connected", "echo_test censored, waited"], cut=True
    ),
    "close_at_once": Case(HostFaults(close_at_once=True), ["connected", "echo_test closed"]),
    "reset_at_once": Case(HostFaults(reset_at_once=True), ["connected", "echo_test reset"]),
    "close_after_request": Case(
        HostFaults(close_after_request=True), ["connected", "echo_test closed"]
    ),
    "reset_after_request": Case(
        HostFaults(reset_after_request=True), ["connected", "echo_test reset"]
    ),
    "delay": Case(HostFaults(delay_s=0.05), ["connected", *ECHOES]),
    "long_delay": Case(HostFaults(delay_s=LONG_S), ["connected", "echo_test silent, waited"]),
    "second_delayed": Case(
        HostFaults(delays_s=[0.0, LONG_S]),
        ["connected", "echo 00 0", "echo_test silent, waited"],
    ),
    "garbage": Case(HostFaults(garbage=True), ["connected", "echo_test protocol_error"]),
    "cut_answer": Case(HostFaults(cut_answer_to=20), ["connected", "echo_test protocol_error"]),
    "empty_answer": Case(HostFaults(cut_answer_to=0), ["connected", "echo_test silent, waited"]),
    "keepalive_first": Case(HostFaults(keepalive_first=True), ["connected", *ECHOES]),
    "keepalive_only": Case(
        HostFaults(keepalive_first=True, cut_answer_to=0),
        ["connected", "echo_test silent, waited"],
    ),
    "wrong_mti": Case(HostFaults(wrong_mti=True), ["connected", "echo_test protocol_error"]),
    "response_code": Case(HostFaults(response_code="96"), ["connected", "echo 96 0", "echo 96 0"]),
    "response_codes": Case(
        HostFaults(response_codes={DEFAULT_ECHO.test_tid: "03"}),
        ["connected", "echo 03 0", "echo 03 0"],
    ),
    "processing_request": Case(
        HostFaults(processing_request="4"), ["connected", "echo 00 4", "echo 00 4"]
    ),
    "drawn_delay": Case(HostFaults(delays=Delays(median_s=0.02)), ["connected", *ECHOES]),
    "keys_to_give": Case(HostFaults(keys=60), ["connected", *ECHOES]),
    "http": Case(HostFaults(http_path="/pos"), ["connected", *ECHOES]),
    "http_refused": Case(
        HostFaults(http_path="/pos", http_status=503), ["connected", "echo_test protocol_error"]
    ),
    "clock_offset": Case(HostFaults(clock_offset_s=3600.0), ["connected", *ECHOES]),
}
TLS = {
    "tls": Case(_tls(), ["connected", GOOD_13, *ECHOES]),
    "tls_refuse": Case(_tls(refuse=True), ["connect refused"]),
    "tls_expired": Case(
        _tls(tls_certificate="expired"),
        ["connected", "TLSv1.3 certificate_expired -5", *ECHOES],
    ),
    "tls_not_yet_valid": Case(
        _tls(tls_certificate="not_yet_valid"),
        ["connected", "TLSv1.3 certificate_not_yet_valid 400", *ECHOES],
    ),
    "tls_wrong_name": Case(
        _tls(tls_certificate="wrong_name"),
        ["connected", "TLSv1.3 certificate_wrong_name 365", *ECHOES],
    ),
    "tls_self_signed": Case(
        _tls(tls_certificate="self_signed"),
        ["connected", "TLSv1.3 certificate_self_signed 365", *ECHOES],
    ),
    "tls_intermediate_missing": Case(
        _tls(tls_certificate="intermediate_missing"),
        ["connected", "TLSv1.3 certificate_chain_cut 365", *ECHOES],
    ),
    "tls_1.0": Case(
        _tls(tls_maximum="1.0"), ["connected", "tls_handshake tls_alert protocol_version"]
    ),
    "tls_nearly_over": Case(
        _tls(certificate_days=9.0), ["connected", "TLSv1.3 trusted 9", *ECHOES]
    ),
    "tls_1.2": Case(_tls(tls_maximum="1.2"), ["connected", "TLSv1.2 trusted 365", *ECHOES]),
    "tls_client_certificate": Case(
        _tls(client_certificate_required=True),
        ["connected", GOOD_13, "tls_handshake client_certificate_required certificate_required"],
    ),
    "tls_client_certificate_1.2": Case(
        _tls(client_certificate_required=True, tls_maximum="1.2"),
        ["connected", "tls_handshake client_certificate_required handshake_failure"],
    ),
    "tls_silent": Case(_tls(tls_silent=True), ["connected", "tls_handshake silent, waited"]),
    "tls_cut": Case(
        _tls(tls_silent=True), ["connected", "tls_handshake censored, waited"], cut=True
    ),
    "tls_delay": Case(_tls(tls_delay_s=0.1), ["connected", GOOD_13, *ECHOES]),
    "tls_long_delay": Case(_tls(tls_delay_s=LONG_S), ["connected", "tls_handshake silent, waited"]),
    "tls_close_at_once": Case(_tls(close_at_once=True), ["connected", "tls_handshake closed"]),
    "tls_reset_at_once": Case(_tls(reset_at_once=True), ["connected", "tls_handshake reset"]),
    "tls_close_after_request": Case(
        _tls(close_after_request=True), ["connected", GOOD_13, "echo_test closed"]
    ),
    "tls_reset_after_request": Case(
        _tls(reset_after_request=True), ["connected", GOOD_13, "echo_test reset"]
    ),
    "tls_garbage": Case(_tls(garbage=True), ["connected", GOOD_13, "echo_test protocol_error"]),
    "tls_long_delay_of_echo": Case(
        _tls(delay_s=LONG_S), ["connected", GOOD_13, "echo_test silent, waited"]
    ),
}
NAMES = {
    "name": Case(NameServerFaults(), [f"address {HOME}, 1 queries"]),
    "name_unknown": Case(
        NameServerFaults(), ["resolve name_not_found, 1 queries"], name="nobody.example"
    ),
    "name_closed": Case(NameServerFaults(closed=True), ["resolve refused, 1 queries"]),
    "name_silent": Case(NameServerFaults(silent=True), ["resolve silent, waited, 2 queries"]),
    "name_cut": Case(
        NameServerFaults(silent=True), ["resolve censored, waited, 1 queries"], cut=True
    ),
    "name_servfail": Case(
        NameServerFaults(servfail=True), ["resolve name_server_failure, 1 queries"]
    ),
    "name_nxdomain": Case(NameServerFaults(nxdomain=True), ["resolve name_not_found, 1 queries"]),
    "name_refused": Case(NameServerFaults(refused=True), ["resolve refused, 1 queries"]),
    "name_garbage": Case(NameServerFaults(garbage=True), ["resolve protocol_error, 1 queries"]),
    "name_truncated": Case(NameServerFaults(truncated=True), ["resolve protocol_error, 1 queries"]),
    "name_foreign_first": Case(
        NameServerFaults(foreign_first=True), [f"address {HOME}, 1 queries"]
    ),
    "name_delayed": Case(NameServerFaults(delays_s=[0.05]), [f"address {HOME}, 1 queries"]),
    "name_late": Case(NameServerFaults(delays_s=[TRY_S * 1.5]), [f"address {HOME}, 2 queries"]),
    "name_first_dropped": Case(
        NameServerFaults(drop_pattern=[True, False]), [f"address {HOME}, 2 queries"]
    ),
}
CASES = {**PLAIN, **TLS, **NAMES}
DRIVERS = ("blocking", "watched", "event_driven")


def _failed(failure: Failed | None, more: str = "") -> list[str]:
    if failure is None:
        return []
    waited = ""
    if failure.waited_s is not None:
        waited = ", waited"
        # Name look-ups too: two tries of one second.
        silent = failure.failure is FailureKind.SILENT
        assert (failure.waited_s > LIMIT_S - 0.1) is silent
    return [f"{failure.operation} {failure.failure}{waited}{more}"]


class HostTalk:
    """A host, and a talk with it: TLS where it speaks TLS, then two echoes."""

    transport: Literal["tcp", "udp"] = "tcp"

    def __init__(self, case: Case) -> None:
        assert isinstance(case.faults, HostFaults)
        self.peer = SimulatedHost(case.faults, server_name=NAME)
        self.peer.start()
        self.roots = [Path(self.peer.ca_file).read_bytes()] if self.peer.ca_file else []
        self.echoes = EchoConversation(
            DEFAULT_ECHO,
            tid=DEFAULT_ECHO.test_tid,
            mid=DEFAULT_ECHO.test_mid,
            stan=1,
            at=datetime.datetime.now(tz=datetime.UTC),
            limit_s=LIMIT_S,
            count=2,
        )
        self.http: HttpPostConversation | None = None
        if case.faults.http_path:
            self.http = HttpPostConversation(self.echoes, NAME, case.faults.http_path)
        self.tls: TlsConversation | None = None
        if case.faults.tls:
            self.tls = TlsConversation(client_context(), NAME, limit_s=LIMIT_S, inner=self.echoes)

    @property
    def outermost(self) -> Conversation:
        return self.tls or self.http or self.echoes

    def story(self, outcome: Outcome) -> list[str]:
        """Return what was seen, times only as far as there are any."""
        if isinstance(outcome, LinkError):
            assert self.echoes.failure is None
            assert self.tls is None or self.tls.failure is None
            waited_s = outcome.waited_s
            return _failed(Failed(outcome.kind, outcome.operation, outcome.detail, waited_s))
        assert not isinstance(outcome, CannotRun)
        told = ["connected"]
        if self.tls is not None:
            told += self._tls_story(self.tls)
        for answer in self.echoes.answers:
            assert 0 < answer.answer_s < LIMIT_S
            assert len(answer.host_time) == 6
            told.append(f"echo {answer.response_code} {answer.processing_request}")
        return (
            told + _failed(self.http.failure if self.http else None) + _failed(self.echoes.failure)
        )

    def _tls_story(self, tls: TlsConversation) -> list[str]:
        assert (tls.handshake_s is None) == (tls.version == "")
        told = []
        if tls.version:
            now = datetime.datetime.now(tz=datetime.UTC)
            verdict = verify_chain(tls.chain, NAME, self.roots, now)
            assert verdict.days_left is not None
            told.append(f"{tls.version} {verdict.failure or 'trusted'} {verdict.days_left:.0f}")
        return told + _failed(tls.failure, f" {tls.alert}" if tls.alert else "")


class NameTalk:
    """A name server, and a question to it."""

    transport: Literal["tcp", "udp"] = "udp"

    def __init__(self, case: Case) -> None:
        assert isinstance(case.faults, NameServerFaults)
        self.peer = SimulatedNameServer(case.faults, {NAME: [HOME]})
        self.peer.start()
        self.outermost = NameLookupConversation(case.name, 0x1234, tries=2, try_s=TRY_S)

    def story(self, outcome: Outcome) -> list[str]:
        """Return what was seen, times only as far as there are any."""
        assert not isinstance(outcome, LinkError | CannotRun)
        asked = self.outermost
        queries = f", {asked.tries_used} queries"
        if asked.failure is not None:
            return _failed(asked.failure, queries)
        assert asked.answer_s is not None
        return [f"address {' '.join(asked.addresses)}{queries}"]


Talk = HostTalk | NameTalk


def _talk(case: Case) -> Talk:
    return HostTalk(case) if isinstance(case.faults, HostFaults) else NameTalk(case)


def _deadline(case: Case) -> Deadline:
    return Deadline.after(CUT_S if case.cut else 60.0)


def _blocking(case: Case, talk: Talk) -> Outcome:
    try:
        if talk.transport == "udp":
            return run_udp(HOME, talk.peer.port, talk.outermost, _deadline(case))
        return run_tcp(HOME, talk.peer.port, talk.outermost, _deadline(case), LIMIT_S)
    except (LinkError, CannotRun) as error:
        return error


def _watched(case: Case, talk: Talk) -> Outcome:
    if talk.transport == "udp":
        return _blocking(case, talk)  # this driver knows TCP only
    connects: list[float] = []
    try:
        for connected in watch_tcp(HOME, talk.peer.port, talk.outermost, _deadline(case), LIMIT_S):
            connects.append(connected.took_s)
    except (LinkError, CannotRun) as error:
        assert not connects
        return error
    assert len(set(connects)) == 1
    return TcpResult(connects[0], "clock", 0, 0)


def _event_driven(talks: dict[str, Talk]) -> dict[str, Outcome]:
    def jobs() -> Iterator[Job]:
        for case_id, talk in talks.items():
            port, deadline = talk.peer.port, _deadline(CASES[case_id])
            yield Job(talk.outermost, HOME, port, deadline, talk.transport, LIMIT_S)

    ids = {id(talk.outermost): case_id for case_id, talk in talks.items()}
    return {ids[id(job.conversation)]: outcome for job, outcome in run_many(jobs())}


class Seen(NamedTuple):
    """What one driver saw of one peer, and what the peer saw."""

    story: list[str]
    journal: list[str]


def _is_possible(case: Case) -> bool:
    silent = isinstance(case.faults, HostFaults) and case.faults.connect_silent
    return sys.platform == "linux" or not silent


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, Seen]]:
    """Return, by case and driver, what there was to see."""
    ids = [case_id for case_id, case in CASES.items() if _is_possible(case)]
    talks = {driver: {case_id: _talk(CASES[case_id]) for case_id in ids} for driver in DRIVERS}
    everyone = [talk for some in talks.values() for talk in some.values()]
    blocking: dict[str, Callable[[Case, Talk], Outcome]] = {
        "blocking": _blocking,
        "watched": _watched,
    }
    with ThreadPoolExecutor(max_workers=3 * len(ids)) as pool:
        try:
            pending = {
                (driver, case_id): pool.submit(run, CASES[case_id], talks[driver][case_id])
                for driver, run in blocking.items()
                for case_id in ids
            }
            outcomes = {
                ("event_driven", case_id): outcome
                for case_id, outcome in _event_driven(talks["event_driven"]).items()
            }
            outcomes |= {key: future.result() for key, future in pending.items()}
        finally:
            list(pool.map(lambda talk: talk.peer.stop(), everyone))
    return {
        case_id: {
            driver: Seen(
                talks[driver][case_id].story(outcomes[driver, case_id]),
                talks[driver][case_id].peer.journal,
            )
            for driver in DRIVERS
        }
        for case_id in ids
    }


@pytest.mark.parametrize("case_id", CASES)
def test_both_drivers_see_the_same(seen: dict[str, dict[str, Seen]], case_id: str) -> None:
    if case_id not in seen:
        pytest.skip("other system: only Linux drops connects that do not fit the queue")
    by_driver = seen[case_id]
    for driver in DRIVERS:
        assert by_driver[driver].story == CASES[case_id].seen, driver
        assert by_driver[driver].journal == by_driver["blocking"].journal, driver


@pytest.mark.parametrize("kind", [HostFaults, NameServerFaults])
def test_every_fault_has_a_case(kind: type[HostFaults | NameServerFaults]) -> None:
    shown = [case.faults for case in CASES.values() if isinstance(case.faults, kind)]
    for field in msgspec.structs.fields(kind):
        assert any(getattr(one, field.name) != getattr(kind(), field.name) for one in shown), (
            field.name
        )
    if kind is HostFaults:
        hosts = [one for one in shown if isinstance(one, HostFaults)]
        assert {one.tls_certificate for one in hosts} == set(get_args(Kind))
