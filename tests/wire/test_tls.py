"""TLS handshakes over memory against a server made here, and what goes wrong in them."""

from __future__ import annotations

import datetime
import random
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.wire.certificates import verify_chain
from posdiag.wire.conversation import Ended, Send, Wait
from posdiag.wire.echo import EchoConversation
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.tls import TlsConversation
from tests.wire.authority import HOST, NOW, Issued, issue, names
from tests.wire.played import Late, play

DAY = datetime.timedelta(days=1)
ROOT = issue("Root", ca=True)
MIDDLE = issue("Middle", ROOT, ca=True)
OWN = issue(by=MIDDLE, alternative=names(HOST, "127.0.0.1"))
ECHO = EchoSettings(
    dialect=Dialect.UNIONPAY,
    framing=Framing.BINARY2,
    tpdu="6000030000",
    header="602200000000",
)
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


class Server:
    """One connection to a TLS server in memory."""

    def __init__(
        self,
        folder: Path,
        *,
        version: str = "TLSv1.3",
        chain: tuple[Issued, ...] = (OWN, MIDDLE),
        answer: Callable[[bytes], bytes] | None = None,
        wants_client: bool = False,
        tickets: int = 2,
        closes: bool = False,
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = VERSIONS[version]
        context.num_tickets = tickets
        file = folder / "server.pem"
        file.write_bytes(chain[0].key_pem + b"".join(one.pem for one in chain))
        context.load_cert_chain(file)
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=ROOT.pem.decode())
        self.server_name: str | None = None
        context.sni_callback = self._note_name
        self._into, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._into, self._out, server_side=True)
        self._answer, self._closes = answer, closes
        self._shaken = False
        self.said = b""
        self.refused = ""
        self.goodbye = False

    def _note_name(self, _: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        self.server_name = name

    def __call__(self, data: bytes) -> bytes:
        self._into.write(data)
        try:
            self._go_on()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.goodbye = True
        except ssl.SSLError as error:
            self.refused = self.refused or error.reason or ""
        return self._out.read()

    def _go_on(self) -> None:
        if not self._shaken:
            self._tls.do_handshake()
            self._shaken = True
            if self._closes:
                self._tls.unwrap()
        while clear := self._tls.read(4096):
            self.said += clear
            if self._answer is not None:
                self._tls.write(self._answer(clear))
        self.goodbye = True


def _tls(
    *, inner: EchoConversation | None = None, name: str | None = HOST, limit_s: float = 10.0
) -> TlsConversation:
    return TlsConversation(client_context(), name, limit_s=limit_s, inner=inner)


def _echo(count: int = 1) -> EchoConversation:
    return EchoConversation(
        ECHO,
        tid="12345678",
        mid="123456789012345",
        stan=1,
        at=NOW,
        limit_s=5.0,
        count=count,
    )


def _echo_host() -> Callable[[bytes], bytes]:
    role, incoming = EchoHost(ECHO), FrameDecoder(ECHO.framing)

    def answer(data: bytes) -> bytes:
        incoming.feed(data)
        out = b""
        while (body := incoming.next_body()) is not None:
            out += encode_frame(ECHO.framing, role.answer(body, NOW)[1])
        return out

    return answer


def _kind(tls: TlsConversation) -> FailureKind | None:
    assert tls.failure is None or tls.failure.operation is Operation.TLS_HANDSHAKE
    return tls.failure.failure if tls.failure else None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("piece", [1, 100, 1 << 16])
def test_handshake_alone(tmp_path: Path, version: str, piece: int) -> None:
    tls, server = _tls(), Server(tmp_path, version=version)
    played = play(tls, server, piece=piece)
    assert tls.failure is None
    assert (tls.version, tls.alert) == (version, "")
    assert tls.cipher
    assert tls.chain == (OWN.der, MIDDLE.der)
    assert verify_chain(tls.chain, HOST, [ROOT.der], NOW).failure is None
    assert server.server_name == HOST
    assert (server.refused, server.goodbye) == ("", True)
    assert tls.handshake_s is not None
    assert 0 < tls.handshake_s <= played.took_s < 3


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("piece", [1, 100, 1 << 16])
@pytest.mark.parametrize("tickets", [0, 2])
def test_echoes_through_it(tmp_path: Path, version: str, piece: int, tickets: int) -> None:
    echo = _echo(3)
    tls = _tls(inner=echo)
    server = Server(tmp_path, version=version, answer=_echo_host(), tickets=tickets)
    play(tls, server, piece=piece)
    assert (tls.failure, echo.failure) == (None, None)
    assert [answer.response_code for answer in echo.answers] == ["00"] * 3
    assert len(server.said) == 3 * 54
    assert server.goodbye


@pytest.mark.parametrize("name", [None, "", "127.0.0.1", "::1"])
def test_no_name_is_sent_for_an_address(tmp_path: Path, name: str | None) -> None:
    tls, server = _tls(name=name), Server(tmp_path)
    play(tls, server)
    assert (tls.failure, server.server_name) == (None, None)
    assert verify_chain(tls.chain, "127.0.0.1", [ROOT.der], NOW).failure is None


@pytest.mark.parametrize("name", [".example", "x" * 64 + ".example", "\udc80.example"])
def test_names_that_cannot_be_sent(name: str) -> None:
    with pytest.raises(LocalWireError):
        _tls(name=name)


# what the certificate says, the verdict
CERTIFICATES = [
    ((OWN, MIDDLE), HOST, None),
    ((OWN, MIDDLE), "127.0.0.1", None),
    ((OWN, MIDDLE), "127.0.0.2", FailureKind.CERTIFICATE_WRONG_NAME),
    ((OWN, MIDDLE), "other.example", FailureKind.CERTIFICATE_WRONG_NAME),
    ((OWN,), HOST, FailureKind.CERTIFICATE_CHAIN_CUT),
    ((issue(alternative=names(HOST)),), HOST, FailureKind.CERTIFICATE_SELF_SIGNED),
    (
        (issue(by=ROOT, alternative=names(HOST), ends=NOW - DAY),),
        HOST,
        FailureKind.CERTIFICATE_EXPIRED,
    ),
    (
        (issue(by=ROOT, alternative=names(HOST), begins=NOW + DAY),),
        HOST,
        FailureKind.CERTIFICATE_NOT_YET_VALID,
    ),
]


@pytest.mark.parametrize(("chain", "name", "kind"), CERTIFICATES)
def test_every_certificate_is_read(
    tmp_path: Path, chain: tuple[Issued, ...], name: str, kind: FailureKind | None
) -> None:
    tls = _tls(name=name)
    play(tls, Server(tmp_path, chain=chain))
    assert tls.failure is None
    assert tls.chain == tuple(one.der for one in chain)
    assert verify_chain(tls.chain, name, [ROOT.der], NOW).failure is kind


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("piece", [1, 1 << 16])
@pytest.mark.parametrize("with_inner", [False, True])
def test_a_client_certificate_is_required(
    *, tmp_path: Path, version: str, piece: int, with_inner: bool
) -> None:
    echo = _echo() if with_inner else None
    tls = _tls(inner=echo)
    server = Server(tmp_path, version=version, wants_client=True)
    play(tls, server, piece=piece)
    assert server.refused == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    assert _kind(tls) is FailureKind.CLIENT_CERTIFICATE_REQUIRED
    # The host's own certificate was seen only where its part of the handshake was complete.
    assert bool(tls.chain) == (version == "TLSv1.3")
    assert (tls.handshake_s is not None) == (version == "TLSv1.3")
    if echo is not None:
        assert (echo.answers, echo.failure) == ([], None)


@pytest.mark.parametrize(
    ("alert", "kind"),
    [
        ("SSLV3_ALERT_BAD_CERTIFICATE", FailureKind.CLIENT_CERTIFICATE_REQUIRED),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", FailureKind.CLIENT_CERTIFICATE_REQUIRED),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", FailureKind.CLIENT_CERTIFICATE_REQUIRED),
        ("TLSV1_ALERT_INTERNAL_ERROR", FailureKind.TLS_ALERT),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", FailureKind.PROTOCOL_ERROR),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_alerts_after_the_handshake(
    tmp_path: Path, version: str, alert: str, kind: FailureKind
) -> None:
    # OpenSSL's server only says certificate_required there, Java's says bad_certificate.
    tls = _tls()
    play(tls, Server(tmp_path, version=version))
    error = ssl.SSLError(1, "")
    error.reason = alert
    tls._refused(error)
    if version == "TLSv1.2" and "13" not in alert and "_ALERT_" in alert:
        kind = FailureKind.TLS_ALERT
    assert _kind(tls) is kind


def test_a_refusal_after_a_long_way_still_comes_before_the_echo(tmp_path: Path) -> None:
    # 0.9 s there and back: the alert comes one round trip after the client's last word.
    server, echo = Server(tmp_path, wants_client=True), _echo()
    tls = _tls(inner=echo)
    play(tls, lambda data: [Late(0.9, server(data))])
    assert _kind(tls) is FailureKind.CLIENT_CERTIFICATE_REQUIRED
    assert server.said == b""


def test_a_host_without_tickets_is_given_a_moment(tmp_path: Path) -> None:
    for delay_s, moment_s in ((0.01, 0.3), (0.4, 0.6), (2.5, 3.0)):
        server = Server(tmp_path, tickets=0)
        played = play(_tls(), lambda data, s=server, d=delay_s: [Late(d, s(data))])  # type: ignore[misc]
        assert played.took_s == pytest.approx(delay_s + moment_s)
    with_tickets = Server(tmp_path)
    assert play(_tls(), with_tickets).took_s == pytest.approx(0.002)
    older = Server(tmp_path, version="TLSv1.2")
    assert play(_tls(), older).took_s == pytest.approx(0.002)


def _alert(code: int, *, level: int = 2) -> bytes:
    return bytes([21, 3, 3, 0, 2, level, code])


# bytes instead of a ServerHello, kind, alert; RFC 8446 section 6
WRONG = [
    (_alert(40), FailureKind.TLS_ALERT, "handshake_failure"),
    (_alert(48), FailureKind.TLS_ALERT, "unknown_ca"),
    (_alert(70), FailureKind.TLS_ALERT, "protocol_version"),
    (_alert(80), FailureKind.TLS_ALERT, "internal_error"),
    (_alert(112), FailureKind.TLS_ALERT, "unrecognized_name"),
    (_alert(120), FailureKind.TLS_ALERT, "no_application_protocol"),
    (_alert(42), FailureKind.TLS_ALERT, "bad_certificate"),
    (_alert(116), FailureKind.CLIENT_CERTIFICATE_REQUIRED, "certificate_required"),
    (_alert(112, level=1) + _alert(40), FailureKind.TLS_ALERT, "handshake_failure"),
    (_alert(0, level=1), FailureKind.CLOSED, ""),
    (_alert(200), FailureKind.PROTOCOL_ERROR, ""),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", FailureKind.PROTOCOL_ERROR, ""),
    (b"SSH-2.0-OpenSSH_9.2\r\n", FailureKind.PROTOCOL_ERROR, ""),
    (b"\x00\x3b\x60\x00\x00\x00\x03\x60\x22", FailureKind.PROTOCOL_ERROR, ""),
    (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", FailureKind.PROTOCOL_ERROR, ""),
    (b"\x16\x03\x03\xff\xff" + bytes(9000), FailureKind.PROTOCOL_ERROR, ""),
    (b"\x16\x03\x03\x00", FailureKind.SILENT, ""),
    (b"", FailureKind.SILENT, ""),
]


@pytest.mark.parametrize(("answer", "kind", "alert"), WRONG)
@pytest.mark.parametrize("piece", [1, 1 << 17])
def test_what_is_no_handshake(answer: bytes, kind: FailureKind, alert: str, piece: int) -> None:
    echo = _echo()
    tls = _tls(inner=echo)
    answers = iter([answer])
    play(tls, lambda _: next(answers, b""), piece=piece)
    assert (_kind(tls), tls.alert) == (kind, alert)
    assert (tls.handshake_s, tls.chain) == (None, ())
    assert (echo.answers, echo.failure) == ([], None)


def test_a_flood_of_handshake_bytes_is_bounded_by_the_driver() -> None:
    tls = _tls()
    play(tls, lambda _: b"\x16\x03\x03\x40\x00" + bytes(9000), end=Ended.TOO_MUCH)
    assert _kind(tls) is FailureKind.PROTOCOL_ERROR


def test_silence_is_silence_and_the_limit_is_for_all() -> None:
    tls = _tls(limit_s=4.0)
    assert isinstance(tls.step(10.0), Send)
    assert tls.step(10.5) == Wait(3.5, Operation.TLS_HANDSHAKE)
    tls.ended(Ended.LIMIT, 14.0, 3.5)
    assert tls.failure is not None
    assert (tls.failure.failure, tls.failure.waited_s) == (FailureKind.SILENT, 4.0)


def test_a_handshake_that_trickles_ends(tmp_path: Path) -> None:
    server = Server(tmp_path)
    tls = _tls(limit_s=4.0)

    def slow(data: bytes) -> list[Late]:
        answer = server(data)
        return [Late(float(at), answer[at : at + 1]) for at in range(len(answer))]

    assert play(tls, slow).took_s == pytest.approx(4.0)
    assert tls.failure is not None
    assert tls.failure.failure is FailureKind.SILENT
    assert tls.failure.detail.startswith("after ")


ENDS = [
    (Ended.EOF, FailureKind.CLOSED),
    (Ended.RESET, FailureKind.RESET),
    (Ended.BUDGET, FailureKind.CENSORED),
    (Ended.UNREACHABLE, FailureKind.UNREACHABLE),
    (Ended.REFUSED, FailureKind.REFUSED),
    (Ended.TOO_MUCH, FailureKind.PROTOCOL_ERROR),
    (Ended.LIMIT, FailureKind.SILENT),
]


@pytest.mark.parametrize(("why", "kind"), ENDS)
def test_why_the_handshake_ends(tmp_path: Path, why: Ended, kind: FailureKind) -> None:
    for keep in (0, 300):
        server, echo = Server(tmp_path), _echo()
        tls = _tls(inner=echo)
        play(tls, lambda data, s=server, k=keep: s(data)[:k], end=why)  # type: ignore[misc]
        assert _kind(tls) is kind
        assert tls.failure is not None
        assert tls.failure.detail == (f"after {keep} bytes" if keep else "")
        waits = kind in (FailureKind.CENSORED, FailureKind.SILENT)
        assert (tls.failure.waited_s is not None) == waits
        assert echo.failure is None


@pytest.mark.parametrize(("why", "kind"), ENDS)
def test_why_nothing_comes_after_the_handshake(
    tmp_path: Path, why: Ended, kind: FailureKind
) -> None:
    # TLS 1.3 without tickets: the host hangs up instead of an alert.
    server, echo = Server(tmp_path, tickets=0), _echo()
    tls = _tls(inner=echo)
    play(tls, server, end=why)
    if why in (Ended.LIMIT, Ended.BUDGET):
        assert tls.failure is None
        assert echo.failure is not None
        assert (echo.failure.failure, echo.failure.operation) == (kind, Operation.ECHO_TEST)
    else:
        assert _kind(tls) is kind
        assert echo.failure is None
    assert tls.chain


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_that_closes_in_order_after_the_handshake(tmp_path: Path, version: str) -> None:
    echo = _echo()
    tls = _tls(inner=echo)
    play(tls, Server(tmp_path, version=version, closes=True))
    assert _kind(tls) is FailureKind.CLOSED
    assert echo.failure is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_that_closes_in_order_instead_of_an_answer(tmp_path: Path, version: str) -> None:
    server, echo = Server(tmp_path, version=version), _echo()

    def answer(_: bytes) -> bytes:
        server._tls.unwrap()
        return b""

    server._answer = answer
    tls = _tls(inner=echo)
    play(tls, server)
    assert tls.failure is None
    assert echo.failure is not None
    assert (echo.failure.failure, echo.failure.operation) == (
        FailureKind.CLOSED,
        Operation.ECHO_TEST,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_host_that_closes_with_its_answer_did_answer(tmp_path: Path, version: str) -> None:
    server, echo, host = Server(tmp_path, version=version), _echo(), _echo_host()

    def answer(data: bytes) -> bytes:
        server._tls.write(host(data))
        server._tls.unwrap()
        return b""

    server._answer = answer
    tls = _tls(inner=echo)
    play(tls, server)
    assert (tls.failure, echo.failure) == (None, None)
    assert len(echo.answers) == 1


def test_the_inner_conversation_hears_silence(tmp_path: Path) -> None:
    echo = _echo()
    tls = _tls(inner=echo)
    played = play(tls, Server(tmp_path))
    assert tls.failure is None
    assert echo.failure is not None
    assert echo.failure.failure is FailureKind.SILENT
    assert played.took_s == pytest.approx(5.002)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_that_was_tampered_with(tmp_path: Path, version: str) -> None:
    server, echo = Server(tmp_path, version=version, answer=_echo_host(), tickets=0), _echo()
    sent = 0

    def device(data: bytes) -> bytes:
        nonlocal sent
        sent += 1
        answer = server(data)
        return answer[:-1] + bytes([answer[-1] ^ 1]) if sent == 3 and answer else answer

    tls = _tls(inner=echo)
    play(tls, device)
    assert _kind(tls) is FailureKind.PROTOCOL_ERROR
    assert "mac" in (tls.failure.detail if tls.failure else "")
    assert echo.answers == []


def test_an_old_host_is_measured_and_named(tmp_path: Path) -> None:
    file = tmp_path / "old.pem"
    file.write_bytes(OWN.key_pem + OWN.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(file)
    server = Server(tmp_path)
    server._tls = context.wrap_bio(server._into, server._out, server_side=True)
    tls = _tls()
    play(tls, server)
    assert (tls.failure, tls.version) == (None, "TLSv1")


@pytest.mark.parametrize("version", VERSIONS)
def test_strange_flights_give_a_failure_or_a_handshake(tmp_path: Path, version: str) -> None:
    chance = random.Random(8446)
    kinds = set()
    for _ in range(150):
        server = Server(tmp_path, version=version)
        tls = _tls()
        hello = tls.step(0.0)
        assert isinstance(hello, Send)
        flight = bytearray(server(hello.data))
        for _ in range(chance.randrange(1, 4)):
            # Mostly the headers: the rest is covered by a checksum.
            flight[chance.randrange(chance.choice((12, 90, len(flight))))] = chance.randrange(256)
        tls.receive(bytes(flight[: chance.choice((len(flight), chance.randrange(1, 200)))]), 0.1)
        for _ in range(20):
            if not isinstance(tls.step(0.2), Send):
                break
        tls.ended(Ended.LIMIT, 10.0, 9.8)
        kinds.add(_kind(tls))
    assert kinds >= {FailureKind.PROTOCOL_ERROR, FailureKind.SILENT}
    assert kinds <= {
        None,
        FailureKind.PROTOCOL_ERROR,
        FailureKind.SILENT,
        FailureKind.TLS_ALERT,
        FailureKind.CLOSED,
    }
