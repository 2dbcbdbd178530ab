r"""What a UPS server (Network UPS Tools) says, both roles: lines, values, the conversation.

    LIST VAR shop  ->  BEGIN LIST VAR shop
                       VAR shop ups.status "OL CHRG"
                       VAR shop input.voltage "230.4"
                       END LIST VAR shop

One request per line, ended by LF (CRLF is accepted); values in double quotes, ``\"`` and ``\\``
escaped. Reading needs no login, and nothing but ``LIST`` is ever sent.

Source: RFC 9271 (protocol 1.3); the error codes and ``WAIT`` as upsd 2.8.0 says them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.observation import Failed, FailureKind, Operation
from posdiag.wire.conversation import Done, Ended, Send, Step, Wait

PORT: Final = 3493
MAX_LINE: Final = 2048
MAX_LINES: Final = 1000
"""In one list. The largest devices publish some three hundred variables."""

_WAIT_AGAIN_S = 0.5
_WAIT_TRIES = 4
"""``WAIT`` lasts one to two seconds after the driver's start."""

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_NAME = re.compile(r"[A-Za-z0-9._:@-]{1,128}")

_KINDS = {
    Ended.LIMIT: FailureKind.SILENT,
    Ended.BUDGET: FailureKind.CENSORED,
    Ended.EOF: FailureKind.CLOSED,
    Ended.RESET: FailureKind.RESET,
    Ended.REFUSED: FailureKind.REFUSED,
    Ended.UNREACHABLE: FailureKind.UNREACHABLE,
    Ended.TOO_MUCH: FailureKind.PROTOCOL_ERROR,
}
_ERRORS = {
    "DATA-STALE": FailureKind.STALE,
    "DRIVER-NOT-CONNECTED": FailureKind.DRIVER_NOT_CONNECTED,
    # A wrong name in the site file says nothing about the power.
    "UNKNOWN-UPS": FailureKind.NOT_FOUND,
}


def quoted(text: str) -> str:
    """Return a value in quotes, escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words(line: bytes) -> list[str]:
    """Return the words of a line, quotes and escapes taken away.

    Bytes that are no UTF-8 become replacement characters: drivers pass on what a UPS calls itself.

    Raises:
        RemoteWireError: control characters, or quotes that do not end.
    """
    text = line.decode("utf-8", errors="replace")
    if any(ord(sign) < 0x20 and sign != "\t" for sign in text):
        raise RemoteWireError("control characters in a line", field="line")
    found: list[str] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RemoteWireError("quotes do not match", field="line", offset=at)
        inside, plain = match.groups()
        found.append(plain if inside is None else re.sub(r"\\(.)", r"\1", inside))
        at = match.end()
    return found


class LineBuffer:
    """Takes bytes as they come and gives whole lines without their ends."""

    def __init__(self) -> None:
        """Start empty."""
        self._data = bytearray()

    @property
    def rest(self) -> int:
        """Return how many bytes of an unfinished line there are."""
        return len(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that these bytes complete.

        Raises:
            RemoteWireError: a line of more than 2,048 bytes.
        """
        self._data += data
        *lines, rest = bytes(self._data).split(b"\n")
        self._data = bytearray(rest)
        if any(len(line) > MAX_LINE for line in (*lines, rest)):
            raise RemoteWireError("line too long", field="line", offset=MAX_LINE)
        return [line.removesuffix(b"\r") for line in lines]


class UpsState(NamedTuple):
    """What the variables of a UPS say; None where one is missing or is no number.

    Attributes:
        words: of ``ups.status``, sorted; unknown ones are kept.
        load: 1.0 is the rated load.
        low_v: below this input it goes to battery.
        high_v: above this input it goes to battery.
        margin_v: input above the low limit; where there is none, above nominal less 10 % (choice).
    """

    words: tuple[str, ...]
    load: float | None
    charge: float | None
    input_v: float | None
    low_v: float | None
    high_v: float | None
    margin_v: float | None

    @property
    def known(self) -> bool:
        """Return whether the server has data at all (``WAIT``: not yet)."""
        return bool(self.words) and "WAIT" not in self.words

    @property
    def on_battery(self) -> bool:
        """Return whether the mains are not used; a forced shutdown (``FSD``) counts as such."""
        return "OB" in self.words or "FSD" in self.words

    @property
    def low_battery(self) -> bool:
        """Return whether the battery is nearly empty; likewise."""
        return "LB" in self.words or "FSD" in self.words

    @property
    def is_outside(self) -> bool:
        """Return whether the mains are below what the UPS takes, or above."""
        is_high = self.high_v is not None and (self.input_v or 0.0) > self.high_v
        return is_high or (self.margin_v is not None and self.margin_v < 0)

    @property
    def overload(self) -> bool:
        """Return whether the load is more than rated."""
        return "OVER" in self.words

    @property
    def replace_battery(self) -> bool:
        """Return whether it asks for a new battery."""
        return "RB" in self.words


def interpret(variables: Mapping[str, str]) -> UpsState:
    """Return what the variables say."""

    def number(name: str) -> float | None:
        text = variables.get(name, "").strip()
        return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None

    def ratio(name: str) -> float | None:
        percent = number(name)
        return None if percent is None else percent / 100

    input_v, low_v = number("input.voltage"), number("input.transfer.low")
    nominal_v = number("input.voltage.nominal")
    limit_v = low_v if low_v is not None or nominal_v is None else nominal_v * 0.9
    return UpsState(
        words=tuple(sorted(set(variables.get("ups.status", "").split()))),
        load=ratio("ups.load"),
        charge=ratio("battery.charge"),
        input_v=input_v,
        low_v=low_v,
        high_v=number("input.transfer.high"),
        margin_v=None if input_v is None or limit_v is None else round(input_v - limit_v, 3),
    )


class UpsConversation:
    """Asks a UPS server for all variables of one UPS.

    Attributes:
        ups: name of the UPS; the first that the server lists where none was given.
        variables: name -> value, complete or empty.
        failure: None when they came.
    """

    def __init__(self, ups: str = "", *, limit_s: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            ups: name in the server, empty for the first one.
            limit_s: how long the server may be silent.

        Raises:
            LocalWireError: a name that cannot be one.
        """
        if ups and not _NAME.fullmatch(ups):
            raise LocalWireError("not a name of a UPS", field="ups")
        self.ups = ups
        self.variables: dict[str, str] = {}
        self.failure: Failed | None = None
        self._limit_s = limit_s
        self._lines = LineBuffer()
        self._list: list[list[str]] | None = None
        self._pause = False
        self._waits = 0
        self._to_send = True
        self._over = False

    @property
    def _subject(self) -> list[str]:
        """Return the words that name the list in its first and last line."""
        return ["LIST", "VAR", self.ups] if self.ups else ["LIST", "UPS"]

    def step(self, now_s: float) -> Step:
        """Return what to do next."""
        if self._over:
            return Done()
        if self._pause:
            return Wait(_WAIT_AGAIN_S, Operation.READ_STATUS)
        if self._to_send:
            self._to_send, self._list = False, None
            return Send(" ".join(self._subject).encode("ascii") + b"\n")
        return Wait(self._limit_s, Operation.READ_STATUS)

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the server."""
        if self._over:
            return
        try:
            for line in self._lines.feed(data):
                if not self._over:
                    self._take(words(line))
        except RemoteWireError as error:
            self._fail(FailureKind.PROTOCOL_ERROR, str(error))

    def ended(self, why: Ended, now_s: float, waited_s: float) -> None:
        """Record why nothing more comes."""
        if self._over:
            return
        if self._pause:
            # The last answer was WAIT: it stands if there is no time to ask again.
            self._pause, self._to_send, self._over = False, True, why is not Ended.LIMIT
        elif why is Ended.LIMIT and (self._list is not None or self._lines.rest):
            self._fail(FailureKind.PROTOCOL_ERROR, "the answer stopped half-way")
        else:
            waits = why in (Ended.LIMIT, Ended.BUDGET)
            self._fail(_KINDS[why], "", waited_s if waits else None)

    def _take(self, line: list[str]) -> None:
        if self._pause or not line:
            raise RemoteWireError("a line that nobody asked for", field="line")
        kind, body = line[0].upper(), line[1:]
        if kind == "ERR":
            code = body[0].upper() if body else ""
            detail = code if _NAME.fullmatch(code) else "error without a code"
            self._fail(_ERRORS.get(code, FailureKind.PROTOCOL_ERROR), detail)
        elif kind == "BEGIN" and self._list is None and self._is_subject(body):
            self._list = []
        elif kind == "END" and self._list is not None and self._is_subject(body):
            self._complete(self._list)
        elif self._list is None or kind != self._subject[1] or len(self._list) >= MAX_LINES:
            raise RemoteWireError("not a line of the list that was asked for", field="line")
        else:
            self._list.append(body)

    def _is_subject(self, body: list[str]) -> bool:
        # Names and commands are case-insensitive.
        return [word.lower() for word in body] == [word.lower() for word in self._subject]

    def _complete(self, entries: list[list[str]]) -> None:
        self._list = None
        if not self.ups:
            self._choose(entries)
            return
        if any(len(entry) != 3 for entry in entries):
            raise RemoteWireError("a variable without name or value", field="VAR")
        self.variables = {name: value for _, name, value in entries}
        state = interpret(self.variables)
        if not state.words:
            self._fail(FailureKind.PROTOCOL_ERROR, "no ups.status among the variables")
        elif not state.known and self._waits < _WAIT_TRIES:
            self._waits += 1
            self._pause = True
        else:
            self._over = True

    def _choose(self, entries: list[list[str]]) -> None:
        if not entries:
            self._fail(FailureKind.NOT_FOUND, "the server has no UPS")
        elif not entries[0] or not _NAME.fullmatch(entries[0][0]):
            raise RemoteWireError("not a name of a UPS", field="UPS")
        else:
            self.ups, self._to_send = entries[0][0], True

    def _fail(self, kind: FailureKind, detail: str, waited_s: float | None = None) -> None:
        self.variables = {}
        self.failure = Failed(kind, Operation.READ_STATUS, detail, waited_s)
        self._over = True


class UpsServer:
    """Answers like upsd for one UPS (server side).

    Attributes:
        requests: lines that came.
    """

    def __init__(self, ups: str, variables: Mapping[str, str], *, error: str = "") -> None:
        """Keep what to say.

        Args:
            ups: its name.
            variables: name -> value.
            error: code that every question about variables gets instead (``DATA-STALE``).
        """
        self._ups = ups
        self._variables = dict(variables)
        self._error = error
        self._lines = LineBuffer()
        self.requests: list[str] = []

    def feed(self, data: bytes) -> bytes:
        """Return what the server answers.

        Raises:
            RemoteWireError: bytes that are no requests.
        """
        answer = [self._answer(words(line)) for line in self._lines.feed(data)]
        return "".join(f"{line}\n" for lines in answer for line in lines).encode()

    def _answer(self, request: list[str]) -> list[str]:
        self.requests.append(" ".join(request))
        match [word.upper() for word in request[:2]]:
            case ["LIST", "UPS"] if len(request) == 2:
                entry = f"UPS {self._ups} {quoted('Counter UPS')}"
                return ["BEGIN LIST UPS", entry, "END LIST UPS"]
            case ["LIST", "VAR"] if len(request) == 3:
                return self._refusal(request[2]) or self._all()
            case ["GET", "VAR"] if len(request) == 4:
                return self._refusal(request[2]) or self._one(request[3])
            case ["NETVER"] | ["PROTVER"]:
                return ["1.3"]
            case ["LOGOUT"]:
                return ["OK Goodbye"]
            case ["LIST" | "GET", *_]:
                return ["ERR INVALID-ARGUMENT"]
            case _:
                return ["ERR UNKNOWN-COMMAND"]

    def _refusal(self, ups: str) -> list[str]:
        if ups.lower() != self._ups.lower():
            return ["ERR UNKNOWN-UPS"]
        return [f"ERR {self._error}"] if self._error else []

    def _all(self) -> list[str]:
        entries = [line for name in self._variables for line in self._one(name)]
        return [f"BEGIN LIST VAR {self._ups}", *entries, f"END LIST VAR {self._ups}"]

    def _one(self, name: str) -> list[str]:
        if name not in self._variables:
            return ["ERR VAR-NOT-SUPPORTED"]
        return [f"VAR {self._ups} {name} {quoted(self._variables[name])}"]
