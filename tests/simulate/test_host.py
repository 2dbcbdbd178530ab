"""The simulated host, spoken to with the standard library's sockets and TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.simulate.host import DEFAULT_ECHO, HostFaults, SimulatedHost
from posdiag.wire.echo import echo_request
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.iso8583 import Layout, Message, decode, encode

Start = Callable[..., SimulatedHost]
NAME = "host.pos.example"
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
QUIET_S = 0.3


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulated hosts with some faults."""
    started: list[SimulatedHost] = []

    def begin(echo: EchoSettings = DEFAULT_ECHO, **faults: object) -> SimulatedHost:
        host = SimulatedHost(msgspec.convert(faults, HostFaults), echo)
        host.start()
        started.append(host)
        return host

    yield begin
    for host in started:
        host.stop()


def connect(host: SimulatedHost) -> socket.socket:
    return socket.create_connection((host.address, host.port), timeout=10)


def request(echo: EchoSettings = DEFAULT_ECHO) -> bytes:
    message = echo_request(echo, tid=echo.test_tid, mid=echo.test_mid, stan=7, at=NOW)
    return encode_frame(echo.framing, encode(message, Layout.of(echo)))


def answer(link: socket.socket, echo: EchoSettings = DEFAULT_ECHO) -> Message:
    frames = FrameDecoder(echo.framing)
    while (body := frames.next_body()) is None:
        data = link.recv(4096)
        assert data, "closed before an answer"
        frames.feed(data)
    return decode(body, Layout.of(echo))


def ask(link: socket.socket) -> Message:
    link.sendall(request())
    return answer(link)


def is_quiet(link: socket.socket) -> bool:
    """Return whether the connection stays open and no byte comes."""
    link.settimeout(QUIET_S)
    try:
        link.recv(1)
    except TimeoutError:
        return True
    return False


def test_it_answers_echoes_one_after_the_other(start: Start) -> None:
    host = start()
    with connect(host) as link:
        said = [ask(link) for _ in range(3)]
    assert [(one.mti, one.fields[39], one.fields[41]) for one in said] == [
        ("0830", "00", DEFAULT_ECHO.test_tid)
    ] * 3
    assert host.journal == ["connect", *["request 0820", "answer"] * 3]


@pytest.mark.parametrize("framing", Framing)
@pytest.mark.parametrize(
    ("dialect", "mti"), [(Dialect.UNIONPAY, "0830"), (Dialect.ISO1987, "0810")]
)
def test_dialects_and_framings(start: Start, dialect: Dialect, framing: Framing, mti: str) -> None:
    echo = msgspec.structs.replace(DEFAULT_ECHO, dialect=dialect, framing=framing)
    if dialect is Dialect.ISO1987:
        echo = msgspec.structs.replace(echo, tpdu="", header="")
    with connect(start(echo)) as link:
        link.sendall(request(echo))
        said = answer(link, echo)
    assert (said.mti, said.fields[39]) == (mti, "00")


def test_nothing_of_a_message_stands_in_the_journal(start: Start) -> None:
    host = start(tls=True)
    with connect(host) as link, client().wrap_socket(link) as tls:
        ask(tls)
    journal = " ".join(host.journal)
    assert DEFAULT_ECHO.test_tid not in journal
    assert DEFAULT_ECHO.test_mid not in journal


def test_refused(start: Start) -> None:
    host = start(refuse=True)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            connect(host)
    assert host.journal == []


@pytest.mark.skipif(sys.platform != "linux", reason="other system: its queue is never full")
def test_connects_are_not_answered(start: Start) -> None:
    host = start(connect_silent=True)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            socket.create_connection((host.address, host.port), timeout=QUIET_S)
    assert host.journal == []


def test_accepts_and_says_nothing(start: Start) -> None:
    with connect(start(accept_silent=True)) as link:
        link.sendall(request())
        assert is_quiet(link)


def test_closes_at_once_in_order(start: Start) -> None:
    with connect(start(close_at_once=True)) as link:
        link.sendall(request())
        assert link.recv(1) == b""


def test_resets_at_once(start: Start) -> None:
    host = start(reset_at_once=True)
    with pytest.raises(ConnectionResetError), connect(host) as link:
        link.recv(1)


def test_closes_after_a_request(start: Start) -> None:
    host = start(close_after_request=True)
    with connect(host) as link:
        link.sendall(request()[:10])
        assert is_quiet(link)
        link.settimeout(10)
        link.sendall(request()[10:])
        assert link.recv(1) == b""
    assert host.journal == ["connect", "request 0820"]


def test_resets_after_a_request(start: Start) -> None:
    with connect(start(reset_after_request=True)) as link:
        link.sendall(request())
        with pytest.raises(ConnectionResetError):
            link.recv(1)


def test_one_delay_for_all(start: Start) -> None:
    with connect(start(delay_s=0.2)) as link:
        for _ in range(2):
            begun_s = time.monotonic()
            ask(link)
            assert time.monotonic() - begun_s >= 0.2


def test_delays_go_round_over_all_connections(start: Start) -> None:
    host, took_s = start(delays_s=[0.0, 0.0, 0.5]), []
    for _ in range(3):
        with connect(host) as link:
            for _ in range(2):
                begun_s = time.monotonic()
                ask(link)
                took_s.append(time.monotonic() - begun_s)
    assert min(took_s[2], took_s[5]) >= 0.5 > max(took_s[0], took_s[1], took_s[3], took_s[4])


def test_garbage(start: Start) -> None:
    with connect(start(garbage=True)) as link:
        link.sendall(request())
        assert link.recv(4096).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("count", [1, 20])
def test_half_an_answer(start: Start, count: int) -> None:
    with connect(start(cut_answer_to=count)) as link:
        link.sendall(request())
        assert len(link.recv(4096)) == count
        assert is_quiet(link)


def test_an_empty_frame_comes_first(start: Start) -> None:
    with connect(start(keepalive_first=True)) as link:
        link.sendall(request())
        assert link.recv(2) == b"\0\0"
        assert answer(link).fields[39] == "00"


def test_another_mti(start: Start) -> None:
    with connect(start(wrong_mti=True)) as link:
        assert ask(link).mti not in ("0820", "0830")


def test_response_codes(start: Start) -> None:
    with connect(start(response_code="96")) as link:
        assert ask(link).fields[39] == "96"
    codes = {DEFAULT_ECHO.test_tid: "03", "00000000": "58"}
    with connect(start(response_codes=codes)) as link:
        assert ask(link).fields[39] == "03"
    with connect(start(response_codes={"00000000": "58"})) as link:
        assert ask(link).fields[39] == "00"


def test_a_processing_request(start: Start) -> None:
    with connect(start(processing_request="5")) as link:
        assert ask(link).processing_request == "5"


def now_local() -> datetime.datetime:
    return datetime.datetime.now(tz=datetime.UTC).astimezone()


def seconds_after(time_of_day: str, moment: datetime.datetime) -> float:
    """Return F12 minus a moment of local time, folded into -12 h to +12 h."""
    shown = datetime.datetime.strptime(time_of_day, "%H%M%S").replace(tzinfo=datetime.UTC)
    here = moment.replace(tzinfo=datetime.UTC)
    return ((shown - here).total_seconds() + 43200) % 86400 - 43200


@pytest.mark.parametrize("offset_s", [0, 5 * 3600, -900])
def test_its_clock(start: Start, offset_s: int) -> None:
    with connect(start(clock_offset_s=float(offset_s))) as link:
        fields = ask(link).fields
    here = now_local()
    assert -10 < seconds_after(fields[12], here) - offset_s <= 0.1
    day = here + datetime.timedelta(seconds=offset_s)
    assert fields[13] in (f"{day:%m%d}", f"{day - datetime.timedelta(minutes=1):%m%d}")


def test_a_late_answer_bears_the_time_of_the_answer(start: Start) -> None:
    with connect(start(delay_s=3.0)) as link:
        fields = ask(link).fields
    # F12 has whole seconds; that of the request would be at least three behind.
    assert -3 < seconds_after(fields[12], now_local()) <= 0.1


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x03abc", b"\x00\x00\x10\x01"])
def test_what_is_no_request_ends_the_connection(start: Start, data: bytes) -> None:
    host = start()
    with connect(host) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b""
    host.stop()
    assert "answer" not in host.journal


def client(host: SimulatedHost | None = None) -> ssl.SSLContext:
    """Return a context that trusts the host's root only, or verifies nothing."""
    if host is not None:
        return ssl.create_default_context(cafile=host.ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("name", [NAME, "127.0.0.1"])
@pytest.mark.parametrize(("highest", "version"), [("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")])
def test_tls_is_trusted_by_openssl(start: Start, highest: str, version: str, name: str) -> None:
    host = start(tls=True, tls_maximum=highest)
    with connect(host) as link, client(host).wrap_socket(link, server_hostname=name) as tls:
        assert tls.version() == version
        assert ask(tls).fields[39] == "00"
    host.stop()
    assert host.journal == ["connect", f"tls {version}", "request 0820", "answer"]


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("expired", "certificate has expired"),
        ("not_yet_valid", "certificate is not yet valid"),
        ("wrong_name", "Hostname mismatch"),
        ("self_signed", "self.signed certificate"),
    ],
)
def test_bad_certificates(start: Start, kind: str, complaint: str) -> None:
    host = start(tls=True, tls_certificate=kind)
    context = client(host)
    with (
        connect(host) as link,
        pytest.raises(ssl.SSLCertVerificationError, match=complaint),
    ):
        context.wrap_socket(link, server_hostname=NAME)
    with connect(host) as link, client().wrap_socket(link) as tls:
        assert ask(tls).fields[39] == "00"


@pytest.mark.parametrize("days", [9.0, 365.0, -3.0])
def test_days_of_a_certificate(start: Start, days: float) -> None:
    from cryptography import x509

    host = start(tls=True, certificate_days=days)
    with connect(host) as link, client().wrap_socket(link) as tls:
        shown = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
    left = shown.not_valid_after_utc - datetime.datetime.now(tz=datetime.UTC)
    assert left.total_seconds() / 86400 == pytest.approx(days, abs=0.1)
    assert shown.not_valid_before_utc < shown.not_valid_after_utc


@pytest.mark.parametrize("highest", ["1.2", "1.3"])
def test_a_client_without_certificate_is_refused(start: Start, highest: str) -> None:
    host = start(tls=True, tls_maximum=highest, client_certificate_required=True)
    with (
        connect(host) as link,
        pytest.raises(ssl.SSLError, match=r"ALERT_HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED"),
        client().wrap_socket(link) as tls,
    ):
        ask(tls)
    host.stop()
    assert host.journal == ["connect", "tls failed"]


def test_tls_silent(start: Start) -> None:
    with connect(start(tls=True, tls_silent=True)) as link:
        link.settimeout(QUIET_S)
        with pytest.raises(TimeoutError):
            client().wrap_socket(link)


def test_tls_takes_its_time(start: Start) -> None:
    with connect(start(tls=True, tls_delay_s=0.3)) as link:
        begun_s = time.monotonic()
        with client().wrap_socket(link) as tls:
            assert time.monotonic() - begun_s >= 0.3
            assert ask(tls).fields[39] == "00"


def test_no_tls_where_none_is_said(start: Start) -> None:
    host = start()
    assert host.ca_file == ""
    with connect(host) as link, pytest.raises((ssl.SSLError, ConnectionError)):
        client().wrap_socket(link)


@pytest.mark.parametrize("faults", [{}, {"tls": True}, {"delay_s": 60.0}, {"connect_silent": True}])
def test_stopping_leaves_nothing(start: Start, faults: dict[str, object]) -> None:
    if faults.get("connect_silent") and sys.platform != "linux":
        pytest.skip("other system: its queue is never full")
    before = threading.active_count()
    host = start(**faults)
    folder = Path(host.ca_file).parent
    if not faults.get("connect_silent"):
        link = connect(host)
        if not faults.get("tls"):
            link.sendall(request())
        begun_s = time.monotonic()
        host.stop()
        assert time.monotonic() - begun_s < 4
        link.close()
    host.stop()
    assert threading.active_count() <= before
    assert not (host.ca_file and folder.exists())
    with pytest.raises(ConnectionRefusedError):
        connect(host)


@pytest.mark.parametrize(
    "faults",
    [
        {"no_such_fault": True},
        {"delay_s": -1},
        {"response_code": "1"},
        {"tls_certificate": "odd"},
        {"tls_maximum": "1.1"},
    ],
)
def test_wrong_faults_are_refused(faults: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(faults, HostFaults)
