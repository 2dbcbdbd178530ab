"""Whether the laptop's clock is kept in step with a time server. Reads, never sets."""

from __future__ import annotations

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

_TIMEX_BYTES = 512
"""More than any system's ``struct timex`` (Linux: 208)."""
_TIME_ERROR = 5
"""Returned where the clock is not synchronised."""


def is_synchronised() -> bool:
    """Return whether the system says that its clock is in step with a time server.

    The kernel keeps that flag; asking with ``modes`` 0 changes nothing and needs no privilege. A
    virtual machine whose host keeps the time may say no although its time is right.

    Raises:
        CannotRun: unsupported where the system does not say (Windows).

    Source: adjtimex(2); ntp_adjtime(3) on macOS and the BSDs.
    """
    import ctypes

    try:
        library = ctypes.CDLL(None)
        ask = getattr(library, "adjtimex", None) or library.ntp_adjtime
    except (OSError, TypeError, AttributeError) as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "state of the clock") from error
    state = int(ask(ctypes.create_string_buffer(_TIMEX_BYTES)))
    if state < 0:
        raise CannotRun(NotRunReason.UNSUPPORTED, "state of the clock")
    return state != _TIME_ERROR
