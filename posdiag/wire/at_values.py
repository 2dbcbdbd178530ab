r"""What the information lines of a modem say, as values.

    +CSQ: 17,99                       -79 dBm, bit errors unknown
    +CEREG: 2,1, 1F00, 79D903 ,7      at home, LTE
    +CESQ: 99,99,255,255,20,80        RSRQ -10 dB, RSRP -61 dBm

Blanks around fields, missing quotes, leading zeros and empty fields are taken; a field that cannot
be what its place says is an error, never a default.

Source: 3GPP TS 27.007 (fields), ModemManager's test vectors (what modems really say), Quectel EC25
AT manual (``+QCSQ``, ``+QNWINFO``).
"""

from __future__ import annotations

import datetime
import re
from typing import Final, NamedTuple

from posdiag.model.errors import RemoteWireError

_FIELD = re.compile(r'\s*(?:"([^"]*)"|([^",]*))\s*(?:,|$)')
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_HEX = re.compile(r"[0-9A-Fa-f]{1,9}")
_CLOCK = re.compile(
    r'"?([0-9]{2})/([0-9]{2})/([0-9]{2}),([0-9]{2}):([0-9]{2}):([0-9]{2})([+-][0-9]{1,2})?"?'
)
_NEVER_SET = (70, 80, 4)
"""Years that a clock starts with which nobody ever set (unconfirmed beyond the fact sheet)."""

REGISTRATION: Final = {
    0: "idle",
    1: "home",
    2: "searching",
    3: "denied",
    4: "unknown",
    5: "roaming",
    6: "sms_only_home",
    7: "sms_only_roaming",
    8: "emergency_only",
    9: "home",
    10: "roaming",
    11: "emergency_only",
}
"""Registration states by their number. 9 and 10: CS fallback not preferred; data works."""
ACCESS: Final = {
    0: "GSM",
    2: "UTRAN",
    3: "EDGE",
    4: "HSDPA",
    5: "HSUPA",
    6: "HSPA",
    7: "LTE",
    8: "EC-GSM",
    9: "NB-IoT",
}
# The longer word first: "SIM PIN2" begins like "SIM PIN".
SIM_STATES: Final = (
    *("SIM PIN2", "SIM PUK2", "SIM PIN", "SIM PUK", "READY"),
    *("PH-FSIM PIN", "PH-FSIM PUK", "PH-SIM PIN"),
    *("PH-NETSUB PIN", "PH-NETSUB PUK", "PH-NET PIN", "PH-NET PUK"),
    *("PH-SP PIN", "PH-SP PUK", "PH-CORP PIN", "PH-CORP PUK"),
)


class _Field(NamedTuple):
    text: str
    quoted: bool


class Csq(NamedTuple):
    """Signal of any network; None where the modem does not know.

    Attributes:
        errors: class of bit errors 0 to 7; on LTE some makers put something else here.
    """

    rssi_dbm: float | None
    errors: int | None


class Cesq(NamedTuple):
    """Signal by kind of network; None where the modem does not know or it is another kind."""

    gsm_dbm: float | None
    gsm_errors: int | None
    rscp_dbm: float | None
    ecno_db: float | None
    rsrq_db: float | None
    rsrp_dbm: float | None


class Registration(NamedTuple):
    """Whether a network has taken the modem.

    Attributes:
        state: a value of ``REGISTRATION``.
        solicited: it answers a question.
        area: location or tracking area code.
        access: a value of ``ACCESS``, else the number; empty where it does not say.
    """

    state: str
    solicited: bool
    area: int | None = None
    cell: int | None = None
    access: str = ""


class Operator(NamedTuple):
    """The network that the modem is with; empty: none."""

    name: str
    access: str
    is_automatic: bool


class Quality(NamedTuple):
    """Signal as Quectel modules tell it on LTE; all None without service or on other networks."""

    mode: str
    rssi_dbm: float | None = None
    rsrp_dbm: float | None = None
    sinr_db: float | None = None
    rsrq_db: float | None = None


class Context(NamedTuple):
    """A declared data connection."""

    number: int
    kind: str
    apn: str


def _fields(line: str, prefix: str) -> list[_Field]:
    head, colon, rest = line.partition(":")
    if not colon or head.strip().upper() != prefix:
        raise RemoteWireError(f"expected {prefix}", field=prefix)
    found: list[_Field] = []
    at, rest = 0, rest.strip()
    while True:
        match = _FIELD.match(rest, at)
        if match is None:
            raise RemoteWireError("quotes or commas do not fit", field=prefix, offset=at)
        quoted, plain = match.groups()
        found.append(_Field(plain.strip() if quoted is None else quoted, quoted is not None))
        at = match.end()
        if at >= len(rest) and not match.group().endswith(","):
            return found


def _number(fields: list[_Field], at: int, prefix: str, *, low: int = 0, high: int = 255) -> int:
    text = fields[at].text if at < len(fields) else ""
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise RemoteWireError(f"field {at + 1} is no number from {low} to {high}", field=prefix)
    return int(text)


def _hex(fields: list[_Field], at: int) -> int | None:
    text = fields[at].text if at < len(fields) else ""
    return int(text, 16) if _HEX.fullmatch(text) else None


def csq(line: str) -> Csq:
    """Return what ``+CSQ`` says: dBm = -113 + 2 r, with 0 "or less" and 31 "or more".

    Values of TD-SCDMA (100 to 191, 199) have another scale: dBm = -116 + (r - 100).

    Raises:
        RemoteWireError: no such line, or numbers out of range.
    """
    fields = _fields(line, "+CSQ")
    level, errors = _number(fields, 0, "+CSQ"), _number(fields, 1, "+CSQ", high=99)
    if not (level <= 31 or 99 <= level <= 191 or level == 199):
        raise RemoteWireError(f"{level} is no signal level", field="+CSQ")
    dbm: float | None = None
    if level <= 31:
        dbm = -113.0 + 2 * level
    elif 100 <= level <= 191:
        dbm = -116.0 + (level - 100)
    return Csq(dbm, errors if errors <= 7 else None)


def cesq(line: str) -> Cesq:
    """Return what ``+CESQ`` says, by the lower edge of each step.

    Some makers count from the upper edge: 1 dB of RSRP, half a dB of RSRQ.

    Raises:
        RemoteWireError: no such line, or numbers out of range.
    """
    fields = _fields(line, "+CESQ")

    def scaled(at: int, most: int, base: float, step: float, unknown: int) -> float | None:
        level = _number(fields, at, "+CESQ")
        if level == unknown:
            return None
        if level > most:
            raise RemoteWireError(f"field {at + 1}: {level} is no level", field="+CESQ")
        return base + step * level

    errors = _number(fields, 1, "+CESQ", high=99)
    return Cesq(
        gsm_dbm=scaled(0, 63, -111, 1, 99),
        gsm_errors=errors if errors <= 7 else None,
        rscp_dbm=scaled(2, 96, -121, 1, 255),
        ecno_db=scaled(3, 49, -24.5, 0.5, 255),
        rsrq_db=scaled(4, 34, -20, 0.5, 255),
        rsrp_dbm=scaled(5, 97, -141, 1, 255),
    )


def registration(line: str) -> Registration:
    """Return what ``+CREG``, ``+CGREG`` or ``+CEREG`` says, asked for or not.

    Raises:
        RemoteWireError: none of them, or a state that no standard lists.
    """
    prefix = line.partition(":")[0].strip().upper()
    if prefix not in ("+CREG", "+CGREG", "+CEREG"):
        raise RemoteWireError("expected a registration", field=prefix)
    fields = _fields(line, prefix)
    second = fields[1] if len(fields) > 1 else None
    # An area is quoted or four digits long; a state is neither.
    solicited = second is not None and not second.quoted and 1 <= len(second.text) <= 3
    at = 1 if solicited else 0
    state = _number(fields, at, prefix, high=11)
    access = ""
    if len(fields) > at + 3 and fields[at + 3].text:
        number = _number(fields, at + 3, prefix)
        access = ACCESS.get(number, str(number))
    return Registration(
        REGISTRATION[state], solicited, _hex(fields, at + 1), _hex(fields, at + 2), access
    )


def sim_state(line: str) -> str:
    """Return what ``+CPIN`` says, one of ``SIM_STATES``.

    Raises:
        RemoteWireError: no such line or no such state.
    """
    text = _fields(line, "+CPIN")[0].text.upper()
    for state in SIM_STATES:
        if text.startswith(state):
            return state
    raise RemoteWireError("no state of a SIM", field="+CPIN")


def operator(line: str) -> Operator:
    """Return what ``+COPS`` says: mode[,format,"name"[,access]]; mode 2 is "deregistered".

    Raises:
        RemoteWireError: no such line.
    """
    fields = _fields(line, "+COPS")
    mode = _number(fields, 0, "+COPS", high=4)
    access = ""
    if len(fields) > 3 and fields[3].text:
        number = _number(fields, 3, "+COPS")
        access = ACCESS.get(number, str(number))
    name = fields[2].text if len(fields) > 2 else ""
    return Operator(name, access, mode in (0, 4))


def quality(line: str) -> Quality:
    """Return what ``+QCSQ`` says. SINR in dB = raw / 5 - 20; a positive RSSI is negated.

    Other orders of the fields are about, so RSRP and RSRQ out of their ranges are refused.

    Raises:
        RemoteWireError: no such line, or numbers out of range.
    """
    fields = _fields(line, "+QCSQ")
    mode = fields[0].text.upper()
    if not mode:
        raise RemoteWireError("no kind of network", field="+QCSQ")
    if not mode.startswith(("LTE", "CAT-")):
        return Quality(mode)
    rssi = -abs(_number(fields, 1, "+QCSQ", low=-150, high=150))
    rsrp = _number(fields, 2, "+QCSQ", low=-144, high=-40)
    raw = _number(fields, 3, "+QCSQ", high=250)
    rsrq = _number(fields, 4, "+QCSQ", low=-30, high=-3)
    return Quality(mode, float(rssi), float(rsrp), round(raw / 5 - 20, 1), float(rsrq))


def network(line: str) -> str:
    """Return the kind of network and band that ``+QNWINFO`` names; empty without service.

    Raises:
        RemoteWireError: no such line.
    """
    fields = _fields(line, "+QNWINFO")
    if fields[0].text.upper() == "NO SERVICE":
        return ""
    if not fields[0].text:
        raise RemoteWireError("no kind of network", field="+QNWINFO")
    return " ".join(fields[at].text for at in (0, 2) if at < len(fields) and fields[at].text)


def context(line: str) -> Context:
    """Return one entry of ``+CGDCONT``; an empty APN is none.

    Raises:
        RemoteWireError: no such line.
    """
    fields = _fields(line, "+CGDCONT")
    if len(fields) < 2 or not fields[1].text:
        raise RemoteWireError("no kind of connection", field="+CGDCONT")
    return Context(
        _number(fields, 0, "+CGDCONT"), fields[1].text, fields[2].text if len(fields) > 2 else ""
    )


def has_address(line: str) -> bool:
    """Return whether ``+CGPADDR`` names an address; missing, empty or all zeros is none.

    Raises:
        RemoteWireError: no such line.
    """
    fields = _fields(line, "+CGPADDR")
    _number(fields, 0, "+CGPADDR")
    return any(set(field.text) - set("0.:") for field in fields[1:])


def is_attached(line: str) -> bool:
    """Return whether ``+CGATT`` says that packet data is attached.

    Raises:
        RemoteWireError: no such line.
    """
    return _number(_fields(line, "+CGATT"), 0, "+CGATT", high=1) == 1


def error_level(line: str) -> int:
    """Return how errors are told (``+CMEE``): 0 only ERROR, 1 numbers, 2 words.

    Raises:
        RemoteWireError: no such line.
    """
    return _number(_fields(line, "+CMEE"), 0, "+CMEE", high=2)


def clock(line: str) -> datetime.datetime | None:
    """Return what ``+CCLK`` says, with its zone (quarters of an hour); None: it was never set.

    Without a zone the time is local to wherever the network is: it has none here either.

    Raises:
        RemoteWireError: no such line, or no date.
    """
    head, _, rest = line.partition(":")
    match = _CLOCK.fullmatch(rest.strip())
    if head.strip().upper() != "+CCLK" or match is None:
        raise RemoteWireError("no date and time", field="+CCLK")
    year, month, day, hour, minute, second = (int(match.group(at)) for at in range(1, 7))
    if year in _NEVER_SET:
        return None
    quarters = int(match.group(7) or "0")
    try:
        zone = datetime.timezone(datetime.timedelta(minutes=15 * quarters))
        moment = datetime.datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError as error:
        raise RemoteWireError("no such date", field="+CCLK") from error
    return moment if match.group(7) else moment.replace(tzinfo=None)
