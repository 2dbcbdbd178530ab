"""Gets one text over HTTP, such as a calendar: one request, no redirect, a bounded answer.

HTTP/1.0 is asked for, so that the answer comes whole and the connection ends with it (RFC 9112
section 6.3).
"""

from __future__ import annotations

import re

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.http_post import Head, HeadReader

_VISIBLE = re.compile(r"[!-~]+", re.ASCII)
_STATUS = re.compile(r"HTTP/1\.[01] ([0-9]{3})(?: |$)", re.ASCII)
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class HttpGetConversation:
    """Asks for one resource.

    Attributes:
        body: once it is whole; None before.
        failure: why there is none.
    """

    def __init__(self, host: str, path: str, *, limit_s: float, most: int) -> None:
        """Prepare; nothing is sent yet.

        Args:
            host: name and port for the field Host.
            path: with its query.
            limit_s: how long each wait for bytes may take.
            most: bytes of the body.

        Raises:
            LocalWireError: a host or path that cannot be written.
        """
        if not (_VISIBLE.fullmatch(host) and _VISIBLE.fullmatch(path) and path.startswith("/")):
            raise LocalWireError("no host or path for HTTP", field="head")
        self._request = (
            f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: text/calendar, text/plain\r\n\r\n"
        ).encode("ascii")
        self._limit_s, self._most = limit_s, most
        self._sent = self._over = False
        self._reader: HeadReader | None = HeadReader()
        self._wanted: int | None = None
        self._came = bytearray()
        self.body: bytes | None = None
        self.failure: Failed | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if not self._sent:
            self._sent = True
            return Send(self._request)
        return Wait(self._limit_s, Operation.RECEIVE)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of the answer."""
        if self._over:
            return
        try:
            if self._reader is not None:
                head = self._reader.feed(data)
                if head is None:
                    return
                self._wanted = _length(head, self._most)
                data, self._reader = self._reader.rest, None
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))
            return
        self._came += data
        if len(self._came) > self._most:
            self._fail(FailureKind.PROTOCOL_ERROR, "too long")
        elif self._wanted is not None and len(self._came) >= self._wanted:
            self._over, self.body = True, bytes(self._came[: self._wanted])

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Take the end of the connection as the end of a body without length."""
        if self._over:
            return
        if why is Ended.EOF and self._reader is None and self._wanted is None:
            self._over, self.body = True, bytes(self._came)
        else:
            waits = why in (Ended.LIMIT, Ended.BUDGET)
            self._fail(_KINDS[why], "", waited_s if waits else None)

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self._over = True
        self.failure = Failed(kind, Operation.RECEIVE, detail, waited_s)


def _length(head: Head, most: int) -> int | None:
    """Return the length of a body that was given; None where it ends with the connection.

    Raises:
        RemoteWireError: none was given.
    """
    found = _STATUS.match(head.first)
    if found is None or found[1] != "200":
        raise RemoteWireError(f"HTTP status {found[1] if found else 'unknown'}")
    return head.body_length(most)
