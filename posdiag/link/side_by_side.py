"""Runs a few blocking calls at the same time, on daemon threads of our own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from posdiag.model.errors import CannotRun, LinkError

T = TypeVar("T")


def start_aside(call: Callable[[], T]) -> Callable[[], T]:
    """Start a call and return what waits for it.

    The call must end by itself: it takes a deadline. Its thread doesn't keep the program alive.

    Returns:
        a function that returns what the call returned, or raises what it raised.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  (raised again in the thread that waits)
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def wait() -> T:
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    return wait


def side_by_side(calls: Sequence[Callable[[], T]]) -> list[T | LinkError | CannotRun]:
    """Return what each call returned or how it failed, in the order of the calls.

    Raises:
        Exception: anything else that a call raised (our bug).
    """
    results: list[T | LinkError | CannotRun] = []
    for wait in [start_aside(call) for call in calls]:
        try:
            results.append(wait())
        except (LinkError, CannotRun) as error:
            results.append(error)
    return results
