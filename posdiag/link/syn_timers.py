"""When this laptop's own kernel repeats a SYN."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason

_FOLDER = Path("/proc/sys/net/ipv4")
_FIRST_S = 1.0


def kernel_syn_waits(folder: Path = _FOLDER) -> list[float]:
    """Return the seconds at which each SYN of one connect goes out, from 0 on.

    The first ``tcp_syn_linear_timeouts`` waits are a second each, the others double: 4 and 6 give
    0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67. A system without that setting doubles from the start.

    Args:
        folder: of the settings.

    Raises:
        CannotRun: unsupported: this system does not tell.

    Source: Linux Documentation/networking/ip-sysctl.rst, ``tcp_syn_linear_timeouts`` and
    ``tcp_syn_retries``; RFC 6298, section 2.
    """
    try:
        retries = int((folder / "tcp_syn_retries").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CannotRun(NotRunReason.UNSUPPORTED, "timers of the laptop's own SYN") from error
    try:
        linear = int((folder / "tcp_syn_linear_timeouts").read_text(encoding="ascii"))
    except (OSError, ValueError):
        linear = 0
    gaps = [_FIRST_S] * linear + [_FIRST_S * 2**tries for tries in range(retries)]
    return [0.0, *accumulate(gaps)]
