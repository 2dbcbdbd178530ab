"""What a probe's code raises becomes an outcome that tells no secret and no person's folder."""

from __future__ import annotations

import json
import sys

import pytest

from posdiag.engine.attempt import attempt, frames
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Crashed, NotRun, NotRunReason


def test_what_does_not_raise_has_not_failed() -> None:
    done: list[int] = []
    assert attempt("p", lambda: done.append(1)) is None
    assert done == [1]


def test_cannot_run_is_no_crash() -> None:
    def action() -> None:
        raise CannotRun(NotRunReason.PACKAGE_MISSING, "pyscard")

    assert attempt("p", action) == NotRun(
        probe="p", reason=NotRunReason.PACKAGE_MISSING, detail="pyscard"
    )


def test_a_crash_keeps_places_and_no_values() -> None:
    def action() -> None:
        json.loads('{"track2": "4111111111111111=2512"')

    found = attempt("p", action)
    assert isinstance(found, Crashed)
    assert found.error == "JSONDecodeError"
    assert "4111" not in repr(found)
    assert any(place.startswith("json/decoder.py:") for place in found.traceback)
    assert found.traceback[0].startswith("posdiag/engine/attempt.py:")
    assert sys.prefix not in repr(found)


def test_a_deep_crash_keeps_the_innermost_frames() -> None:
    def deeper(depth: int) -> None:
        if depth == 0:
            raise ValueError
        deeper(depth - 1)

    found = attempt("p", lambda: deeper(200))
    assert isinstance(found, Crashed)
    assert len(found.traceback) == 30
    assert {place.rsplit(":", 1)[1] for place in found.traceback} == {"deeper"}


def test_no_traceback_has_no_frames() -> None:
    assert frames(None) == []


def test_a_person_who_stops_the_program_is_obeyed() -> None:
    def action() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt("p", action)
