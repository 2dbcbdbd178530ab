"""Saved reports: readable by their owner alone, whole or not at all, the newest 200."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from posdiag.model.errors import ReportError
from posdiag.store.saved_reports import (
    KEPT,
    MOST_BYTES,
    last,
    read_document,
    reports_folder,
    save,
    saved_reports,
)

NOON = "2025-03-04T12:00:00Z"
DOCUMENT = b'{"schema_version": 1}\n'


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    return {"POSDIAG_STATE_DIR": str(tmp_path / "state")}


def _folder(environ: Mapping[str, str]) -> Path:
    return reports_folder(environ)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _path(environ: Mapping[str, str], created_at: str = NOON, document: bytes = DOCUMENT) -> Path:
    saved = save(document, created_at=created_at, environ=environ)
    assert saved.path is not None, saved.warning
    assert saved.warning == ""
    return saved.path


def test_the_report_is_there_and_last_names_it(environ: Mapping[str, str]) -> None:
    path = _path(environ)
    assert path.read_bytes() == DOCUMENT
    assert path.name == "2025-03-04T120000Z-000.json"
    assert last(environ) == path
    assert read_document("last", environ) == (DOCUMENT, str(path))
    assert read_document(str(path), environ) == (DOCUMENT, str(path))
    assert list(_folder(environ).iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="other system: modes of files are Unix")
def test_only_its_owner_may_read_it(environ: Mapping[str, str]) -> None:
    before = os.umask(0o000)
    try:
        path = _path(environ)
    finally:
        os.umask(before)
    assert _mode(path) == 0o600
    assert _mode(path.parent) == 0o700


def test_several_of_one_second_keep_their_order(environ: Mapping[str, str]) -> None:
    paths = [_path(environ, document=b"%d" % number) for number in range(3)]
    assert len(set(paths)) == 3
    assert last(environ) == paths[-1]
    assert saved_reports(_folder(environ)) == paths[::-1]


def test_runs_that_end_together_take_no_name_from_each_other(environ: Mapping[str, str]) -> None:
    documents = [b"%d" % number for number in range(8)]
    gate = threading.Barrier(len(documents))

    def run(document: bytes) -> None:
        gate.wait(timeout=20)
        _path(environ, document=document)

    threads = [threading.Thread(target=run, args=(document,)) for document in documents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    kept = saved_reports(_folder(environ))
    assert sorted(path.read_bytes() for path in kept) == documents


def test_a_file_system_without_second_names(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(_source: object, _target: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    first, second = _path(environ, document=b"1"), _path(environ, document=b"2")
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    assert sorted(_folder(environ).iterdir()) == [first, second]


def _old_reports(folder: Path, count: int) -> list[Path]:
    """Write reports of the year 2024, the oldest first."""
    folder.mkdir(parents=True)
    paths = [folder / f"2024-01-01T{number:06}Z-000.json" for number in range(count)]
    for path in paths:
        path.write_bytes(DOCUMENT)
    return paths


def test_the_newest_200_are_kept(environ: Mapping[str, str]) -> None:
    old = _old_reports(_folder(environ), KEPT + 4)
    stranger = _folder(environ) / "notes.txt"
    stranger.write_text("not ours")
    new = _path(environ)
    assert KEPT == 200
    assert saved_reports(_folder(environ)) == [new, *old[:4:-1]]
    assert stranger.exists()


def test_a_clock_that_was_set_back_costs_no_new_report(environ: Mapping[str, str]) -> None:
    old = _old_reports(_folder(environ), KEPT)
    new = _path(environ, "2019-12-31T23:59:59Z")
    assert new.exists()
    assert not old[0].exists()
    assert len(saved_reports(_folder(environ))) == KEPT


def test_the_part_of_a_killed_run_goes_once_it_is_old(environ: Mapping[str, str]) -> None:
    folder = _folder(environ)
    folder.mkdir(parents=True)
    stale, fresh = folder / ".report-stale.tmp", folder / ".report-fresh.tmp"
    stale.write_bytes(b"{")
    fresh.write_bytes(b"{")
    two_hours_ago = time.time() - 7200
    os.utime(stale, (two_hours_ago, two_hours_ago))
    path = _path(environ)
    assert sorted(folder.iterdir()) == sorted([fresh, path])
    assert last(environ) == path


def test_a_disk_that_fills_up_leaves_nothing(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _path(environ)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    saved = save(DOCUMENT, created_at=NOON, environ=environ)
    assert saved.path is None
    assert os.strerror(errno.ENOSPC) in saved.warning
    assert saved.warning.endswith(f"in {saved.folder}: {saved.why}")
    assert saved.folder == str(_folder(environ))
    assert list(_folder(environ).iterdir()) == [before]


ON_A_FULL_DISK = """
import os, subprocess, sys
from pathlib import Path
from posdiag.store.saved_reports import save
mount = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(mount)], check=True)
environ = {"POSDIAG_STATE_DIR": str(mount)}
small = save(b"small", created_at="2025-03-04T12:00:00Z", environ=environ)
large = save(b"x" * 300_000, created_at="2025-03-04T12:00:01Z", environ=environ)
assert small.path and small.path.read_bytes() == b"small", small
assert large.path is None and "No space left" in large.warning, large
assert list((mount / "reports").iterdir()) == [small.path], os.listdir(mount / "reports")
print("nothing left")
"""


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"),
    reason="needs root and unshare",
)
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout == "nothing left\n", done.stderr


WRITES_FOR_EVER = """
import os, sys, time
from posdiag.store import saved_reports
def stuck(handle):
    print("written", flush=True)
    time.sleep(60)
saved_reports.os.fsync = stuck
saved_reports.save(b"x" * 100_000, created_at=sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="other system: SIGKILL is Unix")
def test_a_run_killed_while_it_saves_leaves_no_half_report(environ: Mapping[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_FOR_EVER, NOON],
        stdout=subprocess.PIPE,
        env={**os.environ, **environ},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
    assert saved_reports(_folder(environ)) == []
    with pytest.raises(ReportError, match="none in"):
        last(environ)


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    in_the_way = tmp_path / "state"
    in_the_way.write_text("a file")
    environ = {"POSDIAG_STATE_DIR": str(in_the_way)}
    saved = save(DOCUMENT, created_at=NOON, environ=environ)
    assert saved.path is None
    assert str(in_the_way) in saved.warning
    assert "\n" not in saved.warning
    with pytest.raises(ReportError, match="a saved report"):
        last(environ)


def test_a_folder_that_cannot_be_written_is_a_warning(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # By hand: root, as which CI runs, may write everywhere.
    def refuse(**_wishes: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    saved = save(DOCUMENT, created_at=NOON, environ=environ)
    assert saved.path is None
    assert os.strerror(errno.EACCES) in saved.warning


def test_no_home_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    saved = save(DOCUMENT, created_at=NOON, environ={})
    assert saved.path is None
    assert "home directory" in saved.warning
    with pytest.raises(ReportError, match="home directory"):
        last({})


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(
    environ: Mapping[str, str],
) -> None:
    folder = _folder(environ)
    folder.parent.mkdir(parents=True)
    folder.write_text("a file")
    with pytest.raises(ReportError) as wrong:
        last(environ)
    assert "none in" not in str(wrong.value)


def test_no_report_yet(environ: Mapping[str, str]) -> None:
    with pytest.raises(ReportError, match="none in"):
        read_document("last", environ)


@pytest.mark.parametrize("name", ["absent.json", ".", "nul\0byte"])
def test_what_cannot_be_read_is_said(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)
    with pytest.raises(ReportError) as wrong:
        read_document(path)
    assert wrong.value.mistakes[0].expected == "a report that can be read"
    assert wrong.value.mistakes[0].found


def test_what_is_too_long_is_no_report(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(ReportError, match="at most 32 MiB"):
        read_document(str(path))


@pytest.mark.skipif(sys.platform != "linux", reason="other system: XDG is Linux's")
@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"POSDIAG_STATE_DIR": "/a", "XDG_STATE_HOME": "/b"}, "/a/reports"),
        ({"XDG_STATE_HOME": "/b"}, "/b/posdiag/reports"),
        ({"XDG_STATE_HOME": "relative"}, "/home/somebody/.local/state/posdiag/reports"),
        ({}, "/home/somebody/.local/state/posdiag/reports"),
    ],
)
def test_where_reports_belong(
    environ: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/somebody"))
    assert reports_folder(environ) == Path(folder)
