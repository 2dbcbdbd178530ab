"""Runs planned probes side by side on daemon threads, and always comes back in time.

The rule of outcomes: CannotRun becomes NotRun, any other exception Crashed, and what a probe had
yielded before is kept in every case. A thread cannot be stopped from outside, so one that has not
ended shortly after the deadline is given up; it is a daemon and sends nothing more of its own: at
its next observation it stops.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from posdiag.engine.attempt import attempt
from posdiag.engine.events import (
    Listener,
    Observed,
    PersonAsked,
    ProbeEnded,
    ProbeStarted,
    RunEnded,
    nobody,
)
from posdiag.engine.plan import Plan
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance, HourlyUse
from posdiag.model.observation import (
    Completed,
    Crashed,
    Failed,
    FailureKind,
    NotRun,
    NotRunReason,
    Observation,
    ProbeOutcome,
    Unmeasured,
)
from posdiag.model.report import End
from posdiag.model.site import Site
from posdiag.probes.probe import Probe, ProbeContext, ProbeYield

GRACE_S = 0.5
"""After the deadline: time for waits that it cut to become observations."""
_LOOK_S = 0.1
"""How often the interrupt is looked at while nothing else happens."""
_MOST_MAIL = 1000


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave.

    Attributes:
        outcomes: one per planned probe, in the order of the plan.
        listening: the budget is spent, and a probe still waits for an answer: a second result
            follows.
    """

    outcomes: list[ProbeOutcome]
    end: End
    listening: bool = False


@dataclass(slots=True)
class _Job:
    """A probe that runs or waits for its turn."""

    probe: Probe
    resources: frozenset[str]
    start_s: float | None = None
    observations: list[Observation] = field(default_factory=list)
    unmeasured: list[Unmeasured] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Yielded:
    probe: str
    item: ProbeYield


@dataclass(frozen=True, slots=True)
class _Asked:
    probe: str
    text: str


@dataclass(frozen=True, slots=True)
class _Ended:
    probe: str
    failure: NotRun | Crashed | None


def run_in_steps(
    plan: Plan,
    site: Site,
    probes: Mapping[str, Probe],
    *,
    budget_s: float,
    consents: frozenset[str] = frozenset(),
    events: Listener = nobody,
    interrupt: threading.Event | None = None,
    hour: HourlyUse | None = None,
    patience_s: float | None = None,
) -> Iterator[RunResult]:
    """Run what a plan says and yield every outcome when the budget is spent, or all is done.

    Where a probe listens on after that, a second result follows once it has ended.

    Args:
        plan: of this site and these probes.
        site: merged.
        probes: by name.
        budget_s: seconds until the deadline; the run is over at most 0.5 s later.
        consents: names given with ``--allow``.
        events: called in this thread.
        interrupt: once set, the run is over at once, with what was observed until then.
        hour: what hosts were asked in this hour, shared by runs that repeat.
        patience_s: seconds until which a probe that listens may wait for an answer.
    """
    limits = site.acquirer.politeness if site.acquirer else None
    allowance = HostAllowance(limits, hour=hour)
    patience = Deadline.after(max(budget_s, patience_s)) if patience_s is not None else None
    context = ProbeContext(site, Deadline.after(budget_s), allowance, consents, patience=patience)
    yield from _Run(plan, probes, context, events).until_over(interrupt or threading.Event())


def run_plan(
    plan: Plan,
    site: Site,
    probes: Mapping[str, Probe],
    *,
    budget_s: float,
    consents: frozenset[str] = frozenset(),
    events: Listener = nobody,
    interrupt: threading.Event | None = None,
    hour: HourlyUse | None = None,
) -> RunResult:
    """Run what a plan says and return every outcome; arguments as :func:`run_in_steps`."""
    (result,) = run_in_steps(
        plan,
        site,
        probes,
        budget_s=budget_s,
        consents=consents,
        events=events,
        interrupt=interrupt,
        hour=hour,
    )
    return result


class _Run:
    """One run. Only its own thread touches its state; probes speak through the queue."""

    def __init__(
        self,
        plan: Plan,
        probes: Mapping[str, Probe],
        context: ProbeContext,
        events: Listener,
    ) -> None:
        self._context = context
        self._plan = plan
        self._events = events
        # With an end, so that a probe that yields without one waits for us and fills no memory.
        self._mail: queue.Queue[_Yielded | _Asked | _Ended] = queue.Queue(_MOST_MAIL)
        self._over = threading.Event()
        self._listens = False
        self._given_up: set[str] = set()
        self._outcomes: dict[str, ProbeOutcome] = dict(plan.left_out)
        lines = [line for line in plan.lines if line.probe not in plan.left_out]
        self._waiting = {
            line.probe: _Job(probes[line.probe], frozenset(line.resources)) for line in lines
        }
        self._running: dict[str, _Job] = {}

    def until_over(self, interrupt: threading.Event) -> Iterator[RunResult]:
        """Yield when all have ended, the deadline has passed or the interrupt is set."""
        try:
            self._take_turns(interrupt)
            if self._listeners() and not interrupt.is_set():
                yield self._so_far()
                self._listen(interrupt)
        finally:
            # Also where a listener raised: no probe goes on behind the back of a run that is over.
            self._over.set()
        while self._receive(0.0):
            pass
        yield self._result(interrupted=interrupt.is_set())

    def _listeners(self) -> list[str]:
        """Return the probes that go on waiting for an answer after the budget."""
        patience = self._context.patience
        if patience is None or patience.at_s <= self._context.deadline.at_s:
            return []
        return [
            name
            for name, job in self._running.items()
            if job.probe.listens and any(map(_is_censored, job.observations))
        ]

    def _so_far(self) -> RunResult:
        """Return what is known while some still listen; the others are given up."""
        listeners = self._listeners()
        self._listens = True
        for name in [one for one in [*self._running, *self._waiting] if one not in listeners]:
            job = self._running.pop(name, None) or self._waiting.pop(name)
            self._given_up.add(name)
            self._end(job, NotRun(probe=name, reason=NotRunReason.BUDGET_SPENT))
        known = dict(self._outcomes)
        for name, job in self._running.items():
            known[name] = NotRun(
                probe=name,
                reason=NotRunReason.BUDGET_SPENT,
                start_s=job.start_s or 0.0,
                end_s=self._context.now_s(),
                observations=list(job.observations),
                unmeasured=list(job.unmeasured),
            )
        outcomes = [known[line.probe] for line in self._plan.lines]
        return RunResult(outcomes, End.BUDGET_SPENT, listening=True)

    def _listen(self, interrupt: threading.Event) -> None:
        patience = self._context.patience or self._context.deadline
        give_up = Deadline(patience.at_s + GRACE_S)
        while self._running and not interrupt.is_set() and not give_up.passed():
            self._receive(min(_LOOK_S, give_up.remaining_s()))

    def _take_turns(self, interrupt: threading.Event) -> None:
        deadline = self._context.deadline
        give_up = Deadline(deadline.at_s + GRACE_S)
        while not interrupt.is_set() and not give_up.passed():
            if not deadline.passed():
                self._start_what_can()
            elif not self._running:
                return
            if not self._running and not self._waiting:
                return
            self._receive(min(_LOOK_S, give_up.remaining_s()))

    def _start_what_can(self) -> None:
        held: set[str] = set().union(*(job.resources for job in self._running.values()))
        # Those that run alone come last, when nothing else is left to start.
        ordered = sorted(self._waiting.items(), key=lambda item: item[1].probe.alone)
        for name, job in ordered:
            if any(one.probe.alone for one in self._running.values()):
                return
            if job.resources & held or (job.probe.alone and self._running):
                continue
            held |= job.resources
            self._running[name] = self._waiting.pop(name)
            job.start_s = self._context.now_s()
            self._events(ProbeStarted(probe=name, at_s=job.start_s))
            threading.Thread(
                target=self._work, args=(job.probe,), name=f"probe {name}", daemon=True
            ).start()

    def _work(self, probe: Probe) -> None:
        """Run one probe in its own thread."""

        def ask(text: str) -> None:
            if not self._over.is_set():
                self._mail.put(_Asked(probe.name, text))

        def drain() -> None:
            for item in probe.run(replace(self._context, ask=ask)):
                self._mail.put(_Yielded(probe.name, _as_saved(item)))
                if self._over.is_set() or probe.name in self._given_up:
                    return

        failure = attempt(probe.name, drain)
        # One that was stopped, or came back too late, has not come to its own end.
        if not self._over.is_set():
            self._mail.put(_Ended(probe.name, failure))

    def _receive(self, wait_s: float) -> bool:
        """Take one piece of mail; return whether there was one."""
        try:
            mail = self._mail.get(timeout=wait_s) if wait_s > 0 else self._mail.get_nowait()
        except queue.Empty:
            return False
        job = self._running.get(mail.probe)
        if job is None:
            return True
        if isinstance(mail, _Ended):
            del self._running[mail.probe]
            self._end(job, mail.failure)
            return True
        now_s = self._context.now_s()
        if isinstance(mail, _Asked):
            self._events(PersonAsked(probe=mail.probe, text=mail.text, at_s=now_s))
            return True
        if isinstance(mail.item, Observation):
            if self._listens:
                job.observations = [
                    one for one in job.observations if not _replaces(mail.item, one)
                ]
            job.observations.append(mail.item)
        else:
            job.unmeasured.append(mail.item)
        self._events(Observed(probe=mail.probe, name=mail.item.name, at_s=now_s))
        return True

    def _end(self, job: _Job, failure: NotRun | Crashed | None) -> None:
        end_s = self._context.now_s()
        start_s = end_s if job.start_s is None else job.start_s
        outcome: ProbeOutcome
        if failure is None:
            outcome = Completed(
                probe=job.probe.name,
                start_s=start_s,
                end_s=end_s,
                observations=job.observations,
                unmeasured=job.unmeasured,
            )
        else:
            outcome = msgspec.structs.replace(
                failure,
                start_s=start_s,
                end_s=end_s,
                observations=job.observations,
                unmeasured=job.unmeasured,
            )
        self._outcomes[job.probe.name] = outcome
        status = str(outcome.__struct_config__.tag)
        self._events(ProbeEnded(probe=job.probe.name, status=status, at_s=end_s))

    def _result(self, *, interrupted: bool) -> RunResult:
        reason = NotRunReason.INTERRUPTED if interrupted else NotRunReason.BUDGET_SPENT
        for name, job in [*self._running.items(), *self._waiting.items()]:
            self._end(job, NotRun(probe=name, reason=reason))
        outcomes = [self._outcomes[line.probe] for line in self._plan.lines]
        end = End.INTERRUPTED if interrupted else End.FINISHED
        if end is End.FINISHED and any(map(_cut_by_budget, outcomes)):
            end = End.BUDGET_SPENT
        self._events(RunEnded(end=end, at_s=self._context.now_s()))
        return RunResult(outcomes, end)


def _as_saved(item: ProbeYield) -> ProbeYield:
    """Return what a saved report would give back, so that a replay sees the same, digit by digit.

    Raises:
        TypeError, UnicodeError, ValueError: a report cannot hold it: a bug of its probe, which
            thereby costs that probe alone.
    """
    # msgspec's own errors are ValueErrors; the constructor of a value checks no types.
    return _reader_of(item).decode(msgspec.json.encode(item))


# Made here, in one thread: msgspec (0.22) resolves a type at its first use, and ended the process
# with a segmentation fault, rarely, where probes' threads did that at the same moment.
_OBSERVATIONS = msgspec.json.Decoder(Observation)
_GAPS = msgspec.json.Decoder(Unmeasured)


def _reader_of(
    item: object,
) -> msgspec.json.Decoder[Observation] | msgspec.json.Decoder[Unmeasured]:
    if isinstance(item, Observation):
        return _OBSERVATIONS
    if isinstance(item, Unmeasured):
        return _GAPS
    raise TypeError(f"a probe yielded {type(item).__name__}")


def _is_censored(seen: Observation) -> bool:
    return isinstance(seen.result, Failed) and seen.result.failure is FailureKind.CENSORED


def _replaces(later: Observation, seen: Observation) -> bool:
    """Return whether an observation is what came of a wait that the budget had cut."""
    return _is_censored(seen) and (later.name, later.subject) == (seen.name, seen.subject)


def _cut_by_budget(outcome: ProbeOutcome) -> bool:
    """Return whether the budget ended a probe or one of its waits."""
    spent = NotRunReason.BUDGET_SPENT
    return (
        (isinstance(outcome, NotRun) and outcome.reason is spent)
        or any(gap.reason is spent for gap in outcome.unmeasured)
        or any(map(_is_censored, outcome.observations))
    )
