"""Echo test (回响测试) with an acquirer's host. Needs no key and changes nothing.

================ ======= ======================================= =======
dialect          request what it holds                           answer
================ ======= ======================================= =======
UnionPay         0820    F41, F42, F60 = 00 + batch + 301        0830
ISO 8583:1987    0800    F7, F11, F70 = 301                      0810
ISO 8583:1993    1804    F11, F12, F24 = 831                     1814
Hypercom         0800    F3 = 990000, F11, F24 = NII, F41        0810
================ ======= ======================================= =======

Every answer bears F39. Nothing else is ever sent from here: a sign-on from a laptop would replace
the terminal's working keys. Sources: Q/CUP 009.1-2015 and public terminal code; jPOS-CMF function
codes; x-lugoo/HK_Indirect_EDC.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.model.site import Dialect, EchoSettings
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.iso8583 import Layout, Message, decode, encode

MAX_ECHOES = 3
"""Per connection; rule of politeness."""

ECHO_CODE = "301"
FUNCTION_ECHO = "831"
PROCESSING_ECHO = "990000"
NAMES_TERMINAL = frozenset({Dialect.UNIONPAY, Dialect.HYPERCOM})
"""Dialects whose echo bears the number of a terminal."""
NAMES_MERCHANT = frozenset({Dialect.UNIONPAY})
_FIRST_BYTES = 8
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class EchoAnswer(NamedTuple):
    """One answered echo.

    Attributes:
        answer_s: seconds from the request to the whole answer.
        response_code: F39.
        processing_request: what the host wants next (UnionPay header digit 6), else empty.
        host_time: F12 ``hhmmss`` in the host's own time zone, empty where it is not given.
        host_date: F13 ``MMDD``, likewise.
        oddities: differences from the specification that did no harm.
    """

    answer_s: float
    response_code: str
    processing_request: str = ""
    host_time: str = ""
    host_date: str = ""
    oddities: tuple[str, ...] = ()


def echo_request(
    settings: EchoSettings,
    *,
    tid: str,
    mid: str,
    stan: int,
    at: datetime.datetime,
    batch: str = "000000",
) -> Message:
    """Return the echo request of this dialect.

    Args:
        settings: dialect, TPDU and header.
        tid: 8 characters (not sent in the ISO dialects).
        mid: 15 characters (sent by UnionPay only).
        stan: trace number; taken modulo 1,000,000 (not sent by UnionPay terminals).
        at: now, with time zone; F7 is in UTC by the standard, F12 of 1993 is as handed in.
        batch: 6 digits of the open batch, zeros where it is not known.

    Raises:
        LocalWireError: ``at`` without time zone, or a batch that is no number of 6 digits.
    """
    if at.tzinfo is None:
        raise LocalWireError("a time without time zone", field="F7")
    if not (batch.isascii() and batch.isdigit() and len(batch) == 6):
        raise LocalWireError("a batch has 6 digits", field="F60")
    trace = f"{stan % 1_000_000:06d}"
    moment = at.astimezone(datetime.UTC)
    fields: dict[int, str]
    match settings.dialect:
        case Dialect.UNIONPAY:
            mti, fields = "0820", {41: tid, 42: mid, 60: f"00{batch}{ECHO_CODE}"}
        case Dialect.HYPERCOM:
            mti, fields = "0800", {3: PROCESSING_ECHO, 11: trace, 41: tid}
            if settings.nii:
                fields[24] = settings.nii
        case Dialect.ISO1987 | Dialect.ISO1987_BCD:
            mti, fields = "0800", {7: f"{moment:%m%d%H%M%S}", 11: trace, 70: ECHO_CODE}
        case Dialect.ISO1993 | Dialect.ISO1993_BCD:
            mti, fields = "1804", {11: trace, 12: f"{at:%y%m%d%H%M%S}", 24: FUNCTION_ECHO}
    return Message(mti=mti, fields=fields, tpdu=settings.tpdu, header=settings.header)


class HostConversation:
    """Sends requests on one connection, each after the answer to the one before.

    Attributes:
        answers: in order; those that came before a failure stay.
        messages: the same as they were decoded, without secrets.
        failure: why a request was not answered; None while none failed.
    """

    operation = Operation.ECHO_TEST
    _unasked = False
    _first = b""

    def __init__(
        self, settings: EchoSettings, requests: Sequence[Message], *, limit_s: float
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            settings: how this host is spoken to.
            requests: at least one.
            limit_s: how long one answer may take.

        Raises:
            LocalWireError: a value that the dialect cannot say.
        """
        self._layout = Layout.of(settings)
        self._requests = list(requests)
        bodies = (encode(request, self._layout) for request in self._requests)
        self._frames = [encode_frame(settings.framing, body) for body in bodies]
        self._incoming, self._limit_s = FrameDecoder(settings.framing), limit_s
        self._sent_s: float | None = None
        self.answers: list[EchoAnswer] = []
        self.messages: list[Message] = []
        self.failure: Failed | None = None

    def waiting_s(self, now_s: float) -> float | None:
        """Return for how long an answer has been waited for, None while none is due."""
        if self._sent_s is None or self.failure is not None:
            return None
        return now_s - self._sent_s

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self.failure is not None or self._all_answered:
            return Done()
        if self._sent_s is None:
            self._sent_s = now_s
            return Send(self._frames[len(self.answers)])
        left_s = self._sent_s + self._limit_s - now_s
        if left_s <= 0:
            self.ended(Ended.LIMIT, now_s, self._limit_s)
            return Done()
        return Wait(left_s, self.operation)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of an answer; whole messages that nobody asked for are passed over."""
        if self.failure is not None:
            return
        self._incoming.feed(data)
        self._first = (self._first + data)[:_FIRST_BYTES]
        try:
            while not self._all_answered and (body := self._incoming.next_body()) is not None:
                if self._sent_s is None:
                    # It must not be taken for the answer to the next echo.
                    self._unasked = True
                    continue
                self._take_answer(decode(body, self._layout), now_s - self._sent_s)
                self._sent_s = None
        except RemoteWireError as error:
            other = self._other_protocol()
            self._fail(FailureKind.PROTOCOL_ERROR, other or str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why no answer comes."""
        if self.failure is not None or self._all_answered:
            return
        here, wanted = self._incoming.rest()
        detail = ""
        if why is Ended.TOO_MUCH:
            detail = "more bytes than any answer has"
        elif here:
            detail = f"the answer stopped after {here} of {wanted or 'unknown'} bytes"
        elif self._incoming.keepalives:
            detail = f"{self._incoming.keepalives} keep-alives, no answer"
        if why is Ended.LIMIT and here:
            # Half an answer is not silence: most often the length prefix is counted differently.
            self._fail(FailureKind.PROTOCOL_ERROR, detail)
            return
        waits = why in (Ended.LIMIT, Ended.BUDGET)
        since = now_s - self._sent_s if self._sent_s is not None else waited_s
        self._fail(_KINDS[why], detail, since if waits else None)

    def _take_answer(self, answer: Message, answer_s: float) -> None:
        request = self._requests[len(self.answers)]
        expected = f"{int(request.mti) + 10:04d}"
        if answer.mti != expected:
            raise RemoteWireError(f"{answer.mti} where {expected} is due", field="MTI")
        _must_belong(request, answer)
        oddities = list(answer.oddities)
        if answer.tpdu and answer.tpdu != swapped(request.tpdu):
            oddities.append("TPDU addresses are not swapped")
        if self._unasked:
            oddities.append("the host sent a message before this echo was asked for")
        self.messages.append(answer)
        time, date = host_clock(answer, self._layout.dialect)
        is_unionpay = self._layout.dialect is Dialect.UNIONPAY
        self.answers.append(
            EchoAnswer(
                answer_s,
                answer.fields[39],
                answer.processing_request if is_unionpay else "",
                time,
                date,
                tuple(oddities),
            )
        )

    @property
    def keepalives(self) -> int:
        """Empty frames that came; hosts poll with them, and none is an answer."""
        return self._incoming.keepalives

    def _other_protocol(self) -> str:
        """Return what else the host speaks, as its first bytes show; empty where they do not."""
        if self.answers:
            return ""
        if self._first.startswith(b"HTTP/"):
            return "the host answers in HTTP"
        # Record types alert and handshake, version 3.x (RFC 5246 section 6.2.1).
        if self._first[:1] in (b"\x15", b"\x16") and self._first[1:2] == b"\x03":
            return "the host answers in TLS"
        return ""

    @property
    def _all_answered(self) -> bool:
        return len(self.answers) == len(self._requests)

    def _fail(self, kind: FailureKind, detail: str = "", waited_s: float | None = None) -> None:
        self.failure = Failed(kind, self.operation, detail, waited_s)


class EchoConversation(HostConversation):
    """Sends up to three echoes on one connection, each after the answer to the one before."""

    def __init__(
        self,
        settings: EchoSettings,
        *,
        tid: str,
        mid: str,
        stan: int,
        at: datetime.datetime,
        limit_s: float,
        count: int = 1,
        batch: str = "000000",
    ) -> None:
        """Prepare the requests; nothing is sent yet.

        Args:
            settings: how an echo is said to this host.
            tid: 8 characters.
            mid: 15 characters.
            stan: trace number of the first echo; the next ones follow.
            at: now, with time zone.
            limit_s: how long one answer may take.
            count: 1 to 3 echoes.
            batch: 6 digits, zeros where the open batch is not known.

        Raises:
            LocalWireError: a value that the dialect cannot say, or a count out of range.
        """
        if not 1 <= count <= MAX_ECHOES:
            raise LocalWireError(f"{count} echoes on one connection")
        requests = [
            echo_request(settings, tid=tid, mid=mid, stan=stan + number, at=at, batch=batch)
            for number in range(count)
        ]
        super().__init__(settings, requests, limit_s=limit_s)


def _must_belong(request: Message, answer: Message) -> None:
    """Refuse an answer to another request.

    Raises:
        RemoteWireError: a field that a host copies differs, or there is no response code.
    """
    for number in (3, 11, 41, 60, 70):
        sent, came = request.fields.get(number), answer.fields.get(number)
        if number == 60:
            # A host may answer with a batch number of its own.
            sent, came = sent and sent[8:11], came and came[8:11]
        if sent is not None and came is not None and sent != came:
            raise RemoteWireError("another value than was sent", field=f"F{number}")
    if 39 not in answer.fields:
        raise RemoteWireError("no response code", field="F39")


def host_clock(answer: Message, dialect: Dialect) -> tuple[str, str]:
    """Return (``hhmmss``, ``MMDD``) of the host's own clock; empty where an answer has none.

    In ISO 8583:1993 field 12 is ``YYMMDDhhmmss``, and a host may copy it from the request; a copy
    is the caller's own clock, so it does not count.
    """
    if dialect.family == "iso1993":
        return "", ""
    return answer.fields.get(12, ""), answer.fields.get(13, "")


def swapped(tpdu: str) -> str:
    """Return a TPDU with its two addresses exchanged, as a host answers."""
    return (tpdu[:2] + tpdu[6:10] + tpdu[2:6]).upper()
