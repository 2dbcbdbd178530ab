"""The blocking driver for conversations in datagrams."""

from __future__ import annotations

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import Exchange, UdpResult, turn
from posdiag.model.errors import CannotRun, LinkError
from posdiag.wire.conversation import Conversation

__all__ = ["UdpResult", "run_udp"]


def run_udp(
    address: str,
    port: int,
    conversation: Conversation,
    deadline: Deadline,
    *,
    interface: str | None = None,
) -> UdpResult:
    """Return how much was exchanged, after the conversation has ended.

    Only datagrams from that address and port reach the conversation; silence, port unreachable
    and no route are told to it and not raised.

    Args:
        address: numeric.
        port: 1 to 65535.
        conversation: what to say.
        deadline: end of the run's budget.
        interface: a name or an own address to bind to; None: the system's choice.

    Raises:
        LinkError: an error that no conversation can be told (permission ...).
        CannotRun: the interface cannot be bound to.
        ValueError: the address is not numeric (our bug).
    """
    exchange = Exchange(conversation, address, port, deadline, stream=False, interface=interface)
    try:
        turn(exchange)
    finally:
        exchange.abandon()
    outcome = exchange.outcome
    if isinstance(outcome, LinkError | CannotRun):
        raise outcome
    if not isinstance(outcome, UdpResult):
        raise TypeError("an exchange over UDP without a result")
    return outcome
