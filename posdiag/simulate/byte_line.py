"""What a simulated device hangs on: a raw pseudo terminal, or a port on loopback."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Callable
from typing import NamedTuple


class Answer(NamedTuple):
    """What a device does with bytes that came.

    Attributes:
        data: what it says.
        after_s: how long it takes.
        leaves: it goes away afterwards, as if unplugged.
        then: what it says next without being asked again (an answer in pieces).
    """

    data: bytes = b""
    after_s: float = 0.0
    leaves: bool = False
    then: tuple[Answer, ...] = ()


class ByteLine:
    """Serves one device to whoever opens its path, one byte stream at a time.

    A pseudo terminal has no modem lines, no counters and no speed: what depends on them cannot be
    simulated this way.

    Attributes:
        path: what a site file calls it: a device file, or ``socket://127.0.0.1:<port>``.
        journal: every run of bytes that came, in order.
    """

    def __init__(self, device: Callable[[bytes], Answer], *, pty: bool) -> None:
        """Keep the device; nothing is opened yet.

        Args:
            device: takes bytes, says what to do.
            pty: a pseudo terminal (Linux, macOS) instead of TCP.
        """
        self._device = device
        self._pty = pty
        self._stopped = threading.Event()
        self._close: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self.path = ""
        self.journal: list[bytes] = []

    def start(self) -> None:
        """Open it and serve it in a daemon thread."""
        target = self._open_pty() if self._pty else self._open_tcp()
        self._thread = threading.Thread(target=target, name="simulated device", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the device away: a port that is open on it sees it vanish."""
        self._stopped.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def _open_pty(self) -> Callable[[], None]:
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.path = os.ttyname(slave)
        return lambda: self._serve_pty(master, slave)

    def _serve_pty(self, master: int, slave: int) -> None:
        # The slave stays open, or the line would hang up each time its user closes it.
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(master, selectors.EVENT_READ)
                while not self._stopped.is_set():
                    if selector.select(0.05) and not self._pass_on(
                        os.read(master, 4096), lambda data: self._write(master, data)
                    ):
                        return
        except OSError:
            return
        finally:
            os.close(master)
            os.close(slave)

    def _write(self, master: int, data: bytes) -> None:
        # Nobody may be reading; a full line loses bytes like a real one without flow control.
        with contextlib.suppress(BlockingIOError):
            os.write(master, data)

    def _open_tcp(self) -> Callable[[], None]:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)
        self.path = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        return lambda: self._serve_tcp(listener)

    def _serve_tcp(self, listener: socket.socket) -> None:
        with listener:
            while not self._stopped.is_set():
                with contextlib.suppress(OSError):
                    link, _ = listener.accept()
                    with link:
                        link.settimeout(0.05)
                        # Devices do; else an answer in two pieces waits for a delayed ACK (40 ms).
                        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        if not self._serve_link(link):
                            return

    def _serve_link(self, link: socket.socket) -> bool:
        """Serve one connection; return whether the device is still there."""
        while not self._stopped.is_set():
            try:
                data = link.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return True
            if not self._pass_on(data, link.sendall):
                return False
        return False

    def _pass_on(self, data: bytes, write: Callable[[bytes], None]) -> bool:
        """Give the device what came and write what it answers; return whether it stays."""
        self.journal.append(data)
        first = self._device(data)
        for answer in (first, *first.then):
            if answer.after_s and self._stopped.wait(answer.after_s):
                return False
            if answer.data:
                write(answer.data)
            if answer.leaves:
                return False
        return True
