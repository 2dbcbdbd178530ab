"""The blocking driver for conversations over TCP."""

from __future__ import annotations

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import Exchange, TcpResult, turn
from posdiag.model.errors import CannotRun, LinkError
from posdiag.wire.conversation import Conversation, Done, Ended, Step

__all__ = ["ConnectOnly", "TcpResult", "run_tcp"]


class ConnectOnly:
    """The conversation that says nothing: connect and close."""

    def step(self, now_s: float) -> Step:
        """Return that nothing is left to do."""
        return Done()

    def receive(self, data: bytes, now_s: float) -> None:
        """Take nothing: it never waits."""

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Take nothing: it never waits."""


def run_tcp(
    address: str,
    port: int,
    conversation: Conversation,
    deadline: Deadline,
    connect_limit_s: float,
    *,
    interface: str | None = None,
) -> TcpResult:
    """Return how the connection came about, after the conversation has ended on it.

    What was said, and how that failed, is in the conversation.

    Args:
        address: numeric; names are looked up by a conversation of their own.
        port: 1 to 65535.
        conversation: what to say.
        deadline: end of the run's budget.
        connect_limit_s: how long the TCP handshake may take.
        interface: a name or an own address to bind to; None: the system's choice.

    Raises:
        LinkError: the connection did not come about (refused, silent, censored, unreachable,
            reset, permission ...; ``waited_s`` for silent and censored), or an error that no
            conversation can be told.
        CannotRun: the interface cannot be bound to.
        ValueError: the address is not numeric (our bug).
    """
    exchange = Exchange(
        conversation,
        address,
        port,
        deadline,
        stream=True,
        connect_limit_s=connect_limit_s,
        interface=interface,
    )
    try:
        turn(exchange)
    finally:
        exchange.abandon()
    outcome = exchange.outcome
    if isinstance(outcome, LinkError | CannotRun):
        raise outcome
    if not isinstance(outcome, TcpResult):
        raise TypeError("an exchange over TCP without a result")
    return outcome
