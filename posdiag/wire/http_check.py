"""One plain HTTP request whose answer is known: a login page in between gives another one."""

from __future__ import annotations

from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

MOST_BYTES = 16384
_FAILURES = {
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
}


class HttpCheck:
    """The conversation: one GET, and the head of its answer.

    Attributes:
        status: three digits; 0 while there is none.
        redirects: the answer sends the reader elsewhere (3xx with Location).
        has_body: the head announces a body, or one has begun.
        failure: how it ended without an answer.

    Source: RFC 9112 (message syntax).
    """

    def __init__(self, host: str, path: str, *, limit_s: float) -> None:
        """Prepare the request.

        Args:
            host: for the Host header.
            path: with its leading slash.
            limit_s: wait for the answer.
        """
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: posdiag\r\n"
            "Connection: close\r\n\r\n"
        ).encode("ascii", "ignore")
        self._limit_s = limit_s
        self._received = b""
        self._sent = False
        self._over = False
        self.status = 0
        self.redirects = False
        self.has_body = False
        self.failure: Failed | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if not self._sent:
            self._sent = True
            return Send(self._request)
        return Done() if self._over else Wait(self._limit_s, Operation.RECEIVE)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes until the head is whole."""
        self._received = (self._received + data)[:MOST_BYTES]
        head, end, body = self._received.partition(b"\r\n\r\n")
        if end or len(self._received) >= MOST_BYTES:
            self._read_head(head, body)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Note how it ended without a whole head."""
        if self._over:
            return
        self._over = True
        kind = _FAILURES.get(why, FailureKind.UNEXPECTED)
        if self._received and kind is FailureKind.CLOSED:
            kind = FailureKind.PROTOCOL_ERROR
        waits = kind in (FailureKind.SILENT, FailureKind.CENSORED)
        self.failure = Failed(kind, Operation.RECEIVE, "", waited_s if waits else None)

    def _read_head(self, head: bytes, body: bytes) -> None:
        self._over = True
        lines = head.split(b"\r\n")
        parts = lines[0].split(b" ", 2)
        if not parts[0].startswith(b"HTTP/1.") or len(parts) < 2 or not parts[1].isdigit():
            self.failure = Failed(FailureKind.PROTOCOL_ERROR, Operation.RECEIVE, "no HTTP answer")
            return
        self.status = int(parts[1][:3])
        names = {line.split(b":", 1)[0].strip().lower(): line for line in lines[1:]}
        self.redirects = 300 <= self.status < 400 and b"location" in names
        length = names.get(b"content-length", b":0").split(b":", 1)[1].strip()
        self.has_body = bool(body) or b"transfer-encoding" in names or length != b"0"
