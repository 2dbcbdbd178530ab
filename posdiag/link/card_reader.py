"""Card readers: PC/SC ones, and the virtual reader's frames over TCP (``socket://``)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from posdiag.link.card_pcsc import PcscCard, read_pcsc
from posdiag.link.deadline import Deadline
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.wire.card_frames import CardReadConversation
from posdiag.wire.card_session import CardSession

CONNECT_LIMIT_S: Final = 2.0
"""A reader stands beside the laptop: it is there at once or not at all."""
PCSC: Final = "pcsc"


def read_card(
    port: str,
    session: CardSession,
    deadline: Deadline,
    *,
    silent_after_s: float,
    wait_s: float = 0.0,
    after_another: bool = False,
) -> PcscCard:
    """Read the card in a reader; what it said is in the session.

    Args:
        port: ``pcsc`` (any reader), ``pcsc:part of its name`` or ``socket://host:port``.
        session: takes what the card says.
        deadline: end of the run.
        silent_after_s: how long a card may be silent after one command.
        wait_s: how long to wait for a card; over TCP it is there or not.
        after_another: the card that is in the reader must be taken out first; over TCP every
            connection is another card.

    Raises:
        CannotRun: unsupported, for every other kind of reader; and as ``read_pcsc``.
        LinkError: the reader itself could not be used.
    """
    kind, _, name = port.partition(":")
    if kind.lower() == PCSC:
        return read_pcsc(
            name.strip(),
            session,
            deadline,
            silent_after_s=silent_after_s,
            wait_s=wait_s,
            after_another=after_another,
        )
    parts = urlsplit(port)
    if parts.scheme != "socket" or parts.hostname is None or parts.port is None:
        wish = "only pcsc, pcsc:NAME or socket://host:port"
        raise CannotRun(NotRunReason.UNSUPPORTED, f"reader {port}: {wish}")
    conversation = CardReadConversation(session, limit_s=silent_after_s)
    run_tcp(parts.hostname, parts.port, conversation, deadline, CONNECT_LIMIT_S)
    return PcscCard(session, "", None)
