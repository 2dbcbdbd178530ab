"""A calendar from the web: got whole, refused where its certificate is not trusted, bounded."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.fetch_text import fetch_text
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.site import Site
from tests.wire.authority import HOST, Issued, issue, names
from tests.wire.played import play

BODY = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)


def _now_issued(**how: object) -> Issued:
    import datetime

    now, day = datetime.datetime.now(tz=datetime.UTC), datetime.timedelta(days=1)
    return issue(begins=now - 9 * day, ends=now + 9 * day, **how)  # type: ignore[arg-type]


@contextmanager
def web(folder: Path, answer: bytes, *, name: str = "127.0.0.1") -> Iterator[tuple[str, str]]:
    """Serve one answer over TLS; give its address and the file of its root."""
    root = _now_issued(common="Root of the web", ca=True)
    own = _now_issued(by=root, alternative=names(name))
    files = [folder / label for label in ("root.pem", "own.pem", "key.pem")]
    for file, content in zip(files, (root.pem, own.pem, own.key_pem), strict=True):
        file.write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[2])
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                link, _ = server.accept()
                with context.wrap_socket(link, server_side=True) as tls:
                    tls.recv(4096)
                    tls.sendall(answer)
                    tls.unwrap()
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}/a.ics?b=c", str(files[0])
        server.close()
        thread.join(10)


def _fetch(url: str, ca_file: str, most: int = 1000) -> str:
    return fetch_text(Site(), url, Deadline.after(10), most=most, ca_file=ca_file)


@pytest.mark.parametrize("answer", [HEAD + BODY, b"HTTP/1.0 200 OK\r\n\r\n" + BODY])
def test_got(tmp_path: Path, answer: bytes) -> None:
    with web(tmp_path, answer) as (url, root):
        assert _fetch(url, root) == BODY.decode()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://x/\r\n\r\n", "302"),
        (b"HTTP/1.0 200 OK\r\n\r\n" + bytes(2000), "too long"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2000\r\n\r\n", "no length"),
        (b"hello", "no HTTP"),
        (HEAD, "closed"),
    ],
)
def test_not_got(tmp_path: Path, answer: bytes, what: str) -> None:
    with web(tmp_path, answer) as (url, root), pytest.raises(LinkError) as caught:
        _fetch(url, root)
    assert what in str(caught.value)


def test_a_certificate_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    with web(tmp_path, HEAD + BODY, name=HOST) as (url, root), pytest.raises(CannotRun) as caught:
        _fetch(url, root)
    assert "certificate_wrong_name" in caught.value.detail


@pytest.mark.parametrize("url", ["https://", "https://127.0.0.1:x/", "https://127.0.0.1/\r\nX: y"])
def test_no_address(url: str) -> None:
    with pytest.raises(CannotRun):
        _fetch(url, "")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkError):
        _fetch(f"https://127.0.0.1:{port}/", "")


def test_the_request_has_no_line_of_a_stranger() -> None:
    from posdiag.wire.http_get import HttpGetConversation

    get = HttpGetConversation("host", "/a?b", limit_s=1.0, most=10)
    (sent,) = play(get, lambda _: b"").sent
    assert sent.split(b"\r\n")[:2] == [b"GET /a?b HTTP/1.0", b"Host: host"]
