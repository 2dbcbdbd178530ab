"""The blocking driver for a conversation over TCP that is looked at while it goes on."""

from __future__ import annotations

import selectors
from collections.abc import Iterator

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import Exchange, TcpResult, clock_s
from posdiag.model.errors import CannotRun, LinkError
from posdiag.wire.conversation import Conversation


def watch_tcp(
    address: str,
    port: int,
    conversation: Conversation,
    deadline: Deadline,
    connect_limit_s: float,
    *,
    interface: str | None = None,
) -> Iterator[float]:
    """Run a conversation as ``run_tcp`` does, and stop to be looked at after every event.

    So a probe can tell what it knows already (connected, TLS done) while a long wait goes on.

    Args:
        address: numeric.
        port: 1 to 65535.
        conversation: what to say.
        deadline: end of the run's budget.
        connect_limit_s: how long the TCP handshake may take.
        interface: a name or an own address to bind to; None: the system's choice.

    Yields:
        the seconds that the TCP handshake took, first when the connection has come about, then
        the same again after each event, for the last time when the conversation is over.

    Raises:
        LinkError: as ``run_tcp``.
        CannotRun: as ``run_tcp``.
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
        exchange.start()
        while exchange.socket is not None:
            _turn_once(exchange)
            if exchange.connect_s is not None and exchange.socket is not None:
                yield exchange.connect_s
    finally:
        exchange.abandon()
    if isinstance(exchange.outcome, LinkError | CannotRun):
        raise exchange.outcome
    if isinstance(exchange.outcome, TcpResult):
        yield exchange.outcome.connect_s


def _turn_once(exchange: Exchange) -> None:
    """Wait for what the exchange waits for, and let it go on."""
    if exchange.socket is None:
        return
    with selectors.DefaultSelector() as selector:
        selector.register(exchange.socket, exchange.events)
        is_ready = bool(selector.select(max(0.0, exchange.until_s - clock_s())))
    if is_ready:
        exchange.ready()
    elif clock_s() >= exchange.until_s:
        exchange.expired()
