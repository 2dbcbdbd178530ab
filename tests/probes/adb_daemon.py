"""A simulated terminal that the real adb server connects to: adbd's side of the transport.

A message is 24 bytes (command, two arguments, length, sum of the data, complement of the command),
then the data. Source: AOSP packages/modules/adb, protocol.txt.
"""

from __future__ import annotations

import socket
import struct
import threading

from posdiag.simulate.android import AndroidFaults, run

_HEADER = struct.Struct("<4s5I")
_VERSION = 0x01000000
_MOST = 4096
_BANNER = b"device::ro.product.name=sim;ro.product.model=SIM-A1;ro.product.device=sim;"


def _message(command: bytes, first: int, second: int, data: bytes = b"") -> bytes:
    magic = struct.unpack("<I", command)[0] ^ 0xFFFFFFFF
    return _HEADER.pack(command, first, second, len(data), sum(data) & 0xFFFFFFFF, magic) + data


class AdbDaemon:
    """Serves one adb server on loopback.

    Attributes:
        port: where it listens.
        services: what it was asked for.
    """

    def __init__(self, faults: AndroidFaults) -> None:
        self._faults = faults
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.services: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Unplug it."""
        self._listener.close()

    def _serve(self) -> None:
        try:
            link, _ = self._listener.accept()
            with link, link.makefile("rb") as stream:
                while header := stream.read(_HEADER.size):
                    command, first, _, length, _, _ = _HEADER.unpack(header)
                    self._answer(link, command, first, stream.read(length))
        except (OSError, struct.error):
            return

    def _answer(self, link: socket.socket, command: bytes, theirs: int, data: bytes) -> None:
        if command == b"CNXN":
            link.sendall(_message(b"CNXN", _VERSION, _MOST, _BANNER))
        elif command == b"OPEN":
            service = data.rstrip(b"\x00").decode()
            self.services.append(service)
            if not service.startswith("shell:"):
                link.sendall(_message(b"CLSE", 0, theirs))
                return
            said = run(service.removeprefix("shell:"), self._faults, 88_211.5).encode()
            link.sendall(_message(b"OKAY", 1, theirs))
            # The server acknowledges each; nobody here sends more than it takes at once.
            for at in range(0, len(said), _MOST):
                link.sendall(_message(b"WRTE", 1, theirs, said[at : at + _MOST]))
            link.sendall(_message(b"CLSE", 1, theirs))
