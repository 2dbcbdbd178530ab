"""One nexo diagnosis as a conversation: over HTTPS once the certificate is good, or over plain TCP.

The terminal's certificate never names its address: its chain is checked, then its name by the form
``<POIID>.test.terminal.adyen.com``, ``.live.`` or ``legacy-terminal-certificate.``. Nothing is sent
before that.

Source: Adyen documentation "Local communications"; plain TCP with four bytes of length as other
speakers of nexo have it (unconfirmed).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from posdiag.model.errors import RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.certificates import certificate_names, verify_chain
from posdiag.wire.conversation import Conversation, Done, Ended, Send, Step, Wait
from posdiag.wire.http import HttpExchange
from posdiag.wire.nexo import (
    DiagnosisAnswer,
    Header,
    decode_answer,
    diagnosis_request,
    diagnosis_request_xml,
    parse_json,
    read_answer,
)
from posdiag.wire.nexo_envelope import EnvelopeKeys, is_sealed, seal, unseal

MAX_BODY: Final = 262144
_NAME = re.compile(
    r"(?:(?P<poi>[A-Za-z0-9]+-[A-Za-z0-9]+)|legacy-terminal-certificate)"
    r"\.(?:test|live)\.terminal\.adyen\.com"
)
_CRYPTO = re.compile(r"crypto error[^0-9]{0,20}(\d{1,3})", re.IGNORECASE)
_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}


class Question(NamedTuple):
    """What is asked.

    Attributes:
        ask_host: the terminal tests its host, too.
        xml: instead of JSON.
        keys: of the envelope; None: in clear.
        nonce: of the envelope.
    """

    header: Header
    ask_host: bool
    xml: bool = False
    keys: EnvelopeKeys | None = None
    nonce: bytes = b""

    def encode(self) -> bytes:
        """Return the request as it goes out."""
        if self.xml:
            return diagnosis_request_xml(self.header, ask_host=self.ask_host)
        plain = diagnosis_request(self.header, ask_host=self.ask_host)
        return plain if self.keys is None else seal(plain, self.keys, self.nonce)

    def decode(self, data: bytes) -> DiagnosisAnswer:
        """Return what came back.

        Raises:
            RemoteWireError: no answer to this question, or an envelope that does not open.
        """
        if self.xml or self.keys is None:
            return decode_answer(data, self.header)
        message = parse_json(data)
        if not is_sealed(message):
            # An event is told in clear; a diagnosis in clear was not asked for.
            answer = read_answer(message, self.header)
            if answer.result:
                raise RemoteWireError("an answer outside the envelope", field="NexoBlob")
            return answer
        return read_answer(unseal(message, self.keys), self.header)


def judge_terminal(
    chain: Sequence[bytes], poi_id: str, roots: Sequence[bytes], at: datetime.datetime
) -> Failed | None:
    """Return why a terminal's certificate is none to trust, None where it is.

    Args:
        chain: DER, its own certificate first.
        poi_id: that the certificate must name, unless it is one of the old common ones; empty: any.
        roots: of the terminals.
        at: now.
    """
    names = certificate_names(chain[0]) if chain else []
    fitting = [name for name in names if _fits(name, poi_id)]
    # The address is never in it, so the chain is judged with a name that is.
    verdict = verify_chain(chain, (names or ["no.name.invalid"])[0], roots, at)
    wrong_name = FailureKind.CERTIFICATE_WRONG_NAME
    if verdict.failure not in (None, wrong_name):
        return Failed(verdict.failure, Operation.VERIFY_CERTIFICATE, verdict.detail)
    if fitting:
        return None
    detail = f"{', '.join(names) or 'no name'} is no certificate of this terminal"
    return Failed(wrong_name, Operation.VERIFY_CERTIFICATE, detail)


def _fits(name: str, poi_id: str) -> bool:
    match = _NAME.fullmatch(name)
    if match is None:
        return False
    own = match["poi"]
    return own is None or not poi_id or own.casefold() == poi_id.casefold()


class Checked:
    """Lets an inner conversation begin only where a check finds nothing wrong.

    Attributes:
        failure: what the check found.
    """

    def __init__(self, inner: Conversation, check: Callable[[], Failed | None]) -> None:
        """Keep both; the check is made at the first step."""
        self.failure: Failed | None = None
        self._inner = inner
        self._check = check
        self._checked = False

    def step(self, now_s: float) -> Step:
        """Return what to do next: nothing where the check found something."""
        if not self._checked:
            self._checked = True
            self.failure = self._check()
        return Done() if self.failure is not None else self._inner.step(now_s)

    def receive(self, data: bytes, now_s: float) -> None:
        """Pass bytes on."""
        self._inner.receive(data, now_s)

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Pass the end on."""
        self._inner.ended(why, now_s, waited_s)


def read_http(exchange: HttpExchange, question: Question) -> DiagnosisAnswer | Failed:
    """Return what an answer over HTTP says, or why it says nothing."""
    if exchange.failure is not None:
        return exchange.failure
    status, body = exchange.reader.status, bytes(exchange.reader.body)
    found = _CRYPTO.search(body[:500].decode("latin-1"))
    if status == 401 or found:
        number = f" (crypto error {found.group(1)})" if found else ""
        return _wrong(f"the shared key is refused{number}", FailureKind.PERMISSION)
    if status != 200:
        return _wrong(f"HTTP status {status}")
    return read_body(body, question)


def read_body(body: bytes, question: Question) -> DiagnosisAnswer | Failed:
    """Return what a message says, or why it says nothing."""
    try:
        return question.decode(body)
    except RemoteWireError as error:
        is_key = error.field == "Hmac"
        return _wrong(str(error), FailureKind.PERMISSION if is_key else FailureKind.PROTOCOL_ERROR)


def _wrong(detail: str, kind: FailureKind = FailureKind.PROTOCOL_ERROR) -> Failed:
    return Failed(kind, Operation.READ_STATUS, detail)


class LengthExchange:
    """One message and its answer over plain TCP, each behind four bytes of length.

    Attributes:
        answer: the message that came, None without one.
        failure: why there is none.
    """

    def __init__(self, message: bytes, *, limit_s: float) -> None:
        """Prepare; nothing is sent yet."""
        self.answer: bytes | None = None
        self.failure: Failed | None = None
        self._message = len(message).to_bytes(4) + message
        self._limit_s = limit_s
        self._sent_s: float | None = None
        self._buffer = bytearray()

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._sent_s is None:
            self._sent_s = now_s
            return Send(self._message)
        if self.answer is not None or self.failure is not None:
            return Done()
        left_s = self._sent_s + self._limit_s - now_s
        if left_s > 0:
            return Wait(left_s, Operation.READ_STATUS)
        self.ended(Ended.LIMIT, now_s, self._limit_s)
        return Done()

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes of the answer."""
        self._buffer += data
        length = int.from_bytes(self._buffer[:4])
        if len(self._buffer) >= 4 and length > MAX_BODY:
            self.failure = _wrong(f"a message of {length} bytes")
        elif len(self._buffer) >= 4 + length and len(self._buffer) > 4:
            self.answer = bytes(self._buffer[4 : 4 + length])

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing more comes."""
        if self.answer is not None or self.failure is not None:
            return
        waits = why in (Ended.LIMIT, Ended.BUDGET)
        since_s = now_s - self._sent_s if self._sent_s is not None else waited_s
        self.failure = Failed(_KINDS[why], Operation.READ_STATUS, "", since_s if waits else None)
