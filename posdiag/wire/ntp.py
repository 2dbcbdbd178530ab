"""Asks a time server once or twice (SNTP, RFC 4330 and RFC 5905 section 7.3), both roles.

Request, 48 bytes::

    23               version 4, mode 3 (client); everything else is zero but
    .. 40..47        transmit timestamp: random here, and only compared with what comes back

The answer has the times at which the server received (32..39) and sent (40..47), in seconds since
1900 with a fraction of 32 bits. The era that begins in 2036 is told by the highest bit.
"""

from __future__ import annotations

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

_SIZE = 48
_CLIENT, _SERVER, _VERSION = 3, 4, 4
_UNSYNCHRONISED = 3
_EPOCH_S = 2_208_988_800
"""From 1900 to 1970."""
_ERA_S = 1 << 32
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.REFUSED,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class NtpConversation:
    """Asks for the time.

    Attributes:
        offset_s: the server's clock minus ours; None without an answer.
        round_trip_s: without the time that the server took; the offset is right to half of it.
        stratum: of the server, 1 to 15; 0 without an answer.
        failure: None if there is an offset or nothing is decided yet.
    """

    def __init__(
        self, cookie: bytes, *, wall_at_zero_s: float, tries: int = 2, try_s: float = 1.5
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            cookie: 8 random bytes, drawn by the caller.
            wall_at_zero_s: Unix time of our clock when the driver's clock is zero.
            tries: queries at most, at least 1.
            try_s: how long each try waits.

        Raises:
            LocalWireError: another length, or no try.
        """
        if len(cookie) != 8 or tries < 1:
            raise LocalWireError("cookie or tries out of range")
        self._cookie, self._wall_s = cookie, wall_at_zero_s
        self._tries, self._try_s = tries, try_s
        self._used, self._sent_s = 0, 0.0
        self._first_s: float | None = None
        self._waits = self._over = False
        self.offset_s: float | None = None
        self.round_trip_s: float | None = None
        self.stratum = 0
        self.failure: Failed | None = None

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        left_s = self._sent_s + self._try_s - now_s
        if self._waits and left_s <= 0:
            self.ended(Ended.LIMIT, now_s, self._try_s)
        if self._over:
            return Done()
        if self._waits:
            return Wait(left_s, Operation.ASK_TIME)
        self._waits, self._sent_s = True, now_s
        self._used += 1
        if self._first_s is None:
            self._first_s = now_s
        return Send(bytes([_VERSION << 3 | _CLIENT]) + bytes(_SIZE - 9) + self._cookie)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take one datagram; one that answers another question is passed over."""
        if self._over or len(data) < _SIZE or data[24:32] != self._cookie:
            return
        self._over = True
        leap, mode, self.stratum = data[0] >> 6, data[0] & 7, data[1]
        if mode != _SERVER:
            self._fail(FailureKind.PROTOCOL_ERROR, f"mode {mode}")
        elif self.stratum == 0:
            code = data[12:16].decode("latin-1")
            told = code if code.isascii() and code.isalnum() else "unknown code"
            self._fail(FailureKind.PROTOCOL_ERROR, f"the server refuses: {told}")
        elif leap == _UNSYNCHRONISED or self.stratum > 15:
            self._fail(FailureKind.STALE, "the server's own clock is not in step")
        else:
            received_s, sent_s = _unix_s(data[32:40]), _unix_s(data[40:48])
            asked_s, came_s = self._wall_s + self._sent_s, self._wall_s + now_s
            self.offset_s = ((received_s - asked_s) + (sent_s - came_s)) / 2
            self.round_trip_s = max(0.0, (now_s - self._sent_s) - (sent_s - received_s))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why no answer comes; ask again where only this try is over."""
        if self._over:
            return
        if why is Ended.LIMIT and self._used < self._tries:
            self._waits = False
            return
        self._over = True
        since_s = now_s - self._first_s if self._first_s is not None else waited_s
        waits = why in (Ended.LIMIT, Ended.BUDGET)
        self._fail(
            _KINDS[why], f"{self._used} queries" if waits else "", since_s if waits else None
        )

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self.failure = Failed(kind, Operation.ASK_TIME, detail, waited_s)


def _unix_s(timestamp: bytes) -> float:
    seconds = int.from_bytes(timestamp[:4])
    era = 0 if seconds >> 31 else _ERA_S
    return seconds + era - _EPOCH_S + int.from_bytes(timestamp[4:]) / _ERA_S


def ntp_answer(request: bytes, unix_s: float, *, stratum: int = 2, leap: int = 0) -> bytes:
    """Return the answer of a time server; used by the simulated one.

    Args:
        request: one datagram.
        unix_s: what its clock shows.
        stratum: 0 to refuse (``RATE``).
        leap: 3 where its clock is not in step.

    Raises:
        RemoteWireError: the datagram is no query.
    """
    if len(request) < _SIZE or request[0] & 7 != _CLIENT:
        raise RemoteWireError("no query of a client", field="mode", offset=0)
    whole = int(unix_s)
    stamp = ((whole + _EPOCH_S) % _ERA_S).to_bytes(4)
    stamp += int((unix_s - whole) * _ERA_S).to_bytes(4)
    head = bytes([leap << 6 | _VERSION << 3 | _SERVER, stratum, 6, 0xEC])
    name = b"RATE" if stratum == 0 else bytes(4)
    return head + bytes(8) + name + stamp + request[40:48] + stamp + stamp
