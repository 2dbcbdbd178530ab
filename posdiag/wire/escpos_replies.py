"""What a receipt printer (ESC/POS) says beside ``DLE EOT`` replies: the bytes, both roles.

    14 00 00 00                              automatic status (GS a): online, pin 3 high, all well
    1D 72 01  ->  03                         paper sensor: near the end
    1D 49 42  ->  5F 45 50 53 4F 4E 00       maker "EPSON"

None of these is asked for by a run: ``GS a`` changes the printer, ``GS r`` and ``GS I`` wait behind
print data. Automatic status comes unasked; the texts of ``GS I`` are asked for where a person wants
one port identified.

Source: Epson ESC/POS command manual pp. 51-57; TM-T88 information manual p. 1-32; ESC/POS
application programming guide p. 324 (bits of newer models) and p. 459 (``GS I``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.wire.escpos import ERROR_BITS, Cover, Paper, PrinterError, PrinterState, error_of

BLOCK = 4
"""Bytes of automatic status."""
MAKER, MODEL, FIRMWARE, SERIAL_NUMBER = 66, 67, 65, 68
"""n of ``GS I n`` that is answered by a text."""
MAX_TEXT = 96
"""Longest body is 80 bytes (programming guide p. 459), with room for its frame."""

_TEXT_B, _TEXT_A = 0x5F, 0x3D


def decode_automatic(block: bytes) -> PrinterState:
    """Return what four bytes of automatic status say.

    Byte 1: 04 pin 3 high, 08 offline, 20 cover open, 40 fed by button. Byte 2: 04, 08, 20, 40 as
    in ``DLE EOT 3``. Byte 3: 03 near end, 0C end. Byte 4: fixed bits only.

    Raises:
        RemoteWireError: not four bytes, or wrong fixed bits.
    """
    if len(block) != BLOCK:
        raise RemoteWireError("not four bytes", field="automatic status", offset=len(block))
    for offset, byte in enumerate(block):
        if (byte & 0x93 != 0x10) if offset == 0 else (byte & 0x90):
            raise RemoteWireError("fixed bits are wrong", field="automatic status", offset=offset)
    one, two, three, _ = block
    return PrinterState(
        online=not one & 0x08,
        cover=Cover.OPEN if one & 0x20 else Cover.CLOSED,
        paper=_paper(three),
        error=error_of(two),
        drawer_pin_high=bool(one & 0x04),
        feeding=bool(one & 0x40),
    )


def _paper(byte: int) -> Paper:
    near, end = byte & 0x03, byte & 0x0C
    if near not in (0, 0x03) or end not in (0, 0x0C):
        return Paper.INCONSISTENT
    return Paper.OUT if end else Paper.NEAR_END if near else Paper.ENOUGH


def encode_automatic(state: PrinterState) -> bytes:
    """Return the four bytes that a printer in this state sends; None counts as healthy.

    Raises:
        LocalWireError: inconsistent paper, which no state of a printer stands for.
    """
    if state.paper is Paper.INCONSISTENT:
        raise LocalWireError("no sensor is inconsistent on purpose", field="paper")
    is_open, is_out = state.cover is Cover.OPEN, state.paper is Paper.OUT
    error = ERROR_BITS.get(state.error or PrinterError.NONE, 0)
    offline = is_open or is_out or bool(error) or bool(state.feeding) or state.online is False
    paper = {Paper.OUT: 0x0F, Paper.NEAR_END: 0x03}.get(state.paper or Paper.ENOUGH, 0)
    one = 0x10 | bool(state.drawer_pin_high) * 0x04 | offline * 0x08
    return bytes((one | is_open * 0x20 | bool(state.feeding) * 0x40, error, paper, 0))


def decode_paper_sensor(byte: int) -> Paper:
    """Return what the answer to ``GS r 1`` says. Once offline for want of paper none comes.

    Raises:
        RemoteWireError: wrong fixed bits.
    """
    if byte & 0x90:
        raise RemoteWireError("fixed bits are wrong", field="GS r 1", offset=0)
    return _paper(byte)


def decode_drawer(byte: int) -> bool:
    """Return whether connector pin 3 is high, from the answer to ``GS r 2``.

    Raises:
        RemoteWireError: wrong fixed bits.
    """
    if byte & 0x90:
        raise RemoteWireError("fixed bits are wrong", field="GS r 2", offset=0)
    return bool(byte & 0x01)


class Ink(NamedTuple):
    """State of an ink cartridge (``DLE EOT 7 n``, ink models only)."""

    near_end: bool
    end: bool
    no_cartridge: bool
    cleaning: bool


class Peeler(NamedTuple):
    """State of a label peeler (``DLE EOT 8 3``, label models only)."""

    waiting_for_removal: bool
    no_paper: bool


def decode_ink(byte: int) -> Ink:
    """Return the state of an ink cartridge.

    Raises:
        RemoteWireError: wrong fixed bits.
    """
    _fixed(byte, "DLE EOT 7")
    return Ink(bool(byte & 0x04), bool(byte & 0x08), bool(byte & 0x20), bool(byte & 0x40))


def decode_peeler(byte: int) -> Peeler:
    """Return the state of a label peeler.

    Raises:
        RemoteWireError: wrong fixed bits.
    """
    _fixed(byte, "DLE EOT 8")
    return Peeler(bool(byte & 0x04), bool(byte & 0x20))


def _fixed(byte: int, field: str) -> None:
    if byte & 0x93 != 0x12:
        raise RemoteWireError("fixed bits are wrong", field=field, offset=0)


def request_text(n: int) -> bytes:
    """Return ``GS I n`` for a text about the printer.

    Raises:
        LocalWireError: n is none of 65 to 69.
    """
    if not 65 <= n <= 69:
        raise LocalWireError(f"GS I {n} is answered by no text", field="n")
    return bytes((0x1D, 0x49, n))


def decode_text(reply: bytes) -> str:
    """Return the text of ``5F <text> 00`` or ``3D <id> <text> 00``; empty: not available.

    Raises:
        RemoteWireError: no such frame, no end, too long, or a byte that is no printable ASCII.
    """
    if not reply or reply[0] not in (_TEXT_B, _TEXT_A):
        raise RemoteWireError("no text header", field="GS I", offset=0)
    begin = 1 if reply[0] == _TEXT_B else 2
    if len(reply) <= begin or reply[-1] != 0 or len(reply) > MAX_TEXT:
        raise RemoteWireError("the text has no end", field="GS I", offset=len(reply))
    body = reply[begin:-1]
    for offset, byte in enumerate(body, begin):
        if not 0x20 <= byte < 0x7F:
            raise RemoteWireError("no printable text", field="GS I", offset=offset)
    return body.decode("ascii").strip()


def encode_text(text: str) -> bytes:
    """Return ``5F <text> 00`` (printer side).

    Raises:
        LocalWireError: the text is too long, or no printable ASCII.
    """
    if not (text.isascii() and text.isprintable()) or len(text) > MAX_TEXT - 2:
        raise LocalWireError("printable ASCII of at most 94 characters", field="GS I")
    return bytes([_TEXT_B]) + text.encode("ascii") + b"\x00"


class TypeId(NamedTuple):
    """Answer to ``GS I 2``."""

    two_byte_characters: bool
    cutter: bool
    customer_display: bool


def decode_type_id(byte: int) -> TypeId:
    """Return what the type id says.

    Raises:
        RemoteWireError: wrong fixed bits.
    """
    if byte & 0x90:
        raise RemoteWireError("fixed bits are wrong", field="GS I 2", offset=0)
    return TypeId(bool(byte & 0x01), bool(byte & 0x02), bool(byte & 0x04))


REQUESTS: Final = {MAKER: "maker", MODEL: "model", FIRMWARE: "firmware"}
"""What is asked of a printer that a person wants identified; its serial number is not."""
