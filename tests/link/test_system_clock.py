"""What the system says about its clock."""

from __future__ import annotations

import ctypes

import pytest

from posdiag.link.system_clock import is_synchronised
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason


class Library:
    """Stands in for the C library: answers with one state."""

    def __init__(self, call: str, state: int) -> None:
        setattr(self, call, lambda _buffer: state)


@pytest.mark.parametrize("call", ["adjtimex", "ntp_adjtime"])
@pytest.mark.parametrize(("state", "in_step"), [(0, True), (1, True), (5, False)])
def test_states(call: str, state: int, in_step: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Library(call, state))
    assert is_synchronised() is in_step


def test_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    buffers: list[bytes] = []

    class Looked:
        def adjtimex(self, buffer: ctypes.Array[ctypes.c_char]) -> int:
            buffers.append(buffer.raw)
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Looked())
    is_synchronised()
    assert buffers == [bytes(512)], "modes 0 only reads"


@pytest.mark.parametrize("library", [Library("adjtimex", -1), object()])
def test_without_an_answer_it_is_unsupported(
    library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    with pytest.raises(CannotRun) as caught:
        is_synchronised()
    assert caught.value.reason is NotRunReason.UNSUPPORTED


def test_a_system_without_one_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: object) -> object:
        raise TypeError("bad argument type for built-in operation")  # Windows, for None

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with pytest.raises(CannotRun) as caught:
        is_synchronised()
    assert caught.value.reason is NotRunReason.UNSUPPORTED
