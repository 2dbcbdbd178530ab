"""The ZVT commands that are ever sent, and what their answers say.

Money, settlement, reset, file and update commands are not here, so that nobody can send them.

Source: VdTH PA00P015 rev. 13.08, chapters 2.1, 2.17, 2.18, 2.44, 2.55.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from posdiag.model.errors import LocalWireError, RemoteWireError
from posdiag.model.terminal_word import Saying
from posdiag.wire.tlv import encode
from posdiag.wire.zvt import Apdu
from posdiag.wire.zvt_dialogue import Answer, Outcome
from posdiag.wire.zvt_words import registration_sayings, status_sayings

STATUS_ENQUIRY: Final = Apdu("0501")
LOG_OFF: Final = Apdu("0602")
PRINT_SETTINGS: Final = Apdu("061A")
DIAGNOSIS: Final = Apdu("0670", b"\x06\x03" + encode("1B", b"\x02"))
"""Extended: the terminal goes online. Types above 2 load settings from the host: never sent."""

_EVERYTHING_TO_US: Final = 0x8E
"""Receipts as print lines, administration receipts and intermediate status to the till."""
_EURO: Final = b"\x09\x78"
NO_PASSWORD: Final = "000000"  # noqa: S105  (what the specification gives as the default)

_LABELS: Mapping[str, str] = MappingProxyType(
    {
        r"batteriespannung|battery voltage|versorgung|supply voltage": "voltage",
        r"gateway": "gateway",
        r"dns": "name_server",
        r"(ip[- ]?adresse|own ip|local ip|ip address)": "own_address",
        r"(host|server|hostadresse|host ip|netzbetreiber ip)": "host_address",
        r"(host[- ]?port|server[- ]?port|port host)": "host_port",
        r"(host[- ]?timeout|time-?out host|antwort-?timeout)": "timer",
        r"(terminal[- ]?id|tid)": "tid",
        r"(telefonnummer|phone( number)?|rufnummer)": "phone",
    }
)
"""Labels of a printed configuration, German and English, as a whole -> topic."""
_LINE = re.compile(r"\s*([^:=]{2,40}?)\s*[:=]\s*(\S.*?)\s*$")
_NUMBER = re.compile(r"-?\d{1,9}(?:[.,]\d{1,6})?")
_WITH_PORT = re.compile(r"([A-Za-z0-9.-]{1,80}):(\d{1,5})\b")


def registration(password: str = NO_PASSWORD) -> Apdu:
    """Return the registration that sends everything printable to us.

    It takes the place of the till's own registration, which a log-off does not bring back.

    Args:
        password: 6 digits.

    Raises:
        LocalWireError: not 6 digits.
    """
    if not re.fullmatch(r"[0-9]{6}", password, re.ASCII):
        raise LocalWireError("a ZVT password has 6 digits", field="password")
    return Apdu("0600", bytes.fromhex(password) + bytes([_EVERYTHING_TO_US]) + _EURO)


def sayings_of(answer: Answer) -> list[Saying]:
    """Return what one command brought to light, each once."""
    said = list(answer.said)
    if answer.outcome is Outcome.COMPLETED:
        try:
            said += _completion_sayings(answer)
        except RemoteWireError as error:
            said.append(Saying("text", f"unreadable completion: {error}"))
    return list(dict.fromkeys(said))


def _completion_sayings(answer: Answer) -> Iterator[Saying]:
    if answer.command == STATUS_ENQUIRY.command:
        yield from status_sayings(answer.completion)
    elif answer.command == "0600":
        yield from registration_sayings(answer.completion)
    elif answer.command == DIAGNOSIS.command:
        yield Saying("host", "reachable")
        if answer.host_clock:
            yield Saying("host_clock", answer.host_clock)
    if answer.command in (DIAGNOSIS.command, PRINT_SETTINGS.command):
        yield from settings_sayings(answer.lines)


def settings_sayings(lines: Sequence[str]) -> list[Saying]:
    """Return the settings in the lines of a printed configuration.

    Args:
        lines: ``label: value``, in the words of the vendor; others are passed over.
    """
    found: list[Saying] = []
    for line in lines[:400]:
        match = _LINE.match(line[:200])
        if match is None:
            continue
        label, value = match.group(1).strip().casefold(), match.group(2)
        topic = next((t for words, t in _LABELS.items() if re.fullmatch(words, label)), None)
        if topic is not None:
            found += _setting(topic, value)
    return list(dict.fromkeys(found))


def _setting(topic: str, value: str) -> list[Saying]:
    if topic in ("voltage", "timer"):
        number = _NUMBER.search(value)
        return [Saying(topic, float(number.group().replace(",", ".")))] if number else []
    parts = _WITH_PORT.match(value) if topic == "host_address" else None
    if parts:
        return [Saying("host_address", parts.group(1)), Saying("host_port", parts.group(2))]
    return [Saying(topic, value.split(maxsplit=1)[0])]
