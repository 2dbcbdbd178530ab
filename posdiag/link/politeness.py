"""How often a host may be asked in one run."""

from __future__ import annotations

import threading
from collections import Counter

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Politeness


class HostAllowance:
    """Counts connects and echoes per host over a whole run. Safe to share between threads.

    Source: rule 6 of the design: at most 20 connects and 3 echoes per host and run; a profile may
    lower a limit, never raise it.
    """

    def __init__(self, limits: Politeness | None = None) -> None:
        """Start with nothing used."""
        self._limits = limits or Politeness()
        self._lock = threading.Lock()
        self._connects: Counter[str] = Counter()
        self._echoes: Counter[str] = Counter()

    def take_connect(self, host: str) -> None:
        """Use one connect.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        self._take(self._connects, host, self._limits.connects, "connects")

    def take_echo(self, host: str) -> None:
        """Use one echo test.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        self._take(self._echoes, host, self._limits.echoes, "echo tests")

    def _take(self, used: Counter[str], host: str, limit: int, what: str) -> None:
        with self._lock:
            if used[host] >= limit:
                raise CannotRun(
                    NotRunReason.POLITENESS_LIMIT, f"{limit} {what} to {host} in this run"
                )
            used[host] += 1
