"""A simulated name server: answers over UDP on loopback, as badly as it is told."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from posdiag.model.errors import RemoteWireError

_POLL_S = 0.05
_RECEIVE_BYTES = 4096
_NO_DNS = b"\x85\x80" + b"\xff" * 24
"""After an id: an answer by its flags, with 65535 questions and none of them there."""


class NameServerFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the name server misbehaves.

    Attributes:
        closed: nothing listens; a datagram comes back as port unreachable.
        silent: nothing is answered.
        servfail: answers SERVFAIL to every name.
        nxdomain: answers NXDOMAIN to every name.
        refused: answers REFUSED to every name.
        garbage: answers with the right id and bytes that are no DNS.
        truncated: answers "cut off" without an address.
        foreign_first: an answer with another id and address comes before the right one.
        delays_s: pauses before an answer, cycled over the queries; none: no pause.
        drop_pattern: whether a query gets no answer, cycled over the queries; none: all get one.
    """

    closed: bool = False
    silent: bool = False
    servfail: bool = False
    nxdomain: bool = False
    refused: bool = False
    garbage: bool = False
    truncated: bool = False
    foreign_first: bool = False
    delays_s: list[Annotated[float, msgspec.Meta(ge=0)]] = []
    drop_pattern: list[bool] = []

    @property
    def rcode(self) -> str:
        """Return the response code of every answer, ``NOERROR`` where the name decides."""
        said = {"SERVFAIL": self.servfail, "NXDOMAIN": self.nxdomain, "REFUSED": self.refused}
        return next((code for code, is_said in said.items() if is_said), "NOERROR")


class SimulatedNameServer:
    """Serves its names at a port of loopback; other names do not exist (NXDOMAIN).

    Attributes:
        address: ``127.0.0.1``.
        port: after ``start``.
        journal: each query that came: ``query <name>``, or ``no query``.
    """

    address = "127.0.0.1"

    def __init__(
        self, faults: NameServerFaults, names: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Keep faults and names; nothing is bound yet.

        Args:
            faults: how it misbehaves.
            names: lower-case name -> its IP addresses.
        """
        self._faults = faults
        self._names = dict(names or {})
        self._delays_s = itertools.cycle(faults.delays_s or [0.0])
        self._drops = itertools.cycle(faults.drop_pattern or [False])
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        self.journal: list[str] = []

    def start(self) -> None:
        """Bind a free port and begin to answer in a daemon thread."""
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket = server
        server.bind((self.address, 0))
        self.port = server.getsockname()[1]
        if self._faults.closed:
            # The port stays ours, and whoever is not its only peer is told that nobody is there.
            server.connect((self.address, self.port))
            return
        self._thread = threading.Thread(
            target=self._serve, args=(server,), name="simulated name server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and wait for the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5.0)
        if self._socket is not None:
            self._socket.close()

    def _serve(self, server: socket.socket) -> None:
        # Answers that are due later wait here, so that a slow one holds up no other query.
        due: list[tuple[float, int, bytes, tuple[str, int]]] = []
        numbers = itertools.count()
        while not self._stopping.is_set():
            left_s = due[0][0] - time.monotonic() if due else _POLL_S
            server.settimeout(min(max(left_s, 0.001), _POLL_S))
            # Windows reports on this socket that an earlier answer found nobody.
            with contextlib.suppress(OSError):
                query, peer = server.recvfrom(_RECEIVE_BYTES)
                for delay_s, answer in self._answers(query):
                    at_s = time.monotonic() + delay_s
                    heapq.heappush(due, (at_s, next(numbers), answer, peer))
            while due and due[0][0] <= time.monotonic():
                _, _, answer, whom = heapq.heappop(due)
                with contextlib.suppress(OSError):
                    server.sendto(answer, whom)

    def _answers(self, query: bytes) -> Iterator[tuple[float, bytes]]:
        """Yield (pause before it in seconds, datagram) for each answer to a query."""
        from posdiag.wire.name_lookup import answer_query

        faults = self._faults
        try:
            name, answer = answer_query(query, self._names, rcode=faults.rcode)
        except RemoteWireError:
            self.journal.append("no query")
            return
        self.journal.append(f"query {name}")
        delay_s = next(self._delays_s)
        if faults.silent or next(self._drops):
            return
        if faults.foreign_first:
            yield delay_s, _foreign(answer)
        if faults.garbage:
            answer = query[:2] + _NO_DNS
        elif faults.truncated:
            answer = _truncated(answer)
        yield delay_s, answer


def _foreign(answer: bytes) -> bytes:
    """Return an answer like this one, with another id and response code SERVFAIL."""
    other = (int.from_bytes(answer[:2]) ^ 0x5555).to_bytes(2)
    return other + answer[2:3] + bytes([answer[3] & 0xF0 | 2]) + answer[4:]


def _truncated(answer: bytes) -> bytes:
    """Return the answer without its records and with the flag that says so (RFC 1035, 4.1.1)."""
    import dns.flags
    import dns.message

    message = dns.message.from_wire(answer)
    message.answer.clear()
    message.flags |= dns.flags.TC
    return message.to_wire()
