"""How often a host may be asked: in one run, and in one hour where runs repeat."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.model.site import Politeness

HOUR_S = 3600.0
SEARCH_TRIES = 8
"""Tries of a search for the right framing, per host and run; each is one connect and one echo."""
SIGN_ONS = 1
"""Per host and run. A second one would replace the keys that the first one fetched."""
CONNECTS, ECHOES = "connects", "echo tests"


class HourlyUse:
    """What hosts were asked in the last hour, over all runs that share it. Safe between threads.

    Attributes:
        limits: per kind, as the acquirer's profile has them.
    """

    def __init__(
        self, limits: Politeness | None = None, *, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with nothing used.

        Args:
            limits: ``connects_per_hour`` and ``echoes_per_hour`` count.
            clock_s: monotonic seconds.
        """
        told = limits or Politeness()
        self._limits = {CONNECTS: told.connects_per_hour, ECHOES: told.echoes_per_hour}
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], deque[float]] = {}

    def take(self, host: str, what: str) -> None:
        """Use one.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        now_s, limit = self._clock_s(), self._limits[what]
        with self._lock:
            used = self._used.setdefault((host, what), deque())
            while used and used[0] <= now_s - HOUR_S:
                used.popleft()
            if len(used) >= limit:
                wait_min = (used[0] + HOUR_S - now_s) / 60 if used else HOUR_S / 60
                raise CannotRun(
                    NotRunReason.POLITENESS_LIMIT,
                    f"{limit} {what} to {host} in this hour; again in {wait_min:.0f} min",
                )
            used.append(now_s)


class HostAllowance:
    """Counts connects and echoes per host over a whole run. Safe to share between threads.

    Source: rule 6 of the design: at most 20 connects and 3 echoes per host and run, and a cap per
    hour where runs repeat; a profile may lower a limit, never raise it.
    """

    def __init__(self, limits: Politeness | None = None, *, hour: HourlyUse | None = None) -> None:
        """Start with nothing used.

        Args:
            limits: of the acquirer.
            hour: shared by the runs of one process where they repeat; None: this run's own.
        """
        self._limits = limits or Politeness()
        self._hour = hour or HourlyUse(self._limits)
        self._lock = threading.Lock()
        self._used: Counter[tuple[str, str]] = Counter()

    def take_connect(self, host: str) -> None:
        """Use one connect.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        self._take(host, CONNECTS, self._limits.connects)
        self._hour.take(host, CONNECTS)

    def take_echo(self, host: str) -> None:
        """Use one echo test.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        self._take(host, ECHOES, self._limits.echoes)
        self._hour.take(host, ECHOES)

    def take_search_try(self, host: str) -> None:
        """Use one try of a search: a connect with one echo, under a cap of its own.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        self._take(host, "tries of a search", SEARCH_TRIES)
        self.take_connect(host)
        self._hour.take(host, ECHOES)

    def take_sign_on(self, host: str) -> None:
        """Use the one sign-on.

        Raises:
            CannotRun: politeness_limit, before anything is sent.
        """
        self._take(host, "sign-ons", SIGN_ONS)

    def _take(self, host: str, what: str, limit: int) -> None:
        with self._lock:
            if self._used[host, what] >= limit:
                raise CannotRun(
                    NotRunReason.POLITENESS_LIMIT, f"{limit} {what} to {host} in this run"
                )
            self._used[host, what] += 1
