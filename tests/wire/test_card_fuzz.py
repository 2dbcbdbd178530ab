"""200,000 broken inputs per codec: only the codec's own error, in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from posdiag.model.errors import RemoteWireError
from posdiag.wire import atr, emv_commands, tlv, tracks
from tests.wire.card_fuzz import CASES, broken, samples_of_cards, survive
from tests.wire.swipe_samples import SWIPES

ATRS, DATA = samples_of_cards()
AFLS = [bytes.fromhex(text) for text in ("08010100", "0801010010010201", "1801020020010100")]


@pytest.mark.parametrize(
    ("codec", "samples"),
    [
        (tlv.parse, DATA),
        (atr.parse, ATRS),
        (emv_commands.located, AFLS),
        (tracks.parse, [text.encode() for text in SWIPES.values()]),
    ],
    ids=["tlv", "atr", "afl", "tracks"],
)
def test_only_its_own_error(codec: object, samples: list[bytes], request: object) -> None:
    assert callable(codec)
    taken, refused = survive(codec, broken(samples, CASES, "cards"))
    assert taken + refused == CASES == 200_000
    assert taken
    # Tracks are never refused for what is in them: a swipe has a state, whatever it holds.
    assert refused or codec is tracks.parse


def _deep(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = tlv.encode("70", data)
    return data


BOMBS = {
    "nesting": _deep(1000),
    "nesting_of_the_allowed_size": _deep(400),
    "length_of_four_gigabytes": b"\x70\x84\xff\xff\xff\xff",
    "length_of_64_kilobytes": b"\x70\x82\xff\xff",
    "many_objects": b"\x5a\x00" * 2000,
    "huge": bytes(1 << 20),
    "endless_tag": b"\x1f" + b"\xff" * 4000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(name: str) -> None:
    tracemalloc.start()
    began_s = time.perf_counter()
    with pytest.raises(RemoteWireError):
        tlv.parse(BOMBS[name])
    took_s = time.perf_counter() - began_s
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took_s < 0.5
    assert peak < 1 << 20


def test_a_locator_of_every_record_is_refused() -> None:
    with pytest.raises(RemoteWireError):
        emv_commands.located(bytes([0x08, 1, 255, 0]) * 60)


def test_a_swipe_of_a_megabyte_is_refused() -> None:
    with pytest.raises(RemoteWireError):
        tracks.parse(b";" * (1 << 20))
