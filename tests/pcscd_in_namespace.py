"""A real pcscd with its virtual reader, alone in network and mount namespaces of its own.

Run by ``tests.real_pcscd`` as ``unshare -n -m python -m tests.pcscd_in_namespace FOLDER``: its
socket appears below FOLDER, the port of its virtual reader can be reached by nobody else (pcscd
listens on all interfaces). Each line of standard input is a command: ``insert NAME``, ``remove``,
``then SECONDS NAME`` (take out, and put another in after a while), answered by ``ok``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from posdiag.simulate.card import CardInVirtualReader
from posdiag.simulate.card_image import load_image

PORT = 0x8C7B
"""As the package vsmartcard-vpcd sets it."""
_SETTLE_S = 0.6
"""The reader looks for its card every 0.4 s."""


class _Slot:
    def __init__(self) -> None:
        self._card: CardInVirtualReader | None = None

    def insert(self, name: str) -> None:
        self.remove()
        self._card = CardInVirtualReader(load_image(name), PORT)
        self._card.__enter__()
        time.sleep(_SETTLE_S)

    def remove(self) -> None:
        if self._card is not None:
            self._card.__exit__()
            self._card = None
            time.sleep(_SETTLE_S)


def main(folder: str) -> None:
    """Serve until standard input ends."""
    for command in (["mount", "--bind", folder, "/run"], ["ip", "link", "set", "lo", "up"]):
        subprocess.run(command, check=True)
    with ExitStack() as ends:
        log = ends.enter_context(Path(folder, "log").open("w"))
        service = subprocess.Popen(["pcscd", "-f"], stdout=log, stderr=log)
        ends.callback(_stop, service)
        slot = _Slot()
        ends.callback(slot.remove)
        _await(Path(folder, "pcscd", "pcscd.comm"), service)
        _say("ready")
        for line in sys.stdin:
            _obey(slot, line.split())


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _obey(slot: _Slot, words: list[str]) -> None:
    match words:
        case ["insert", name]:
            slot.insert(name)
        case ["remove"]:
            slot.remove()
        case ["then", seconds, name]:
            _say("ok")
            time.sleep(float(seconds))
            slot.insert(name)
            return
        case _:
            raise ValueError(words)
    _say("ok")


def _await(socket: Path, service: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + 10
    while not socket.exists():
        if service.poll() is not None or time.monotonic() > until_s:
            raise SystemExit("pcscd did not start")
        time.sleep(0.02)


def _stop(service: subprocess.Popen[bytes]) -> None:
    service.terminate()
    try:
        service.wait(5)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait(5)


if __name__ == "__main__":
    main(sys.argv[1])
