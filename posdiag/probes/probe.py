"""What a probe is: its declaration, and what it is given when it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import (
    Failed,
    FailureKind,
    Measured,
    NotRunReason,
    Observation,
    Operation,
    Part,
    Unmeasured,
    Value,
    Vantage,
)
from posdiag.model.site import Device, Site


@dataclass(frozen=True, slots=True)
class Observable:
    """One line of the observation catalogue: something that a probe can yield.

    Attributes:
        name: dotted observation name.
        unit: unit of the value, empty for text and flags.
        meaning: what is measured, in English, one line.
        absent: what it means that the observation is not there.
    """

    name: str
    unit: str
    meaning: str
    absent: str = "not measured"
    vantage: Vantage = Vantage.LAPTOP


def _to_nobody(_text: str) -> None:
    """Ask nobody."""


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """What a probe is given.

    Attributes:
        site: merged site.
        deadline: end of the run's budget; pass it to every link call.
        allowance: politeness per host; ask it before each connect and echo.
        consents: names given with ``--allow``.
        started_s: ``time.monotonic()`` at the start of the run.
        ask: shows one English line, marked with ``N_``, to the person beside the laptop, who need
            not do it: nothing comes back.
        patience: until when a probe that listens may wait for an answer; None: the deadline.
    """

    site: Site
    deadline: Deadline
    allowance: HostAllowance
    consents: frozenset[str] = frozenset()
    started_s: float = field(default_factory=time.monotonic)
    ask: Callable[[str], None] = _to_nobody
    patience: Deadline | None = None

    def now_s(self) -> float:
        """Return monotonic seconds since the run began."""
        return time.monotonic() - self.started_s

    def measured(
        self,
        name: str,
        value: Value,
        unit: str = "",
        *,
        subject: str = "",
        part: Part = Part.TERMINAL,
        since_s: float | None = None,
        vantage: Vantage = Vantage.LAPTOP,
    ) -> Observation:
        """Return an observation of a value, ending now."""
        end_s = self.now_s()
        return Observation(
            name=name,
            subject=subject,
            vantage=vantage,
            part=part,
            start_s=end_s if since_s is None else since_s,
            end_s=end_s,
            result=Measured(value, unit),
        )

    def failed(
        self,
        name: str,
        failure: FailureKind,
        operation: Operation,
        *,
        detail: str = "",
        waited_s: float | None = None,
        subject: str = "",
        part: Part = Part.TERMINAL,
        since_s: float | None = None,
        vantage: Vantage = Vantage.LAPTOP,
    ) -> Observation:
        """Return an observation of a failure, ending now."""
        end_s = self.now_s()
        return Observation(
            name=name,
            subject=subject,
            vantage=vantage,
            part=part,
            start_s=end_s if since_s is None else since_s,
            end_s=end_s,
            result=Failed(failure, operation, detail, waited_s),
        )


THE_LINE = "the shop's line"
"""Exclusive resource of probes that would disturb each other's round trips."""

ProbeYield = Observation | Unmeasured


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a safe probe does only if its own consent was given.

    Attributes:
        consent: what ``--allow`` must name.
        sends: what it sends and what that does, one English line for the plan.
        effect: what it may do to the shop.
        targets: whom it would address at a site; none: it has no place there.
    """

    consent: str
    sends: str
    effect: Effect
    targets: Callable[[Site], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The declaration of a probe: inert, found by ``posdiag.probes.discover``.

    Attributes:
        name: lower snake; ``posdiag probe NAME`` and ``--skip NAME``.
        title: one English line, translated when shown.
        sends: what it sends and to whom, one English line for the plan.
        observables: everything it can yield.
        targets: whom it would address at this site, as shown in the plan. Raises CannotRun where
            there is nothing to measure from here (the plan then says why it is left out).
        resources: exclusive resources it holds (``serial:/dev/ttyUSB0``), from the site.
        run: yields observations as they are made; may raise CannotRun.
        effect: what it may do to the shop.
        consents: names of ``--allow`` that let a probe run that is not safe; empty: its own name.
        needs_laptop: it measures the laptop itself, or the network that it really stands on (left
            out at a simulated site).
        alone: nothing else runs while it runs: it would be disturbed, or disturb.
        steps: what it does beyond that, each with a consent of its own.
        watch: looks for so many seconds instead of once; None: it has nothing to watch.
        typical_s: seconds that it usually takes, for the next test.
        listens: it may go on after the budget while the context has patience; at the end of the
            budget it has told what it waits for as censored, and what comes later replaces that.
    """

    name: str
    title: str
    sends: str
    observables: tuple[Observable, ...]
    targets: Callable[[Site], list[str]]
    run: Callable[[ProbeContext], Iterator[ProbeYield]]
    resources: Callable[[Site], list[str]] = lambda _site: []
    effect: Effect = Effect.SAFE
    consents: tuple[str, ...] = ()
    needs_laptop: bool = False
    alone: bool = False
    steps: tuple[Step, ...] = ()
    watch: Callable[[ProbeContext, float], Iterator[ProbeYield]] | None = None
    typical_s: float = 5.0
    listens: bool = False

    @property
    def wants_consent(self) -> tuple[str, ...]:
        """The names of ``--allow`` of which one is needed; none where it is safe."""
        if self.effect is Effect.SAFE:
            return ()
        return self.consents or (self.name.replace("_", "-"),)


class DeviceTalk:
    """What a probe tells of one declared device, from when it began.

    Every observation has the device's port as its subject and the device's part.
    """

    vantage = Vantage.LAPTOP
    """From where it is seen; a terminal that tells of itself sets another."""

    def __init__(self, context: ProbeContext, device: Device) -> None:
        """Begin now.

        Args:
            context: of the run.
            device: declared in the site.
        """
        self._context = context
        self._device = device
        self._since_s = context.now_s()

    def _measured(
        self, name: str, value: Value, unit: str = "", *, subject: str = ""
    ) -> ProbeYield:
        return self._context.measured(
            name,
            value,
            unit,
            subject=subject or self._device.port,
            part=self._device.part,
            since_s=self._since_s,
            vantage=self.vantage,
        )

    def _failed(self, name: str, failure: Failed) -> ProbeYield:
        return self._context.failed(
            name,
            failure.failure,
            failure.operation,
            detail=failure.detail,
            waited_s=failure.waited_s,
            subject=self._device.port,
            part=self._device.part,
            since_s=self._since_s,
            vantage=self.vantage,
        )

    def _unmeasured(self, name: str, reason: CannotRun | LinkError | None) -> ProbeYield:
        """Say why something was not measured; a line that broke is reported where it broke."""
        why = reason.reason if isinstance(reason, CannotRun) else NotRunReason.EARLIER_STEP_FAILED
        detail = reason.detail if reason is not None else ""
        return Unmeasured(name=name, subject=self._device.port, reason=why, detail=detail)
