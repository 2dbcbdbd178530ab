"""Frames between a till and a terminal, by the settings of a terminal profile.

    02 30 31 30 30 03 02                    stx_etx, exclusive or over data and 03
    02 00 35 36 30 ... 1C 03 14             stx_length_etx: 35 bytes
    16 4F 50 4E 17 A8 A9                    syn_etb, CRC-16/XMODEM over data and 17
    55 AA 01 00 00 00 00 01 CC 33           marked_55aa: type 1, nothing else

Source: fact sheet of terminal protocols, section 3: public documents and client code of Transbank,
Nexi ECR17, Verifone (Finland), Caisse Concert, ABECS 2.12, CodePay.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError
from posdiag.model.frames import CheckSum, Covers, FrameKind, FrameSettings, LengthForm, SumKind
from posdiag.wire.checksums import Crc16, xor
from posdiag.wire.zvt_serial import Came, SerialFrames, encode_serial

ENQ: Final = b"\x05"
ACK: Final = b"\x06"
NAK: Final = b"\x15"
EOT: Final = b"\x04"
MAX_FRAME: Final = 2048
"""Bytes of data in one frame."""

_STX, _ETX, _ETB, _SYN, _DC3 = b"\x02", b"\x03", b"\x17", b"\x16", 0x13
_MARK, _TRAILER = b"\x55\xaa", b"\xcc\x33"
_ESCAPES: Mapping[int, int] = MappingProxyType({0x33: 0x13, 0x36: 0x16, 0x37: 0x17})
_PROGRESS_BYTES: Final = 22
_PREFIX: Mapping[LengthForm, int] = MappingProxyType(
    {LengthForm.BINARY2: 2, LengthForm.BINARY4: 4, LengthForm.ASCII4: 4}
)


class Kind(StrEnum):
    """What came."""

    ENQ = "enq"
    ACK = "ack"
    NAK = "nak"
    EOT = "eot"
    FRAME = "frame"
    PART = "part"
    """A frame that ends in ETB: the next one goes on."""
    PROGRESS = "progress"
    BROKEN = "broken"
    NOISE = "noise"


class Piece(NamedTuple):
    """One thing that came.

    Attributes:
        data: of a frame, without start, length, end and sum; of ``marked_55aa`` its three header
            bytes come first.
    """

    kind: Kind
    data: bytes = b""


_CONTROLS: Mapping[int, Kind] = MappingProxyType(
    {ENQ[0]: Kind.ENQ, ACK[0]: Kind.ACK, NAK[0]: Kind.NAK, EOT[0]: Kind.EOT}
)


def sum_bytes(check: CheckSum, start: bytes, body: bytes, end: bytes) -> bytes:
    """Return the check sum of a frame.

    Args:
        check: what it is.
        start: bytes that mark the beginning.
        body: the data, not escaped, with a length in front where there is one.
        end: bytes that mark the end.
    """
    covered = {
        Covers.DATA: body,
        Covers.DATA_END: body + end,
        Covers.START_DATA_END: start + body + end,
        Covers.START_DATA: start + body,
    }[check.covers]
    match check.kind:
        case SumKind.NONE:
            return b""
        case SumKind.XOR:
            return bytes([xor(covered, check.base)])
        case SumKind.CRC16:
            crc = Crc16(check.poly, check.init, check.reflected, check.xorout).of(covered)
            return crc.to_bytes(2, "little" if check.low_byte_first else "big")


def encode_frame(settings: FrameSettings, data: bytes) -> bytes:
    """Return data as one frame.

    Raises:
        LocalWireError: too much data, or data that this kind of frame cannot hold.
    """
    check = settings.checksum
    if len(data) > MAX_FRAME:
        raise LocalWireError(f"a frame of {len(data)} bytes", field="length")
    match settings.kind:
        case FrameKind.STX_ETX:
            if _ETX in data or _ETB in data:
                raise LocalWireError("a frame without escapes cannot hold 03 or 17", field="data")
            return _STX + data + _ETX + sum_bytes(check, _STX, data, _ETX)
        case FrameKind.STX_LENGTH_ETX:
            body = bytes.fromhex(f"{len(data):04d}") + data
            return _STX + body + _ETX + sum_bytes(check, _STX, body, _ETX)
        case FrameKind.SYN_ETB:
            escaped = b"".join(_escaped(byte) for byte in data)
            return _SYN + escaped + _ETB + sum_bytes(check, _SYN, data, _ETB)
        case FrameKind.DLE_STX_ETX:
            return encode_serial(data)
        case FrameKind.MARKED_55AA:
            if len(data) < 3:
                raise LocalWireError("type, ack id and message id are missing", field="header")
            body = data[:3] + (len(data) - 3).to_bytes(2) + data[3:]
            return _MARK + body + sum_bytes(check, _MARK, body, _TRAILER) + _TRAILER
        case FrameKind.LENGTH:
            if settings.length is LengthForm.ASCII4:
                return f"{len(data):04d}".encode("ascii") + data
            return len(data).to_bytes(_PREFIX[settings.length]) + data


def _escaped(byte: int) -> bytes:
    for code, plain in _ESCAPES.items():
        if plain == byte:
            return bytes([_DC3, code])
    return bytes([byte])


class FrameReader:
    """Cuts what comes into frames and single bytes, however it is split."""

    def __init__(self, settings: FrameSettings) -> None:
        """Start empty."""
        self._settings = settings
        self._sum = len(sum_bytes(settings.checksum, b"", b"", b""))
        self._buffer = bytearray()
        self._serial = SerialFrames()

    @property
    def is_inside(self) -> bool:
        """Return whether a frame has begun and not ended."""
        return bool(self._buffer) or self._serial.is_inside

    def drop(self) -> None:
        """Forget what has begun and did not end in time."""
        self._buffer.clear()
        self._serial.drop()

    def feed(self, data: bytes) -> list[Piece]:
        """Return what is whole now."""
        if self._settings.kind is FrameKind.DLE_STX_ETX:
            return [_of_serial(piece.kind, piece.data) for piece in self._serial.feed(data)]
        self._buffer += data
        found: list[Piece] = []
        while self._buffer:
            size, piece = self._first()
            if size == 0:
                break
            del self._buffer[:size]
            if piece.kind is Kind.NOISE and found and found[-1].kind is Kind.NOISE:
                found[-1] = Piece(Kind.NOISE, found[-1].data + piece.data)
            else:
                found.append(piece)
        return found

    def _first(self) -> tuple[int, Piece]:
        """Return (bytes taken, what they are); 0 where more must come."""
        buffer = bytes(self._buffer)
        kind = self._settings.kind
        if kind is FrameKind.LENGTH:
            return self._counted(buffer)
        if kind is FrameKind.MARKED_55AA:
            return self._marked(buffer)
        if buffer[:1] == (_SYN if kind is FrameKind.SYN_ETB else _STX):
            if kind is FrameKind.STX_LENGTH_ETX:
                return self._with_length(buffer)
            return self._delimited(buffer)
        if self._settings.progress and buffer[0] == 0x01:
            return _progress(buffer)
        if buffer[0] in _CONTROLS:
            return 1, Piece(_CONTROLS[buffer[0]])
        return 1, Piece(Kind.NOISE, buffer[:1])

    def _delimited(self, buffer: bytes) -> tuple[int, Piece]:
        """Read up to the first end: such frames have no escape for it, or need none."""
        ends = (_ETB,) if self._settings.kind is FrameKind.SYN_ETB else (_ETX, _ETB)
        places = [at for at in (buffer.find(end, 1) for end in ends) if at >= 0]
        if not places or len(buffer) < min(places) + 1 + self._sum:
            too_long = len(buffer) > 2 * MAX_FRAME
            return (1, Piece(Kind.BROKEN)) if too_long else (0, Piece(Kind.NOISE))
        at = min(places)
        start, data, end = buffer[:1], buffer[1:at], buffer[at : at + 1]
        size = at + 1 + self._sum
        plain: bytes | None = data
        if self._settings.kind is FrameKind.SYN_ETB:
            plain = _unescaped(data)
        sums = buffer[at + 1 : size]
        if plain is None or sum_bytes(self._settings.checksum, start, plain, end) != sums:
            return size, Piece(Kind.BROKEN)
        is_part = end == _ETB and self._settings.kind is FrameKind.STX_ETX
        return size, Piece(Kind.PART if is_part else Kind.FRAME, plain)

    def _with_length(self, buffer: bytes) -> tuple[int, Piece]:
        """Trust the length: the data may hold 03."""
        if len(buffer) < 3:
            return 0, Piece(Kind.NOISE)
        digits = buffer[1:3].hex()
        if not digits.isdigit() or int(digits) > MAX_FRAME:
            return 1, Piece(Kind.BROKEN)
        end = 3 + int(digits)
        size = end + 1 + self._sum
        if len(buffer) < size:
            return 0, Piece(Kind.NOISE)
        body, last = buffer[1:end], buffer[end : end + 1]
        good = sum_bytes(self._settings.checksum, _STX, body, _ETX) == buffer[end + 1 : size]
        if last != _ETX or not good:
            return (size if last == _ETX else 1), Piece(Kind.BROKEN)
        return size, Piece(Kind.FRAME, body[2:])

    def _marked(self, buffer: bytes) -> tuple[int, Piece]:
        if not _MARK.startswith(buffer[:2]):
            return 1, Piece(Kind.NOISE, buffer[:1])
        if len(buffer) < 7:
            return 0, Piece(Kind.NOISE)
        length = int.from_bytes(buffer[5:7])
        if length > MAX_FRAME:
            return 2, Piece(Kind.BROKEN)
        size = 7 + length + self._sum + 2
        if len(buffer) < size:
            return 0, Piece(Kind.NOISE)
        body, sums = buffer[2 : 7 + length], buffer[7 + length : size - 2]
        good = sum_bytes(self._settings.checksum, _MARK, body, _TRAILER) == sums
        if buffer[size - 2 : size] != _TRAILER or not good:
            return 2, Piece(Kind.BROKEN)
        return size, Piece(Kind.FRAME, body[:3] + body[5:])

    def _counted(self, buffer: bytes) -> tuple[int, Piece]:
        size = _PREFIX[self._settings.length]
        if len(buffer) < size:
            return 0, Piece(Kind.NOISE)
        prefix = buffer[:size]
        if self._settings.length is LengthForm.ASCII4:
            length = int(prefix) if prefix.isdigit() else -1
        else:
            length = int.from_bytes(prefix)
        if not 0 <= length <= MAX_FRAME:
            # Nothing behind a wrong length can be trusted.
            return len(buffer), Piece(Kind.BROKEN)
        if len(buffer) < size + length:
            return 0, Piece(Kind.NOISE)
        return size + length, Piece(Kind.FRAME, buffer[size : size + length])


def _unescaped(data: bytes) -> bytes | None:
    """Return data without escapes, None where one is not known."""
    plain = bytearray()
    bytes_ = iter(data)
    for byte in bytes_:
        if byte != _DC3:
            plain.append(byte)
            continue
        code = next(bytes_, -1)
        if code not in _ESCAPES:
            return None
        plain.append(_ESCAPES[code])
    return bytes(plain)


def _progress(buffer: bytes) -> tuple[int, Piece]:
    if len(buffer) < _PROGRESS_BYTES:
        return 0, Piece(Kind.NOISE)
    if buffer[_PROGRESS_BYTES - 1 : _PROGRESS_BYTES] != EOT:
        return 1, Piece(Kind.NOISE, buffer[:1])
    return _PROGRESS_BYTES, Piece(Kind.PROGRESS, buffer[1 : _PROGRESS_BYTES - 1])


def _of_serial(kind: Came, data: bytes) -> Piece:
    kinds = {
        Came.ACK: Kind.ACK,
        Came.NAK: Kind.NAK,
        Came.FRAME: Kind.FRAME,
        Came.BROKEN: Kind.BROKEN,
        Came.NOISE: Kind.NOISE,
    }
    return Piece(kinds[kind], data)
