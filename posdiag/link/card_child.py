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
from typing import Any

ALL_BITS = 0xFFFFFFFF
PRESENT, MUTE = 0x20, 0x200
TIMEOUT = 0x8010000A
"""SCARD_E_TIMEOUT."""
NO_READERS = (0x8010002E, 0x80100009)
"""SCARD_E_NO_READERS_AVAILABLE, SCARD_E_UNKNOWN_READER."""
_SETTLE_S = 0.6
"""The virtual reader looks for its card every 0.4 s."""


class _Failed(Exception):
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
        _serve(name, float(wait_s), wait_for_removal=which == "next")
    except _Failed as failed:
        _tell(failed.told)


def _tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _serve(name: str, wait_s: float, *, wait_for_removal: bool) -> None:
    from smartcard import scard

    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    _check(code, "service")
    reader = _reader(scard, context, name)
    _await_card(scard, context, reader, wait_s, wait_for_removal=wait_for_removal)
    protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
    code, card, protocol = scard.SCardConnect(
        context, reader, scard.SCARD_SHARE_SHARED, protocols
    )
    _check(code, "connect", reader=reader)
    code, _, _, _, atr = scard.SCardStatus(card)
    _check(code, "connect", reader=reader)
    _tell({"reader": reader, "atr": bytes(atr).hex(), "protocol": protocol})
    for line in sys.stdin:
        command = list(bytes.fromhex(line))
        code, answer = scard.SCardTransmit(card, protocol, command)
        if code & ALL_BITS or len(answer) < 2:
            present = _still_there(scard, context, reader)
            raise _Failed(code, "transmit", present=present, length=len(answer or []))
        _tell({"answer": bytes(answer).hex()})
    scard.SCardDisconnect(card, scard.SCARD_UNPOWER_CARD)


def _check(code: int, at: str, **more: object) -> None:
    if code & ALL_BITS:
        raise _Failed(code, at, **more)


def _reader(scard: Any, context: Any, name: str) -> str:
    code, readers = scard.SCardListReaders(context, [])
    if code & ALL_BITS in NO_READERS:
        readers = []
    else:
        _check(code, "readers")
    matching = [reader for reader in readers if name.lower() in reader.lower()]
    if not matching:
        raise _Failed(NO_READERS[0], "readers", readers=readers)
    if len(matching) > 1:
        # The one that holds a card, else the first.
        asked = [(reader, scard.SCARD_STATE_UNAWARE) for reader in matching]
        code, states = scard.SCardGetStatusChange(context, 0, asked)
        if not code & ALL_BITS:
            matching = [r for r, event, _ in states if event & PRESENT] + matching
    return str(matching[0])


def _await_card(
    scard: Any, context: Any, reader: str, wait_s: float, *, wait_for_removal: bool
) -> None:
    """Return once a card that can be spoken to is in the reader."""
    until_s = time.monotonic() + wait_s
    event = scard.SCARD_STATE_UNAWARE
    taken_out = not wait_for_removal
    while True:
        left_s = max(0.0, until_s - time.monotonic())
        # The first call comes back at once with what is so now.
        code, states = scard.SCardGetStatusChange(context, int(left_s * 1000), [(reader, event)])
        if code & ALL_BITS == TIMEOUT or (left_s <= 0 and event):
            raise _Failed(TIMEOUT, "card", reader=reader, taken_out=taken_out)
        _check(code, "card", reader=reader)
        event = states[0][1] & ~scard.SCARD_STATE_CHANGED
        if not event & PRESENT:
            taken_out = True
        elif taken_out:
            if event & MUTE:
                raise _Failed(0, "mute", reader=reader)
            return


def _still_there(scard: Any, context: Any, reader: str) -> bool:
    until_s = time.monotonic() + _SETTLE_S
    while True:
        unaware = [(reader, scard.SCARD_STATE_UNAWARE)]
        code, states = scard.SCardGetStatusChange(context, 0, unaware)
        if code & ALL_BITS or not states[0][1] & PRESENT:
            return False
        if time.monotonic() > until_s:
            return True
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
