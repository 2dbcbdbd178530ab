"""Broken answers of cards and readers, the same each time: changed samples and random bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.card_image import image_names, load_image

CASES = 200_000
"""Per codec, as the issue of a card's codecs asks for; each takes a few seconds."""


def broken(samples: Sequence[bytes], cases: int, seed: str) -> Iterator[bytes]:
    """Yield samples with bytes changed, cut, doubled and put in, and every tenth time noise."""
    chance = random.Random(seed)
    for number in range(cases):
        if number % 10 == 0:
            yield chance.randbytes(chance.randrange(64))
            continue
        data = bytearray(chance.choice(samples))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(4):
                case 0 if at < len(data):
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at:]
                case 2:
                    data[at:at] = chance.randbytes(chance.randrange(1, 4))
                case _:
                    data[at:at] = data[at : at + 8]
        yield bytes(data)


def survive(parse: Callable[[bytes], object], cases: Iterator[bytes]) -> tuple[int, int]:
    """Return how many were taken and how many refused; anything but RemoteWireError gets out."""
    taken = refused = 0
    for data in cases:
        try:
            parse(data)
        except RemoteWireError:
            refused += 1
        else:
            taken += 1
    return taken, refused


def samples_of_cards() -> tuple[list[bytes], list[bytes]]:
    """Return the answers to reset, and the data, of all simulated cards."""
    images = [load_image(name) for name in image_names()]
    answers = [bytes.fromhex(answer.data)[:-2] for image in images for answer in image.answers]
    return [bytes.fromhex(image.atr) for image in images], [data for data in answers if data]
