"""Accepts connections on loopback for the simulated parts that speak over TCP."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

_POLL_S = 0.05
_BACKLOG = 128
_RECEIVE_BYTES = 4096


class Listener:
    """Serves each connection in a daemon thread of its own, until it is stopped.

    Attributes:
        address: ``127.0.0.1``.
        port: after ``start``.
        stopping: set once it ends; what serves a connection waits on it instead of sleeping.
    """

    address = "127.0.0.1"

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        """Keep what serves; nothing is bound yet.

        Args:
            serve: takes one connection and returns when it is done with it. An ``OSError`` that
                it lets out ends the connection.
        """
        self._serve = serve
        self._threads: list[threading.Thread] = []
        self.port = 0
        self.stopping = threading.Event()

    def start(self) -> None:
        """Bind a free port and begin to accept."""
        listener = socket.create_server((self.address, 0), backlog=_BACKLOG)
        listener.settimeout(_POLL_S)
        self.port = listener.getsockname()[1]
        self._run(self._accept, listener)

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(5.0)

    def receive(self, link: socket.socket) -> bytes:
        """Return the next bytes; empty at the end of the connection or when it is stopped."""
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                return link.recv(_RECEIVE_BYTES)
        return b""

    def _run(self, target: Callable[[socket.socket], None], argument: socket.socket) -> None:
        thread = threading.Thread(
            target=target, args=(argument,), name="simulated part", daemon=True
        )
        self._threads = [one for one in self._threads if one.is_alive()]
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self.stopping.is_set():
                with contextlib.suppress(OSError):
                    link, _ = listener.accept()
                    link.settimeout(_POLL_S)
                    # Hosts do; else an answer in two pieces waits for a delayed ACK (40 ms).
                    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._run(self._serve_and_close, link)

    def _serve_and_close(self, link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            self._serve(link)
