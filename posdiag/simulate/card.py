"""A simulated chip card: in a reader of its own over TCP, or in the virtual reader of a real pcscd.

Frames are those of the vsmartcard project's vpcd (``posdiag.wire.card_frames``). In the first case
we listen and the reader's side connects; in the second we connect to the virtual reader.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import socket
import threading
from typing import Final

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.card_image import CardImage, PlayedCard, image_names, load_image
from posdiag.simulate.listener import Listener
from posdiag.wire.card_frames import GET_ATR, FrameBuffer, encode

TEST_PAN: Final = "6200000000000005"
"""Public test number, the one of most images."""
_POLL_S = 0.1
_EXPIRY = re.compile("5F2403[0-9]{6}")


class CardFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which card is in the reader, and what is wrong with it beyond its image.

    Attributes:
        image: name of a card below ``posdiag/simulate/cards``.
        absent: no card in the reader.
        mute: the chip does not answer its reset.
        expires: another last day of validity.
        silent_after: commands after which the card says nothing more; None: as the image has it.
        pulled_after: commands after which the card is taken out; None: likewise.
    """

    image: str = "unionpay"
    absent: bool = False
    mute: bool = False
    expires: datetime.date | None = None
    silent_after: int | None = None
    pulled_after: int | None = None

    def __post_init__(self) -> None:
        if self.image not in image_names():
            raise ValueError(f"card.image is one of {', '.join(image_names())}")

    def card(self) -> CardImage:
        """Return the image with these faults."""
        image = load_image(self.image)
        replace = msgspec.structs.replace
        if self.mute:
            image = replace(image, mute=True)
        if self.expires is not None:
            tag = f"5F2403{self.expires:%y%m%d}"
            answers = [replace(a, data=_EXPIRY.sub(tag, a.data)) for a in image.answers]
            image = replace(image, answers=answers)
        if self.silent_after is not None:
            image = replace(image, after=self.silent_after, then="silent")
        if self.pulled_after is not None:
            image = replace(image, after=self.pulled_after, then="removed")
        return image


class SimulatedCard:
    """Serves one reader at ``socket://127.0.0.1:<port>``.

    Attributes:
        path: what a site file calls the reader, after ``start``.
        journal: instruction bytes of the commands that came.
    """

    def __init__(self, faults: CardFaults) -> None:
        """Keep the faults; nothing is bound yet."""
        self._faults = faults
        self._image = faults.card()
        self._listener = Listener(self._serve)
        self.path = ""
        self.journal: list[str] = []

    def start(self) -> None:
        """Bind a free port on loopback and serve it in daemon threads."""
        self._listener.start()
        self.path = f"socket://{self._listener.address}:{self._listener.port}"

    def stop(self) -> None:
        """Close the reader and its connections."""
        self._listener.stop()

    def _serve(self, link: socket.socket) -> None:
        frames, card = FrameBuffer(), PlayedCard(self._image)
        with contextlib.suppress(RemoteWireError):
            while data := self._listener.receive(link):
                frames.feed(data)
                while (body := frames.next()) is not None:
                    if len(body) > 1:
                        self.journal.append(body[1:2].hex())
                    if self._faults.absent and body == bytes([GET_ATR]):
                        link.sendall(encode(b""))
                    elif not _reply(link, card, body):
                        return


class CardInVirtualReader:
    """A card in the virtual reader of a running pcscd. Use it in a ``with`` statement."""

    def __init__(self, image: CardImage, port: int, address: str = "127.0.0.1") -> None:
        """Keep the card; it is not yet in the reader.

        Args:
            image: the card.
            port: where the virtual reader listens (35963 as its package comes).
            address: likewise.
        """
        self._card = PlayedCard(image)
        self._target = (address, port)
        self._out = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="card", daemon=True)
        self._link: socket.socket | None = None

    @property
    def out(self) -> bool:
        """Return whether the card is no longer in the reader."""
        return self._out.is_set()

    def __enter__(self) -> CardInVirtualReader:
        """Put the card in.

        Raises:
            OSError: no virtual reader listens there.
        """
        self._link = socket.create_connection(self._target, timeout=5)
        self._link.settimeout(_POLL_S)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it out."""
        self._out.set()
        self._thread.join(5)

    def _serve(self) -> None:
        assert self._link is not None  # noqa: S101  (set by __enter__, which starts this thread)
        frames = FrameBuffer()
        with self._link as link, contextlib.suppress(OSError, RemoteWireError):
            while not self._out.is_set():
                with contextlib.suppress(TimeoutError):
                    data = link.recv(4096)
                    if not data:
                        break
                    frames.feed(data)
                    while (body := frames.next()) is not None:
                        if not _reply(link, self._card, body):
                            return
        self._out.set()


def _reply(link: socket.socket, card: PlayedCard, body: bytes) -> bool:
    """Answer one frame; return False where the card is taken out."""
    if body == bytes([GET_ATR]):
        link.sendall(encode(card.answer_to_reset()))
    elif len(body) == 1:  # power off, power on or reset: no answer
        card.reset()
    elif body:
        answer = card.answer(body)
        if answer == b"":
            return False
        if answer is not None:
            link.sendall(encode(answer))
    return True
