"""What response codes (F39) mean, per family of dialects."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from posdiag.model.text import Text


class CodeGroup(StrEnum):
    """What a response code means for a sign-on (verdict groups)."""

    ACCEPTED = "accepted"
    IDENTITY = "identity"
    FORMAT = "format"
    STATE = "state"
    KEYS = "keys"
    HOST = "host"
    CARD = "card"
    OTHER = "other"


class ResponseCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a value of F39 means."""

    group: CodeGroup
    meaning: Text


COMMON_CODES = "common"
"""Table of the codes that all families of dialects share."""
OWN_CODES_ONLY = frozenset({"iso1993"})
"""Families whose codes have three digits, so that the common ones do not apply."""
ResponseCodes = dict[str, dict[str, ResponseCode]]
"""Family of dialects -> code -> meaning."""


def response_code(codes: ResponseCodes, dialect: str, code: str) -> ResponseCode | None:
    """Return what a code means at a host, None if no list has it.

    Args:
        codes: of the knowledge.
        dialect: family of the host's dialect, empty if unknown: only what all share counts then.
        code: as it came, in any case of letters.
    """
    families = [dialect] if dialect in OWN_CODES_ONLY else [dialect, COMMON_CODES]
    known = (codes.get(family, {}).get(code.strip().upper()) for family in families)
    return next((found for found in known if found is not None), None)
