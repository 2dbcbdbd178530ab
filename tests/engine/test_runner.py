"""The runner: side by side, in time, and whatever a probe does the run goes on."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from posdiag.engine.events import Event, Observed, ProbeEnded, ProbeStarted, RunEnded
from posdiag.engine.runner import GRACE_S
from posdiag.link.deadline import Deadline
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import (
    Completed,
    Crashed,
    Failed,
    FailureKind,
    Measured,
    NotRun,
    NotRunReason,
    Observation,
    Operation,
    Unmeasured,
)
from posdiag.model.report import End
from posdiag.probes.probe import ProbeContext, ProbeYield
from tests.engine.made_up_probes import made_up, names, number, outcome_of, run_probes

NOISE_S = 5.0
"""A busy machine may be this late."""
FOR_EVER_S = 60.0


def test_what_probes_yield_is_kept_in_the_order_of_the_plan() -> None:
    def slow(context: ProbeContext) -> Iterator[ProbeYield]:
        yield number(context, 1)
        time.sleep(0.2)
        yield Unmeasured(name="made_up.gap", reason=NotRunReason.UNSUPPORTED, detail="why")
        yield number(context, 2)

    result = run_probes(made_up("slow", slow), made_up("a_quick_one"))
    assert [outcome.probe for outcome in result.outcomes] == ["slow", "a_quick_one"]
    assert result.end is End.FINISHED
    found = outcome_of(result, "slow")
    assert isinstance(found, Completed)
    assert names(found) == ["made_up.number_1", "made_up.number_2"]
    assert [(gap.name, gap.detail) for gap in found.unmeasured] == [("made_up.gap", "why")]
    first, second = found.observations
    assert found.start_s <= first.end_s
    assert first.end_s + 0.15 <= second.end_s <= found.end_s


def test_independent_probes_run_at_the_same_time() -> None:
    meeting = threading.Barrier(5)

    def meet(context: ProbeContext) -> Iterator[ProbeYield]:
        meeting.wait(timeout=10)  # passes only if all five are here at once
        yield number(context, 1)

    probes = [made_up(f"p{place}", meet, holds=(f"port:{place}",)) for place in range(5)]
    result = run_probes(*probes)
    assert [type(outcome) for outcome in result.outcomes] == [Completed] * 5


def test_probes_with_one_resource_never_overlap_and_others_pass_them() -> None:
    lock, inside, most = threading.Lock(), [0], [0]
    free_one_ran = threading.Event()

    def hold(context: ProbeContext) -> Iterator[ProbeYield]:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        # The first holder waits for the one that shares nothing: it must not queue behind it.
        assert free_one_ran.wait(timeout=10)
        with lock:
            inside[0] -= 1
        yield number(context, 1)

    def free(context: ProbeContext) -> Iterator[ProbeYield]:
        free_one_ran.set()
        yield number(context, 2)

    probes = [made_up(f"holder_{place}", hold, holds=("port:a",)) for place in range(4)]
    probes.append(made_up("two_ports", hold, holds=("port:b", "port:a")))
    probes.append(made_up("free", free, holds=("port:c",)))
    result = run_probes(*probes)
    assert [type(outcome) for outcome in result.outcomes] == [Completed] * 6
    assert most == [1]
    spans = sorted((outcome.start_s, outcome.end_s) for outcome in result.outcomes[:5])
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_a_probe_that_raises_is_crashed_and_the_run_goes_on() -> None:
    def crash(context: ProbeContext) -> Iterator[ProbeYield]:
        yield number(context, 1)
        card = "4111111111111111"
        raise ZeroDivisionError(card)

    def after(context: ProbeContext) -> Iterator[ProbeYield]:
        yield number(context, 2)

    # They share a resource: what the crashed one held is free again.
    result = run_probes(
        made_up("crash", crash, holds=("port:a",)), made_up("after", after, holds=("port:a",))
    )
    found = outcome_of(result, "crash")
    assert isinstance(found, Crashed)
    assert found.error == "ZeroDivisionError"
    assert names(found) == ["made_up.number_1"]
    assert found.traceback[-1].startswith("engine/test_runner.py:")
    assert found.traceback[-1].endswith(":crash")
    assert not any("4111" in line for line in found.traceback)
    assert isinstance(outcome_of(result, "after"), Completed)
    assert result.end is End.FINISHED


def test_cannot_run_is_not_run_and_keeps_what_was_seen() -> None:
    def stop(context: ProbeContext) -> Iterator[ProbeYield]:
        yield number(context, 1)
        raise CannotRun(NotRunReason.NO_PERMISSION, "group dialout")

    found = outcome_of(run_probes(made_up("stop", stop)), "stop")
    assert isinstance(found, NotRun)
    assert (found.reason, found.detail) == (NotRunReason.NO_PERMISSION, "group dialout")
    assert names(found) == ["made_up.number_1"]
    assert found.end_s >= found.start_s


@pytest.mark.parametrize(
    "error", [LinkError(FailureKind.SILENT, Operation.RECEIVE), SystemExit(3), RecursionError()]
)
def test_whatever_else_escapes_is_our_bug(error: BaseException) -> None:
    def escape(_context: ProbeContext) -> Iterator[ProbeYield]:
        yield from ()
        raise error

    found = outcome_of(run_probes(made_up("escape", escape)), "escape")
    assert isinstance(found, Crashed)
    assert found.error == type(error).__name__


def _wrong_value(_context: ProbeContext) -> Iterator[ProbeYield]:
    # A constructor checks no types; only a decoder does.
    yield Observation(name="made_up.x", result=Measured(object()))  # type: ignore[arg-type]


def _wrong_time(_context: ProbeContext) -> Iterator[ProbeYield]:
    yield Observation(name="made_up.x", start_s=float("nan"), result=Measured(1))


def _wrong_text(_context: ProbeContext) -> Iterator[ProbeYield]:
    yield Observation(name="made_up.x", subject="\udcff", result=Measured(1))


def _wrong_thing(_context: ProbeContext) -> Iterator[ProbeYield]:
    yield "an observation"  # type: ignore[misc]


@pytest.mark.parametrize("run", [_wrong_value, _wrong_time, _wrong_text, _wrong_thing])
def test_what_no_report_can_hold_costs_its_own_probe_alone(
    run: object,
) -> None:
    result = run_probes(made_up("wrong", run), made_up("right"))  # type: ignore[arg-type]
    found = outcome_of(result, "wrong")
    assert isinstance(found, Crashed)
    assert found.observations == []
    assert names(outcome_of(result, "right")) == ["made_up.answer"]


def test_a_probe_that_never_returns_is_given_up_soon_after_the_budget() -> None:
    release, stopped = threading.Event(), threading.Event()

    def stuck(context: ProbeContext) -> Iterator[ProbeYield]:
        try:
            yield number(context, 1)
            release.wait(timeout=FOR_EVER_S)
            yield number(context, 2)
            release.wait(timeout=FOR_EVER_S)  # pragma: no cover
        finally:
            stopped.set()

    started = time.monotonic()
    result = run_probes(
        made_up("stuck", stuck, holds=("port:a",)),
        made_up("behind", holds=("port:a",)),
        made_up("beside"),
        budget_s=0.5,
    )
    took_s = time.monotonic() - started
    assert 0.5 <= took_s <= 0.5 + GRACE_S + NOISE_S
    found = outcome_of(result, "stuck")
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.BUDGET_SPENT
    assert names(found) == ["made_up.number_1"]
    behind = outcome_of(result, "behind")
    assert isinstance(behind, NotRun)
    assert behind.reason is NotRunReason.BUDGET_SPENT
    assert isinstance(outcome_of(result, "beside"), Completed)
    assert result.end is End.BUDGET_SPENT
    # Given up, it makes no further step once it comes back, and changes nothing that was given.
    assert not stopped.is_set()
    release.set()
    assert stopped.wait(timeout=10)
    assert names(found) == ["made_up.number_1"]


def test_a_wait_that_the_budget_cuts_becomes_an_observation() -> None:
    def wait(context: ProbeContext) -> Iterator[ProbeYield]:
        wait_s, cut = context.deadline.cut(FOR_EVER_S)
        assert cut
        time.sleep(wait_s)
        yield context.failed(
            "made_up.answer", FailureKind.CENSORED, Operation.RECEIVE, waited_s=wait_s
        )

    result = run_probes(made_up("wait", wait), budget_s=0.4)
    found = outcome_of(result, "wait")
    assert isinstance(found, Completed)
    (seen,) = found.observations
    assert isinstance(seen.result, Failed)
    assert seen.result.failure is FailureKind.CENSORED
    assert result.end is End.BUDGET_SPENT


def test_a_part_that_the_budget_left_out_is_said() -> None:
    def skip_part(_context: ProbeContext) -> Iterator[ProbeYield]:
        yield Unmeasured(name="made_up.answer", reason=NotRunReason.BUDGET_SPENT)

    assert run_probes(made_up("skip_part", skip_part)).end is End.BUDGET_SPENT


def test_a_probe_that_yields_without_end_is_ended() -> None:
    stopped = threading.Event()

    def babble(context: ProbeContext) -> Iterator[ProbeYield]:
        try:
            while True:
                yield number(context, 1)
        finally:
            stopped.set()

    started = time.monotonic()
    result = run_probes(made_up("babble", babble), budget_s=0.3)
    assert time.monotonic() - started <= 0.3 + GRACE_S + NOISE_S
    assert isinstance(outcome_of(result, "babble"), NotRun)
    assert outcome_of(result, "babble").observations
    assert stopped.wait(timeout=10)


def test_a_probe_cannot_run_far_ahead_of_a_slow_listener() -> None:
    yielded, ahead, interrupt = itertools.count(), [0], threading.Event()

    def babble(context: ProbeContext) -> Iterator[ProbeYield]:
        while True:
            ahead[0] = next(yielded)
            yield number(context, 1)

    def listen(event: Event) -> None:
        if isinstance(event, Observed) and not interrupt.is_set():
            time.sleep(1.0)  # enough for many thousands
            interrupt.set()
            assert 1 <= ahead[0] <= 1100

    run_probes(made_up("babble", babble), events=listen, interrupt=interrupt)


def test_a_probe_stopped_by_the_end_of_the_run_has_not_completed() -> None:
    interrupt = threading.Event()

    def babble(context: ProbeContext) -> Iterator[ProbeYield]:
        while True:
            yield number(context, 1)
            time.sleep(0.02)

    def listen(event: Event) -> None:
        interrupt.set()
        if isinstance(event, Observed):
            time.sleep(0.1)  # time for it to notice that the run is over

    result = run_probes(made_up("babble", babble), events=listen, interrupt=interrupt)
    found = outcome_of(result, "babble")
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.INTERRUPTED


def test_all_probes_have_one_absolute_deadline_and_one_allowance() -> None:
    seen: list[tuple[Deadline, int]] = []

    def look(context: ProbeContext) -> Iterator[ProbeYield]:
        seen.append((context.deadline, id(context.allowance)))
        time.sleep(0.1)
        yield number(context, 1)

    before = time.monotonic()
    run_probes(*[made_up(f"p{place}", look, holds=("port:a",)) for place in range(3)], budget_s=30)
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert before + 30 <= seen[0][0].at_s <= before + 30 + NOISE_S


def test_an_interrupt_gives_at_once_what_is_known() -> None:
    interrupt = threading.Event()

    def stuck(context: ProbeContext) -> Iterator[ProbeYield]:
        yield number(context, 1)
        interrupt.set()
        time.sleep(FOR_EVER_S)

    started = time.monotonic()
    result = run_probes(
        made_up("done"),
        made_up("stuck", stuck, holds=("port:a",)),
        made_up("behind", holds=("port:a",)),
        budget_s=FOR_EVER_S,
        interrupt=interrupt,
    )
    assert time.monotonic() - started <= NOISE_S
    assert result.end is End.INTERRUPTED
    assert isinstance(outcome_of(result, "done"), Completed)
    for name, kept in (("stuck", ["made_up.number_1"]), ("behind", [])):
        found = outcome_of(result, name)
        assert isinstance(found, NotRun)
        assert found.reason is NotRunReason.INTERRUPTED
        assert names(found) == kept


def test_an_interrupt_before_the_start_starts_nothing() -> None:
    interrupt, ran = threading.Event(), threading.Event()

    def run(_context: ProbeContext) -> Iterator[ProbeYield]:
        ran.set()
        yield from ()

    interrupt.set()
    result = run_probes(made_up("run", run), interrupt=interrupt)
    assert result.end is End.INTERRUPTED
    assert not ran.wait(timeout=0.2)


def test_no_budget_starts_nothing() -> None:
    ran = threading.Event()

    def run(_context: ProbeContext) -> Iterator[ProbeYield]:
        ran.set()
        yield from ()

    result = run_probes(made_up("run", run), budget_s=0.0)
    assert result.end is End.BUDGET_SPENT
    found = outcome_of(result, "run")
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.BUDGET_SPENT
    assert not ran.wait(timeout=0.2)


def test_nothing_to_run_ends_at_once() -> None:
    result = run_probes(made_up("away", cannot=NotRunReason.NOT_REACHABLE_FROM_HERE))
    assert result.end is End.FINISHED
    found = outcome_of(result, "away")
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.NOT_REACHABLE_FROM_HERE


def test_progress_is_told_in_order_and_by_the_caller() -> None:
    told: list[Event] = []
    tellers: set[int] = set()

    def listen(event: Event) -> None:
        told.append(event)
        tellers.add(threading.get_ident())

    def two(context: ProbeContext) -> Iterator[ProbeYield]:
        yield number(context, 1)
        yield Unmeasured(name="made_up.gap", reason=NotRunReason.UNSUPPORTED)

    def crash(_context: ProbeContext) -> Iterator[ProbeYield]:
        yield from ()
        raise ValueError

    result = run_probes(
        made_up("two", two),
        made_up("crash", crash),
        made_up("away", cannot=NotRunReason.NOT_DECLARED),
        events=listen,
    )
    assert tellers == {threading.get_ident()}
    of_two = [event for event in told if not isinstance(event, RunEnded) and event.probe == "two"]
    assert [type(event) for event in of_two] == [ProbeStarted, Observed, Observed, ProbeEnded]
    assert [event.name for event in of_two if isinstance(event, Observed)] == [
        "made_up.number_1",
        "made_up.gap",
    ]
    ended = {event.probe: event.status for event in told if isinstance(event, ProbeEnded)}
    assert ended == {"two": "completed", "crash": "crashed"}
    assert isinstance(told[-1], RunEnded)
    assert told[-1].end is result.end
    times = [event.at_s for event in told]
    assert times == sorted(times)


def test_probes_given_up_are_told_as_ended() -> None:
    told: list[Event] = []

    def stuck(_context: ProbeContext) -> Iterator[ProbeYield]:
        time.sleep(1.5)
        yield from ()

    run_probes(made_up("stuck", stuck), budget_s=0.2, events=told.append)
    assert [type(event) for event in told] == [ProbeStarted, ProbeEnded, RunEnded]
    assert isinstance(told[1], ProbeEnded)
    assert told[1].status == "not_run"


def test_a_listener_that_raises_ends_the_run_and_its_probes() -> None:
    stopped = threading.Event()

    def tick(context: ProbeContext) -> Iterator[ProbeYield]:
        try:
            while True:
                yield number(context, 1)
                time.sleep(0.01)
        finally:
            stopped.set()

    def listen(event: Event) -> None:
        if isinstance(event, Observed):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_probes(made_up("tick", tick), events=listen)
    assert stopped.wait(timeout=10)


PROCESS = """
import time
from posdiag.engine.plan import make_plan
from posdiag.engine.runner import run_plan
from posdiag.model.site import Site
from tests.engine.made_up_probes import by_name, made_up
def stuck(context):
    time.sleep(600)
    yield
probes = by_name(made_up("stuck", stuck))
result = run_plan(make_plan(Site(), probes), Site(), probes, budget_s=0.2)
print(result.end)
"""


def test_a_probe_that_never_returns_does_not_hold_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "budget_spent\n"), done.stderr


def test_one_that_runs_alone_overlaps_with_none() -> None:
    spans: dict[str, tuple[float, float]] = {}

    def lasts(name: str) -> Callable[[ProbeContext], Iterator[ProbeYield]]:
        def run(context: ProbeContext) -> Iterator[ProbeYield]:
            since_s = context.now_s()
            time.sleep(0.2)
            spans[name] = since_s, context.now_s()
            yield context.measured("made_up.answer", 42)

        return run

    probes = [replace(made_up(name, lasts(name)), alone=name == "a") for name in ("a", "b", "c")]
    run_probes(*probes)
    assert spans["a"][0] >= max(spans["b"][1], spans["c"][1])
    assert spans["b"][0] < spans["c"][1]
    assert spans["c"][0] < spans["b"][1]
