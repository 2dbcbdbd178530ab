"""A UPS server with one UPS, which serves as badly as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.wire.nut import UpsServer

_NAME = "shop"
_HEALTHY = {
    "ups.load": "21",
    "input.voltage": "230.4",
    "input.voltage.nominal": "230",
    "input.transfer.low": "170",
    "input.transfer.high": "264",
    "battery.charge": "100",
    "device.model": 'Counter 500 "S"',
}


class UpsFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the power, the UPS or its server.

    Attributes:
        status: words of ``ups.status``.
        variables: values that replace or add to the healthy ones; an empty value takes one away.
        stale: the driver lost the UPS.
        driver_dead: no driver runs.
        garbage: what answers is no UPS server.
        silent: nothing is answered.
    """

    status: str = "OL CHRG"
    variables: dict[str, str] = {}
    stale: bool = False
    driver_dead: bool = False
    garbage: bool = False
    silent: bool = False


class SimulatedUps:
    """Serves one UPS on loopback.

    Attributes:
        address: of the server.
        port: after ``start``.
        journal: lines that came.
    """

    def __init__(self, faults: UpsFaults) -> None:
        """Keep the faults; nothing is bound yet."""
        self._faults = faults
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.address = "127.0.0.1"
        self.port = 0
        self.journal: list[str] = []

    def start(self) -> None:
        """Bind a free port on loopback and serve it in daemon threads."""
        listener = socket.create_server((self.address, 0))
        listener.settimeout(0.05)
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the server and its connections."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self._stopped.is_set():
                with contextlib.suppress(OSError):
                    link, _ = listener.accept()
                    threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        server = self._server()
        with link, contextlib.suppress(OSError, RemoteWireError):
            link.settimeout(0.05)
            while not self._stopped.is_set():
                try:
                    data = link.recv(4096)
                except TimeoutError:
                    continue
                if not data:
                    return
                known = len(server.requests)
                answer = server.feed(data)
                self.journal += server.requests[known:]
                if self._faults.garbage:
                    answer = b"SSH-2.0-OpenSSH_9.2\r\n\x00\x01"
                if answer and not self._faults.silent:
                    link.sendall(answer)

    def _server(self) -> UpsServer:
        faults = self._faults
        values = {**_HEALTHY, "ups.status": faults.status, **faults.variables}
        error = "DATA-STALE" if faults.stale else ""
        if faults.driver_dead:
            error = "DRIVER-NOT-CONNECTED"
        return UpsServer(
            _NAME, {name: value for name, value in values.items() if value}, error=error
        )
