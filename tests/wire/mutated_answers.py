"""Answers of a host, mutated: what the echo conversation makes of them."""

from __future__ import annotations

import datetime
import random
from collections import Counter

from posdiag.model.observation import FailureKind
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.wire.conversation import Ended
from posdiag.wire.echo import EchoConversation
from posdiag.wire.framing import FrameDecoder, encode_frame
from posdiag.wire.host_role import EchoHost
from posdiag.wire.http_post import HttpPostConversation, HttpPostHost

AT = datetime.datetime(2026, 11, 23, 9, 30, 15, tzinfo=datetime.UTC)


def settings_of(dialect: Dialect, framing: Framing) -> EchoSettings:
    """Return how a host of this dialect is spoken to."""
    return EchoSettings(
        dialect=dialect,
        framing=framing,
        tpdu="6000030000" if dialect.packed else "",
        header="602200000000" if dialect is Dialect.UNIONPAY else "",
        nii="003" if dialect is Dialect.HYPERCOM else "",
        ebcdic=dialect is Dialect.ISO1987_BCD,
    )


def outcomes(dialect: Dialect, count: int, seed: int = 8583) -> Counter[str]:
    """Return how many mutated answers gave a value, and how many one protocol error.

    Args:
        dialect: every framing takes its turn, bare and in HTTP.
        count: answers.
        seed: of the mutations.

    Raises:
        AssertionError: anything else came.
    """
    chance, found = random.Random(seed), Counter[str]()
    framings = list(Framing)
    goods = {framing: _good(settings_of(dialect, framing)) for framing in framings}
    for number in range(count):
        framing = framings[number % len(framings)]
        good, in_http = goods[framing], number % 5 == 4
        data = HttpPostHost.answer(good, AT) if in_http else good
        mutated = _mutated(chance, data) if number % 50 else data
        found[_outcome(settings_of(dialect, framing), mutated, in_http=in_http)] += 1
    return found


def _conversation(settings: EchoSettings) -> EchoConversation:
    return EchoConversation(
        settings,
        tid="12345678",
        mid="123456789012345",
        stan=51,
        at=AT,
        limit_s=5.0,
        batch="000001",
    )


def _good(settings: EchoSettings) -> bytes:
    request = _conversation(settings).step(0.0)
    frames = FrameDecoder(settings.framing)
    frames.feed(request.data)  # type: ignore[union-attr]
    body = frames.next_body()
    assert body is not None
    return encode_frame(settings.framing, EchoHost(settings).answer(body, AT)[1])


def _outcome(settings: EchoSettings, data: bytes, *, in_http: bool) -> str:
    echo = _conversation(settings)
    http = HttpPostConversation(echo, "host", "/pos") if in_http else None
    outermost = http or echo
    outermost.step(0.0)
    if data:
        outermost.receive(data, 1.0)
    outermost.ended(Ended.EOF, 2.0, 1.0)
    failures = [one.failure for one in (http, echo) if one is not None and one.failure is not None]
    if echo.answers:
        assert len(echo.answers) == 1
        assert len(failures) <= 0, failures
        return "value"
    assert len(failures) == 1, failures
    # An answer that stops early ends with the connection.
    assert failures[0].failure in (FailureKind.PROTOCOL_ERROR, FailureKind.CLOSED)
    return "protocol error"


def _mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[at:at] = chance.randbytes(chance.randrange(1, 4))
            case 1:
                del changed[at : at + chance.randrange(1, 4)]
            case 2:
                del changed[at:]
            case _:
                changed[at : at + 1] = chance.randbytes(1)
    return bytes(changed)
