"""Reads maintenance windows out of an iCalendar text.

Sample::

    BEGIN:VEVENT
    DTSTART;TZID=Asia/Shanghai:20261129T000000
    DTEND;TZID=Asia/Shanghai:20261129T060000
    RRULE:FREQ=MONTHLY;BYDAY=-1SU
    EXDATE;TZID=Asia/Shanghai:20261227T000000
    SUMMARY:System maintenance
    END:VEVENT

Source: RFC 5545, sections 3.1 (folded lines), 3.3.5 (times), 3.3.6 (durations), 3.6.1 (events) and
3.8.5 (recurrence). Only what says when an event is: alarms, to-dos and attendees are passed over.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from posdiag.model.errors import Mistake, SiteError
from posdiag.model.maintenance import MaintenanceRule, MaintenanceWindow
from posdiag.site.recurrence import recurrence_mistake, time_zone
from posdiag.site.schema_words import shown

MOST_BYTES = 1 << 18
MOST_EVENTS = 1000
_LINE = re.compile(
    r"(?P<name>[A-Za-z-]+)(?P<options>(?:;[^:;=]+=(?:\"[^\"]*\"|[^:;\"]*))*):(?P<value>.*)"
)
_TIME = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?", re.ASCII)
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)
_DAY = datetime.timedelta(days=1)

Property = tuple[dict[str, str], str]


def read_calendar(
    text: str, *, file: str, zone: str = ""
) -> tuple[list[MaintenanceWindow], list[MaintenanceRule]]:
    """Return the single windows and the recurring ones of a calendar.

    Args:
        text: iCalendar.
        file: name in the messages.
        zone: time zone of times that name none (IANA); empty: UTC.

    Raises:
        SiteError: it is no calendar, or what is wrong in each event.
    """
    if len(text.encode()) > MOST_BYTES or "BEGIN:VCALENDAR" not in text.upper():
        raise SiteError([Mistake(file, "", "an iCalendar text of at most 256 KiB")])
    windows: list[MaintenanceWindow] = []
    rules: list[MaintenanceRule] = []
    mistakes: list[Mistake] = []
    for number, event in enumerate(_events(text), 1):
        if number > MOST_EVENTS:
            mistakes.append(Mistake(file, "VEVENT", f"at most {MOST_EVENTS} events"))
            break
        if event.get("STATUS", [({}, "")])[0][1].upper() == "CANCELLED":
            continue
        try:
            found = _window_or_rule(event, zone)
        except ValueError as error:
            mistakes.append(Mistake(file, f"VEVENT {number}", str(error)))
            continue
        (rules if isinstance(found, MaintenanceRule) else windows).append(found)  # type: ignore[arg-type]
    if mistakes:
        raise SiteError(mistakes)
    return windows, rules


def _events(text: str) -> Iterator[dict[str, list[Property]]]:
    """Yield the properties of each event, by name; those of inner parts are left out."""
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    event: dict[str, list[Property]] | None = None
    inner = 0
    for line in unfolded.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        name, value = found["name"].upper(), found["value"].strip()
        if event is None:
            event = {} if (name, value.upper()) == ("BEGIN", "VEVENT") else None
        elif name == "BEGIN":
            inner += 1
        elif name == "END" and inner:
            inner -= 1
        elif name == "END":
            yield event
            event = None
        elif not inner:
            event.setdefault(name, []).append((_options(found["options"]), value))


def _options(text: str) -> dict[str, str]:
    pairs = re.findall(r";([^:;=]+)=(\"[^\"]*\"|[^:;\"]*)", text)
    return {name.upper(): value.strip('"') for name, value in pairs}


def _window_or_rule(
    event: dict[str, list[Property]], zone: str
) -> MaintenanceWindow | MaintenanceRule:
    """Return what an event says.

    Raises:
        ValueError: in words, what would have been right.
    """
    if "DTSTART" not in event:
        raise ValueError("a DTSTART")
    start, length = _moment(event["DTSTART"][0], zone), _length(event, zone)
    if length <= datetime.timedelta():
        raise ValueError("an end after the start")
    note = event.get("SUMMARY", [({}, "")])[0][1].replace("\\,", ",").replace("\\n", " ")
    if "RRULE" not in event and "RDATE" not in event:
        return MaintenanceWindow(start=start, end=start + length, note=note)
    options = event["DTSTART"][0][0]
    rule = MaintenanceRule(
        start=start,
        minutes=length.total_seconds() / 60,
        rule=event.get("RRULE", [({}, "FREQ=DAILY;COUNT=1")])[0][1],
        time_zone=options.get("TZID", "") or zone,
        also=[moment for one in event.get("RDATE", []) for moment in _moments(one, zone)],
        omit=[moment for one in event.get("EXDATE", []) for moment in _moments(one, zone)],
        note=note,
    )
    if wrong := recurrence_mistake(rule):
        raise ValueError(wrong)
    return rule


def _length(event: dict[str, list[Property]], zone: str) -> datetime.timedelta:
    start = event["DTSTART"][0]
    if "DTEND" in event:
        return _moment(event["DTEND"][0], zone) - _moment(start, zone)
    if "DURATION" in event:
        found = _DURATION.fullmatch(event["DURATION"][0][1])
        if found is None or not any(found.groups()):
            raise ValueError("a DURATION such as PT6H")
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return datetime.timedelta(
            weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
        )
    if "T" not in start[1]:
        return _DAY
    raise ValueError("a DTEND or DURATION")


def _moments(property_: Property, zone: str) -> list[datetime.datetime]:
    options, value = property_
    return [_moment((options, part), zone) for part in value.split(",")]


def _moment(property_: Property, zone: str) -> datetime.datetime:
    options, value = property_
    found = _TIME.fullmatch(value)
    if found is None:
        raise ValueError(f"a time such as 20261129T000000, not {shown(value)}")
    try:
        moment = datetime.datetime.strptime(  # noqa: DTZ007  (its zone comes next)
            found[1] + (found[2] or "000000"), "%Y%m%d%H%M%S"
        )
    except ValueError:
        raise ValueError(f"a time such as 20261129T000000, not {shown(value)}") from None
    if found[3]:
        return moment.replace(tzinfo=datetime.UTC)
    return moment.replace(tzinfo=time_zone(options.get("TZID", "") or zone))
