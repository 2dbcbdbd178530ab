"""PC/SC: everything that can be missing, told apart; a reader that is busy, blocked or unplugged.

What needs a service runs against the real one with its virtual reader.
"""

from __future__ import annotations

import datetime
import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posdiag.link import card_child, card_pcsc, pcsc_lacks
from posdiag.link.card_pcsc import read_pcsc
from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason
from posdiag.wire.card_session import CardSession
from tests.conftest import OTHER_SYSTEM
from tests.real_pcscd import READER, RealPcscd

needs_pyscard = pytest.mark.skipif(
    importlib.util.find_spec("smartcard") is None,
    reason="no pyscard: pip install 'posdiag[card]'",
)
needs_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason=OTHER_SYSTEM + "the socket is PC/SC-lite's"
)
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="needs root to become somebody else",
)


def _session() -> CardSession:
    return CardSession(datetime.date(2026, 3, 1))


def _refusal(name: str = "", budget_s: float = 10.0) -> CannotRun:
    with pytest.raises(CannotRun) as caught:
        read_pcsc(name, _session(), Deadline.after(budget_s), silent_after_s=1)
    return caught.value


def _children() -> list[int]:
    import psutil

    return [
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "card_child.py" in " ".join(child.cmdline())
    ]


def test_without_pyscard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    refused = _refusal()
    assert refused.reason is NotRunReason.PACKAGE_MISSING
    assert "pip install 'posdiag[card]'" in refused.detail


@needs_pyscard
@needs_linux
def test_without_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(tmp_path / "none"))
    refused = _refusal()
    assert refused.reason is NotRunReason.PACKAGE_MISSING
    assert "0x8010001D" in refused.detail
    assert "pcscd" in refused.detail
    assert not _children()


@needs_pyscard
@needs_linux
def test_a_socket_that_nobody_serves_is_a_missing_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(path))
    assert _refusal().reason is NotRunReason.PACKAGE_MISSING


_READ = """
import datetime
from posdiag.link.card_pcsc import read_pcsc
from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun
from posdiag.wire.card_session import CardSession
session = CardSession(datetime.date(2026, 3, 1))
try:
    read_pcsc("", session, Deadline.after(10), silent_after_s=1)
except CannotRun as cannot:
    print(cannot.reason, end="")
else:
    print(session.failure, end="")
"""


@needs_root
@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, "no_permission"), (0o666, "not_found")], ids=["closed", "open"]
)
def test_without_permission(mode: int, told: str, reader: RealPcscd) -> None:
    # The service runs and its socket is closed to others: told from a missing one by its mode.
    # Root without its right to pass over modes stands for an ordinary user.
    before = reader.socket.stat()
    os.chown(reader.socket, 65534, 65534)
    reader.socket.chmod(mode)
    try:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        done = subprocess.run(
            [*command, sys.executable, "-c", _READ], capture_output=True, text=True, check=True
        )
    finally:
        os.chown(reader.socket, before.st_uid, before.st_gid)
        reader.socket.chmod(before.st_mode & 0o777)
    assert done.stdout == told


def test_without_a_reader_of_that_name(reader: RealPcscd) -> None:
    refused = _refusal("Gemalto")
    assert refused.reason is NotRunReason.NOT_APPLICABLE
    assert READER in refused.detail
    assert not _children()


@needs_pyscard
def test_without_time() -> None:
    assert _refusal(budget_s=0.0).reason is NotRunReason.BUDGET_SPENT


def test_part_of_a_name_in_any_case_is_enough(reader: RealPcscd) -> None:
    reader.insert("visa")
    session = _session()
    read = read_pcsc("virtual pcd 00 00", session, Deadline.after(10), silent_after_s=3)
    assert (read.reader, read.protocol, session.state) == (READER, 0, "ok")
    # Without a name: the reader that holds a card, of two.
    assert read_pcsc("", _session(), Deadline.after(10), silent_after_s=3).reader == READER


_HOLD = """
import sys, time
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
code, card, _ = scard.SCardConnect(context, sys.argv[1], scard.SCARD_SHARE_EXCLUSIVE, 3)
print(code, flush=True)
sys.stdin.read()
scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
"""


def test_a_card_that_another_program_holds(reader: RealPcscd) -> None:
    reader.insert("visa")
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"0"
        with pytest.raises(LinkError) as caught:
            read_pcsc(READER, _session(), Deadline.after(10), silent_after_s=3)
    finally:
        holder.communicate(timeout=10)
    assert caught.value.kind is FailureKind.BUSY


def test_a_card_that_comes_while_we_wait(reader: RealPcscd) -> None:
    reader.change(0.5, "visa")
    session = _session()
    read_pcsc(READER, session, Deadline.after(10), silent_after_s=3, wait_s=8)
    assert session.state == "ok"


def test_the_child_ends_by_itself_when_its_parent_is_gone(reader: RealPcscd) -> None:
    reader.insert("silent")
    child = subprocess.Popen(
        [sys.executable, "-P", card_child.__file__, READER, "1", "any", "1.5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    began_s = time.monotonic()
    # It blocks in a call that nothing but its own alarm ends.
    child.stdin.write("00A4040000\n00A4040000\n")
    child.stdin.flush()
    child.wait(5)
    child.communicate()
    assert time.monotonic() - began_s < 4


_INTERRUPTED = """
import datetime, threading, time
import psutil
from posdiag.link.card_pcsc import read_pcsc
from posdiag.link.deadline import Deadline
from posdiag.wire.card_session import CardSession

def read():
    session = CardSession(datetime.date(2026, 3, 1))
    read_pcsc("", session, Deadline.after(60), silent_after_s=60)

threading.Thread(target=read, daemon=True).start()
children, until_s = [], time.monotonic() + 10
while not children and time.monotonic() < until_s:
    time.sleep(0.05)
    children = psutil.Process().children()
time.sleep(1.0)
print(children[0].pid)
"""


def test_no_process_outlives_a_run_that_is_interrupted(reader: RealPcscd) -> None:
    import psutil

    reader.insert("silent")
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=True
    )
    assert not psutil.pid_exists(int(done.stdout))


_NOT_A_CARD = [
    ({}, "ended"),
    ({"code": 0x80100003, "at": "connect"}, "0x80100003"),
]


@pytest.mark.parametrize(("told", "words"), _NOT_A_CARD)
def test_other_failures_are_the_readers(told: dict[str, object], words: str) -> None:
    run = card_pcsc._PcscRun(None, _session(), Deadline.after(1), 1)  # type: ignore[arg-type]
    with pytest.raises(LinkError) as caught:
        run._not_begun(told)
    assert caught.value.kind is FailureKind.UNEXPECTED
    assert words in caught.value.detail


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        # Windows says this of a mute chip, PC/SC-lite the next one.
        ({"code": 0x80100066, "at": "connect"}, FailureKind.MUTE),
        ({"code": 0x80100067, "at": "connect"}, FailureKind.MUTE),
        ({"code": 0x8010000F, "at": "connect"}, FailureKind.PROTOCOL_ERROR),
        ({"code": 0x80100069, "at": "connect"}, FailureKind.GONE),
        ({"code": 0x8010000C, "at": "connect"}, FailureKind.NOT_FOUND),
    ],
)
def test_codes_that_speak_of_the_card(told: dict[str, object], kind: FailureKind) -> None:
    session = _session()
    run = card_pcsc._PcscRun(None, session, Deadline.after(1), 1)  # type: ignore[arg-type]
    run._not_begun(told)
    assert session.failure is kind


@pytest.mark.parametrize(
    ("platform", "what", "words"),
    [
        ("linux", "pyscard", "libpcsclite-dev"),
        ("win32", "pyscard", "pip install 'posdiag[card]'"),
        ("darwin", "pyscard", "pip install 'posdiag[card]'"),
        ("linux", "service", "pcscd"),
        ("win32", "service", "SCardSvr"),
        ("darwin", "service", "plug a reader in"),
        ("linux", "reader", "libccid"),
        ("win32", "reader", "no card reader is plugged in"),
        ("linux", "permission", "socket"),
    ],
)
def test_what_to_install(platform: str, what: pcsc_lacks.Lack, words: str) -> None:
    text = pcsc_lacks.lacks(what, platform=platform)
    assert words in text
    assert "apt" not in text or platform == "linux"


def test_service_that_is_installed_but_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, words in (("/usr/sbin/pcscd", "systemctl start"), (None, "apt install pcscd")):
        monkeypatch.setattr("shutil.which", lambda _name, found=found: found)
        assert words in pcsc_lacks.lacks("service", platform="linux")
