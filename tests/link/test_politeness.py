"""How often one host may be asked in one run."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest

from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Politeness


def used_up(take: Callable[[str], None], host: str, most: int = 1000) -> int:
    """Take until it is refused; return how often it was granted."""
    granted = 0
    with pytest.raises(CannotRun, match=f"to {host} in this run") as refusal:  # noqa: PT012  (counts)
        while granted < most:
            take(host)
            granted += 1
    assert refusal.value.reason is NotRunReason.POLITENESS_LIMIT
    return granted


def test_twenty_connects_and_three_echoes() -> None:
    allowance = HostAllowance()
    assert used_up(allowance.take_echo, "a") == 3
    assert used_up(allowance.take_connect, "a") == 20
    assert used_up(allowance.take_connect, "a") == 0


def test_hosts_have_their_own() -> None:
    allowance = HostAllowance()
    assert used_up(allowance.take_connect, "a") == 20
    assert used_up(allowance.take_connect, "b") == 20


def test_a_profile_may_lower_it() -> None:
    allowance = HostAllowance(Politeness(connects=2, echoes=0))
    assert used_up(allowance.take_connect, "a") == 2
    assert used_up(allowance.take_echo, "a") == 0


@pytest.mark.parametrize("limits", [{"connects": 21}, {"echoes": 4}, {"connects": 0}])
def test_a_profile_may_not_raise_it(limits: dict[str, int]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(limits, Politeness)


def test_threads_share_it() -> None:
    allowance = HostAllowance()
    granted: list[int] = []
    threads = [
        threading.Thread(target=lambda: granted.append(used_up(allowance.take_connect, "a")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 20
