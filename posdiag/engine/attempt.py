"""The one place where any exception is caught: what a probe's code raises becomes an outcome."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from posdiag.model.errors import CannotRun
from posdiag.model.observation import Crashed, NotRun

_PACKAGE = Path(__file__).parents[1]
_MOST_FRAMES = 30


def attempt(probe: str, action: Callable[[], None]) -> NotRun | Crashed | None:
    """Run a probe's code and return how it failed, None where it did not.

    Args:
        probe: name, for the outcome.
        action: code of the probe; what it had observed is the caller's to keep.

    Returns:
        NotRun where it raised CannotRun, Crashed for everything else, also for a LinkError: a probe
        must make an observation of that, so one that escapes is our bug.
    """
    try:
        action()
    except CannotRun as cannot:
        return NotRun(probe=probe, reason=cannot.reason, detail=cannot.detail)
    # One probe's bug must not cost the others' findings; SystemExit would end the thread unseen.
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the rule of outcomes: one place)
        return Crashed(
            probe=probe, error=type(error).__name__, traceback=frames(error.__traceback__)
        )
    return None


def frames(trace: TracebackType | None) -> list[str]:
    """Return ``file:line:function`` of each frame, the outermost first; no values, no source text.

    Args:
        trace: of an exception; only the innermost 30 frames are kept.
    """
    walked = [
        f"{_shown(frame.f_code.co_filename)}:{line}:{frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(trace)
    ]
    return walked[-_MOST_FRAMES:]


def _shown(filename: str) -> str:
    """Return a path from our package on; of others the last two parts: no folder of a person."""
    path = Path(filename)
    if path.is_relative_to(_PACKAGE):
        return path.relative_to(_PACKAGE.parent).as_posix()
    return "/".join(path.parts[-2:]) if path.is_absolute() else filename
