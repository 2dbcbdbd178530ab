"""Card numbers and card dates: checked and shortened where they are taken out of bytes.

Source: PCI DSS 4.0.1, 3.4.1 (first 6 and last 4 are always allowed); ISO 7812 (check digit); EMV
Book 4 for two-digit years.
"""

from __future__ import annotations

import datetime
from typing import Final

from posdiag.model.errors import RemoteWireError

SHORTEST: Final = 8
LONGEST: Final = 19
_OPEN_FROM: Final = 14
"""Shorter numbers show their last four digits only: first 6 and last 4 would be most of them."""


def masked(pan: str) -> str:
    """Return the first 6 and the last 4 digits; of a number under 14 digits the last 4.

    Raises:
        RemoteWireError: not 8 to 19 digits.
    """
    if not (pan.isascii() and pan.isdigit() and SHORTEST <= len(pan) <= LONGEST):
        raise RemoteWireError("PAN is not 8 to 19 digits", field="PAN")
    return f"{pan[:6]}…{pan[-4:]}" if len(pan) >= _OPEN_FROM else f"…{pan[-4:]}"


def check_digit_ok(pan: str) -> bool:
    """Return whether the Luhn sum of a string of digits is right."""
    total = 0
    for place, digit in enumerate(reversed(pan)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def month_end(text: str, *, field: str) -> datetime.date:
    """Return the last day of a month given as YYMM: a printed date is valid to its end.

    Raises:
        RemoteWireError: not four digits, or no such month.
    """
    if not (text.isascii() and text.isdigit() and len(text) == 4 and 1 <= int(text[2:]) <= 12):
        raise RemoteWireError("expiry is not a month", field=field)
    year, month = _year(text[:2]), int(text[2:])
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return following - datetime.timedelta(days=1)


def day(value: bytes, *, field: str) -> datetime.date:
    """Return a date given as YYMMDD in packed decimals.

    Raises:
        RemoteWireError: not three bytes of digits, or no such day.
    """
    text = value.hex()
    if not (text.isdigit() and len(text) == 6):
        raise RemoteWireError("date is not YYMMDD", field=field)
    if text[4:] == "00":  # some issuers give the month alone
        return month_end(text[:4], field=field)
    try:
        return datetime.date(_year(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise RemoteWireError("no such day", field=field) from None


def _year(text: str) -> int:
    """Return 1950-2049 for two digits, as EMV says."""
    year = int(text)
    return 2000 + year if year < 50 else 1900 + year
