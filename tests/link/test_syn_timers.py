"""When the laptop's own kernel repeats a SYN."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.link.syn_timers import kernel_syn_waits
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason


def test_linear_and_doubling(tmp_path: Path) -> None:
    (tmp_path / "tcp_syn_retries").write_text("6\n")
    assert kernel_syn_waits(tmp_path) == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0]
    (tmp_path / "tcp_syn_linear_timeouts").write_text("4\n")
    waits = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0, 19.0, 35.0, 67.0]
    assert kernel_syn_waits(tmp_path) == waits


@pytest.mark.parametrize("text", [None, "", "many"])
def test_a_system_that_does_not_tell(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "tcp_syn_retries").write_text(text)
    with pytest.raises(CannotRun) as caught:
        kernel_syn_waits(tmp_path)
    assert caught.value.reason is NotRunReason.UNSUPPORTED
