"""A TLS hello of a given size, and whether anything answers it: for paths that lose long packets.

The hello offers TLS 1.3 alone and not a single key share, so that whatever answers is short: a
TLS 1.3 host asks for another hello (RFC 8446 section 4.1.4), an older one sends an alert. A path
that loses long packets would swallow a certificate, and the answer to any hello with it.

Not a handshake: nothing is agreed on, no certificate comes. Only the way to the host is loaded with
a long packet. Where only the way back loses them, every hello is answered; the handshake of
``posdiag.wire.tls`` hangs there.

Request::

    16 0301 LLLL      record: handshake, version, length (RFC 8446 section 5.1)
    01 LLLLLL         client_hello
    0303 random(32) 20 session(32)
    0006 1301 1302 1303   cipher suites, all of TLS 1.3
    01 00             no compression
    LLLL ...          extensions; the last one is padding: 0015 LLLL 00.. (RFC 7685 section 3)

Answer::

    16 0303 LLLL 02 ..    server_hello (a request for another hello is one)
    15 03xx 0002 02 28    an alert: level 1 or 2, description
"""

from __future__ import annotations

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

TOKEN_BYTES = 64
"""Random bytes that a hello needs: its random and its session identifier."""
SMALLEST_LONG = 600
"""Some load balancers hang on a hello whose message has 256 to 511 bytes (RFC 7685 section 1)."""
_ALERT, _HANDSHAKE = 21, 22
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_RECORD_HEAD, _MESSAGE_HEAD, _ALERT_SIZE = 5, 4, 2
_LONGEST_RECORD = (1 << 14) + 256
"""RFC 8446 section 5.2."""
_SUITES = bytes.fromhex("130113021303")
_SERVER_NAME, _GROUPS, _SIGNATURES, _PADDING, _VERSIONS, _KEY_SHARE = 0, 10, 13, 21, 43, 51
_OFFERED_GROUPS = bytes.fromhex("0017001d00180019")
"""secp256r1, x25519, secp384r1, secp521r1."""
_OFFERED_SIGNATURES = bytes.fromhex("04030503060308070804080508060401")
_GOODBYE = bytes.fromhex("15030300020100")
"""close_notify, so that the host logs no broken connection."""
_KINDS = {
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class HelloConversation:
    """Sends one hello and waits for the beginning of any answer that TLS knows.

    Attributes:
        answer: ``server_hello`` or ``alert``; empty without one.
        answer_s: seconds from the hello to the answer; None without one.
        failure: None if there is an answer or nothing is decided yet.
    """

    def __init__(
        self, token: bytes, server_name: str | None, *, record_bytes: int, limit_s: float
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            token: ``TOKEN_BYTES`` random bytes, drawn by the caller.
            server_name: for the server name extension; None sends none.
            record_bytes: of the whole record, as TCP carries it.
            limit_s: how long the answer may take.

        Raises:
            LocalWireError: the size is too small for the name, or the name cannot be sent.
        """
        self._hello = client_hello(token, server_name, record_bytes)
        self._limit_s = limit_s
        self._sent_s: float | None = None
        self._came = bytearray()
        self._said_goodbye = False
        self.answer = ""
        self.answer_s: float | None = None
        self.failure: Failed | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._sent_s is None:
            self._sent_s = now_s
            return Send(self._hello)
        if self.answer == "server_hello" and not self._said_goodbye:
            self._said_goodbye = True
            return Send(_GOODBYE)
        if self.answer or self.failure is not None:
            return Done()
        left_s = self._sent_s + self._limit_s - now_s
        if left_s > 0:
            return Wait(left_s, Operation.TLS_HANDSHAKE)
        self.ended(Ended.LIMIT, now_s, self._limit_s)
        return Done()

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of the answer; what follows its beginning is of no interest."""
        if self.answer or self.failure is not None:
            return
        self._came += data
        try:
            answer = answer_kind(bytes(self._came[: _RECORD_HEAD + _MESSAGE_HEAD]))
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))
            return
        if answer:
            self.answer = answer
            self.answer_s = now_s - (self._sent_s if self._sent_s is not None else now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why no answer comes. Half an answer and then silence is no silence."""
        if self.answer or self.failure is not None:
            return
        detail = f"after {len(self._came)} bytes" if self._came else ""
        since_s = now_s - self._sent_s if self._sent_s is not None else waited_s
        if why is not Ended.LIMIT:
            self._fail(_KINDS[why], detail, since_s if why is Ended.BUDGET else None)
        elif self._came:
            self._fail(FailureKind.PROTOCOL_ERROR, f"cut {detail}")
        else:
            self._fail(FailureKind.SILENT, "", since_s)

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self.failure = Failed(kind, Operation.TLS_HANDSHAKE, detail, waited_s)


def client_hello(token: bytes, server_name: str | None, record_bytes: int) -> bytes:
    """Return the record of a hello, padded to a size.

    Args:
        token: ``TOKEN_BYTES``.
        server_name: None: none is sent.
        record_bytes: of the whole record.

    Raises:
        LocalWireError: as for the conversation.
    """
    if len(token) != TOKEN_BYTES:
        raise LocalWireError(f"{TOKEN_BYTES} random bytes are needed", field="token")
    extensions = b"" if server_name is None else _server_name(server_name)
    extensions += _extension(_VERSIONS, b"\x02\x03\x04")
    extensions += _extension(_GROUPS, _counted(_OFFERED_GROUPS))
    extensions += _extension(_SIGNATURES, _counted(_OFFERED_SIGNATURES))
    extensions += _extension(_KEY_SHARE, _counted(b""))
    half = TOKEN_BYTES // 2
    body = b"\x03\x03" + token[:half] + bytes([half]) + token[half:]
    body += _counted(_SUITES) + b"\x01\x00"
    bare = _RECORD_HEAD + _MESSAGE_HEAD + len(body) + 2 + len(extensions)
    zeros = record_bytes - bare - len(_extension(_PADDING, b""))
    if zeros < 0 or record_bytes > _LONGEST_RECORD:
        raise LocalWireError(f"no hello of {record_bytes} bytes", field="record")
    body += _counted(extensions + _extension(_PADDING, bytes(zeros)))
    message = bytes([_CLIENT_HELLO]) + len(body).to_bytes(3) + body
    return bytes([_HANDSHAKE]) + b"\x03\x01" + _counted(message)


def answer_kind(head: bytes) -> str:
    """Return which answer begins so: ``server_hello``, ``alert``, empty while too little came.

    Args:
        head: the first bytes, nine are enough.

    Raises:
        RemoteWireError: no answer of TLS.
    """
    if head and head[0] not in (_ALERT, _HANDSHAKE):
        raise RemoteWireError("no TLS record", field="type", offset=0)
    if len(head) > 1 and head[1] != 3:
        raise RemoteWireError("no version of TLS", field="version", offset=1)
    if len(head) < _RECORD_HEAD:
        return ""
    length, inside = int.from_bytes(head[3:5]), head[_RECORD_HEAD:]
    if head[0] == _ALERT:
        if length != _ALERT_SIZE or (inside and inside[0] not in (1, 2)):
            raise RemoteWireError("no alert", field="alert", offset=3)
        return "alert" if len(inside) >= _ALERT_SIZE else ""
    if not _MESSAGE_HEAD <= length <= _LONGEST_RECORD:
        raise RemoteWireError("no length of a record", field="length", offset=3)
    if inside and inside[0] != _SERVER_HELLO:
        raise RemoteWireError("no server_hello", field="message", offset=_RECORD_HEAD)
    return "server_hello" if len(inside) >= _MESSAGE_HEAD else ""


def _server_name(name: str) -> bytes:
    try:
        told = name.encode("idna")
    except UnicodeError:
        raise LocalWireError("no name of a host", field="server_name") from None
    return _extension(_SERVER_NAME, _counted(b"\x00" + _counted(told)))


def _extension(number: int, content: bytes) -> bytes:
    return number.to_bytes(2) + _counted(content)


def _counted(content: bytes) -> bytes:
    return len(content).to_bytes(2) + content
