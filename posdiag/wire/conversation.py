"""What a conversation is: it says what to send and what to wait for, and is told what came.

A driver in ``posdiag.link`` connects, then steps the conversation::

    while True:
        match conversation.step(now_s):
            case Send(data): transmit it, step again
            case Wait(limit_s, operation): wait at most limit_s (or until the run's deadline) for
                bytes; then exactly one of receive(data, now), ended(why, now); step again
            case Done(): close

Both drivers (blocking, event-driven) follow this loop to the letter, so that a conversation sees
the same events from either.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from posdiag.model.observation import Operation


class Send(NamedTuple):
    """Bytes to transmit now (one datagram over UDP)."""

    data: bytes


class Wait(NamedTuple):
    """Wait for bytes.

    Attributes:
        limit_s: seconds from now after which silence is a fact, > 0.
        operation: what is being waited for.
    """

    limit_s: float
    operation: Operation


class Done(NamedTuple):
    """Nothing more to do: close."""


Step = Send | Wait | Done


class Ended(StrEnum):
    """Why nothing more will come."""

    LIMIT = "limit"
    """The limit of the wait passed."""
    BUDGET = "budget"
    """The run's deadline came first."""
    EOF = "eof"
    """The peer closed in order."""
    RESET = "reset"
    """The peer reset the connection."""
    REFUSED = "refused"
    """A datagram came back as port unreachable."""
    UNREACHABLE = "unreachable"
    """The network said that there is no way."""
    TOO_MUCH = "too_much"
    """More bytes came than any exchange needs: the driver stopped reading."""


class Conversation(Protocol):
    """A sans-IO exchange, seen by a driver."""

    def step(self, now_s: float) -> Step:
        """Return what to do next. Never called twice after ``Wait`` without an event between."""
        ...

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes that came (never empty). Never raises: a protocol error is recorded."""
        ...

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Be told that the wait ended without bytes, or that the peer is gone."""
        ...
