"""The host probe against simulated hosts: each step, and every way in which it fails."""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.host_talk import OLD_TLS_SIGNS
from posdiag.link.politeness import HostAllowance
from posdiag.link.watched import Connected
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    FailureKind,
    NotRunReason,
    Observation,
    Operation,
    Part,
)
from posdiag.model.site import (
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    LaptopAt,
    Politeness,
    Reach,
    Site,
    StepLimits,
)
from posdiag.probes import host as host_probe
from posdiag.probes.host import PROBE
from posdiag.probes.probe import ProbeContext
from tests.probes.host_runs import (
    HOME,
    LATER_THAN_TCP,
    NAME,
    PATIENT,
    QUICK,
    StartHost,
    StartNameServer,
    answering_once,
    assert_gaps,
    endpoint,
    requests,
    run,
    seconds,
    site,
)

SYN = {"host_tcp.syn_repeats"} if sys.platform == "linux" else set()


def test_a_healthy_host_without_tls(start_host: StartHost) -> None:
    host = start_host()
    shop = site(endpoint(host))
    yielded = run(shop)
    assert PROBE.targets(shop) == [f"{HOME}:{host.port}"]
    assert yielded.names() == {
        "host_tcp.connect_time",
        *SYN,
        "host_echo.answer_time",
        "host_echo.response_code",
        "host_echo.processing_request",
        "host_echo.clock_difference",
        "host_echo.date_difference",
    }
    assert yielded.value("host_echo.date_difference") in (-1, 0, 1)  # around midnight
    assert 0 < seconds(yielded, "host_tcp.connect_time") < 10
    assert len(yielded.observations("host_echo.answer_time")) == 3
    assert yielded.value("host_echo.response_code") == "00"
    assert yielded.value("host_echo.processing_request") == "0"
    assert abs(seconds(yielded, "host_echo.clock_difference")) < 10
    assert yielded.observation("host_echo.clock_difference").part is Part.LAPTOP
    assert yielded.observation("host_tcp.connect_time").part is Part.HOST
    assert_gaps(yielded, NotRunReason.NOT_APPLICABLE, "host_tls.*")
    assert host.journal == ["connect", *["request 0820", "answer"] * 3]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_healthy_host_with_tls(start_host: StartHost, version: str) -> None:
    host = start_host(tls=True, tls_maximum=version, certificate_days=200.0)
    yielded = run(site(endpoint(host)))
    assert yielded.value("host_tls.version") == f"TLSv{version}"
    assert yielded.value("host_tls.verification") == "trusted"
    assert yielded.value("host_tls.certificate_days_left") == pytest.approx(200, abs=0.1)
    assert 0 < seconds(yielded, "host_tls.handshake_time") < 10
    assert yielded.value("host_echo.response_code") == "00"
    assert host.journal.count("connect") == 1
    assert requests(host) == 3


def test_iso_1987(start_host: StartHost) -> None:
    echo = EchoSettings(dialect=Dialect.ISO1987, framing=Framing.ASCII4)
    host = start_host(echo, response_code="91")
    yielded = run(site(endpoint(host), echo=echo))
    assert yielded.value("host_echo.response_code") == "91"
    assert host.journal.count("request 0800") == 3
    assert "host_echo.clock_difference" not in yielded.names()


def test_its_name_is_looked_up(start_host: StartHost, start_name_server: StartNameServer) -> None:
    host, server = start_host(), start_name_server()
    yielded = run(site(endpoint(host, address=NAME), servers=(server,)))
    seen = yielded.observation("host_name.time")
    assert (seen.subject, seen.part) == (f"{HOME}:{server.port}", Part.SHOP_NETWORK)
    assert seconds(yielded, "host_name.time") > 0
    assert yielded.observation("host_tcp.connect_time").subject == f"{NAME}:{host.port}"
    assert yielded.value("host_echo.response_code") == "00"


@pytest.mark.parametrize(
    ("faults", "limits", "kind"),
    [
        ({"nxdomain": True}, PATIENT, FailureKind.NAME_NOT_FOUND),
        ({"servfail": True}, PATIENT, FailureKind.NAME_SERVER_FAILURE),
        ({"silent": True}, QUICK, FailureKind.SILENT),
    ],
)
def test_its_name_is_not_found(
    start_host: StartHost,
    start_name_server: StartNameServer,
    faults: dict[str, object],
    limits: StepLimits,
    kind: FailureKind,
) -> None:
    host, server = start_host(), start_name_server(**faults)
    yielded = run(site(endpoint(host, address=NAME), servers=(server,), limits=limits))
    assert yielded.kind("host_name.time") is kind
    assert yielded.names() == {"host_name.time"}
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_tcp.*", *LATER_THAN_TCP)
    assert host.journal == []


def test_its_name_and_nobody_to_ask(
    start_host: StartHost, start_name_server: StartNameServer
) -> None:
    named = endpoint(start_host(), address=NAME)
    everything = ("host_name.*", "host_tcp.*", *LATER_THAN_TCP)
    assert_gaps(run(site(named)), NotRunReason.NOT_DECLARED, *everything)
    away = site(named, servers=(start_name_server(),), laptop_at=LaptopAt.HOTSPOT)
    assert_gaps(run(away), NotRunReason.NOT_REACHABLE_FROM_HERE, *everything)


def test_a_query_that_this_machine_could_not_send(
    start_host: StartHost,
    start_name_server: StartNameServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise LinkError(FailureKind.UNEXPECTED, Operation.OPEN, "Too many open files")

    monkeypatch.setattr("posdiag.link.names.run_udp", fail)
    yielded = run(site(endpoint(start_host(), address=NAME), servers=(start_name_server(),)))
    assert yielded.kind("host_name.time") is FailureKind.UNEXPECTED


def test_nothing_listens(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(refuse=True))))
    failed = yielded.failed("host_tcp.connect_time")
    assert (failed.failure, failed.operation) == (FailureKind.REFUSED, Operation.CONNECT)
    assert yielded.names() == {"host_tcp.connect_time"}
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_echo.*")
    assert_gaps(yielded, NotRunReason.NOT_APPLICABLE, "host_tls.*")


def test_nothing_listens_where_tls_is_due(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(refuse=True, tls=True))))
    assert yielded.kind("host_tcp.connect_time") is FailureKind.REFUSED
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, *LATER_THAN_TCP)


@pytest.mark.skipif(sys.platform != "linux", reason="other system: no way to drop a SYN")
@pytest.mark.parametrize(
    ("limits", "budget_s", "kind"),
    [(QUICK, 20.0, FailureKind.SILENT), (PATIENT, 0.3, FailureKind.CENSORED)],
)
def test_connects_are_not_answered(
    start_host: StartHost, limits: StepLimits, budget_s: float, kind: FailureKind
) -> None:
    shop = site(endpoint(start_host(connect_silent=True)), limits=limits)
    began_s = time.monotonic()
    failed = run(shop, budget_s=budget_s).failed("host_tcp.connect_time")
    assert time.monotonic() - began_s < 3
    assert failed.failure is kind
    assert failed.waited_s == pytest.approx(0.3, abs=0.2)


def test_what_the_laptop_may_not_do_says_nothing_of_the_host(
    start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> Iterator[Connected]:
        raise LinkError(FailureKind.PERMISSION, Operation.CONNECT, "Operation not permitted")

    monkeypatch.setattr(host_probe, "watch_tcp", refuse)
    yielded = run(site(endpoint(start_host())))
    assert_gaps(yielded, NotRunReason.NO_PERMISSION, "host_tcp.*")
    assert yielded.names() == set()


@pytest.mark.parametrize(
    ("certificate", "kind"),
    [
        ("expired", FailureKind.CERTIFICATE_EXPIRED),
        ("not_yet_valid", FailureKind.CERTIFICATE_NOT_YET_VALID),
        ("wrong_name", FailureKind.CERTIFICATE_WRONG_NAME),
        ("self_signed", FailureKind.CERTIFICATE_SELF_SIGNED),
        ("intermediate_missing", FailureKind.CERTIFICATE_CHAIN_CUT),
    ],
)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_certificates(
    start_host: StartHost, certificate: str, kind: FailureKind, version: str
) -> None:
    host = start_host(tls=True, tls_certificate=certificate, tls_maximum=version)
    yielded = run(site(endpoint(host)))
    failed = yielded.failed("host_tls.verification")
    assert (failed.failure, failed.operation) == (kind, Operation.VERIFY_CERTIFICATE)
    days = seconds(yielded, "host_tls.certificate_days_left")
    assert (days < 0) is (certificate == "expired")
    # What the laptop thinks of a certificate does not keep it from measuring the rest.
    assert seconds(yielded, "host_tls.handshake_time") > 0
    assert yielded.value("host_echo.response_code") == "00"


def test_a_root_of_somebody_else(start_host: StartHost) -> None:
    host, other = start_host(tls=True), start_host(tls=True)
    yielded = run(site(endpoint(host, ca_file=other.ca_file)))
    assert yielded.kind("host_tls.verification") is FailureKind.CERTIFICATE_CHAIN_CUT


def test_a_root_that_cannot_be_read_judges_nothing(start_host: StartHost, tmp_path: Path) -> None:
    host, empty = start_host(tls=True), tmp_path / "empty.pem"
    empty.write_text("")
    for file in (empty, tmp_path / "missing.pem"):
        yielded = run(site(endpoint(host, ca_file=str(file))))
        assert_gaps(yielded, NotRunReason.NOT_DECLARED, "host_tls.verification")
        assert seconds(yielded, "host_tls.certificate_days_left") > 0


def test_a_system_without_roots(start_host: StartHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posdiag.link.tls_settings.trusted_roots", lambda _file: [])
    yielded = run(site(endpoint(start_host(tls=True), ca_file=None)))
    assert_gaps(yielded, NotRunReason.UNSUPPORTED, "host_tls.verification")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_certificate_is_required(start_host: StartHost, version: str) -> None:
    host = start_host(tls=True, client_certificate_required=True, tls_maximum=version)
    yielded = run(site(endpoint(host)))
    assert yielded.kind("host_tls.handshake_time") is FailureKind.CLIENT_CERTIFICATE_REQUIRED
    wanted = {"1.2": "required in TLS 1.2 or older", "1.3": "required in TLS 1.3"}
    assert yielded.value("host_tls.client_certificate") == wanted[version]
    assert host.connects == 1, "an old handshake would not help"
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_echo.*")
    assert requests(host) == 0


def test_silence_in_the_handshake(start_host: StartHost) -> None:
    limits = msgspec.structs.replace(QUICK, connect_s=10.0)
    yielded = run(site(endpoint(start_host(tls=True, tls_silent=True)), limits=limits))
    failed = yielded.failed("host_tls.handshake_time")
    assert (failed.failure, failed.operation) == (FailureKind.SILENT, Operation.TLS_HANDSHAKE)
    assert failed.waited_s == pytest.approx(0.3, abs=0.2)
    assert yielded.names() == {"host_tcp.connect_time", "host_tls.handshake_time", *SYN}
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_echo.*", "host_tls.verification")


def test_the_deadline_in_the_handshake(start_host: StartHost) -> None:
    host = start_host(tls=True, tls_silent=True)
    failed = run(site(endpoint(host)), budget_s=0.5).failed("host_tls.handshake_time")
    assert failed.failure is FailureKind.CENSORED
    assert failed.waited_s is not None
    assert failed.waited_s < 0.6


def test_a_slow_handshake(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(tls=True, tls_delay_s=0.4))))
    assert seconds(yielded, "host_tls.handshake_time") >= 0.4
    assert seconds(yielded, "host_tcp.connect_time") < 0.4


def test_no_tls_where_it_is_due(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(close_at_once=True), tls=True)))
    assert yielded.kind("host_tls.handshake_time") is FailureKind.CLOSED
    with answering_once(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        yielded = run(site(HostEndpoint(address=HOME, port=port, tls=True)))
    assert yielded.kind("host_tls.handshake_time") is FailureKind.PROTOCOL_ERROR
    assert yielded.kind("host_tls_legacy.handshake_time") is FailureKind.PROTOCOL_ERROR
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_echo.*")


def reasons(shop: Site) -> set[NotRunReason]:
    """Return why neither the plan nor the run has anything to do here."""
    found = set()
    for call in (PROBE.targets, run):
        with pytest.raises(CannotRun) as caught:
            call(shop)
        found.add(caught.value.reason)
    return found


def test_a_private_network_is_not_reached_from_the_shop(start_host: StartHost) -> None:
    host = start_host()
    shop = site(endpoint(host), reached=Reach.PRIVATE_APN)
    assert reasons(shop) == {NotRunReason.NOT_REACHABLE_FROM_HERE}
    assert host.journal == []
    with_its_sim = site(endpoint(host), reached=Reach.PRIVATE_APN, laptop_at=LaptopAt.TERMINAL_SIM)
    assert run(with_its_sim).value("host_echo.response_code") == "00"


def test_nothing_declared() -> None:
    assert reasons(Site()) == {NotRunReason.NOT_DECLARED}
    assert reasons(site()) == {NotRunReason.NOT_DECLARED}
    placeholder = site(HostEndpoint(address="203.0.113.9", port=1))
    real = msgspec.structs.replace(placeholder, simulated=False)
    assert reasons(real) == {NotRunReason.NOT_DECLARED}


def test_each_step_is_told_as_soon_as_it_is_over(start_host: StartHost) -> None:
    host = start_host(tls=True, tls_silent=True)
    context = ProbeContext(
        site=site(endpoint(host)), deadline=Deadline.after(20), allowance=HostAllowance()
    )
    began_s = time.monotonic()
    steps = iter(PROBE.run(context))
    first = next(steps)
    assert time.monotonic() - began_s < 8, "not after the wait of 10 s for the handshake"
    assert isinstance(first, Observation)
    assert first.name == "host_tcp.connect_time"
    # Whoever stops looking ends the connection.
    steps.close()  # type: ignore[attr-defined]


def test_addresses_of_version_6_are_bracketed() -> None:
    shop = site(HostEndpoint(address="::1", port=7))
    assert PROBE.targets(shop) == ["[::1]:7"]


def test_a_host_of_tls_1_0_is_found_by_a_second_handshake(start_host: StartHost) -> None:
    host = start_host(tls=True, tls_maximum="1.0")
    yielded = run(site(endpoint(host)))
    assert yielded.kind("host_tls.handshake_time") in OLD_TLS_SIGNS
    assert "host_tls.version" not in yielded.names()
    assert yielded.value("host_tls_legacy.version") == "TLSv1"
    assert seconds(yielded, "host_tls_legacy.handshake_time") > 0
    assert yielded.value("host_tls.verification") == "trusted"
    assert yielded.value("host_echo.response_code") == "00"
    assert (host.connects, requests(host)) == (2, 3)


def test_a_python_without_old_tls_says_so(
    start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssl, "HAS_TLSv1", False)
    monkeypatch.setattr(ssl, "HAS_TLSv1_1", False)
    host = start_host(tls=True, tls_maximum="1.0")
    yielded = run(site(endpoint(host)))
    assert_gaps(yielded, NotRunReason.UNSUPPORTED, "host_tls_legacy.*")
    assert_gaps(yielded, NotRunReason.EARLIER_STEP_FAILED, "host_echo.*")
    assert host.connects == 1


def test_a_second_handshake_is_a_connect_too(start_host: StartHost) -> None:
    host = start_host(tls=True, tls_maximum="1.0")
    allowance = HostAllowance(Politeness(connects=1))
    yielded = run(site(endpoint(host)), allowance=allowance)
    assert_gaps(yielded, NotRunReason.POLITENESS_LIMIT, "host_tls_legacy.*")
    assert host.connects == 1


def test_what_tls_says(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(tls=True, tls_maximum="1.2"))))
    assert "host_tls.client_certificate" not in yielded.names()
    assert yielded.value("host_tls.issuer") == "CN=posdiag simulated root"
    assert yielded.value("host_tls.chain") == [f"CN={NAME}"]
    assert str(yielded.value("host_tls.cipher"))


@pytest.mark.parametrize(
    ("issuer", "pin"),
    [
        ("cn=posdiag simulated root", "as_pinned"),
        ("CN=Bank CA,O=Bank", "issuer_changed"),
        (None, None),
    ],
)
def test_a_known_issuer(start_host: StartHost, issuer: str | None, pin: str | None) -> None:
    yielded = run(site(endpoint(start_host(tls=True), issuer=issuer)))
    if pin is None:
        assert "host_tls.issuer_pin" not in yielded.names()
    else:
        assert yielded.value("host_tls.issuer_pin") == pin


@pytest.mark.parametrize("tls", [False, True])
def test_messages_in_http(start_host: StartHost, tls: bool) -> None:
    path = "/mjc/webtrans/VPB_lb"
    host = start_host(tls=tls, http_path=path, clock_offset_s=1200.0)
    yielded = run(site(endpoint(host, http_path=path)))
    assert yielded.value("host_echo.response_code") == "00"
    assert len(yielded.observations("host_echo.answer_time")) == 3
    assert yielded.value("host_http.clock_difference") == pytest.approx(1200, abs=10)


def test_http_that_is_refused_or_not_expected(start_host: StartHost) -> None:
    host = start_host(http_path="/pos", http_status=503)
    failed = run(site(endpoint(host, http_path="/pos"))).failed("host_echo.answer_time")
    assert (failed.failure, failed.detail) == (FailureKind.PROTOCOL_ERROR, "HTTP status 503")
    bare = run(site(endpoint(start_host(), http_path="/pos"))).failed("host_echo.answer_time")
    assert bare.failure in (FailureKind.CLOSED, FailureKind.RESET)
    with answering_once(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        failed = run(site(HostEndpoint(address=HOME, port=port))).failed("host_echo.answer_time")
    assert failed.detail == "the host answers in HTTP"


def test_polls_are_told(start_host: StartHost) -> None:
    yielded = run(site(endpoint(start_host(keepalive_first=True))))
    assert yielded.value("host_echo.keepalives") == 3


@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_dialect(start_host: StartHost, dialect: Dialect) -> None:
    echo = EchoSettings(
        dialect=dialect,
        framing=Framing.BINARY4,
        tpdu="6000030000" if dialect.packed else "",
        header="602200000000" if dialect is Dialect.UNIONPAY else "",
        ebcdic=dialect.packed and dialect.family == "iso1987",
        nii="003" if dialect is Dialect.HYPERCOM else "",
        test_tid="12345678",
        test_mid="123456789012345",
    )
    host = start_host(echo)
    yielded = run(site(endpoint(host), echo=echo))
    code = "800" if dialect.family == "iso1993" else "00"
    assert yielded.value("host_echo.response_code") == code
    assert requests(host) == 3
