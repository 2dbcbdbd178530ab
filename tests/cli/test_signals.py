"""Ctrl-C, SIGTERM and SIGKILL in the middle of a run: what is known is said, nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.typed import alive, children_of, command_line, started, typed, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other system: signals as on Unix")

SLOW = ["demo", "host_silent", "--budget", "60"]


def measures(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the child once the run talks to its shop, so that the signal meets a measurement."""
    import psutil

    children: list[int] = []

    def talks() -> bool:
        children[:] = children_of(process.pid)
        if not children:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            links = psutil.Process(process.pid).net_connections(kind="inet")
            return any(link.status == psutil.CONN_ESTABLISHED for link in links)
        return False

    until(talks)
    return children


def ptys_of(pids: list[int]) -> dict[str, int]:
    """Return the pseudo terminals that these processes hold, with when each was opened (ns)."""
    held = {}
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                name = str(entry.readlink())
                if name.startswith("/dev/pts/"):
                    held[name] = Path(name).stat().st_ctime_ns
    return held


def still_there(terminals: dict[str, int]) -> list[str]:
    """Return those that were not closed; a number that is given away anew was opened later."""
    left = []
    for name, opened_ns in terminals.items():
        with contextlib.suppress(OSError):
            if Path(name).stat().st_ctime_ns <= opened_ns:
                left.append(name)
    return left


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_one_document_and_nothing_else(number: signal.Signals, code: int) -> None:
    with started(*SLOW, "--json") as process:
        children = measures(process)
        terminals = ptys_of(children) if sys.platform == "linux" else {}
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    report = json.loads(out)
    assert report["end"] == "interrupted"
    assert report["exit_code"] == code
    assert report["diagnoses"]
    assert any(outcome["observations"] for outcome in report["outcomes"])
    assert "interrupted" in {outcome.get("reason") for outcome in report["outcomes"]}
    assert b"Traceback" not in err
    assert alive(children) == []
    if sys.platform == "linux":
        assert terminals
        assert still_there(terminals) == []


def test_people_get_the_verdict_so_far() -> None:
    with started(*SLOW) as process:
        measures(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"exit 130" in out
    assert b"Traceback" not in out + err


def test_a_killed_run_leaves_no_process() -> None:
    with started(*SLOW, "--json") as process:
        children = measures(process)
        terminals = ptys_of(children) if sys.platform == "linux" else {}
        process.kill()
        process.wait(20)
    until(lambda: not alive(children))
    assert still_there(terminals) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_shop_answers(number: signal.Signals) -> None:
    with started(*SLOW, "--json") as process:
        children: list[int] = []

        def has_child() -> bool:
            children[:] = children_of(process.pid)
            return bool(children)

        until(has_child)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    report = json.loads(out)
    assert process.returncode == report["exit_code"] == 128 + number
    assert report["end"] == "interrupted"
    assert b"Traceback" not in err
    assert alive(children) == []


def test_a_run_that_is_interrupted_is_saved(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    with started("simulate", "host_silent") as shop:
        assert shop.stdout
        path = shop.stdout.readline().decode().strip()
        assert path
        site.write_text(Path(path).read_text(encoding="utf-8"), encoding="utf-8")
        state = {"POSDIAG_STATE_DIR": str(tmp_path / "state")}
        with subprocess.Popen(
            command_line("run", str(site), "--budget", "60", "--json"),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **state},
        ) as run:
            import psutil

            until(lambda: psutil.Process(run.pid).net_connections(kind="inet"))
            run.send_signal(signal.SIGTERM)
            out, _ = run.communicate(timeout=20)
        children = children_of(shop.pid)
        shop.send_signal(signal.SIGTERM)
        assert shop.wait(20) == 0
    report = json.loads(out)
    assert run.returncode == 143
    saved = json.loads(Path(report["saved_to"]).read_text(encoding="utf-8"))
    assert saved["end"] == "interrupted"
    assert saved["exit_code"] == 143
    assert alive(children) == []


def test_a_signal_to_any_other_command(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    typed(capfd, "--help")
    assert signal.getsignal(signal.SIGTERM) is before
