"""Seconds from the key to the error, against all sums of the terminal's step timers.

A sign-on that ends in an error has waited through some of its timers: name look-ups that were not
answered, connects that were not, and the answer that did not come. Which of them is told by the
sum, where only one sum fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from posdiag.model.site import TerminalTimers

WITHIN_S = 2.0
"""How far a hand with a watch, and what takes no timer, may be off."""
SURE = 0.9
"""Likelihood of the step that ended the only sum that fits."""
MOST_SHARED = 0.5
"""No step gets more where several sums fit."""


class Step(StrEnum):
    """A step of a sign-on that a timer ends."""

    NAME = "name"
    CONNECT = "connect"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class TimerSum:
    """One way in which a sign-on can run out of time.

    Attributes:
        names: name look-ups without an answer, before the name was known or in the end.
        connects: likewise connects.
        answers: 1 where the host's answer did not come, else 0.
        total_s: seconds of all of them.
    """

    names: int
    connects: int
    answers: int
    total_s: float

    @property
    def last(self) -> Step:
        """Return the step that ended it."""
        if self.answers:
            return Step.ANSWER
        return Step.CONNECT if self.connects else Step.NAME

    @property
    def steps(self) -> list[Step]:
        """Return the steps that waited."""
        counts = {Step.NAME: self.names, Step.CONNECT: self.connects, Step.ANSWER: self.answers}
        return [step for step, count in counts.items() if count]


def timer_sums(timers: TerminalTimers) -> list[TimerSum]:
    """Return every sum in which a sign-on can end, the shortest first.

    It ends in the look-up where every try went unanswered, in the connect where every attempt did,
    else in the wait for the answer; the steps before it may have waited too.

    Args:
        timers: of the terminal.
    """
    tries, attempts = timers.dns_tries, timers.attempts
    found = []
    for names in range(tries + 1):
        if names == tries:
            found.append((names, 0, 0))
        for connects in range(attempts + 1):
            if names == tries:
                break
            found.append((names, connects, 0 if connects == attempts else 1))
    sums = [
        TimerSum(
            names,
            connects,
            answers,
            names * timers.dns_try_s + connects * timers.connect_s + answers * timers.response_s,
        )
        for names, connects, answers in found
    ]
    return sorted(sums, key=lambda one: (one.total_s, one.names, one.connects))


def fitting(seconds: float, timers: TerminalTimers) -> list[TimerSum]:
    """Return the sums that a measured time can be, the nearest first.

    Args:
        seconds: from the key to the error.
        timers: of the terminal.
    """
    sums = [one for one in timer_sums(timers) if abs(one.total_s - seconds) <= WITHIN_S]
    return sorted(sums, key=lambda one: (abs(one.total_s - seconds), one.names, one.connects))


def step_likelihoods(sums: Sequence[TimerSum]) -> Mapping[Step, float]:
    """Return how likely each step is the one at fault; they sum to 1, none where nothing fits.

    The only sum that fits names the step that ended it. Where several fit, each is as good as the
    others and shares among the steps that waited in it, and no step is more likely than not.

    Args:
        sums: that fit.
    """
    if not sums:
        return {}
    if len(sums) == 1:
        rest = (1 - SURE) / (len(Step) - 1)
        return {step: SURE if step is sums[0].last else rest for step in Step}
    shares = dict.fromkeys(Step, 0.0)
    for one in sums:
        for step in one.steps:
            shares[step] += 1 / len(one.steps) / len(sums)
    top = max(shares, key=lambda step: shares[step])
    over = shares[top] - MOST_SHARED
    if over > 0:
        for step in Step:
            shares[step] += -over if step is top else over / (len(Step) - 1)
    return shares


def in_words(sums: Sequence[TimerSum], timers: TerminalTimers) -> str:
    """Return sums as they are written in every language: ``3 x 10 s connect = 30 s``.

    Args:
        sums: that fit; the first three are told.
        timers: of the terminal.
    """
    return "; ".join(_sum_in_words(one, timers) for one in sums[:3])


def _sum_in_words(one: TimerSum, timers: TerminalTimers) -> str:
    parts = [
        f"{count} x {seconds:g} s {word}"
        for count, seconds, word in (
            (one.names, timers.dns_try_s, "DNS"),
            (one.connects, timers.connect_s, "TCP"),
            (one.answers, timers.response_s, "host"),
        )
        if count
    ]
    return " + ".join(parts)
