"""The blocking driver for a conversation over TCP that is looked at while it goes on."""

from __future__ import annotations

import selectors
from collections.abc import Iterator
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.exchange import Exchange, TcpResult, clock_s
from posdiag.model.errors import CannotRun, LinkError
from posdiag.wire.conversation import Conversation


class Connected(NamedTuple):
    """How a connection came about.

    Attributes:
        took_s: duration of the TCP handshake.
        syn_repeats: how often the SYN was sent again; None where the system does not say.
    """

    took_s: float
    syn_repeats: int | None


def watch_tcp(
    address: str,
    port: int,
    conversation: Conversation,
    deadline: Deadline,
    connect_limit_s: float,
    *,
    interface: str | None = None,
) -> Iterator[Connected]:
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
        how the TCP handshake went, first when the connection has come about, then the same again
        after each event, for the last time when the conversation is over.

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
                yield Connected(exchange.connect_s, exchange.syn_repeats)
    finally:
        exchange.abandon()
    if isinstance(exchange.outcome, LinkError | CannotRun):
        raise exchange.outcome
    if isinstance(exchange.outcome, TcpResult):
        yield Connected(exchange.outcome.connect_s, exchange.syn_repeats)


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
