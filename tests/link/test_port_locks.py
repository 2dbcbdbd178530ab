"""Lock files in a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from posdiag.link.port_locks import refuse_locked
from posdiag.model.errors import LinkError
from posdiag.model.observation import FailureKind


def test_a_lock_of_a_living_process_is_kept_to(tmp_path: Path) -> None:
    lock = tmp_path / "LCK..ttyUSB2"
    lock.write_text(f"{os.getpid():10d}\n")
    with pytest.raises(LinkError) as raised:
        refuse_locked("/dev/ttyUSB2", [tmp_path])
    assert raised.value.kind is FailureKind.BUSY
    assert str(os.getpid()) in raised.value.detail
    refuse_locked("/dev/ttyUSB3", [tmp_path])


@pytest.mark.parametrize("text", ["", "\x00\x01\x00\x00", "pppd", "-1", "99999999999999", "0"])
def test_what_is_no_lock(tmp_path: Path, text: str) -> None:
    (tmp_path / "LCK..ttyUSB2").write_text(text)
    refuse_locked("/dev/ttyUSB2", [tmp_path])


def test_a_lock_of_a_dead_process_is_stale(tmp_path: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait(20)
    (tmp_path / "LCK..ttyUSB2").write_text(f"{done.pid}\n")
    refuse_locked("/dev/ttyUSB2", [tmp_path, tmp_path / "none"])
