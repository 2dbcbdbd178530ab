"""Messages in HTTP POST requests, as UnionPay hosts on the public internet want them.

Each framed message, its length included, is the body of one request; the answer's body is the
framed answer. Sample head::

    POST /mjc/webtrans/VPB_lb HTTP/1.1
    Host: signon.acquirer.example:443
    User-Agent: Donjin Http 0.1
    Content-Type: x-ISO-TPDU/x-auth
    Content-Length: 54

Source: public Android terminal samples and a C header (my_http.h) of the same access; RFC 9112 for
status line, fields and length of the body.
"""

from __future__ import annotations

import datetime
import email.utils
import re

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Conversation, Done, Ended, Send, Step

CONTENT_TYPE = "x-ISO-TPDU/x-auth"
USER_AGENT = "Donjin Http 0.1"
_MAX_HEAD = 16384
_MAX_BODY = 65536
_STATUS = re.compile(r"HTTP/1\.[01] ([0-9]{3})(?: |$)", re.ASCII)
_REQUEST = re.compile(r"POST (/[!-~]*) HTTP/1\.[01]", re.ASCII)
_PATH = re.compile(r"/[!-~]*", re.ASCII)
_HOST = re.compile(r"[!-~]+", re.ASCII)


class Head:
    """First line and fields of an HTTP message.

    Attributes:
        first: the first line.
        fields: name in lower case -> value; of several of a name the last.
    """

    def __init__(self, raw: bytes) -> None:
        """Read a head without its empty line; nothing in it is refused here."""
        lines = raw.decode("latin-1").split("\r\n")
        self.first = lines[0]
        self.fields: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()

    def body_length(self, most: int = _MAX_BODY) -> int | None:
        """Return Content-Length; None where the body ends with the connection.

        Args:
            most: bytes that a body may have.

        Raises:
            RemoteWireError: no number, too long, or in chunks.
        """
        if "transfer-encoding" in self.fields:
            raise RemoteWireError("an answer in chunks", field="Transfer-Encoding")
        text = self.fields.get("content-length")
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or int(text) > most:
            raise RemoteWireError("no length that a message has", field="Content-Length")
        return int(text)


class HeadReader:
    """Takes bytes until a head is whole; what follows it stays in ``rest``."""

    def __init__(self) -> None:
        """Start empty."""
        self._buffer = bytearray()
        self.rest = b""

    def feed(self, data: bytes) -> Head | None:
        """Return the head once it is whole.

        Raises:
            RemoteWireError: the bytes begin no HTTP message, or the head does not end.
        """
        self._buffer += data
        start = bytes(self._buffer[:5])
        if start != b"HTTP/"[: len(start)] and start != b"POST "[: len(start)]:
            raise RemoteWireError("no HTTP", field="status line", offset=0)
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise RemoteWireError("a head without end", field="head", offset=_MAX_HEAD)
            return None
        self.rest = bytes(self._buffer[end + 4 :])
        return Head(bytes(self._buffer[:end]))


class HttpPostConversation:
    """Wraps what an inner conversation sends, and hands it the bodies of the answers.

    Attributes:
        failure: why HTTP failed; the inner conversation is not told of it.
        status: of the last answer, 0 before one.
        date: of the last answer's head, with time zone; None without a readable one.
    """

    def __init__(self, inner: Conversation, host: str, path: str) -> None:
        """Prepare; nothing is sent yet.

        Args:
            inner: sends framed messages.
            host: name and port for the field Host.
            path: begins with a slash.

        Raises:
            LocalWireError: a host or path that cannot be written.
        """
        if not _HOST.fullmatch(host) or not _PATH.fullmatch(path):
            raise LocalWireError("no host or path for HTTP", field="head")
        self._inner, self._host, self._path = inner, host, path
        self._reader: HeadReader | None = None
        self._left: int | None = 0
        self.failure: Failed | None = None
        self.status = 0
        self.date: datetime.datetime | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self.failure is not None:
            return Done()
        step = self._inner.step(now_s)
        if not isinstance(step, Send):
            return step
        self._reader = HeadReader()
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: {USER_AGENT}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(step.data)}\r\n\r\n"
        )
        return Send(head.encode("ascii") + step.data)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of an answer."""
        if self.failure is not None:
            return
        try:
            if self._reader is not None:
                head = self._reader.feed(data)
                if head is None:
                    return
                data, self._reader = self._reader.rest, None
                self._take_head(head)
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))
            return
        if self._left is not None:
            data, self._left = data[: self._left], max(0, self._left - len(data))
        if data and self.failure is None:
            self._inner.receive(data, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Pass on why nothing more comes."""
        if self.failure is None:
            self._inner.ended(why, now_s, waited_s)

    def _take_head(self, head: Head) -> None:
        found = _STATUS.match(head.first)
        if found is None:
            raise RemoteWireError("no status line", field="status line", offset=0)
        self.status = int(found[1])
        self.date = http_date(head.fields.get("date", ""))
        self._left = head.body_length()
        if self.status != 200:
            self._fail(FailureKind.PROTOCOL_ERROR, f"HTTP status {self.status}")

    def _fail(self, kind: FailureKind, detail: str) -> None:
        self.failure = Failed(kind, Operation.ECHO_TEST, detail)


def http_date(text: str) -> datetime.datetime | None:
    """Return the time of a Date field, with time zone; None where there is none."""
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


class HttpPostHost:
    """Takes requests apart and puts answers together; used by the simulated host."""

    def __init__(self, path: str) -> None:
        """Keep the path that is served."""
        self._path = path
        self._reader = HeadReader()
        self._body: bytearray | None = None
        self._wanted = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies of the requests that are whole, one for each.

        Raises:
            RemoteWireError: no POST to this path, or one without a length.
        """
        bodies = []
        while data:
            if self._body is None:
                head = self._reader.feed(data)
                if head is None:
                    break
                data, self._reader = self._reader.rest, HeadReader()
                self._begin(head)
            if self._body is not None:
                missing = self._wanted - len(self._body)
                self._body += data[:missing]
                data = data[missing:]
                if len(self._body) == self._wanted:
                    bodies.append(bytes(self._body))
                    self._body = None
        return bodies

    def _begin(self, head: Head) -> None:
        found = _REQUEST.fullmatch(head.first)
        if found is None or found[1] != self._path:
            raise RemoteWireError("another request is due", field="request line", offset=0)
        length = head.body_length()
        if length is None:
            raise RemoteWireError("a request without length", field="Content-Length")
        self._body, self._wanted = bytearray(), length

    @staticmethod
    def answer(body: bytes, at: datetime.datetime, status: int = 200) -> bytes:
        """Return an answer.

        Args:
            body: framed message.
            at: the host's time, with time zone.
            status: of the answer.
        """
        date = email.utils.format_datetime(at.astimezone(datetime.UTC), usegmt=True)
        head = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}\r\nDate: {date}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body
