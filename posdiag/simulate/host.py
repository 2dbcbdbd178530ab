"""A simulated acquirer's host: answers echoes over TCP or TLS, and misbehaves as told."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import secrets
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.simulate.delays import Delays
from posdiag.simulate.listener import Listener
from posdiag.simulate.throwaway_certificates import Kind, write_certificates
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.http_post import HttpPostHost

if TYPE_CHECKING:
    import ssl

_POLL_S = 0.05
_DRAIN_S = 2.0
_GARBAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n"

DEFAULT_ECHO = EchoSettings(
    dialect=Dialect.UNIONPAY,
    framing=Framing.BINARY2,
    tpdu="6000030000",
    header="602200000000",
    test_tid="12345678",
    test_mid="123456789012345",
)


class HostFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the host misbehaves; the defaults are a healthy host without TLS.

    Attributes:
        refuse: nothing listens on the port.
        connect_silent: connects are not answered at all (Linux only).
        accept_silent: connects, then never a byte.
        close_at_once: closes in order right after the connect.
        reset_at_once: resets right after the connect.
        close_after_request: takes a request and closes in order.
        reset_after_request: takes a request and resets.
        delay_s: pause before each answer.
        delays_s: pauses per echo instead, cycled over all connections.
        delays: pauses drawn from a distribution instead.
        garbage: answers with an HTTP error, unframed.
        cut_answer_to: sends only that many bytes of each answer.
        keepalive_first: an empty frame before each answer.
        wrong_mti: answers with the MTI of another exchange.
        response_code: F39.
        response_codes: F39 by TID, for TIDs that get another.
        processing_request: digit of the header that asks the terminal for something (UnionPay).
        clock_offset_s: added to the host's clock in F12, F13 and the HTTP date.
        http_path: messages come in HTTP POST requests to this path; empty: bare.
        http_status: of its answers.
        keys: bytes of working keys in the answer to an accepted sign-on; they are random.
        tls: speaks TLS.
        tls_certificate: which certificate it shows.
        certificate_days: days until a good certificate ends.
        client_certificate_required: refuses a client without a certificate.
        tls_maximum: highest version; with ``1.0`` it speaks nothing newer, as old hosts do.
        tls_silent: connects, then never answers the handshake.
        tls_delay_s: pause before its part of the handshake.
    """

    refuse: bool = False
    connect_silent: bool = False
    accept_silent: bool = False
    close_at_once: bool = False
    reset_at_once: bool = False
    close_after_request: bool = False
    reset_after_request: bool = False
    delay_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    delays_s: list[Annotated[float, msgspec.Meta(ge=0)]] = []
    delays: Delays | None = None
    garbage: bool = False
    cut_answer_to: Annotated[int, msgspec.Meta(ge=0)] | None = None
    keepalive_first: bool = False
    wrong_mti: bool = False
    response_code: Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{2}$")] = "00"
    response_codes: dict[str, Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{2}$")]] = {}
    processing_request: Annotated[str, msgspec.Meta(pattern="^[0-9]$")] = "0"
    clock_offset_s: float = 0.0
    http_path: Annotated[str, msgspec.Meta(pattern="^(/[!-~]*)?$")] = ""
    http_status: Annotated[int, msgspec.Meta(ge=100, le=599)] = 200
    keys: Literal[0, 24, 40, 60] = 0
    tls: bool = False
    tls_certificate: Kind = "good"
    certificate_days: float = 365.0
    client_certificate_required: bool = False
    tls_maximum: Literal["1.0", "1.2", "1.3"] = "1.3"
    tls_silent: bool = False
    tls_delay_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class SimulatedHost:
    """Listens on loopback with one thread per connection.

    Attributes:
        address: ``127.0.0.1``.
        port: after ``start``.
        server_name: name in a good certificate (127.0.0.1 is in it too).
        ca_file: PEM of the throw-away root, empty without TLS.
        journal: what happened, in order: ``connect``, ``tls TLSv1.3`` or ``tls failed``,
            ``request 0820`` or ``no request``, ``answer``; no payload.
    """

    address = Listener.address

    def __init__(
        self,
        faults: HostFaults,
        echo: EchoSettings | None = None,
        *,
        server_name: str = "host.pos.example",
    ) -> None:
        """Prepare; nothing is bound yet."""
        self._faults = faults
        self._echo = echo or DEFAULT_ECHO
        self._role = EchoHost(
            self._echo,
            response_code=faults.response_code,
            response_codes=faults.response_codes,
            processing_request=faults.processing_request,
            wrong_mti=faults.wrong_mti,
            keys=secrets.token_bytes(faults.keys),
        )
        self._delays_s: Iterator[float] = itertools.cycle(faults.delays_s or [faults.delay_s])
        if faults.delays is not None:
            self._delays_s = faults.delays.drawn()
        self._lock = threading.Lock()
        self._listener = Listener(self._serve)
        self._held: list[socket.socket] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._context: ssl.SSLContext | None = None
        self.port = 0
        self.server_name = server_name
        self.ca_file = ""
        self.journal: list[str] = []

    @property
    def connects(self) -> int:
        """How many connections came."""
        return self.journal.count("connect")

    @property
    def requests(self) -> int:
        """How many requests came, understood or not."""
        return sum(line.startswith(("request", "no request")) for line in self.journal)

    def start(self) -> None:
        """Bind a free port and begin to answer."""
        if self._faults.tls:
            self._prepare_tls()
        if self._faults.refuse or self._faults.connect_silent:
            self._hold_port()
            return
        self._listener.start()
        self.port = self._listener.port

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._listener.stop()
        for held in self._held:
            held.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _prepare_tls(self) -> None:
        import ssl

        faults = self._faults
        self._folder = tempfile.TemporaryDirectory(prefix="posdiag-host-")
        files = write_certificates(
            Path(self._folder.name),
            faults.tls_certificate,
            self.server_name,
            faults.certificate_days,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        if faults.tls_maximum == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        elif faults.tls_maximum == "1.0":
            _only_tls_1_0(context)
        if faults.client_certificate_required:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(files.ca)
        self._context = context
        self.ca_file = str(files.ca)

    def _hold_port(self) -> None:
        """Take a port and keep it, with nobody who accepts.

        Bound only, every connect is refused. For silence it listens with the shortest queue and
        that is filled: Linux drops the SYN of whoever comes then (``tcp_conn_request``).
        """
        holder = socket.socket()
        self._held.append(holder)
        holder.bind((self.address, 0))
        self.port = holder.getsockname()[1]
        if self._faults.refuse:
            return
        holder.listen(0)
        for _ in range(8):
            filler = socket.socket()
            self._held.append(filler)
            filler.settimeout(_POLL_S)
            try:
                filler.connect((self.address, self.port))
            except TimeoutError:
                return

    def _serve(self, raw: socket.socket) -> None:
        faults = self._faults
        self.journal.append("connect")
        if faults.reset_at_once:
            _reset(raw)
        elif faults.close_at_once:
            self._close_in_order(raw)
        elif faults.accept_silent or (faults.tls and faults.tls_silent):
            while self._listener.receive(raw):
                pass
        elif self._context is not None:
            self._serve_tls(raw, self._context)
        elif self._talk(raw):
            self._close_in_order(raw)

    def _serve_tls(self, raw: socket.socket, context: ssl.SSLContext) -> None:
        import ssl

        if self._listener.stopping.wait(self._faults.tls_delay_s):
            return
        with context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as link:
            try:
                self._shake_hands(link)
                if not self._talk(link):
                    return
            except ssl.SSLError:
                self.journal.append("tls failed")
            # It also wants the peer's close_notify, for which nobody waits.
            with contextlib.suppress(OSError):
                link.unwrap()
            with socket.socket(fileno=link.detach()) as bare:
                bare.settimeout(_POLL_S)
                self._close_in_order(bare)

    def _shake_hands(self, link: ssl.SSLSocket) -> None:
        while not self._listener.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                link.do_handshake()
                self.journal.append(f"tls {link.version()}")
                return

    def _talk(self, link: socket.socket) -> bool:
        """Answer requests until the peer closes or a fault ends it.

        Returns:
            whether the connection is to be closed in order; it has been reset otherwise.
        """
        faults = self._faults
        try:
            for request in self._requests(link):
                with self._lock:
                    delay_s = next(self._delays_s)
                # The answer bears the time at which it is sent.
                mti, answer = self._role.answer(request, self._clock(delay_s))
                self.journal.append(f"request {mti}")
                if faults.reset_after_request:
                    _reset(link)
                    return False
                if faults.close_after_request or not self._answer(link, answer, delay_s):
                    break
        except RemoteWireError:
            self.journal.append("no request")
        return True

    def _requests(self, link: socket.socket) -> Iterator[bytes]:
        frames = FrameDecoder(self._echo.framing)
        http = HttpPostHost(self._faults.http_path) if self._faults.http_path else None
        while data := self._listener.receive(link):
            for part in [data] if http is None else http.feed(data):
                frames.feed(part)
            while (body := frames.next_body()) is not None:
                yield body

    def _answer(self, link: socket.socket, answer: bytes, delay_s: float) -> bool:
        """Send an answer as the faults have it; return whether the connection goes on."""
        faults = self._faults
        if self._listener.stopping.wait(delay_s):
            return False
        if faults.garbage:
            link.sendall(_GARBAGE)
            return False
        framed = encode_frame(self._echo.framing, answer)[: faults.cut_answer_to]
        if faults.keepalive_first:
            framed = encode_frame(self._echo.framing, b"") + framed
        if faults.http_path:
            framed = HttpPostHost.answer(framed, self._clock(0.0), faults.http_status)
        self.journal.append("answer")
        link.sendall(framed)
        return True

    def _clock(self, ahead_s: float) -> datetime.datetime:
        """Return the host's local time in ``ahead_s`` seconds."""
        offset = datetime.timedelta(seconds=self._faults.clock_offset_s + ahead_s)
        return datetime.datetime.now(tz=datetime.UTC).astimezone() + offset

    def _close_in_order(self, link: socket.socket) -> None:
        """Say that nothing more comes, and read what is under way, lest a reset overtake it."""
        link.shutdown(socket.SHUT_WR)
        until_s = time.monotonic() + _DRAIN_S
        while time.monotonic() < until_s and self._listener.receive(link):
            pass


def _only_tls_1_0(context: ssl.SSLContext) -> None:
    import ssl
    import warnings

    with warnings.catch_warnings():
        # Python warns of every version below 1.2, which is the point here.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")


def _reset(link: socket.socket) -> None:
    """Close with RST instead of FIN."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()
