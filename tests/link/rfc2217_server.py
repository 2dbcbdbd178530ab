"""A serial device server (RFC 2217) on loopback, by pyserial's own server side."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class DeviceServer:
    """Serves one port to one client at a time.

    Attributes:
        url: what a site file calls it.
    """

    def __init__(self, port: str) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                link, _ = self._listener.accept()
                with link:
                    self._serve_link(link)

    def _serve_link(self, link: socket.socket) -> None:
        import serial.rfc2217

        class Answers:
            def write(self, data: bytes) -> None:
                with contextlib.suppress(OSError):
                    link.sendall(data)

        class PortWithLines(serial.Serial):
            """A pseudo terminal has no lines, and the server asks for them: all are on."""

            cts = dsr = cd = True
            ri = False

            def _update_dtr_state(self) -> None:
                return

            _update_rts_state = _update_break_state = _update_dtr_state

        link.settimeout(0.01)
        with PortWithLines(self._port, timeout=0) as device:
            # The stubs know the client's classes only.
            manager = serial.rfc2217.PortManager(device, Answers())  # type: ignore[arg-type]
            while not self._stopped.is_set():
                try:
                    came = link.recv(1024)
                except TimeoutError:
                    came = None
                except OSError:
                    return
                if came == b"":
                    return
                if came:
                    device.write(b"".join(manager.filter(came)))
                if waiting := device.read(1024):
                    Answers().write(b"".join(manager.escape(waiting)))
