"""The process that holds the card: PC/SC calls have no time limit of their own and block for ever.

Run as a file, with nothing but the standard library and pyscard; whoever started it kills it. One
line of JSON per step:

    out  {"reader": "...", "atr": "3B68...", "protocol": 1}       powered up
    in   00A404000E31504159...                                    one command in hex
    out  {"answer": "6F15...9000"}
    out  {"code": 2148532249, "at": "transmit", "present": false}  any failure, then it ends

Source: PC/SC-lite's winscard.h and the card read fact sheet for the order of calls and the codes.
"""

from __future__ import annotations

import json
import signal
import sys
import time

ALL_BITS = 0xFFFFFFFF
PRESENT, MUTE = 0x20, 0x200
TIMEOUT = 0x8010000A
"""SCARD_E_TIMEOUT."""
NO_READERS = (0x8010002E, 0x80100009)
"""SCARD_E_NO_READERS_AVAILABLE, SCARD_E_UNKNOWN_READER."""
_SETTLE_S = 0.6
"""The virtual reader looks for its card every 0.4 s."""


class _CallError(Exception):
    """A call that failed: its code, which call it was, and what else is known."""

    def __init__(self, code: int, at: str, **more: object) -> None:
        super().__init__(code)
        self.told = {"code": code & ALL_BITS, "at": at, **more}


def main(arguments: list[str]) -> None:
    """Serve one card.

    Args:
        arguments: part of the reader's name (may be empty), seconds to wait for a card, ``next``
            where the card that is in it must be taken out first (else ``any``), and seconds after
            which this process ends by itself, whatever blocks it.
    """
    name, wait_s, which, life_s = arguments
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, float(life_s))
    try:
        reader = _Reader(name)
        reader.await_card(float(wait_s), after_another=which == "next")
        reader.serve()
    except _CallError as failed:
        _tell(failed.told)


def _tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _check(code: int, at: str, **more: object) -> None:
    if code & ALL_BITS:
        raise _CallError(code, at, **more)


class _Reader:
    """One reader, found by part of its name."""

    def __init__(self, name: str) -> None:
        from smartcard import scard

        self._scard = scard
        code, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        _check(code, "service")
        self._name = self._found(name)

    def _found(self, name: str) -> str:
        code, readers = self._scard.SCardListReaders(self._context, [])
        if code & ALL_BITS in NO_READERS:
            readers = []
        else:
            _check(code, "readers")
        matching = [reader for reader in readers if name.lower() in reader.lower()]
        if not matching:
            raise _CallError(NO_READERS[0], "readers", readers=readers)
        if len(matching) > 1:
            # The one that holds a card, else the first.
            asked = [(reader, self._scard.SCARD_STATE_UNAWARE) for reader in matching]
            code, states = self._scard.SCardGetStatusChange(self._context, 0, asked)
            if not code & ALL_BITS:
                matching = [state[0] for state in states if state[1] & PRESENT] + matching
        return str(matching[0])

    def _state(self, wait_s: float, known: int) -> tuple[int, int]:
        """Return code and event of the reader; at once where nothing is known of it yet."""
        asked = [(self._name, known)]
        code, states = self._scard.SCardGetStatusChange(self._context, int(wait_s * 1000), asked)
        event = states[0][1] & ~self._scard.SCARD_STATE_CHANGED if states else 0
        return code & ALL_BITS, event

    def await_card(self, wait_s: float, *, after_another: bool) -> None:
        """Return once a card that can be spoken to is in the reader."""
        until_s = time.monotonic() + wait_s
        event, taken_out = self._scard.SCARD_STATE_UNAWARE, not after_another
        while True:
            left_s = max(0.0, until_s - time.monotonic())
            code, event = self._state(left_s, event)
            # A reader that has just been plugged in is not yet known.
            if code == TIMEOUT or (left_s <= 0 and not (event & PRESENT and taken_out)):
                raise _CallError(TIMEOUT, "card", reader=self._name, taken_out=taken_out)
            _check(code, "card", reader=self._name)
            if not event & PRESENT:
                taken_out = True
            elif taken_out:
                if event & MUTE:
                    raise _CallError(0, "mute", reader=self._name)
                return

    def serve(self) -> None:
        """Power the card up and pass commands on until there are no more."""
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        code, card, protocol = scard.SCardConnect(
            self._context, self._name, scard.SCARD_SHARE_SHARED, protocols
        )
        _check(code, "connect", reader=self._name)
        code, _, _, _, atr = scard.SCardStatus(card)
        _check(code, "connect", reader=self._name)
        _tell({"reader": self._name, "atr": bytes(atr).hex(), "protocol": protocol})
        for line in sys.stdin:
            code, answer = scard.SCardTransmit(card, protocol, list(bytes.fromhex(line)))
            if code & ALL_BITS or len(answer) < 2:
                raise _CallError(code, "transmit", present=self._still_there())
            _tell({"answer": bytes(answer).hex()})
        scard.SCardDisconnect(card, scard.SCARD_UNPOWER_CARD)

    def _still_there(self) -> bool:
        until_s = time.monotonic() + _SETTLE_S
        while True:
            code, event = self._state(0.0, self._scard.SCARD_STATE_UNAWARE)
            if code or not event & PRESENT:
                return False
            if time.monotonic() > until_s:
                return True
            time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
