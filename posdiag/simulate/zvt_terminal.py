"""A ZVT terminal on a serial line or over TCP, which answers as badly as it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.byte_line import Answer, ByteLine
from posdiag.wire.tlv import encode
from posdiag.wire.zvt import Apdu, ApduStream, decode_apdu, encode_apdu
from posdiag.wire.zvt_serial import ACK, NAK, Came, SerialFrames, encode_serial

SETTINGS = (
    "Software: GA 2.0.9",
    "Terminal-ID: 12345678",
    "Batteriespannung: 7,4 V",
    "Host: pay.example:20012",
    "IP-Adresse: 192.0.2.17",
    "Gateway: 192.0.2.1",
    "DNS: 192.0.2.1",
    "Ethernet: UP DHCP",
)
"""What it prints about itself, in the form that German terminals have."""


class ZvtFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the terminal, or with the line to it.

    Attributes:
        status: terminal status byte, hex.
        locks: tag 1F55, 4 hex digits.
        tid: its number, 8 digits.
        refuse: command (4 hex digits) -> code with which it is refused.
        abort: command -> code with which it is aborted, instead of completed.
        diagnosis: what its own host test comes to.
        silent: nothing is answered at all.
        mute: frames are acknowledged, and nothing more.
        naks: first frames that it does not accept.
        broken: first frames of its own that have a wrong check sum.
        ack_s: how late it acknowledges.
        answer_s: how late it answers (TCP).
        split: over TCP each answer comes in two pieces.
        echo: the port sends back what it gets (a loop-back plug).
        settings: lines of its printed configuration.
    """

    status: str = "00"
    locks: str = "0000"
    tid: str = "12345678"
    refuse: dict[str, str] = {}
    abort: dict[str, str] = {}
    diagnosis: Literal["good", "dialling", "host", "no_line"] = "good"
    silent: bool = False
    mute: bool = False
    naks: int = 0
    broken: int = 0
    ack_s: float = 0.0
    answer_s: float = 0.0
    split: bool = False
    echo: bool = False
    settings: tuple[str, ...] = SETTINGS


class SimulatedZvtTerminal:
    """Serves one terminal on a pseudo terminal (framed) or over TCP (bare units).

    Attributes:
        commands: class and instruction of each command that came, answers left out.
        journal: every run of bytes that came.
        printed: lines that came out on its own paper.
        registered: a till is registered.
    """

    def __init__(self, faults: ZvtFaults, *, pty: bool) -> None:
        """Keep the faults; nothing is opened yet."""
        self._faults = faults
        self._serial = pty
        self._line = ByteLine(self._answer, pty=pty)
        self._frames = SerialFrames()
        self._stream = ApduStream()
        self._queue: deque[Apdu] = deque()
        self._last = b""
        self._goes_on = False
        self._naks = faults.naks
        self._broken = faults.broken
        self.registered = False
        self.commands: list[str] = []
        self.printed: list[str] = []
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
        faults = self._faults
        if faults.echo:
            return Answer(data)
        if faults.silent:
            return Answer()
        try:
            return self._answer_frames(data) if self._serial else self._answer_units(data)
        except RemoteWireError:
            return Answer(NAK if self._serial else b"")

    def _answer_frames(self, data: bytes) -> Answer:
        out: list[Answer] = []
        for piece in self._frames.feed(data):
            if piece.kind is Came.NAK:
                out.append(Answer(self._worn(self._last)))
            elif piece.kind is Came.ACK and self._goes_on:
                # Its answer to a command was taken: it says more without being told to.
                out += [Answer(self._framed(unit)) for unit in self._next()]
            elif piece.kind is Came.BROKEN:
                out.append(Answer(NAK))
            elif piece.kind is Came.FRAME:
                if self._naks:
                    self._naks -= 1
                    out.append(Answer(NAK))
                    continue
                out.append(Answer(ACK, self._faults.ack_s))
                self._work(decode_apdu(piece.data))
                out += [Answer(self._framed(unit)) for unit in self._next()]
        return Answer(then=tuple(out))

    def _framed(self, unit: Apdu) -> bytes:
        self._last = encode_serial(encode_apdu(unit))
        self._goes_on = unit.command[0] == "8"
        return self._worn(self._last)

    def _worn(self, frame: bytes) -> bytes:
        """Return a frame as it arrives."""
        if not self._broken:
            return frame
        self._broken -= 1
        return frame[:-1] + bytes([frame[-1] ^ 0x01])

    def _answer_units(self, data: bytes) -> Answer:
        out: list[Answer] = []
        for unit in self._stream.feed(data):
            self._work(unit)
            raw = b"".join(map(encode_apdu, self._next()))
            if raw and self._faults.split:
                half = len(raw) // 2
                out += [Answer(raw[:half], self._faults.answer_s), Answer(raw[half:], 0.05)]
            elif raw:
                out.append(Answer(raw, self._faults.answer_s))
        return Answer(then=tuple(out))

    def _next(self) -> list[Apdu]:
        """Return what it says now: the answer to a command at once with its first message."""
        if self._faults.mute:
            self._queue.clear()
        said = [self._queue.popleft()] if self._queue else []
        if said and said[0].command[0] == "8" and self._queue and not self._serial:
            said.append(self._queue.popleft())
        return said

    def _work(self, unit: Apdu) -> None:
        """Take a command, or the answer to something of its own."""
        if unit.command.startswith(("80", "84")):
            return
        self.commands.append(unit.command)
        code = self._faults.refuse.get(unit.command)
        works: dict[str, Callable[[], list[Apdu]]] = {
            "0501": self._status,
            "0600": self._register,
            "0602": self._log_off,
            "0670": self._diagnosis,
            "061A": self._settings,
        }
        if code is not None or unit.command not in works:
            self._queue.append(Apdu("84" + (code or "83")))
            return
        self._queue.append(Apdu("8000"))
        self._queue += works[unit.command]()
        code = self._faults.abort.get(unit.command)
        if code is not None:
            self._queue.pop()
            self._queue.append(Apdu("061E", bytes.fromhex(code)))

    def _status(self) -> list[Apdu]:
        faults = self._faults
        objects = encode("1F55", bytes.fromhex(faults.locks))
        objects += encode("1F44", bytes.fromhex(faults.tid))
        data = b"\xf0\xf0\xf5GA2.0" + bytes.fromhex(faults.status)
        return [Apdu("060F", data + b"\x06" + bytes([len(objects)]) + objects)]

    def _register(self) -> list[Apdu]:
        self.registered = True
        return [Apdu("060F", b"\x19\x00\x29" + bytes.fromhex(self._faults.tid) + b"\x49\x09\x78")]

    def _log_off(self) -> list[Apdu]:
        self.registered = False
        return []

    def _diagnosis(self) -> list[Apdu]:
        dialling, waiting = Apdu("04FF", b"\xd2\x01"), Apdu("04FF", b"\x04\x01")
        match self._faults.diagnosis:
            case "dialling":
                return [dialling]
            case "host":
                return [dialling, Apdu("04FF", b"\xd3\x01"), waiting]
            case "no_line":
                return [dialling, Apdu("061E", b"\x9b")]
            case "good":
                clock = Apdu("0401", bytes.fromhex("AA2611240C120000"))
                return [dialling, Apdu("04FF", b"\xd3\x01"), waiting, clock, Apdu("060F")]

    def _settings(self) -> list[Apdu]:
        if not self.registered:
            self.printed += self._faults.settings
            return [Apdu("060F")]
        lines = [Apdu("06D1", b"\x00" + line.encode("cp437")) for line in self._faults.settings]
        return [*lines, Apdu("060F")]
