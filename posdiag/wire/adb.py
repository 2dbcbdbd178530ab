r"""What an adb server is told, both roles: which devices are there, and a command for one of them.

    000Chost:devices          ->  OKAY 0015 "emulator-5554\tdevice\n", then the end
    0012host:transport:X      ->  OKAY   (or FAIL, 4 hex digits, words)
    000Dshell:getprop         ->  OKAY   then what the command says, until the end

The server is another program on this laptop; here nothing ever starts one. One connection serves
one command.

Source: AOSP ``packages/modules/adb``, OVERVIEW.TXT and SERVICES.TXT.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

PORT: Final = 5037
MAX_OUTPUT: Final = 1 << 19
OKAY: Final = b"OKAY"
FAIL: Final = b"FAIL"
_SERIAL = re.compile(r"[A-Za-z0-9._:%\[\]-]{1,128}")
_LENGTH = re.compile(rb"[0-9A-Fa-f]{4}")

_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.RESET: FailureKind.RESET,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}
_REFUSALS = (
    ("unauthorized", FailureKind.PERMISSION),
    ("offline", FailureKind.GONE),
    ("still authorizing", FailureKind.PERMISSION),
    ("no permissions", FailureKind.PERMISSION),
    ("not found", FailureKind.NOT_FOUND),
    ("no devices", FailureKind.NOT_FOUND),
)


class AdbDevice(NamedTuple):
    """A device that the server knows.

    Attributes:
        state: ``device`` where it can be asked; ``unauthorized``, ``offline`` ...
    """

    serial: str
    state: str


def frame(text: str) -> bytes:
    """Return a request: its length as 4 hex digits, then the text."""
    data = text.encode()
    if len(data) > 0xFFFF:
        raise LocalWireError("request too long", field="length")
    return b"%04X" % len(data) + data


def counted(data: bytes) -> tuple[bytes, bytes] | None:
    """Return what a length of 4 hex digits counts, and the rest; None where bytes are missing.

    Raises:
        RemoteWireError: no length.
    """
    if len(data) < 4:
        return None
    if not _LENGTH.fullmatch(data[:4]):
        raise RemoteWireError("expected 4 hex digits", field="length")
    end = 4 + int(data[:4], 16)
    return (data[4:end], data[end:]) if len(data) >= end else None


def devices_in(listing: str) -> list[AdbDevice]:
    """Return the devices of a listing; lines that are none are left out."""
    found: list[AdbDevice] = []
    for line in listing.splitlines():
        serial, _, state = line.partition("\t")
        if _SERIAL.fullmatch(serial.strip()) and state.strip():
            found.append(AdbDevice(serial.strip(), state.strip()))
    return found


class AdbConversation:
    """Sends requests one after the other, each after OKAY, then reads to the end.

    Attributes:
        output: what came after the last OKAY; kept as far as it came where the end did not.
        complete: the peer closed after it.
        failure: why it is not complete.
    """

    def __init__(self, *requests: str, limit_s: float, most: int = MAX_OUTPUT) -> None:
        """Prepare; nothing is sent yet.

        Args:
            requests: in order.
            limit_s: how long the server, and the device behind it, may be silent.
            most: bytes of output that are kept; more ends it.
        """
        self.output = b""
        self.complete = False
        self.failure: Failed | None = None
        self._requests = [frame(text) for text in requests]
        self._limit_s = limit_s
        self._most = most
        self._status = b""
        self._sent = 0
        self._accepted = 0
        self._over = False

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if self._sent == self._accepted < len(self._requests):
            self._sent += 1
            return Send(self._requests[self._sent - 1])
        return Wait(self._limit_s, Operation.READ_STATUS)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the server."""
        if self._over:
            return
        if self._accepted == len(self._requests):
            self._keep(data)
            return
        self._status += data
        try:
            self._judge()
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record that nothing comes."""
        if self._over:
            return
        if why is Ended.EOF and self._accepted == len(self._requests):
            self.complete = self._over = True
            return
        kind = _KINDS.get(why, FailureKind.CLOSED)
        waits = kind in (FailureKind.SILENT, FailureKind.CENSORED)
        self._fail(kind, "", waited_s if waits else None)

    def _keep(self, data: bytes) -> None:
        self.output += data
        if len(self.output) > self._most:
            self.output = self.output[: self._most]
            self._fail(FailureKind.PROTOCOL_ERROR, "more than anything asked for can be")

    def _judge(self) -> None:
        if len(self._status) < 4:
            return
        status, rest = self._status[:4], self._status[4:]
        if status == OKAY:
            self._accepted += 1
            self._status = b""
            if self._accepted == len(self._requests):
                self._keep(rest)
            elif rest:
                raise RemoteWireError("bytes before the next request", field="status")
        elif status == FAIL:
            told = counted(rest)
            if told is not None:
                self._refused(told[0].decode("utf-8", errors="replace"))
        else:
            raise RemoteWireError("neither OKAY nor FAIL", field="status")

    def _refused(self, words: str) -> None:
        for part, kind in _REFUSALS:
            if part in words.lower():
                # The server's words name the device: kept out of what is saved.
                self._fail(kind, f"adb: {part}")
                return
        self._fail(FailureKind.PROTOCOL_ERROR, "adb refused the request")

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)
        self._over = True


class DevicesConversation(AdbConversation):
    """Asks which devices the server knows."""

    def __init__(self, *, limit_s: float) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__("host:devices", limit_s=limit_s)

    def devices(self) -> list[AdbDevice]:
        """Return the devices.

        Raises:
            RemoteWireError: what came is no list.
        """
        told = counted(self.output)
        if told is None:
            raise RemoteWireError("the list is cut", field="length")
        return devices_in(told[0].decode("utf-8", errors="replace"))


def shell_conversation(serial: str, script: str, *, limit_s: float) -> AdbConversation:
    """Return a conversation that has a device run a script.

    Raises:
        LocalWireError: what cannot be a device's name.
    """
    if not _SERIAL.fullmatch(serial):
        raise LocalWireError("not a name of a device", field="serial")
    return AdbConversation(f"host:transport:{serial}", f"shell:{script}", limit_s=limit_s)


class AdbServer:
    """Answers like an adb server on one connection (server side).

    Attributes:
        requests: what came, in order.
        finished: the connection ends after the answer.
    """

    def __init__(self, devices: dict[str, str]) -> None:
        """Keep the devices: serial -> state."""
        self._devices = devices
        self._data = b""
        self._chosen = ""
        self.requests: list[str] = []
        self.finished = False
        self.script: str | None = None

    def feed(self, data: bytes) -> bytes:
        """Return what the server answers; ``script`` is set where a device is to run one.

        Raises:
            RemoteWireError: bytes that are no request.
        """
        self._data += data
        answer = b""
        while not self.finished and self.script is None:
            told = counted(self._data)
            if told is None:
                break
            request, self._data = told[0].decode("utf-8", errors="replace"), told[1]
            self.requests.append(request)
            answer += self._answer(request)
        return answer

    def _answer(self, request: str) -> bytes:
        if request == "host:devices":
            self.finished = True
            listing = "".join(f"{name}\t{state}\n" for name, state in self._devices.items())
            return OKAY + frame(listing)
        if request.startswith("host:transport:"):
            serial = request.removeprefix("host:transport:")
            state = self._devices.get(serial)
            if state == "device":
                self._chosen = serial
                return OKAY
            self.finished = True
            why = f"device '{serial}' not found" if state is None else f"device {state}."
            return FAIL + frame(why)
        if request.startswith("shell:") and self._chosen:
            self.script = request.removeprefix("shell:")
            return OKAY
        self.finished = True
        return FAIL + frame("unknown host service")
