"""TLS as a client over ``ssl.MemoryBIO``: handshake, then an inner conversation through it.

The context is handed in and verifies nothing: a certificate that does not verify must still be
read; ``posdiag.wire.certificates`` judges it. No client certificate is ever sent.
"""

from __future__ import annotations

import contextlib
import ssl

from posdiag.model.errors import LocalWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Conversation, Done, Ended, Send, Step, Wait

_MAX_RECORD = 16384
_SETTLE_S = 0.3
_SETTLE_MAX_S = 3.0
_HANDSHAKE_RECORD = 22
_CERTIFICATE_REQUEST = 13
_ALERTS_WITHOUT_THE_WORD = frozenset(
    {
        "TLSV1_UNSUPPORTED_EXTENSION",
        "TLSV1_CERTIFICATE_UNOBTAINABLE",
        "TLSV1_UNRECOGNIZED_NAME",
        "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
        "TLSV1_BAD_CERTIFICATE_HASH_VALUE",
    }
)
_ALERTS_ABOUT_CLIENT_CERTIFICATE = frozenset(
    {"handshake_failure", "bad_certificate", "no_certificate", "certificate_unknown"}
)
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class _ClearFlight:
    """Sees whether a host asks for a client certificate, as far as it says so in clear (TLS 1.2).

    Source: RFC 5246 sections 6.2.1 (record: type, version, length) and 7.4 (handshake message:
    type, 3 bytes of length). TLS 1.3 encrypts the request; there the alert names it (RFC 8446
    section 6.2, certificate_required).
    """

    def __init__(self) -> None:
        self._records = bytearray()
        self._messages = bytearray()
        self._over = False
        self.asked = False

    def feed(self, data: bytes) -> None:
        if self._over:
            return
        self._records += data
        while len(self._records) >= 5:
            length = int.from_bytes(self._records[3:5])
            if self._records[0] != _HANDSHAKE_RECORD:
                self._over = True
                return
            if len(self._records) < 5 + length:
                return
            self._messages += self._records[5 : 5 + length]
            del self._records[: 5 + length]
            self._read_messages()

    def _read_messages(self) -> None:
        while len(self._messages) >= 4:
            end = 4 + int.from_bytes(self._messages[1:4])
            if len(self._messages) < end:
                return
            self.asked |= self._messages[0] == _CERTIFICATE_REQUEST
            del self._messages[:end]


class _Records:
    """Sees where records end, in what comes after the handshake (RFC 8446 section 5.1)."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = 0
        self.between = False
        """At the end of a record, with none begun."""

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(5 - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) == 5:
                    self._left = int.from_bytes(self._head[3:5])
                    self._head.clear()
            at += step
            self.between = not (self._left or self._head)


class TlsConversation:
    """A TLS handshake, and then the inner conversation.

    A TLS 1.3 host refuses a client without certificate only after the handshake is complete for
    the client. So one more flight is awaited before the inner conversation starts (at most 0.3 s
    or one and a half times the handshake, whichever is longer, never above 3 s; session tickets
    end it at once).

    Attributes:
        handshake_s: seconds from the first byte sent; None while it isn't complete.
        version: ``TLSv1.2`` ..., empty while unknown.
        cipher: OpenSSL's name.
        chain: what the host sent, DER, its own certificate first; unverified.
        alert: name of the alert that the host sent, lower snake, empty without one.
        failure: why TLS failed; the inner conversation then may never have started.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        server_name: str | None,
        *,
        limit_s: float,
        inner: Conversation | None = None,
    ) -> None:
        """Prepare the handshake; nothing is sent yet.

        Args:
            context: client context with ``CERT_NONE`` and no host name check.
            server_name: for the server name extension; None or an IP address sends none.
            limit_s: how long the whole handshake may take.
            inner: what to say through it; None: only the handshake.

        Raises:
            LocalWireError: no name that the extension can hold.
        """
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._tls = _wrapped(context, self._from_peer, self._to_peer, server_name or None)
        self._limit_s = limit_s
        self._inner = inner
        self._clear = _ClearFlight()
        self._later = _Records()
        self._came = 0
        self._started_s: float | None = None
        self._settled = False
        self._began = False
        self._settle_until_s = 0.0
        self._said_goodbye = False
        self.handshake_s: float | None = None
        self.version = ""
        self.cipher = ""
        self.chain: tuple[bytes, ...] = ()
        self.alert = ""
        self.failure: Failed | None = None

    @property
    def client_certificate_asked(self) -> bool:
        """Whether the host asked for a client certificate in clear (TLS 1.2 and older)."""
        return self._clear.asked

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._started_s is None:
            self._started_s = now_s
            self._shake_hands(now_s)
        if pending := self._to_peer.read():
            return Send(pending)
        if self.failure is not None:
            return Done()
        if self.handshake_s is None:
            return self._wait(self._started_s + self._limit_s - now_s, now_s)
        if not self._settled:
            left_s = self._settle_until_s - now_s
            if left_s > 0:
                return Wait(left_s, Operation.TLS_HANDSHAKE)
            self._settled = True
        return self._step_inner(now_s)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take encrypted bytes."""
        if self.failure is not None:
            return
        self._came += len(data)
        self._from_peer.write(data)
        if self.handshake_s is None:
            self._clear.feed(data)
            if not self._shake_hands(now_s) or not self._from_peer.pending:
                return
            data = data[-self._from_peer.pending :]
        # Half an alert says nothing yet.
        self._later.feed(data)
        self._settled |= self._later.between
        self._read(now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why nothing more comes."""
        if self.failure is not None:
            return
        if self.handshake_s is None:
            waits = why in (Ended.LIMIT, Ended.BUDGET)
            since_s = now_s - self._started_s if self._started_s is not None else waited_s
            detail = f"after {self._came} bytes" if self._came else ""
            self._fail(_KINDS[why], detail, since_s if waits else None)
        elif not self._settled:
            self._settled = True
            if why not in (Ended.LIMIT, Ended.BUDGET):
                self._fail(_KINDS[why], "right after the handshake")
        elif self._inner is not None:
            self._inner.ended(why, now_s, waited_s)

    def _wait(self, left_s: float, now_s: float) -> Step:
        if left_s > 0:
            return Wait(left_s, Operation.TLS_HANDSHAKE)
        self.ended(Ended.LIMIT, now_s, self._limit_s)
        return Done()

    def _step_inner(self, now_s: float) -> Step:
        self._began = True
        step: Step = Done() if self._inner is None else self._inner.step(now_s)
        match step:
            case Send(data):
                try:
                    self._tls.write(data)
                except ssl.SSLError as error:
                    # The host wants a second handshake (TLS 1.2 and older) or is gone.
                    self._refused(error)
                    return Done()
                return Send(self._to_peer.read())
            case Wait():
                return step
            case Done():
                return self._goodbye()

    def _goodbye(self) -> Step:
        """Return a close_notify once, so that the host does not log a broken connection."""
        if self._said_goodbye:
            return Done()
        self._said_goodbye = True
        # It wants the peer's own close_notify, for which nobody waits.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        return Send(pending) if (pending := self._to_peer.read()) else Done()

    def _shake_hands(self, now_s: float) -> bool:
        """Go on with the handshake; return whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError:
            self._fail(FailureKind.CLOSED, "in the middle of the handshake")
            return False
        except ssl.SSLError as error:
            self._refused(error)
            return False
        started_s = self._started_s if self._started_s is not None else now_s
        self.handshake_s = now_s - started_s
        self.version = self._tls.version() or ""
        cipher = self._tls.cipher()
        self.cipher = cipher[0] if cipher else ""
        self.chain = _chain(self._tls)
        self._settled = self.version != "TLSv1.3"
        self._settle_until_s = now_s + min(max(_SETTLE_S, 1.5 * self.handshake_s), _SETTLE_MAX_S)
        return True

    def _read(self, now_s: float) -> None:
        while self.failure is None:
            try:
                clear = self._tls.read(_MAX_RECORD)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                clear = b""
            except ssl.SSLError as error:
                self._refused(error)
                return
            if not clear:
                if not self._began:
                    self._fail(FailureKind.CLOSED, "right after the handshake")
                elif self._inner is not None:
                    self._inner.ended(Ended.EOF, now_s, 0.0)
                return
            if self._inner is not None:
                self._inner.receive(clear, now_s)

    def _refused(self, error: ssl.SSLError) -> None:
        """Record an alert of the host, or bytes that are no TLS.

        A TLS 1.3 host can only complain about a certificate after the handshake, and only about
        the client's; Java's say ``bad_certificate`` there instead of ``certificate_required``.
        """
        reason = _reason(error)
        self.alert = _alert(reason)
        asked = self._clear.asked or (self.version == "TLSv1.3" and self.handshake_s is not None)
        if not self.alert:
            self._fail(FailureKind.PROTOCOL_ERROR, reason.lower().replace("_", " "))
        elif self.alert == "certificate_required" or (
            asked and self.alert in _ALERTS_ABOUT_CLIENT_CERTIFICATE
        ):
            self._fail(FailureKind.CLIENT_CERTIFICATE_REQUIRED, self.alert)
        else:
            self._fail(FailureKind.TLS_ALERT, self.alert)

    def _fail(self, kind: FailureKind, detail: str = "", waited_s: float | None = None) -> None:
        self.failure = Failed(kind, Operation.TLS_HANDSHAKE, detail, waited_s)


def _wrapped(
    context: ssl.SSLContext, from_peer: ssl.MemoryBIO, to_peer: ssl.MemoryBIO, name: str | None
) -> ssl.SSLObject:
    try:
        return context.wrap_bio(from_peer, to_peer, server_hostname=name)
    except ValueError:
        raise LocalWireError("no name of a host", field="server_name") from None


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason, ``WRONG_VERSION_NUMBER``.

    Python's table lacks some (``no application protocol``): those are only in the message,
    ``[SSL] tlsv1 alert no application protocol (_ssl.c:1006)``.
    """
    if error.reason:
        return error.reason
    text = str(error.args[1]) if len(error.args) > 1 else type(error).__name__
    return text.partition("] ")[2].rpartition(" (")[0].upper().replace(" ", "_") or text


def _alert(reason: str) -> str:
    """Return the name of the alert that came, empty where OpenSSL itself refused something.

    Most reasons of alerts hold ``_ALERT_`` (``TLSV13_ALERT_CERTIFICATE_REQUIRED``).
    """
    if reason in _ALERTS_WITHOUT_THE_WORD:
        return reason.partition("_")[2].lower()
    return reason.partition("_ALERT_")[2].lower()


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the peer's certificates as DER, its own first.

    ``SSLObject.get_unverified_chain`` is public from Python 3.13; 3.11 and 3.12 have it one level
    deeper, where each certificate still has to be written out. Without either, the host's own
    certificate is all there is.
    """
    public = getattr(tls, "get_unverified_chain", None)
    deeper = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    if public is not None:
        return tuple(public())
    if deeper is not None and (found := deeper()):
        # 1 is ssl's private ENCODING_PEM, 2 its ENCODING_DER (OpenSSL's X509_FILETYPE_ASN1).
        return tuple(certificate.public_bytes(2) for certificate in found)
    own = tls.getpeercert(binary_form=True)
    return (own,) if own else ()
