"""A login page in the way: answers of web servers on loopback."""

from __future__ import annotations

import contextlib
import socket

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Failed, FailureKind, Measured, NotRunReason, Observation
from posdiag.model.site import LaptopAt, NetworkSettings, Site
from posdiag.probes import portal
from posdiag.probes.probe import ProbeContext
from posdiag.simulate.listener import Listener

NOTHING = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://login.internal/\r\n\r\n"
PAGE = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>welcome</html>"


def run(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch, *, budget_s: float = 5
) -> Observation:
    """Return what the probe sees of a server with this answer; None: it never answers."""

    def serve(link: socket.socket) -> None:
        with contextlib.suppress(TimeoutError):
            request = link.recv(4096)
            assert request.startswith(b"GET /check HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        if answer is None:
            listener.stopping.wait(5)
        else:
            link.sendall(answer)

    monkeypatch.setattr(portal, "LIMIT_S", 0.4)
    listener = Listener(serve)
    listener.start()
    try:
        return look(f"http://127.0.0.1:{listener.port}/check", budget_s=budget_s)
    finally:
        listener.stop()


def look(url: str | None, *, budget_s: float = 5, at: LaptopAt = LaptopAt.SAME_WIFI) -> Observation:
    site = Site(network=NetworkSettings(portal_check=url), laptop_at=at)
    context = ProbeContext(site, Deadline.after(budget_s), HostAllowance())
    (seen,) = portal.PROBE.run(context)
    assert isinstance(seen, Observation)
    return seen


@pytest.mark.parametrize(
    ("answer", "said"),
    [(NOTHING, "as_expected"), (REDIRECT, "redirect"), (PAGE, "other_page")],
)
def test_answers(answer: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(answer, monkeypatch).result
    assert result == Measured(said)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", FailureKind.CLOSED),
        (b"HTTP/1.1 20", FailureKind.PROTOCOL_ERROR),
        (b"SSH-2.0-x\r\n\r\n", FailureKind.PROTOCOL_ERROR),
        (None, FailureKind.SILENT),
    ],
)
def test_failures(answer: bytes | None, kind: FailureKind, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(answer, monkeypatch).result
    assert isinstance(result, Failed)
    assert result.failure is kind


def test_the_budget_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(None, monkeypatch, budget_s=0.2).result
    assert isinstance(result, Failed)
    assert result.failure is FailureKind.CENSORED


def test_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = look(f"http://127.0.0.1:{taken.getsockname()[1]}/check").result
    assert isinstance(result, Failed)
    assert result.failure is FailureKind.REFUSED


@pytest.mark.parametrize(
    ("url", "at", "reason"),
    [
        (None, LaptopAt.SAME_WIFI, NotRunReason.NOT_DECLARED),
        ("https://127.0.0.1/", LaptopAt.SAME_WIFI, NotRunReason.NOT_DECLARED),
        ("http://127.0.0.1/", LaptopAt.HOTSPOT, NotRunReason.NOT_REACHABLE_FROM_HERE),
    ],
)
def test_cannot_run(url: str | None, at: LaptopAt, reason: NotRunReason) -> None:
    with pytest.raises(CannotRun) as caught:
        look(url, at=at)
    assert caught.value.reason is reason
