"""A terminal of any family of request and answer, by the settings of its profile."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from posdiag.model.frames import FrameSettings, Handshake
from posdiag.simulate.byte_line import Answer, ByteLine
from posdiag.wire.ecr_frames import ACK, ENQ, EOT, NAK, FrameReader, Kind, encode_frame


class FrameFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the terminal or the line to it.

    Attributes:
        silent: nothing is answered.
        mute: requests are acknowledged, and nothing more.
        naks: first requests that it does not accept.
        broken: first frames of its own whose last byte is turned.
        split: each answer comes in two pieces.
        echo: the port sends back what it gets (a loop-back plug).
        progress: 20 characters that it shows before an answer.
    """

    silent: bool = False
    mute: bool = False
    naks: int = 0
    broken: int = 0
    split: bool = False
    echo: bool = False
    progress: str = ""


class SimulatedFrameTerminal:
    """Serves one terminal on a pseudo terminal or over TCP.

    Attributes:
        requests: data of each request that came.
        journal: every run of bytes that came.
    """

    def __init__(
        self,
        settings: FrameSettings,
        answers: Mapping[bytes, bytes],
        faults: FrameFaults,
        *,
        pty: bool,
    ) -> None:
        """Keep what it knows; nothing is opened yet.

        Args:
            settings: how its frames look.
            answers: data of a request -> data of the answer; others are acknowledged only.
            faults: of it.
            pty: a pseudo terminal instead of TCP.
        """
        self._settings = settings
        self._answers = answers
        self._faults = faults
        self._reader = FrameReader(settings)
        self._line = ByteLine(self._answer, pty=pty)
        self._naks, self._broken = faults.naks, faults.broken
        self._last = b""
        self.requests: list[bytes] = []
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
        if self._faults.echo:
            return Answer(data)
        if self._faults.silent:
            return Answer()
        out = b""
        for piece in self._reader.feed(data):
            match piece.kind:
                case Kind.ENQ:
                    out += ACK
                case Kind.FRAME:
                    out += self._to_frame(piece.data)
                case Kind.BROKEN:
                    out += NAK
                case Kind.NAK:
                    out += self._worn(self._last)
                case _:
                    pass
        if self._faults.split and len(out) > 1:
            half = len(out) // 2
            return Answer(out[:half], then=(Answer(out[half:], 0.05),))
        return Answer(out)

    def _to_frame(self, request: bytes) -> bytes:
        acknowledges = self._settings.handshake is not Handshake.NONE
        if self._naks:
            self._naks -= 1
            return NAK
        self.requests.append(request)
        out = ACK if acknowledges else b""
        answer = self._answers.get(request)
        if answer is None or self._faults.mute:
            return out
        if self._faults.progress:
            out += b"\x01" + self._faults.progress.ljust(20)[:20].encode("ascii") + EOT
        if self._settings.handshake is Handshake.ENQ:
            out += ENQ
        self._last = encode_frame(self._settings, answer)
        return out + self._worn(self._last)

    def _worn(self, frame: bytes) -> bytes:
        """Return a frame as it arrives."""
        if not self._broken or not frame:
            return frame
        self._broken -= 1
        return frame[:-1] + bytes([frame[-1] ^ 0x01])
