"""Echo tests that ask for leave one by one and stop bothering a slow host."""

from __future__ import annotations

import datetime
import secrets

from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LocalWireError
from posdiag.model.observation import NotRunReason, Operation
from posdiag.model.site import AcquirerProfile, Site
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.echo import NAMES_MERCHANT, NAMES_TERMINAL, EchoConversation

QUICK_S = 5.0
"""After an answer slower than this no further echo is sent: the host has enough to do."""


ECHOES = 3
LIVE_CONSENT = "echo-live-tid"
_DAY_S = 86400
_PAUSE_S = 0.001


class PoliteEchoes:
    """An echo conversation under the allowance of its host.

    Attributes:
        echoes: the conversation itself.
        live: they bear the terminal's own number.
        pause_first: wait for a moment before the first echo, so that who watches can do other work
            (judge a certificate) that would lengthen the time of the echo.
        enough: after an answer no further echo is sent.
        begun: the first echo was asked for, so whatever lies below (TLS) is done.
        refusal: why an echo was not sent, None while none was refused.
        answered_at: local time of the laptop at each answer, with zone.
    """

    def __init__(
        self, echoes: EchoConversation, allowance: HostAllowance, host: str, *, live: bool = False
    ) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            echoes: with as many echoes as are wanted.
            allowance: of this run.
            host: key of the host in the allowance.
            live: whether they bear the terminal's own number.
        """
        self.echoes = echoes
        self.pause_first = False
        self.enough = False
        self._pausing = False
        self.live = live
        self.begun = False
        self.refusal: CannotRun | None = None
        self.answered_at: list[datetime.datetime] = []
        self._allowance = allowance
        self._host = host

    def step(self, now_s: float) -> Step:
        """Return what to do next; each request to send is one echo."""
        if not self.begun:
            self.begun = True
            if self.pause_first:
                self._pausing = True
                return Wait(_PAUSE_S, Operation.ECHO_TEST)
        answers = self.echoes.answers
        if self.refusal is not None or (
            answers and (self.enough or answers[-1].answer_s > QUICK_S)
        ):
            return Done()
        step = self.echoes.step(now_s)
        if isinstance(step, Send):
            try:
                self._allowance.take_echo(self._host)
            except CannotRun as refusal:
                self.refusal = refusal
                return Done()
        return step

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of an answer."""
        self._pausing = False
        self.echoes.receive(data, now_s)
        if len(self.echoes.answers) > len(self.answered_at):
            self.answered_at.append(datetime.datetime.now(tz=datetime.UTC).astimezone())

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Be told why no answer comes, or that the first pause is over."""
        if self._pausing and why is Ended.LIMIT:
            self._pausing = False
            return
        self.echoes.ended(why, now_s, waited_s)

    def clock_difference(self) -> float | None:
        """Return the host's clock minus the laptop's as of the last answer, None if unknown."""
        answers = self.echoes.answers
        if not answers or len(answers) != len(self.answered_at):
            return None
        return clock_difference(answers[-1].host_time, self.answered_at[-1])

    def date_difference(self) -> int | None:
        """Return the host's date minus the laptop's in days, None if the host does not say."""
        answers = self.echoes.answers
        if not answers or len(answers) != len(self.answered_at):
            return None
        return date_difference(answers[-1].host_date, self.answered_at[-1])

    def passed_at(self) -> datetime.datetime | None:
        """Return when the last answer came, local time with zone; None without an answer."""
        return self.answered_at[-1] if self.answered_at else None


def echoes_for(
    site: Site,
    acquirer: AcquirerProfile,
    allowance: HostAllowance,
    host: str,
    consents: frozenset[str],
) -> PoliteEchoes:
    """Return the echoes to send to a host of this acquirer.

    Args:
        site: for the terminal's own numbers.
        acquirer: how an echo is said, and the test numbers.
        allowance: of this run.
        host: key of the host in the allowance.
        consents: names given with ``--allow``.

    Raises:
        CannotRun: consent_required: there is no test number, and the terminal's own may not be
            used; not_declared: a number or setting that an echo needs is not known or wrong.
    """
    settings = acquirer.echo
    # The ISO dialects name no terminal in their echo, so no number is needed.
    names_terminal = settings.dialect in NAMES_TERMINAL
    live = names_terminal and not settings.test_tid
    if live and LIVE_CONSENT not in consents:
        raise CannotRun(NotRunReason.CONSENT_REQUIRED, f"--allow {LIVE_CONSENT}")
    tid, mid = (site.tid, site.mid) if live else (settings.test_tid, settings.test_mid)
    if names_terminal and not (tid and (mid or settings.dialect not in NAMES_MERCHANT)):
        missing = "tid, mid" if live else "acquirer.echo.test_mid"
        raise CannotRun(NotRunReason.NOT_DECLARED, missing)
    try:
        echoes = EchoConversation(
            settings,
            tid=tid.ljust(8),
            mid=mid.ljust(15),
            stan=1 + secrets.randbelow(999_990),
            at=datetime.datetime.now(tz=datetime.UTC),
            limit_s=acquirer.limits.echo_s,
            count=ECHOES,
        )
    except LocalWireError as error:
        raise CannotRun(NotRunReason.NOT_DECLARED, f"acquirer.echo: {error}") from error
    return PoliteEchoes(echoes, allowance, host, live=live)


def clock_difference(host_time: str, laptop: datetime.datetime) -> float | None:
    """Return the host's time of day minus the laptop's, folded into -12 h to +12 h.

    F12 is local time at the host, of an unknown zone, and is compared with the laptop's local
    time: whole quarters of an hour may be nothing but another zone. Days are not compared.

    Args:
        host_time: F12, ``hhmmss``.
        laptop: local time at which the answer came.

    Returns:
        seconds, None where F12 is no time of day.
    """
    try:
        time = datetime.time(int(host_time[:2]), int(host_time[2:4]), int(host_time[4:]))
    except ValueError:
        return None
    ours_s = laptop.hour * 3600 + laptop.minute * 60 + laptop.second + laptop.microsecond / 1e6
    theirs_s = time.hour * 3600 + time.minute * 60 + time.second
    return (theirs_s - ours_s + _DAY_S / 2) % _DAY_S - _DAY_S / 2


def date_difference(host_date: str, laptop: datetime.datetime) -> int | None:
    """Return the host's date minus the laptop's in days, in the year that brings them nearest.

    Around midnight a day may be nothing but another time zone.

    Args:
        host_date: F13, ``MMDD``.
        laptop: local time at which the answer came.

    Returns:
        days, None where F13 is no date of the year.
    """
    found = []
    for year in (laptop.year - 1, laptop.year, laptop.year + 1):
        try:
            date = datetime.date(year, int(host_date[:2]), int(host_date[2:]))
        except ValueError:
            continue
        found.append((date - laptop.date()).days)
    return min(found, key=abs, default=None)
