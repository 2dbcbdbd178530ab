"""Blocking calls at the same time: their order, their errors."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from posdiag.link.side_by_side import side_by_side, start_aside
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, NotRunReason, Operation


def raising(error: Exception) -> Callable[[], int]:
    def call() -> int:
        raise error

    return call


def test_results_come_in_the_order_of_the_calls() -> None:
    second_is_over = threading.Event()

    def first() -> str:
        # Only if both run at the same time can the first wait for the second.
        assert second_is_over.wait(10)
        return "first"

    def second() -> str:
        second_is_over.set()
        return "second"

    assert side_by_side([first, second]) == ["first", "second"]
    assert side_by_side([]) == []


def test_facts_are_returned_in_their_place() -> None:
    silent = LinkError(FailureKind.SILENT, Operation.CONNECT)
    cannot = CannotRun(NotRunReason.NO_PERMISSION)
    assert side_by_side([raising(silent), lambda: 7, raising(cannot)]) == [silent, 7, cannot]


def test_our_own_bugs_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1, raising(ZeroDivisionError())])


def test_start_aside_runs_at_once_and_waits_when_asked() -> None:
    began, go_on = threading.Event(), threading.Event()

    def call() -> bool:
        began.set()
        return go_on.wait(10) and threading.current_thread().daemon

    wait = start_aside(call)
    assert began.wait(10)
    go_on.set()
    assert wait() is True, "a daemon thread, so that it can't keep the program alive"


def test_start_aside_raises_in_the_thread_that_waits() -> None:
    wait = start_aside(raising(LinkError(FailureKind.REFUSED, Operation.CONNECT)))
    with pytest.raises(LinkError) as caught:
        wait()
    assert caught.value.kind is FailureKind.REFUSED


def test_it_may_return_nothing() -> None:
    nothing: list[None] = [None]
    assert side_by_side([lambda: nothing[0], lambda: nothing[0]]) == [None, None]
