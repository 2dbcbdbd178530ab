"""Time servers: offsets in both eras, refusals, strangers, silence and strange bytes."""

from __future__ import annotations

import random

import pytest

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import FailureKind, Operation
from posdiag.wire.conversation import Ended
from posdiag.wire.ntp import NtpConversation, ntp_answer
from tests.wire.played import Late, play

COOKIE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
# The driver's clock of ``play`` begins at 100.
WALL_S = 1_795_000_000.0 - 100

# Built by hand from the layout of RFC 5905: stratum 1, reference GPS, times half a second apart.
ANSWER = bytes.fromhex(
    "240106ec 00000000 00000000 47505300 edb2a8b0 00000000".replace(" ", "")
    + COOKIE.hex()
    + "edb2a8c080000000"
    + "edb2a8c0c0000000"
)


def _asks(wall_s: float = WALL_S) -> NtpConversation:
    return NtpConversation(COOKIE, wall_at_zero_s=wall_s)


@pytest.mark.parametrize("offset_s", [0.0, 0.25, -3600.0, 86400.0 * 400, -86400.0 * 5000])
@pytest.mark.parametrize("wall_s", [WALL_S, 2_300_000_000.0])
def test_the_offset(offset_s: float, wall_s: float) -> None:
    asked = _asks(wall_s)
    answer = play(asked, lambda data: ntp_answer(data, wall_s + 100.0005 + offset_s))
    assert asked.failure is None
    assert asked.offset_s == pytest.approx(offset_s, abs=0.001)
    assert asked.round_trip_s == pytest.approx(0.001, abs=0.0005)
    assert asked.stratum == 2
    assert len(answer.sent) == 1


def test_the_request() -> None:
    (sent,) = play(_asks(), lambda data: ntp_answer(data, WALL_S)).sent
    assert sent == b"\x23" + bytes(39) + COOKIE


def test_a_frame_that_was_built_by_hand() -> None:
    asked = _asks()
    assert len(ANSWER) == 48
    play(asked, lambda _: ANSWER)
    seconds = 0xEDB2A8C0 - 2_208_988_800
    assert asked.stratum == 1
    assert asked.offset_s == pytest.approx(seconds + 0.625 - 1_795_000_000, abs=0.01)


@pytest.mark.parametrize(
    ("stratum", "leap", "kind", "detail"),
    [
        (0, 0, FailureKind.PROTOCOL_ERROR, "RATE"),
        (2, 3, FailureKind.STALE, "not in step"),
        (16, 0, FailureKind.STALE, "not in step"),
    ],
)
def test_answers_without_a_time(stratum: int, leap: int, kind: FailureKind, detail: str) -> None:
    asked = _asks()
    play(asked, lambda data: ntp_answer(data, WALL_S, stratum=stratum, leap=leap))
    assert asked.offset_s is None
    assert asked.failure is not None
    assert (asked.failure.failure, asked.failure.operation) == (kind, Operation.ASK_TIME)
    assert detail in asked.failure.detail


def test_strangers_are_passed_over() -> None:
    asked = _asks()

    def device(data: bytes) -> list[Late]:
        other = ntp_answer(data, 0.0)
        forged = other[:24] + bytes(8) + other[32:]
        good = ntp_answer(data, WALL_S + 100)
        return [Late(0.1, forged), Late(0.2, b"short"), Late(0.3, good)]

    play(asked, device)
    assert asked.offset_s is not None
    assert abs(asked.offset_s) < 1


def test_a_second_query_after_silence() -> None:
    asked, answers = _asks(), [b"", None]

    def device(data: bytes) -> bytes:
        told = answers.pop(0)
        return ntp_answer(data, WALL_S + 101.5) if told is None else told

    assert len(play(asked, device).sent) == 2
    assert asked.offset_s == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("end", "budget_s", "kind"),
    [
        (None, 100.0, FailureKind.SILENT),
        (None, 1.0, FailureKind.CENSORED),
        (Ended.REFUSED, 100.0, FailureKind.REFUSED),
        (Ended.UNREACHABLE, 100.0, FailureKind.UNREACHABLE),
    ],
)
def test_no_answer(end: Ended | None, budget_s: float, kind: FailureKind) -> None:
    asked = _asks()
    play(asked, lambda _: b"", end=end, budget_s=budget_s)
    assert asked.failure is not None
    assert asked.failure.failure is kind
    if kind is FailureKind.SILENT:
        assert asked.failure.waited_s == pytest.approx(3.0)


def test_what_is_refused() -> None:
    with pytest.raises(LocalWireError):
        NtpConversation(b"short", wall_at_zero_s=0.0)
    for strange in (b"", bytes(48), b"\x24" + bytes(47)):
        with pytest.raises(RemoteWireError):
            ntp_answer(strange, 0.0)


def test_20_000_strange_answers() -> None:
    chance, good = random.Random(123), ntp_answer(b"\x23" + bytes(39) + COOKIE, WALL_S)
    kinds = set()
    for _ in range(20_000):
        asked = _asks()
        asked.step(100.0)
        data = bytearray(good)
        for _ in range(chance.randrange(6)):
            data[chance.randrange(48)] = chance.randrange(256)
        asked.receive(bytes(data[: chance.choice((48, 48, 47))]), 100.1)
        asked.ended(Ended.BUDGET, 101.0, 1.0)
        assert (asked.failure is None) == (asked.offset_s is not None)
        kinds.add(asked.failure.failure if asked.failure else None)
    assert kinds >= {None, FailureKind.PROTOCOL_ERROR, FailureKind.CENSORED, FailureKind.STALE}
