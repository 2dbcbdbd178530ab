"""Card readers: so far one that speaks the virtual reader's frames over TCP (``socket://``)."""

from __future__ import annotations

from urllib.parse import urlsplit

from posdiag.link.deadline import Deadline
from posdiag.link.tcp import run_tcp
from posdiag.model.errors import CannotRun
from posdiag.model.observation import NotRunReason
from posdiag.wire.card_frames import CardReadConversation

CONNECT_LIMIT_S = 2.0
"""A reader stands beside the laptop: it is there at once or not at all."""


def read_card(port: str, deadline: Deadline, *, silent_after_s: float) -> CardReadConversation:
    """Read the card in a reader and return the conversation, which holds what it said.

    Args:
        port: ``socket://host:port``.
        deadline: end of the run.
        silent_after_s: how long a card may be silent after one command.

    Raises:
        CannotRun: unsupported, for every other kind of reader.
        LinkError: the reader itself could not be reached.
    """
    parts = urlsplit(port)
    if parts.scheme != "socket" or parts.hostname is None or parts.port is None:
        raise CannotRun(NotRunReason.UNSUPPORTED, f"reader {port}: only socket://host:port so far")
    conversation = CardReadConversation(limit_s=silent_after_s)
    run_tcp(parts.hostname, parts.port, conversation, deadline, CONNECT_LIMIT_S)
    return conversation
