"""An upload of bounded size and time, to see what the line does under load."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.failures import link_error
from posdiag.link.sockets import numeric_target, open_socket
from posdiag.model.errors import LinkError
from posdiag.model.observation import FailureKind, Operation

MOST_S = 6.0
MOST_BYTES = 8 * 1024 * 1024
_PIECE = bytes(16384)
_CONNECT_S = 5.0


class Upload(NamedTuple):
    """What was sent.

    Attributes:
        sent_bytes: handed to the system.
        took_s: from the first byte to the end.
    """

    sent_bytes: int
    took_s: float


def upload(address: str, port: int, deadline: Deadline, *, interface: str | None = None) -> Upload:
    """Send zeros for 6 s or 8 MiB, whichever comes first, and return how much.

    Args:
        address: numeric; something there that swallows everything.
        port: likewise.
        deadline: end of the run's budget.
        interface: send by this interface only.

    Raises:
        LinkError: the connection did not come about.
        CannotRun: the interface cannot be bound to.
    """
    target = numeric_target(address, port)
    link = open_socket(target.family, socket.SOCK_STREAM, interface)
    with link:
        # What most senders use. Others (BBR) keep the buffer short that is to be filled.
        with contextlib.suppress(OSError, AttributeError):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        wait_s, cut = deadline.cut(_CONNECT_S)
        link.settimeout(max(0.001, wait_s))
        try:
            link.connect(target.socket_address)
        except TimeoutError as error:
            kind = FailureKind.CENSORED if cut else FailureKind.SILENT
            raise LinkError(kind, Operation.CONNECT, waited_s=wait_s) from error
        except OSError as error:
            raise link_error(error, Operation.CONNECT) from error
        return _fill(link, deadline)


def _fill(link: socket.socket, deadline: Deadline) -> Upload:
    began_s = time.perf_counter()
    until_s = began_s + min(MOST_S, deadline.remaining_s())
    sent = 0
    with contextlib.suppress(OSError):
        while sent < MOST_BYTES and (left_s := until_s - time.perf_counter()) > 0:
            link.settimeout(left_s)
            sent += link.send(_PIECE)
    # What is still queued here is not sent any more.
    with contextlib.suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return Upload(sent, time.perf_counter() - began_s)
