"""What a run says about itself while it runs; the caller shows it, or not."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from posdiag.model.report import End


class ProbeStarted(msgspec.Struct, frozen=True, kw_only=True, tag="probe_started"):
    """A probe has begun.

    Attributes:
        at_s: monotonic seconds since the run began.
    """

    probe: str
    at_s: float


class Observed(msgspec.Struct, frozen=True, kw_only=True, tag="observed"):
    """A probe has made an observation, or said that it could not make one.

    Attributes:
        name: of the observation.
        at_s: monotonic seconds since the run began.
    """

    probe: str
    name: str
    at_s: float


class PersonAsked(msgspec.Struct, frozen=True, kw_only=True, tag="person_asked"):
    """A probe asks the person beside the laptop to do something; it does not wait for an answer.

    Attributes:
        text: English message id.
        at_s: monotonic seconds since the run began.
    """

    probe: str
    text: str
    at_s: float


class ProbeEnded(msgspec.Struct, frozen=True, kw_only=True, tag="probe_ended"):
    """A probe has ended, or was given up.

    Attributes:
        status: ``completed``, ``not_run`` or ``crashed``.
        at_s: monotonic seconds since the run began.
    """

    probe: str
    status: str
    at_s: float


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag="run_ended"):
    """Nothing more will be measured.

    Attributes:
        at_s: monotonic seconds since the run began.
    """

    end: End
    at_s: float


Event = ProbeStarted | Observed | PersonAsked | ProbeEnded | RunEnded
Listener = Callable[[Event], None]


def nobody(_event: Event) -> None:
    """Listen to nothing."""
