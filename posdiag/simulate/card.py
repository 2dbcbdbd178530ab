"""A simulated chip card in a simulated reader: it answers frames over TCP and nothing else."""

from __future__ import annotations

import contextlib
import datetime
import socket
from typing import Final

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.listener import Listener
from posdiag.wire import tlv
from posdiag.wire.card_frames import GET_ATR, FrameBuffer, encode

ATR: Final = bytes.fromhex("3B6800000073C84013009000")
"""Worked example of the card sheet: T=0, eight historical bytes."""
AID: Final = bytes.fromhex("A000000333010101")
TEST_PAN: Final = "6200000000000005"
"""Public test number of the card sheet."""


class CardFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the card.

    Attributes:
        absent: no card in the reader.
        mute: the chip does not answer its reset.
        blocked: SELECT answers 6283.
        expires: last day of validity.
        silent_after: commands after which the card says nothing more; None: never.
        pulled_after: commands after which the card is taken out; None: never.
    """

    absent: bool = False
    mute: bool = False
    blocked: bool = False
    expires: datetime.date = datetime.date(2049, 12, 31)
    silent_after: int | None = None
    pulled_after: int | None = None


class SimulatedCard:
    """Serves one reader at ``socket://127.0.0.1:<port>``.

    Attributes:
        path: what a site file calls the reader, after ``start``.
        journal: instruction bytes of the commands that came.
    """

    def __init__(self, faults: CardFaults) -> None:
        """Keep the faults; nothing is bound yet."""
        self._faults = faults
        self._listener = Listener(self._serve)
        self.path = ""
        self.journal: list[str] = []

    def start(self) -> None:
        """Bind a free port on loopback and serve it in daemon threads."""
        self._listener.start()
        self.path = f"socket://{self._listener.address}:{self._listener.port}"

    def stop(self) -> None:
        """Close the reader and its connections."""
        self._listener.stop()

    def _serve(self, link: socket.socket) -> None:
        frames, commands = FrameBuffer(), 0
        with contextlib.suppress(RemoteWireError):
            while data := self._listener.receive(link):
                frames.feed(data)
                while (body := frames.next()) is not None:
                    if len(body) > 1:
                        commands += 1
                    if not self._reply(link, body, commands):
                        return

    def _reply(self, link: socket.socket, body: bytes, commands: int) -> bool:
        faults = self._faults
        if faults.pulled_after is not None and commands > faults.pulled_after:
            return False
        if faults.silent_after is not None and commands > faults.silent_after:
            return True
        if len(body) > 1:
            self.journal.append(body[1:2].hex())
            link.sendall(encode(self._answer(body)))
        elif body == bytes([GET_ATR]):
            link.sendall(encode(self._answer_to_reset()))
        return True

    def _answer_to_reset(self) -> bytes:
        if self._faults.absent:
            return b""
        return bytes(34) if self._faults.mute else ATR

    def _answer(self, command: bytes) -> bytes:
        match command[1]:
            case 0xA4:
                return self._select(command[5 : 5 + command[4]])
            case 0xA8:
                return tlv.encode("80", bytes.fromhex("1800" + "08010100")) + b"\x90\x00"
            case 0xB2 if command[2] == 1:
                return self._record(command[3] >> 3) + b"\x90\x00"
            case 0xB2:
                return b"\x6a\x83"
            case _:
                return b"\x6d\x00"

    def _select(self, name: bytes) -> bytes:
        if name == b"1PAY.SYS.DDF01":
            short = tlv.encode("88", b"\x02")
            body = tlv.encode("84", name) + tlv.encode("A5", short)
        elif AID.startswith(name):
            if self._faults.blocked:
                return b"\x62\x83"
            body = tlv.encode("84", AID) + tlv.encode("A5", tlv.encode("50", b"DEBIT"))
        else:
            return b"\x6a\x82"
        return tlv.encode("6F", body) + b"\x90\x00"

    def _record(self, file: int) -> bytes:
        if file == 2:  # the directory
            return tlv.encode("70", tlv.encode("61", tlv.encode("4F", AID)))
        expiry = bytes.fromhex(self._faults.expires.strftime("%y%m%d"))
        return tlv.encode(
            "70", tlv.encode("5A", bytes.fromhex(TEST_PAN)) + tlv.encode("5F24", expiry)
        )
