"""One HTTP/1.1 request and its answer, as a conversation.

    POST /nexo HTTP/1.1 ...            200 with a length, 200 in chunks, or any other status

Source: RFC 9112 sections 2 to 7. Not done: redirects, continuation lines, trailers, compression.
"""

from __future__ import annotations

from typing import Final

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

MAX_HEAD: Final = 16384
MAX_BODY: Final = 262144
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


def post(host: str, path: str, body: bytes, media_type: str) -> bytes:
    """Return a POST request that asks for the connection to be closed.

    Raises:
        LocalWireError: a host or path that would end its line.
    """
    for text in (host, path, media_type):
        if not text.isascii() or not text.isprintable() or " " in text.replace("; ", ""):
            raise LocalWireError("not a text that a header can hold", field="head")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nAccept: {media_type}\r\n\r\n"
    )
    return head.encode("ascii") + body


class HttpReader:
    """Reads one answer, however its bytes are split.

    Attributes:
        status: 0 while the first line isn't here.
        body: as far as it is here.
        complete: all of it is here.
    """

    def __init__(self) -> None:
        """Start before the first line."""
        self.status = 0
        self.body = bytearray()
        self.complete = False
        self._buffer = bytearray()
        self._length: int | None = None
        self._chunked = False
        self._in_body = False

    def feed(self, data: bytes) -> None:
        """Take bytes.

        Raises:
            RemoteWireError: no HTTP, or more than an answer may have.
        """
        self._buffer += data
        if not self._in_body and not self._read_head():
            return
        if self._chunked:
            while not self.complete and self._read_chunk():
                pass
        else:
            self._take(len(self._buffer))
            self.complete = self._length is not None and len(self.body) >= self._length

    def end(self) -> bool:
        """Take the end of the connection, which ends a body without a length; return whether."""
        if self._in_body and self._length is None and not self._chunked:
            self.complete = True
        return self.complete

    def _read_head(self) -> bool:
        at = self._buffer.find(b"\r\n\r\n")
        if at < 0:
            started = bytes(self._buffer[:5])
            if len(self._buffer) > MAX_HEAD or not b"HTTP/".startswith(started):
                raise RemoteWireError("no HTTP answer", field="head", offset=0)
            return False
        lines = bytes(self._buffer[:at]).decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if not parts[0].startswith("HTTP/1.") or len(parts) < 2 or not _is_number(parts[1], 3):
            raise RemoteWireError("no HTTP answer", field="head", offset=0)
        self.status = int(parts[1])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self._read_header(name.strip().lower(), value.strip())
        del self._buffer[: at + 4]
        if 100 <= self.status < 200:
            self.status, self._length, self._chunked = 0, None, False
            return bool(self._buffer) and self._read_head()
        self._in_body = True
        if self.status in (204, 304):
            self._length = 0
        return True

    def _read_header(self, name: str, value: str) -> None:
        if name == "content-length":
            if not _is_number(value, 9) or int(value) > MAX_BODY:
                raise RemoteWireError("a length out of bounds", field="content-length")
            self._length = int(value)
        elif name == "transfer-encoding" and "chunked" in value.lower():
            self._chunked = True

    def _read_chunk(self) -> bool:
        at = self._buffer.find(b"\r\n")
        if at < 0:
            if len(self._buffer) > 64:
                raise RemoteWireError("no size of a chunk", field="chunk")
            return False
        text = bytes(self._buffer[:at]).partition(b";")[0].strip()
        if not 1 <= len(text) <= 6 or text.strip(b"0123456789abcdefABCDEF"):
            raise RemoteWireError("no size of a chunk", field="chunk")
        size = int(text, 16)
        if size == 0:
            self.complete = True
            return False
        if len(self._buffer) < at + 2 + size + 2:
            if size > MAX_BODY:
                raise RemoteWireError("a chunk out of bounds", field="chunk")
            return False
        del self._buffer[: at + 2]
        self._take(size)
        del self._buffer[:2]
        return True

    def _take(self, size: int) -> None:
        self.body += self._buffer[:size]
        del self._buffer[:size]
        if len(self.body) > MAX_BODY:
            raise RemoteWireError("more than an answer may have", field="body")


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= digits


class HttpExchange:
    """Sends one request and reads its answer.

    Attributes:
        reader: what came.
        failure: why there is no whole answer.
    """

    def __init__(self, request: bytes, *, limit_s: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            request: from :func:`post`.
            limit_s: how long the whole answer may take.
        """
        self.reader = HttpReader()
        self.failure: Failed | None = None
        self._request = request
        self._limit_s = limit_s
        self._sent_s: float | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._sent_s is None:
            self._sent_s = now_s
            return Send(self._request)
        if self.failure is not None or self.reader.complete:
            return Done()
        left_s = self._sent_s + self._limit_s - now_s
        if left_s > 0:
            return Wait(left_s, Operation.READ_STATUS)
        self.ended(Ended.LIMIT, now_s, self._limit_s)
        return Done()

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of the answer."""
        if self.failure is not None or self.reader.complete:
            return
        try:
            self.reader.feed(data)
        except RemoteWireError as error:
            self.failure = Failed(FailureKind.PROTOCOL_ERROR, Operation.READ_STATUS, str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing more comes."""
        if self.failure is not None or self.reader.complete:
            return
        if why is Ended.EOF and self.reader.end():
            return
        waits = why in (Ended.LIMIT, Ended.BUDGET)
        since_s = now_s - self._sent_s if self._sent_s is not None else waited_s
        self.failure = Failed(_KINDS[why], Operation.READ_STATUS, "", since_s if waits else None)
