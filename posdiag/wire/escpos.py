"""Real-time status of receipt printers (ESC/POS): the bytes, both roles.

    10 04 01  ->  12     online                     10 04 03  ->  1A     auto-cutter error
    10 04 02  ->  16     cover is open              10 04 04  ->  7E     paper end

A reply has neither length nor type, only fixed bits, so the order of the tests matters. ``DLE EOT``
is carried out the moment it arrives, also offline, in error or with a full buffer; it prints
nothing and changes nothing. Nothing else is ever sent: ``DLE ENQ``, ``ESC @`` and ``GS a`` change
what a printer does, and the two-argument forms may be printed by models that lack them.

Source: Epson ESC/POS command manual pp. 5-7 (bits), TM-T88III specification appendix G (order of
the tests), ESC/POS application programming guide p. 324 (paper sensor under an open cover).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError

DLE, EOT = 0x10, 0x04
XON, XOFF = 0x11, 0x13
QUESTIONS: Final = (1, 2, 3, 4)
"""n of ``DLE EOT n``: printer, cause of offline, error, paper."""

_TEXT_HEADER = 0x5F
_MAX_TEXT = 256


class Cover(StrEnum):
    """The cover over the roll."""

    CLOSED = "closed"
    OPEN = "open"


class Paper(StrEnum):
    """What the paper sensors say."""

    ENOUGH = "enough"
    NEAR_END = "near_end"
    OUT = "out"
    INCONSISTENT = "inconsistent"
    """One bit of a pair is set without the other, or two answers contradict each other."""


class PrinterError(StrEnum):
    """The gravest error that a printer reports."""

    NONE = "none"
    RECOVERABLE = "recoverable"
    AUTO_RECOVERABLE = "auto_recoverable"
    """Clears by itself: hot head, cover opened while printing."""
    CUTTER = "cutter"
    UNRECOVERABLE = "unrecoverable"


class PrinterState(NamedTuple):
    """What a printer said; None where the question was not answered.

    Attributes:
        paper: not to be relied on while the cover is open.
        drawer_pin_high: connector pin 3; whether high means open depends on the drawer's wiring.
        feeding: the feed button is held.
    """

    online: bool | None = None
    cover: Cover | None = None
    paper: Paper | None = None
    error: PrinterError | None = None
    drawer_pin_high: bool | None = None
    feeding: bool | None = None


def request(n: int) -> bytes:
    """Return ``DLE EOT n``.

    Raises:
        LocalWireError: n is none of 1 to 4.
    """
    if n not in QUESTIONS:
        raise LocalWireError(f"DLE EOT {n} is not known on every printer", field="n")
    return bytes((DLE, EOT, n))


def is_status(byte: int) -> bool:
    """Return whether a byte has the fixed bits of a ``DLE EOT`` reply: ``0xx1xx10``."""
    return byte & 0x93 == 0x12


def decode(replies: Mapping[int, int]) -> PrinterState:
    """Return what the replies say.

    Args:
        replies: n -> reply byte, for the questions that were answered.

    Raises:
        RemoteWireError: a byte without the fixed bits.
    """
    for n, byte in replies.items():
        if not is_status(byte):
            raise RemoteWireError("fixed bits are wrong", field=f"DLE EOT {n}", offset=0)
    one, two, three, four = (replies.get(n) for n in QUESTIONS)
    return PrinterState(
        online=None if one is None else not one & 0x08,
        cover=None if two is None else Cover.OPEN if two & 0x04 else Cover.CLOSED,
        paper=None if four is None else _paper(four, stopped=bool(two and two & 0x20)),
        error=None if three is None else error_of(three),
        drawer_pin_high=None if one is None else bool(one & 0x04),
        feeding=None if two is None else bool(two & 0x08),
    )


def _paper(byte: int, *, stopped: bool) -> Paper:
    near, end = byte & 0x0C, byte & 0x60
    if near not in (0, 0x0C) or end not in (0, 0x60):
        return Paper.INCONSISTENT
    if end:
        return Paper.OUT
    if stopped:
        # The printer stopped for want of paper, yet its sensor sees some.
        return Paper.INCONSISTENT
    return Paper.NEAR_END if near else Paper.ENOUGH


ERROR_BITS: Final = {
    PrinterError.UNRECOVERABLE: 0x20,
    PrinterError.CUTTER: 0x08,
    PrinterError.AUTO_RECOVERABLE: 0x40,
    PrinterError.RECOVERABLE: 0x04,
}
"""The gravest first; the same in ``DLE EOT 3`` and in automatic status."""


def error_of(byte: int) -> PrinterError:
    """Return the gravest error that a byte of error bits tells."""
    return next((error for error, mask in ERROR_BITS.items() if byte & mask), PrinterError.NONE)


def encode(state: PrinterState) -> dict[int, int]:
    """Return the four reply bytes of a printer in this state (printer side).

    What is None counts as healthy. The bits follow from one another as on a real printer: an open
    cover, an empty roll and an error all put it offline.

    Raises:
        LocalWireError: inconsistent paper, which no state of a printer stands for.
    """
    if state.paper is Paper.INCONSISTENT:
        raise LocalWireError("no sensor is inconsistent on purpose", field="paper")
    is_open, is_out = state.cover is Cover.OPEN, state.paper is Paper.OUT
    error = ERROR_BITS.get(state.error or PrinterError.NONE, 0)
    offline = is_open or is_out or bool(error) or bool(state.feeding) or state.online is False
    paper = {Paper.OUT: 0x6C, Paper.NEAR_END: 0x0C}.get(state.paper or Paper.ENOUGH, 0)
    cause = is_open * 0x04 | bool(state.feeding) * 0x08 | is_out * 0x20 | bool(error) * 0x40
    return {
        1: 0x12 | offline * 0x08 | bool(state.drawer_pin_high) * 0x04,
        2: 0x12 | cause,
        3: 0x12 | error,
        4: 0x12 | paper,
    }


class Bytes(StrEnum):
    """What a byte, or a run of bytes, from a printer is."""

    STATUS = "status"
    """A reply to ``DLE EOT``."""
    ECHO = "echo"
    """Our own request came back."""
    ASB = "asb"
    """Automatic status: four bytes that nobody asked for now."""
    TEXT = "text"
    """A text answer to somebody's ``GS I``."""
    FLOW = "flow"
    """XON or XOFF."""
    INVALID = "invalid"
    """No ESC/POS status: wrong speed, another protocol, noise."""


class Piece(NamedTuple):
    """One classified run of bytes."""

    kind: Bytes
    data: bytes


class StatusParser:
    """Classifies what a printer sends, byte by byte, while a ``DLE EOT`` reply is awaited.

    Source: order of the tests in the TM-T88III specification, appendix G.
    """

    def __init__(self) -> None:
        """Start between two runs."""
        self._run = bytearray()
        self._echo = b""

    @property
    def is_incomplete(self) -> bool:
        """Return whether a run has begun and not ended."""
        return bool(self._run)

    def expect(self, sent: bytes) -> None:
        """Forget what has begun, and know the request whose echo may come back."""
        self._run.clear()
        self._echo = sent

    def feed(self, data: bytes) -> list[Piece]:
        """Return the runs that these bytes complete."""
        pieces: list[Piece] = []
        for byte in data:
            # Flow control may fall inside any run.
            if byte in (XON, XOFF):
                pieces.append(Piece(Bytes.FLOW, bytes([byte])))
                continue
            self._run.append(byte)
            pieces += self._complete()
        return pieces

    def _complete(self) -> list[Piece]:
        run = bytes(self._run)
        if self._echo and self._echo.startswith(run):
            if run != self._echo:
                return []
            self._echo = b""
            return self._take(Bytes.ECHO)
        if run[0] == _TEXT_HEADER:
            ended = run[-1] == 0 or len(run) >= _MAX_TEXT
            return self._take(Bytes.TEXT if run[-1] == 0 else Bytes.INVALID) if ended else []
        if is_status(run[0]):
            return self._take(Bytes.STATUS)
        if run[0] & 0x93 == 0x10:
            if any(byte & 0x90 for byte in run[1:]):
                return self._take(Bytes.INVALID)
            return self._take(Bytes.ASB) if len(run) == 4 else []
        return self._take(Bytes.INVALID)

    def _take(self, kind: Bytes) -> list[Piece]:
        piece = Piece(kind, bytes(self._run))
        self._run.clear()
        return [piece]


class StatusPrinter:
    """Answers like a printer in a given state: ``DLE EOT 1`` to ``4``, and ``GS I`` for its texts.

    Attributes:
        printed: bytes that were no request; a real printer prints or obeys them.
    """

    def __init__(self, state: PrinterState, texts: Mapping[int, str] | None = None) -> None:
        """Keep the state.

        Args:
            state: that it is in.
            texts: n of ``GS I n`` -> text; others are answered by an empty one.

        Raises:
            LocalWireError: a state that no printer is in.
        """
        self._answers = {request(n): bytes([byte]) for n, byte in encode(state).items()}
        for n in range(65, 70):
            text = (texts or {}).get(n, "").encode("ascii", errors="replace")
            self._answers[bytes((0x1D, 0x49, n))] = bytes([_TEXT_HEADER]) + text + b"\x00"
        self._begun = b""
        self.printed = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Return what the printer answers to these bytes."""
        answer = bytearray()
        for byte in data:
            begun = self._begun + bytes([byte])
            if begun in self._answers:
                answer += self._answers[begun]
                self._begun = b""
            elif any(request.startswith(begun) for request in self._answers):
                self._begun = begun
            else:
                # What did not become a request may end with the beginning of the next one.
                again = bytes([byte])
                begins = any(request.startswith(again) for request in self._answers)
                self.printed += begun[:-1] if begins else begun
                self._begun = again if begins else b""
        return bytes(answer)
