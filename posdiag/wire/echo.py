"""Echo test (回响测试) with an acquirer's host, both roles. Needs no key and changes nothing.

UnionPay: 0820 with F41, F42 and F60 = 00 + batch + 301, answered by 0830 with F39. ISO 8583:1987:
0800 with F7, F11 and F70 = 301, answered by 0810 with F39. Nothing else is ever sent: a sign-on
from a laptop would replace the terminal's working keys.
"""

from __future__ import annotations

import datetime
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
_UNIONPAY_ECHO = ("0820", "0830")
_ISO1987_ECHO = ("0800", "0810")
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
        tid: 8 characters (not sent in ISO 8583:1987).
        mid: 15 characters (likewise).
        stan: trace number; taken modulo 1,000,000 (not sent by UnionPay terminals).
        at: now, with time zone; F7 is in UTC by the standard.
        batch: 6 digits of the open batch, zeros where it is not known.

    Raises:
        LocalWireError: ``at`` without time zone, or a batch that is no number of 6 digits.
    """
    if at.tzinfo is None:
        raise LocalWireError("a time without time zone", field="F7")
    if not (batch.isascii() and batch.isdigit() and len(batch) == 6):
        raise LocalWireError("a batch has 6 digits", field="F60")
    if settings.dialect is Dialect.UNIONPAY:
        mti, fields = _UNIONPAY_ECHO[0], {41: tid, 42: mid, 60: f"00{batch}{ECHO_CODE}"}
    else:
        moment = at.astimezone(datetime.UTC)
        stamp = f"{moment:%m%d%H%M%S}"
        mti, fields = _ISO1987_ECHO[0], {7: stamp, 11: f"{stan % 1_000_000:06d}", 70: ECHO_CODE}
    return Message(mti=mti, fields=fields, tpdu=settings.tpdu, header=settings.header)


class EchoConversation:
    """Sends up to three echoes on one connection, each after the answer to the one before.

    Attributes:
        answers: in order; those that came before a failure stay.
        failure: why an echo was not answered; None while none failed.
    """

    _unasked = False

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
        self._layout = Layout.of(settings)
        self._requests = [
            echo_request(settings, tid=tid, mid=mid, stan=stan + number, at=at, batch=batch)
            for number in range(count)
        ]
        bodies = (encode(request, self._layout) for request in self._requests)
        self._frames = [encode_frame(settings.framing, body) for body in bodies]
        self._incoming, self._limit_s = FrameDecoder(settings.framing), limit_s
        self._sent_s: float | None = None
        self.answers: list[EchoAnswer] = []
        self.failure: Failed | None = None

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
        return Wait(left_s, Operation.ECHO_TEST)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of an answer; whole messages that nobody asked for are passed over."""
        if self.failure is not None:
            return
        self._incoming.feed(data)
        try:
            while not self._all_answered and (body := self._incoming.next_body()) is not None:
                if self._sent_s is None:
                    # It must not be taken for the answer to the next echo.
                    self._unasked = True
                    continue
                self._take_answer(decode(body, self._layout), now_s - self._sent_s)
                self._sent_s = None
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))

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
        for number in (11, 41, 60, 70):
            sent, came = request.fields.get(number), answer.fields.get(number)
            if number == 60:
                # A host may answer with a batch number of its own.
                sent, came = sent and sent[8:11], came and came[8:11]
            if sent is not None and came is not None and sent != came:
                raise RemoteWireError("another value than was sent", field=f"F{number}")
        if 39 not in answer.fields:
            raise RemoteWireError("no response code", field="F39")
        oddities = list(answer.oddities)
        if answer.tpdu and answer.tpdu != _swapped(request.tpdu):
            oddities.append("TPDU addresses are not swapped")
        if self._unasked:
            oddities.append("the host sent a message before this echo was asked for")
        self.answers.append(
            EchoAnswer(
                answer_s,
                answer.fields[39],
                answer.processing_request if self._layout.dialect is Dialect.UNIONPAY else "",
                answer.fields.get(12, ""),
                answer.fields.get(13, ""),
                tuple(oddities),
            )
        )

    @property
    def _all_answered(self) -> bool:
        return len(self.answers) == len(self._requests)

    def _fail(self, kind: FailureKind, detail: str = "", waited_s: float | None = None) -> None:
        self.failure = Failed(kind, Operation.ECHO_TEST, detail, waited_s)


def _swapped(tpdu: str) -> str:
    return (tpdu[:2] + tpdu[6:10] + tpdu[2:6]).upper()


class EchoHost:
    """Answers echoes and sign-ons like a host; used by the simulated one.

    Attributes:
        response_codes: F39 by TID, for TIDs that get another than ``response_code``.
    """

    def __init__(
        self,
        settings: EchoSettings,
        *,
        response_code: str = "00",
        response_codes: dict[str, str] | None = None,
        processing_request: str = "0",
        wrong_mti: bool = False,
    ) -> None:
        """Keep how to answer."""
        self._layout = Layout.of(settings)
        self._response_code = response_code
        self.response_codes = dict(response_codes or {})
        self._processing_request = processing_request
        self._wrong_mti = wrong_mti

    def answer(self, body: bytes, at: datetime.datetime) -> tuple[str, bytes]:
        """Return (MTI of the request, answer body).

        Args:
            body: one request without its length prefix.
            at: the host's own local time, for F12 and F13.

        Raises:
            RemoteWireError: the request does not follow the dialect.
        """
        request = decode(body, self._layout)
        if request.mti not in ("0800", "0820"):
            raise RemoteWireError(f"{request.mti} is no network management", field="MTI")
        mti = f"{int(request.mti) + (30 if self._wrong_mti else 10):04d}"
        code = self.response_codes.get(request.fields.get(41, ""), self._response_code)
        fields = {n: v for n, v in request.fields.items() if n in (7, 11, 41, 42, 60, 70)}
        fields[39] = code
        if self._layout.dialect is Dialect.UNIONPAY:
            fields |= {12: f"{at:%H%M%S}", 13: f"{at:%m%d}"}
            if request.mti == "0800":
                # A sign-on answer; no F62: this host has no keys to give.
                fields |= {32: "00000000", 37: f"{at:%H%M%S}{request.fields.get(11, '000000')}"}
        header = request.header
        if self._layout.dialect is Dialect.UNIONPAY and header:
            header = header[:5] + self._processing_request + header[6:]
        answer = Message(mti=mti, fields=fields, tpdu=_swapped(request.tpdu), header=header)
        return request.mti, encode(answer, self._layout)
