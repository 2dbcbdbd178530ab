"""Numbers and words with which a modem says what went wrong.

Source: 3GPP TS 27.007 section 9.2 (numbers of ``+CME ERROR``); ITU-T V.250 section 6.3.1 and the
Si2404 and TD-34 manuals (result words of dialling). Numbers above 500 are each maker's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CME: Final[Mapping[int, str]] = {
    0: "phone failure",
    1: "no connection to phone",
    3: "operation not allowed",
    4: "operation not supported",
    5: "phone locked to SIM",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    17: "SIM PIN2 required",
    18: "SIM PUK2 required",
    30: "no network service",
    31: "network timeout",
    32: "emergency calls only",
    40: "network lock PIN required",
    41: "network lock PUK required",
    50: "incorrect parameters",
    51: "command disabled",
    52: "command aborted",
    54: "emergency calls only",
    57: "temporarily out of service",
    100: "unknown",
    102: "IMSI unknown in HSS",
    103: "illegal UE",
    104: "IMSI unknown in VLR",
    105: "IMEI not accepted",
    106: "illegal ME",
    107: "data services not allowed",
    111: "network not allowed",
    112: "location area not allowed",
    113: "roaming not allowed",
    114: "data not allowed in this network",
    115: "no suitable cells",
    117: "network failure",
    122: "congestion",
    127: "APN missing or unknown",
    129: "user authentication failed",
    130: "rejected by gateway",
    131: "rejected, unspecified",
    132: "service option not supported",
    133: "service option not subscribed",
    134: "service option out of order",
    148: "unspecified data error",
    149: "data login failed",
    177: "operator determined barring",
    179: "APN not supported",
    187: "timer expiry",
}
CME_WORDS: Final[Mapping[str, int]] = {
    **{text.casefold(): number for number, text in CME.items()},
    # With AT+CMEE=2 modems say words, and not always the same ones.
    "emergency calls only": 32,
    "no network service": 30,
    "sim not inserted": 10,
    "operation not allowed": 3,
    "operation not supported": 4,
}
NUMERIC: Final[Mapping[str, str]] = {
    "0": "OK",
    "1": "CONNECT",
    "2": "RING",
    "3": "NO CARRIER",
    "4": "ERROR",
    "5": "CONNECT 1200",
    "6": "NO DIALTONE",
    "7": "BUSY",
    "8": "NO ANSWER",
    "9": "CONNECT 2400",
    "10": "CONNECT 2400",
}
"""Result codes of a modem that says digits (``V0``); 9 and 10 differ per maker."""

DIAL_RESULTS: Final[Mapping[str, str]] = {
    "CONNECT": "connect",
    "NO CARRIER": "no_carrier",
    "NO DIALTONE": "no_tone",
    "NO DIAL TONE": "no_tone",
    "BUSY": "busy",
    "NO ANSWER": "no_answer",
    "NO LINE": "no_tone",
    "LINE IN USE": "line_in_use",
    "BLACKLISTED": "redial_lock",
    "DELAYED": "redial_lock",
    "ERROR": "refused",
}


def cme_number(text: str) -> int | None:
    """Return the number of what follows ``+CME ERROR:``, None where no list has these words."""
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) <= 4:
        return int(plain)
    return CME_WORDS.get(plain.casefold())


def dial_result(line: str) -> tuple[str, int | None] | None:
    """Return what a result word of dialling says, and the rate in bit/s where it is named."""
    plain = " ".join(line.upper().split())
    for word, result in DIAL_RESULTS.items():
        if plain == word or (word == "CONNECT" and plain.startswith("CONNECT ")):
            rate = plain.removeprefix(word).strip().partition("/")[0]
            is_rate = rate.isascii() and rate.isdigit() and len(rate) <= 6
            return result, int(rate) if is_rate else None
    return None
