"""What the acquirer announced: a window now, one that has just ended, and until when."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from posdiag.model.errors import Mistake, SiteError
from posdiag.model.maintenance import HostStatus, MaintenanceWindow
from posdiag.model.site import AcquirerProfile, Site
from posdiag.site.calendar import read_calendar
from posdiag.site.recurrence import windows_of
from posdiag.site.toml_file import BUILTIN_TYPES, find_mistakes, parse_toml, read_text

JUST_ENDED = datetime.timedelta(hours=24)
STATUS_LASTS = datetime.timedelta(hours=2)
"""A status that is older says nothing about now."""
_AHEAD = datetime.timedelta(days=62)


class Announced(NamedTuple):
    """Maintenance around one moment.

    Attributes:
        active: whether a window is open; None where the list says nothing about today.
        now: the open window that ends last.
        ended: the one that ended less than a day ago, the last of several.
    """

    active: bool | None
    now: MaintenanceWindow | None
    ended: MaintenanceWindow | None


def announced(site: Site, now: datetime.datetime) -> Announced:
    """Return what the acquirer announced for a moment.

    A list of single windows of which none ends after ``now`` is an old list: it says nothing about
    today. A rule never grows old.

    Args:
        site: merged.
        now: with time zone.

    Raises:
        ValueError: ``now`` has no time zone.
    """
    if now.utcoffset() is None:
        raise ValueError("now needs a time zone")
    windows = _windows(site.acquirer, now) if site.acquirer else []
    rules = bool(site.acquirer and site.acquirer.maintenance_rules)
    open_ = [window for window in windows if window.start <= now < window.end]
    past = [window for window in windows if now - JUST_ENDED < window.end <= now]
    known = rules or any(window.end > now for window in windows)
    return Announced(
        bool(open_) if known else None,
        max(open_, key=lambda window: window.end, default=None),
        max(past, key=lambda window: window.end, default=None),
    )


def _windows(acquirer: AcquirerProfile, now: datetime.datetime) -> list[MaintenanceWindow]:
    found = list(acquirer.maintenance)
    for rule in acquirer.maintenance_rules:
        found += windows_of(rule, now - JUST_ENDED, now + _AHEAD)
    return found


def with_calendar(acquirer: AcquirerProfile, text: str, *, file: str) -> AcquirerProfile:
    """Return the profile with the windows of its calendar.

    Args:
        acquirer: names the calendar and its time zone.
        text: iCalendar.
        file: name in the messages.

    Raises:
        SiteError: with every mistake.
    """
    windows, rules = read_calendar(text, file=file, zone=acquirer.maintenance_zone)
    return msgspec.structs.replace(
        acquirer,
        maintenance=[*acquirer.maintenance, *windows],
        maintenance_rules=[*acquirer.maintenance_rules, *rules],
    )


def read_host_status(path: Path) -> HostStatus:
    """Return what somebody wrote about the state of the host, as TOML or JSON.

    Args:
        path: of the file: ``as_of`` with time zone, ``state``, and perhaps ``until`` and ``note``.

    Raises:
        SiteError: with every mistake of the file.
    """
    text = read_text(path, error=SiteError)
    file = str(path)
    if path.suffix.lower() == ".json":
        try:
            return msgspec.json.decode(text, type=HostStatus)
        except msgspec.DecodeError as error:
            raise SiteError([Mistake(file, "", "a status of the host", str(error))]) from None
    tables = parse_toml(text, file=file, error=SiteError)
    mistakes = find_mistakes(tables, HostStatus, file=file)
    if mistakes:
        raise SiteError(mistakes)
    return msgspec.convert(tables, HostStatus, builtin_types=BUILTIN_TYPES, str_keys=True)


def current_status(site: Site, now: datetime.datetime) -> HostStatus | None:
    """Return the state of the host if somebody said it lately enough, None otherwise."""
    status = site.host_status
    if status is None or not -JUST_ENDED < status.as_of - now <= datetime.timedelta(minutes=5):
        return None
    ends = status.until or status.as_of + STATUS_LASTS
    return status if now < ends else None
