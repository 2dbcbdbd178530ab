"""A device that answers enquiries (a PIN pad in basic mode), as badly as it is told."""

from __future__ import annotations

import msgspec

from posdiag.simulate.byte_line import Answer, ByteLine
from posdiag.wire.line_control import ENQ, EnquiredDevice

_GARBLED = b"\x86"
"""ACK with a bit turned over."""


class SerialDeviceFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the device or its cable.

    Attributes:
        silent: nothing is answered.
        garble_every: each k-th answer is garbled; 0: none.
        nak: it says that it is not ready.
        delay_s: before each answer.
        gone_after: answers before it is unplugged; None: never.
        baud: speed that it is set to; None: any.
    """

    silent: bool = False
    garble_every: int = 0
    nak: bool = False
    delay_s: float = 0.0
    gone_after: int | None = None
    baud: int | None = None


class SimulatedSerialDevice:
    """Serves one device on a pseudo terminal or over TCP.

    Attributes:
        journal: every run of bytes that came.
    """

    def __init__(self, faults: SerialDeviceFaults, *, pty: bool) -> None:
        """Keep the faults; nothing is opened yet."""
        self._faults = faults
        self._device = EnquiredDevice(ready=not faults.nak)
        self._line = ByteLine(self._answer, pty=pty, baud=faults.baud)
        self._enquiries = 0
        self.journal = self._line.journal

    @property
    def path(self) -> str:
        """Return what a site file calls it; empty before ``start``."""
        return self._line.path

    def start(self) -> None:
        """Switch it on."""
        self._line.start()

    def stop(self) -> None:
        """Unplug it."""
        self._line.stop()

    def _answer(self, data: bytes) -> Answer:
        faults, answer = self._faults, b""
        for byte in data:
            good = self._device.feed(bytes([byte]))
            self._enquiries += byte == ENQ
            if faults.gone_after is not None and self._enquiries > faults.gone_after:
                return Answer(answer, leaves=True)
            garbled = good and faults.garble_every and self._enquiries % faults.garble_every == 0
            answer += _GARBLED if garbled else good
        return Answer() if faults.silent else Answer(answer, faults.delay_s)
