"""One conversation on one non-blocking socket, as a state machine that both drivers turn.

The blocking driver turns one of these, the event-driven driver many; what a conversation sees is
decided here, so it is the same. Nothing here blocks: whoever turns it waits for ``events`` until
``until_s`` and then calls ``ready`` or ``expired``.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from posdiag.link.deadline import Deadline
from posdiag.link.failures import error_of, failure_kind, link_error
from posdiag.link.sockets import (
    handshake_rtt_s,
    numeric_target,
    open_socket,
    segment_bytes,
    syn_repeats,
)
from posdiag.model.errors import CannotRun, LinkError
from posdiag.model.observation import FailureKind, Operation
from posdiag.wire.conversation import Conversation, Done, Ended, Send, Wait

RECEIVE_BYTES = 65536
MAX_RECEIVED = 1 << 20
"""Bytes in one exchange. An exchange that needs more is none of ours."""
SEND_LIMIT_S = 10.0
"""How long a peer may refuse to take our bytes."""
_ENOUGH_STEPS = 1000
"""A conversation that sends this often without waiting is broken."""
_ENOUGH_ENDS = 50
"""A conversation that was told this often that all is over, and goes on, is broken."""

_ENDED = {
    FailureKind.RESET: Ended.RESET,
    FailureKind.REFUSED: Ended.REFUSED,
    FailureKind.UNREACHABLE: Ended.UNREACHABLE,
    FailureKind.SILENT: Ended.LIMIT,
}


def clock_s() -> float:
    """Return the clock of all durations; finer than ``time.monotonic`` on Windows."""
    return time.perf_counter()


class TcpResult(NamedTuple):
    """A connection that came about, whatever was said on it.

    Attributes:
        connect_s: duration of the TCP handshake.
        connect_source: ``tcp_info`` (measured by the kernel) or ``clock``.
        sent: bytes.
        received: bytes.
        segment: bytes of ours that one full packet of the connection carries; None where the
            system does not say.
    """

    connect_s: float
    connect_source: str
    sent: int
    received: int
    segment: int | None = None


class UdpResult(NamedTuple):
    """An exchange of datagrams, whatever came back.

    Attributes:
        sent: bytes.
        received: bytes.
    """

    sent: int
    received: int


class Exchange:
    """Connects, steps the conversation and closes.

    Attributes:
        socket: what to wait on; None before ``start`` and once it is over.
        events: what to wait for: ``selectors.EVENT_READ`` or ``EVENT_WRITE``.
        until_s: instant of ``clock_s`` at which to call ``expired``.
        connect_s: duration of the TCP handshake; None while there was none.
        syn_repeats: how often its SYN was sent again; None where the system does not say.
        outcome: set once it is over.
    """

    def __init__(
        self,
        conversation: Conversation,
        address: str,
        port: int,
        deadline: Deadline,
        *,
        stream: bool,
        connect_limit_s: float = 0.0,
        interface: str | None = None,
        echo_deadline: Callable[[], Deadline] | None = None,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            conversation: what to say.
            address: numeric.
            port: 1 to 65535.
            deadline: end of the run's budget.
            stream: TCP, else UDP.
            connect_limit_s: how long the TCP handshake may take.
            interface: to bind to; None: the system's choice.
            echo_deadline: until when an answer to an echo test may be waited for; None: as all.

        Raises:
            ValueError: the address is not numeric.
        """
        self._conversation = conversation
        self._target = numeric_target(address, port)
        self._deadline = deadline
        self._echo_deadline = echo_deadline
        self._stream = stream
        self._connect_limit_s = connect_limit_s
        self._interface = interface
        self._unsent = b""
        self._gone: Ended | None = None
        self._ends = 0
        self._since_s = 0.0
        self._cut = False
        self._source = "clock"
        self._sent = 0
        self._received = 0
        self._segment: int | None = None
        self.socket: socket.socket | None = None
        self.events = selectors.EVENT_WRITE
        self.until_s = 0.0
        self.connect_s: float | None = None
        self.syn_repeats: int | None = None
        self.outcome: TcpResult | UdpResult | LinkError | CannotRun | None = None

    def start(self) -> None:
        """Open the socket and begin."""
        kind = socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM
        try:
            self.socket = open_socket(self._target.family, kind, self._interface)
        except CannotRun as error:
            self._finish(error)
            return
        except OSError as error:
            self._finish(link_error(error, Operation.OPEN))
            return
        self._await(selectors.EVENT_WRITE, self._connect_limit_s)
        number = self.socket.connect_ex(self._target.socket_address)
        if not self._stream:
            self._begin_datagrams(number)
        elif number and not _in_progress(number):
            self._finish(link_error(error_of(number), Operation.CONNECT))
        elif self._deadline.passed():
            self.expired()

    def ready(self) -> None:
        """Go on: the socket can do what ``events`` says."""
        if self.socket is None:
            return
        if self._stream and self.connect_s is None:
            self._take_connection(self.socket)
        elif self.events == selectors.EVENT_WRITE:
            self._transmit()
            self._advance()
        elif self._read():
            self._advance()

    def expired(self) -> None:
        """Go on: ``until_s`` has passed."""
        waited_s = clock_s() - self._since_s
        why = Ended.BUDGET if self._cut else Ended.LIMIT
        if self._stream and self.connect_s is None:
            kind = FailureKind.CENSORED if self._cut else FailureKind.SILENT
            repeats = syn_repeats(self.socket) if self.socket else None
            detail = f"SYN sent {repeats + 1} times" if repeats else ""
            self._finish(LinkError(kind, Operation.CONNECT, detail, waited_s=waited_s))
            return
        if self._unsent:
            # The peer takes nothing more: the conversation hears it at its next wait.
            self._unsent, self._gone = b"", why
        else:
            self._tell_end(why, waited_s)
        self._advance()

    def abandon(self) -> None:
        """Close without an outcome, for a driver that is being stopped."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _await(self, events: int, limit_s: float, operation: Operation | None = None) -> None:
        self._since_s = clock_s()
        deadline = self._deadline
        if operation is Operation.ECHO_TEST and self._echo_deadline is not None:
            deadline = self._echo_deadline()
        wait_s, self._cut = deadline.cut(limit_s)
        self.events = events
        self.until_s = self._since_s + wait_s

    def _begin_datagrams(self, number: int) -> None:
        """Start without a connection; a number of ``connect_ex`` may say that there is no way."""
        if number:
            error = error_of(number)
            self._gone = _ENDED.get(failure_kind(error))
            if self._gone is None:
                self._finish(link_error(error, Operation.SEND))
                return
        self._advance()

    def _take_connection(self, connecting: socket.socket) -> None:
        """Note that the connection came about, or how it did not.

        A peer that resets at once may do so before we look. The connection came about then (a RST
        instead of one is "refused": Linux ``tcp_reset``), and the conversation is told.
        """
        number = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        elapsed_s = clock_s() - self._since_s
        if number:
            error = error_of(number)
            kind = failure_kind(error)
            if kind is not FailureKind.RESET:
                waited_s = elapsed_s if kind is FailureKind.SILENT else None
                self._finish(link_error(error, Operation.CONNECT, waited_s=waited_s))
                return
            self._gone = Ended.RESET
        self.syn_repeats = syn_repeats(connecting)
        self._segment = segment_bytes(connecting)
        rtt_s = handshake_rtt_s(connecting)
        self.connect_s, self._source = (
            (elapsed_s, "clock") if rtt_s is None else (rtt_s, "tcp_info")
        )
        self._advance()

    def _advance(self) -> None:
        """Step the conversation until it has to wait."""
        for _ in range(_ENOUGH_STEPS):
            if self.socket is None or self._unsent:
                return
            match self._conversation.step(clock_s()):
                case Send(data):
                    self._unsent = data
                    self._await(selectors.EVENT_WRITE, SEND_LIMIT_S)
                    self._transmit()
                case Wait(limit_s, operation):
                    self._await(selectors.EVENT_READ, limit_s, operation)
                    if self._gone is not None:
                        self._read_last(self._gone)
                    elif self._cut and self.until_s <= clock_s():
                        self._tell_end(Ended.BUDGET, 0.0)
                    else:
                        return
                case Done():
                    self._finish(self._result())
        raise RuntimeError(f"{type(self._conversation).__name__} never waits")

    def _transmit(self) -> None:
        """Send what the kernel takes; where the peer is gone, forget the rest."""
        if self.socket is None or self._gone is not None:
            self._unsent = b""
            return
        try:
            count = self.socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._unsent = b""
            self._lose(error, Operation.SEND)
            return
        self._sent += count
        self._unsent = self._unsent[count:] if self._stream else b""

    def _read(self) -> bool:
        """Read once; return whether the conversation has something to say to it."""
        if self.socket is None:
            return False
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._lose(error, Operation.RECEIVE)
            if self._gone is not None:
                self._tell_end(self._gone, clock_s() - self._since_s)
            return True
        if not data and self._stream:
            self._gone = Ended.EOF
            self._tell_end(Ended.EOF, clock_s() - self._since_s)
            return True
        self._received += len(data)
        if self._received > MAX_RECEIVED:
            self._gone = Ended.TOO_MUCH
            self._tell_end(Ended.TOO_MUCH, clock_s() - self._since_s)
        elif data:
            self._conversation.receive(data, clock_s())
        return bool(data)

    def _read_last(self, gone: Ended) -> None:
        """Hand over what came before the peer was lost (a TLS alert), else say that it is gone."""
        sock = self.socket
        data = b""
        if sock is not None and gone is not Ended.TOO_MUCH:
            try:
                data = sock.recv(RECEIVE_BYTES)
            except OSError:
                data = b""
        if data and self._received <= MAX_RECEIVED:
            self._received += len(data)
            self._conversation.receive(data, clock_s())
        else:
            self._tell_end(gone, clock_s() - self._since_s)

    def _lose(self, error: OSError, operation: Operation) -> None:
        kind = failure_kind(error)
        if not self._stream and kind is FailureKind.RESET:
            # Windows says "reset" where a datagram came back as port unreachable.
            kind = FailureKind.REFUSED
        if kind in _ENDED:
            self._gone = _ENDED[kind]
        else:
            self._finish(link_error(error, operation))

    def _tell_end(self, why: Ended, waited_s: float) -> None:
        # A limit may be a pause between questions; all other ends are for good.
        self._ends += why is not Ended.LIMIT
        if self._ends > _ENOUGH_ENDS:
            raise RuntimeError(f"{type(self._conversation).__name__} does not end")
        self._conversation.ended(why, clock_s(), waited_s)

    def _result(self) -> TcpResult | UdpResult:
        if self.connect_s is None:
            return UdpResult(self._sent, self._received)
        return TcpResult(self.connect_s, self._source, self._sent, self._received, self._segment)

    def _finish(self, outcome: TcpResult | UdpResult | LinkError | CannotRun) -> None:
        self.outcome = outcome
        self.abandon()


def _in_progress(error: int) -> bool:
    """Return whether ``connect_ex`` only said that it takes time (10035: WSAEWOULDBLOCK)."""
    import errno

    return error in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, 10035)


def turn(exchange: Exchange) -> None:
    """Run one exchange to its end, blocking."""
    exchange.start()
    with selectors.DefaultSelector() as selector:
        while exchange.socket is not None:
            sock, events = exchange.socket, exchange.events
            selector.register(sock, events)
            try:
                is_ready = bool(selector.select(max(0.0, exchange.until_s - clock_s())))
            finally:
                selector.unregister(sock)
            if is_ready:
                exchange.ready()
            elif clock_s() >= exchange.until_s:
                exchange.expired()
