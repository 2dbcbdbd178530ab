"""A UPS server with one UPS, which serves as badly as it is told."""

from __future__ import annotations

import contextlib
import socket

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.listener import Listener
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

    address = Listener.address

    def __init__(self, faults: UpsFaults) -> None:
        """Keep the faults; nothing is bound yet."""
        self._faults = faults
        self._listener = Listener(self._serve)
        self.port = 0
        self.journal: list[str] = []

    def start(self) -> None:
        """Bind a free port on loopback and serve it in daemon threads."""
        self._listener.start()
        self.port = self._listener.port

    def stop(self) -> None:
        """Close the server and its connections."""
        self._listener.stop()

    def _serve(self, link: socket.socket) -> None:
        server = self._server()
        with contextlib.suppress(RemoteWireError):
            while data := self._listener.receive(link):
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
