r"""AT commands, both roles: lines, answers, a modem.

    AT+CSQ\r  ->  \r\n+CSQ: 17,99\r\n\r\nOK\r\n
    AT\r      ->  AT\r\r\nOK\r\n                  with echo
    AT\r      ->  0\r                             with digits for words (V0)

Lines that nobody asked for (``RING``, ``+CREG: 1``) may stand anywhere; an answer is known by the
words it begins with. Without its final result an answer is none, whatever was told before.

Source: ITU-T V.250 sections 5 and 6; 3GPP TS 27.007.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from posdiag.model.errors import RemoteWireError
from posdiag.wire.at_errors import NUMERIC, cme_number, dial_result

MAX_LINE: Final = 2048
MAX_LINES: Final = 200
"""In one answer."""
ALIVE: Final = "AT"
TELL_ERRORS: Final = "AT+CMEE=1"
HUSH_ERRORS: Final = "AT+CMEE=0"


class Reply(NamedTuple):
    """A complete answer to one command.

    Attributes:
        lines: what was told, without echo and without what nobody asked for.
        final: ``OK``, ``ERROR``, or a result word of dialling.
        error: number of ``+CME ERROR``.
    """

    command: str
    lines: tuple[str, ...]
    final: str
    error: int | None = None

    @property
    def good(self) -> bool:
        """Return whether the command was done."""
        return self.final == "OK"


class AtLines:
    """Takes bytes as they come and gives whole lines without their ends, empty ones left out."""

    def __init__(self) -> None:
        """Start empty."""
        self._data = bytearray()

    @property
    def rest(self) -> bytes:
        """Return what has not come to its end."""
        return bytes(self._data)

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that these bytes complete; control characters become blanks.

        Raises:
            RemoteWireError: a line of more than 2,048 bytes.
        """
        self._data += data
        *ended, rest = re.split(rb"[\r\n]", bytes(self._data))
        self._data = bytearray(rest)
        if any(len(line) > MAX_LINE for line in (*ended, rest)):
            self._data.clear()
            raise RemoteWireError("line too long", field="line", offset=MAX_LINE)
        lines = (line.decode("utf-8", errors="replace") for line in ended)
        clean = ("".join(s if s.isprintable() else " " for s in line).strip() for line in lines)
        return [line for line in clean if line]


class Answer:
    """Gathers the answer to one command.

    Attributes:
        reply: once it is complete.
    """

    def __init__(self, command: str, *, digits: bool) -> None:
        """Begin.

        Args:
            command: as it was sent.
            digits: results come as digits.
        """
        self.command = command
        self.reply: Reply | None = None
        self._digits = digits
        self._lines: list[str] = []
        # AT+CSQ -> +CSQ; what has no such name (ATI, AT+CGMM) is told in any words.
        name = re.match(r"AT(\+[A-Z]+)", command)
        self._name = name.group(1) if name else ""
        self._is_named = self._name not in ("", "+CGMI", "+CGMM", "+CGMR")

    def take(self, line: str) -> None:
        """Take one line.

        Raises:
            RemoteWireError: more than 200 lines.
        """
        upper = line.upper()
        if self._digits and line in NUMERIC:
            upper = NUMERIC[line]
        if upper == self.command:
            return
        if upper in ("OK", "ERROR"):
            self.reply = Reply(self.command, tuple(self._lines), upper)
        elif upper.startswith(("+CME ERROR:", "+CMS ERROR:")):
            number = cme_number(line.partition(":")[2]) if upper.startswith("+CME") else None
            self.reply = Reply(self.command, tuple(self._lines), "ERROR", number)
        elif self._belongs(upper):
            if len(self._lines) >= MAX_LINES:
                raise RemoteWireError("too many lines", field=self.command)
            self._lines.append(line)

    @property
    def misses(self) -> bool:
        """Return whether it ended well without the line that the question asks for."""
        asks = self.command not in (ALIVE, TELL_ERRORS, HUSH_ERRORS)
        return bool(self.reply and self.reply.good and asks and not self.reply.lines)

    def _belongs(self, upper: str) -> bool:
        if self._is_named:
            return upper.partition(":")[0].strip() == self._name
        if self.command == ALIVE:
            return False
        return not upper.startswith("+") or upper.startswith(f"{self._name}:")


class AtModem:
    """Answers like a modem (device side).

    Attributes:
        commands: what came, in order.
    """

    def __init__(
        self,
        answers: Mapping[str, Sequence[str]],
        *,
        echo: bool = False,
        digits: bool = False,
        unasked: Sequence[str] = (),
        dialled: str = "NO CARRIER",
    ) -> None:
        """Keep what to say.

        Args:
            answers: command -> lines; the last one may be a final result, else ``OK`` follows.
                What is not listed is ``ERROR``.
            echo: each command comes back first.
            digits: result codes as digits (``V0``).
            unasked: lines before every answer.
            dialled: result of dialling.
        """
        self._answers = {"AT": (), "AT+CMEE?": ("+CMEE: 0",), TELL_ERRORS: (), HUSH_ERRORS: ()}
        self._answers |= {command: tuple(lines) for command, lines in answers.items()}
        self._echo, self._digits, self._unasked = echo, digits, tuple(unasked)
        self._dialled = dialled
        self._lines = AtLines()
        self.commands: list[str] = []

    def feed(self, data: bytes) -> bytes:
        """Return what it answers to these bytes.

        Raises:
            RemoteWireError: a line too long.
        """
        return b"".join(self._answer(line) for line in self._lines.feed(data))

    def _answer(self, command: str) -> bytes:
        self.commands.append(command)
        lines = self._answers.get(command.upper(), ("ERROR",))
        if command.upper().startswith("ATD"):
            lines = (self._dialled,)
        last = lines[-1] if lines else ""
        final = ""
        if last in ("OK", "ERROR") or last.startswith("+CME ERROR") or dial_result(last):
            lines, final = lines[:-1], last
        echo = f"{command}\r" if self._echo else ""
        told = "".join(f"\r\n{line}\r\n" for line in (*self._unasked, *lines))
        return (echo + told + self._final(final or "OK")).encode()

    def _final(self, word: str) -> str:
        codes = {text: number for number, text in reversed(list(NUMERIC.items()))}
        return f"{codes[word]}\r" if self._digits and word in codes else f"\r\n{word}\r\n"
