"""When a recurring maintenance window is: rules of RFC 5545 by dateutil, in the window's own zone.

Times are counted on the wall of the window's time zone, so a window at midnight stays there when
the clocks change.
"""

from __future__ import annotations

import datetime
import itertools
import re
import zoneinfo

from posdiag.model.maintenance import MaintenanceRule, MaintenanceWindow

_MOST = 400
"""Windows of one rule that are looked at: more than a year of days."""
_TOO_OFTEN = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)


def time_zone(name: str) -> datetime.tzinfo:
    """Return a time zone by its IANA name; UTC for an empty one.

    Raises:
        ValueError: in words, there is none of that name here.
    """
    if not name:
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('a time zone such as "Asia/Shanghai"') from None


def recurrence_mistake(rule: MaintenanceRule) -> str:
    """Return what would have been right in a rule, in words; empty where it is right."""
    if _TOO_OFTEN.search(rule.rule):
        return "a rule of days, weeks, months or years"
    try:
        time_zone(rule.time_zone)
        _starts(rule, rule.start)
    except ValueError as error:
        told = str(error)
        return told if told.startswith("a ") else "an RRULE such as FREQ=WEEKLY;BYDAY=SU"
    return ""


def windows_of(
    rule: MaintenanceRule, since: datetime.datetime, until: datetime.datetime
) -> list[MaintenanceWindow]:
    """Return the windows of a rule that touch a span of time, in order.

    Args:
        rule: checked.
        since: with time zone; a window that ends after it counts.
        until: likewise; a window that begins before it counts.
    """
    length = datetime.timedelta(minutes=rule.minutes)
    zone, first = time_zone(rule.time_zone), since - length
    omitted = {moment.astimezone(datetime.UTC) for moment in rule.omit}
    starts = {
        start.replace(tzinfo=zone)
        for start in itertools.takewhile(
            lambda start: start.replace(tzinfo=zone) < until, _starts(rule, first)
        )
    }
    starts |= set(rule.also)
    return [
        MaintenanceWindow(start=start, end=start + length, note=rule.note)
        for start in sorted(starts)
        if start.astimezone(datetime.UTC) not in omitted and first < start < until
    ]


def _starts(rule: MaintenanceRule, since: datetime.datetime) -> list[datetime.datetime]:
    """Return starts after a moment, on the wall of the rule's zone, a bounded number."""
    from dateutil.rrule import rrulestr

    zone = time_zone(rule.time_zone)
    first = rule.start.astimezone(zone) if rule.start.tzinfo else rule.start
    text = re.sub(r"(UNTIL=[0-9]{8}T[0-9]{6})Z", r"\1", rule.rule, flags=re.IGNORECASE)
    found = rrulestr(text, dtstart=first.replace(tzinfo=None))
    after = since.astimezone(zone).replace(tzinfo=None)
    return list(itertools.islice(found.xafter(after, inc=True), _MOST))
