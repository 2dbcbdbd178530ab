"""What an acquirer announces or says of its host."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import Annotated

import msgspec


class MaintenanceWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An announced window, with time zone."""

    start: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    end: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    note: str = ""


class MaintenanceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A window that recurs.

    Attributes:
        start: of the first one, with time zone.
        minutes: how long each lasts.
        rule: RFC 5545, ``FREQ=WEEKLY;BYDAY=SU``; days or longer.
        time_zone: IANA name of the zone on whose wall it recurs; empty: UTC.
        also: further starts.
        omit: starts that are left out.
    """

    start: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    minutes: Annotated[float, msgspec.Meta(gt=0, le=10080)]
    rule: str
    time_zone: str = ""
    also: list[Annotated[datetime.datetime, msgspec.Meta(tz=True)]] = []
    omit: list[Annotated[datetime.datetime, msgspec.Meta(tz=True)]] = []
    note: str = ""


class HostState(StrEnum):
    """How an acquirer says that its host is."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    MAINTENANCE = "maintenance"


class HostStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the acquirer's help desk or status page said.

    Attributes:
        as_of: when, with time zone.
        until: how long it holds; None: two hours.
    """

    as_of: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    state: HostState
    until: Annotated[datetime.datetime, msgspec.Meta(tz=True)] | None = None
    note: str = ""
