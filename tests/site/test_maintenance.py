"""Windows that were announced: single, recurring, from calendars, in their own time zones."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest

from posdiag.model.errors import SiteError
from posdiag.model.maintenance import HostState, HostStatus, MaintenanceRule
from posdiag.model.site import AcquirerProfile, Site
from posdiag.site.calendar import read_calendar
from posdiag.site.maintenance import announced, current_status, read_host_status, with_calendar
from posdiag.site.recurrence import recurrence_mistake, windows_of

AT = datetime.datetime.fromisoformat
PROFILE = {
    "id": "one",
    "title": {"en": "one", "zh": "一"},
    "reach": "public",
    "hosts": [{"address": "host.pos.example", "port": 1}],
    "echo": {"dialect": "iso1987", "framing": "ascii4"},
    "sources": {},
}


def shop(**maintenance: object) -> Site:
    return Site(acquirer=msgspec.convert({**PROFILE, **maintenance}, AcquirerProfile))


WINDOWS = [
    {"start": "2026-11-24T02:00:00+08:00", "end": "2026-11-24T04:00:00+08:00", "note": "one"},
    {"start": "2026-12-01T02:00:00+08:00", "end": "2026-12-01T04:00:00+08:00"},
]


@pytest.mark.parametrize(
    ("now", "active", "ended"),
    [
        ("2026-11-23T17:59:00+00:00", False, False),
        ("2026-11-24T02:00:00+08:00", True, False),
        ("2026-11-23T19:30:00+00:00", True, False),
        ("2026-11-24T04:00:00+08:00", False, True),
        ("2026-11-25T03:59:00+08:00", False, True),
        ("2026-11-25T04:00:00+08:00", False, False),
        # All windows are over: the list is old and says nothing of now, but of yesterday.
        ("2026-12-01T05:00:00+08:00", None, True),
        ("2026-12-24T02:30:00+08:00", None, False),
    ],
)
def test_single_windows(now: str, active: bool | None, ended: bool) -> None:
    told = announced(shop(maintenance=WINDOWS), AT(now))
    assert told.active is active
    assert (told.ended is not None) is ended
    assert (told.now is not None) is (active is True)


def test_no_announcement_is_no_knowledge() -> None:
    now = AT("2026-11-24T03:00:00+08:00")
    assert announced(Site(), now) == announced(shop(), now) == (None, None, None)
    with pytest.raises(ValueError, match="time zone"):
        announced(Site(), now.replace(tzinfo=None))


SUNDAYS = {
    "start": "2026-11-01T00:00:00+08:00",
    "minutes": 360,
    "rule": "FREQ=WEEKLY;BYDAY=SU",
    "time_zone": "Asia/Shanghai",
}


@pytest.mark.parametrize(
    ("now", "active", "end"),
    [
        ("2026-11-29T00:00:00+08:00", True, "2026-11-29T06:00:00+08:00"),
        ("2026-11-28T21:59:00+00:00", True, "2026-11-29T06:00:00+08:00"),
        ("2026-11-28T22:00:00+00:00", False, None),
        ("2031-11-30T05:00:00+08:00", True, "2031-11-30T06:00:00+08:00"),
        ("2026-10-25T01:00:00+08:00", False, None),
    ],
)
def test_a_rule(now: str, active: bool, end: str | None) -> None:
    told = announced(shop(maintenance_rules=[SUNDAYS]), AT(now))
    assert told.active is active
    assert (told.now.end if told.now else None) == (AT(end) if end else None)


def test_a_rule_stays_on_the_wall_when_the_clocks_change() -> None:
    rule = msgspec.convert(
        {
            "start": "2026-10-18T02:30:00+02:00",
            "minutes": 60,
            "rule": "FREQ=WEEKLY;COUNT=3",
            "time_zone": "Europe/Berlin",
        },
        MaintenanceRule,
    )
    found = windows_of(rule, AT("2026-10-01T00:00:00+00:00"), AT("2026-12-01T00:00:00+00:00"))
    starts = [window.start.astimezone(datetime.UTC).hour for window in found]
    assert [window.start.hour for window in found] == [2, 2, 2]
    assert (starts[0], starts[-1]) == (0, 1)


def test_dates_that_are_left_out_or_added() -> None:
    rule = {
        **SUNDAYS,
        "omit": ["2026-11-29T00:00:00+08:00"],
        "also": ["2026-12-02T00:00:00+08:00"],
    }
    site = shop(maintenance_rules=[rule])
    assert announced(site, AT("2026-11-29T01:00:00+08:00")).active is False
    assert announced(site, AT("2026-12-02T01:00:00+08:00")).active is True


@pytest.mark.parametrize(
    ("changes", "wish"),
    [
        ({"rule": "FREQ=SECONDLY"}, "days, weeks"),
        ({"rule": "every sunday"}, "RRULE such as"),
        ({"rule": "FREQ=WEEKLY;BYDAY=XX"}, "RRULE such as"),
        ({"time_zone": "Mars/Olympus"}, "time zone such as"),
        ({"time_zone": "../etc/passwd"}, "time zone such as"),
        ({}, ""),
    ],
)
def test_rules_that_are_none(changes: dict[str, str], wish: str) -> None:
    rule = msgspec.convert({**SUNDAYS, **changes}, MaintenanceRule)
    told = recurrence_mistake(rule)
    assert (wish in told) if wish else told == ""


def calendar(*lines: str) -> str:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"]
    )


@pytest.mark.parametrize(
    ("lines", "now", "end"),
    [
        # Forms of RFC 5545, sections 3.3.5, 3.3.6 and 3.8.5.
        (
            ["DTSTART:20261128T160000Z", "DTEND:20261128T220000Z"],
            "2026-11-29T05:59:00+08:00",
            "2026-11-29T06:00:00+08:00",
        ),
        (
            ["DTSTART;TZID=Asia/Shanghai:20261129T000000", "DURATION:PT6H"],
            "2026-11-29T05:59:00+08:00",
            "2026-11-29T06:00:00+08:00",
        ),
        (
            ["DTSTART:20261129T000000", "DURATION:P1DT2H30M"],
            "2026-11-29T05:59:00+08:00",
            "2026-11-30T02:30:00+08:00",
        ),
        (
            ["DTSTART;VALUE=DATE:20261129"],
            "2026-11-29T23:59:00+08:00",
            "2026-11-30T00:00:00+08:00",
        ),
        (
            [
                "DTSTART;TZID=Asia/Shanghai:20260125T000000",
                "DTEND;TZID=Asia/Shanghai:20260125T0600",
                " 00",
                "RRULE:FREQ=MONTHLY;BYDAY=-1SU;UNTIL=20271231T000000Z",
                "EXDATE;TZID=Asia/Shanghai:20261227T000000",
            ],
            "2026-11-29T05:59:00+08:00",
            "2026-11-29T06:00:00+08:00",
        ),
        (
            [
                'DTSTART;TZID="Asia/Shanghai":20260101T000000',
                "DURATION:PT6H",
                "RDATE;TZID=Asia/Shanghai:20261129T000000,20261206T000000",
                "BEGIN:VALARM",
                "DTSTART:20200101T000000Z",
                "END:VALARM",
            ],
            "2026-11-29T05:59:00+08:00",
            "2026-11-29T06:00:00+08:00",
        ),
    ],
)
def test_calendars(lines: list[str], now: str, end: str) -> None:
    acquirer = shop(maintenance_zone="Asia/Shanghai").acquirer
    assert acquirer is not None
    site = Site(acquirer=with_calendar(acquirer, calendar(*lines), file="x.ics"))
    told = announced(site, AT(now))
    assert told.now is not None
    assert told.now.end == AT(end)


def test_a_month_that_is_left_out_and_an_event_that_is_cancelled() -> None:
    start = "DTSTART;TZID=Asia/Shanghai:20261227T000000"
    rule = ["RRULE:FREQ=MONTHLY;BYDAY=-1SU", "EXDATE;TZID=Asia/Shanghai:20261227T000000"]
    _, (found,) = read_calendar(calendar(start, "DURATION:PT6H", *rule), file="x.ics")
    site = shop(maintenance_rules=[msgspec.to_builtins(found)])
    assert announced(site, AT("2026-12-27T01:00:00+08:00")).active is False
    cancelled = calendar(start, "DURATION:PT6H", "STATUS:CANCELLED")
    assert read_calendar(cancelled, file="x.ics") == ([], [])


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", "an iCalendar text"),
        ("BEGIN:VCALENDAR" + "x" * 300_000, "256 KiB"),
        (calendar("SUMMARY:no start"), "DTSTART"),
        (calendar("DTSTART:tomorrow", "DURATION:PT1H"), "a time such as"),
        (calendar("DTSTART:20261399T000000Z", "DURATION:PT1H"), "a time such as"),
        (calendar("DTSTART:20261129T000000Z"), "DTEND or DURATION"),
        (calendar("DTSTART:20261129T000000Z", "DURATION:six hours"), "DURATION such as"),
        (calendar("DTSTART:20261129T000000Z", "DTEND:20261128T000000Z"), "an end after"),
        (calendar("DTSTART;TZID=Nowhere:20261129T000000", "DURATION:PT1H"), "a time zone"),
        (
            calendar("DTSTART:20261129T000000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY"),
            "a rule of days",
        ),
    ],
)
def test_calendars_that_are_wrong(text: str, wish: str) -> None:
    with pytest.raises(SiteError) as caught:
        read_calendar(text, file="x.ics")
    assert wish in str(caught.value)


def test_a_status_of_the_host(tmp_path: Path) -> None:
    toml, json = tmp_path / "status.toml", tmp_path / "status.json"
    toml.write_text('as_of = 2026-11-24T10:00:00+08:00\nstate = "degraded"\n')
    json.write_text('{"as_of": "2026-11-24T10:00:00+08:00", "state": "degraded"}')
    expected = HostStatus(as_of=AT("2026-11-24T10:00:00+08:00"), state=HostState.DEGRADED)
    assert read_host_status(toml) == read_host_status(json) == expected
    for name, text in (
        ("a.toml", 'state = "fine"'),
        ("b.toml", "as_of = 1"),
        ("c.json", "{}"),
        ("d.json", "["),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(SiteError):
            read_host_status(tmp_path / name)
    with pytest.raises(SiteError):
        read_host_status(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("now", "until", "counts"),
    [
        ("2026-11-24T10:30:00+08:00", None, True),
        ("2026-11-24T11:59:00+08:00", None, True),
        ("2026-11-24T12:01:00+08:00", None, False),
        ("2026-11-24T12:01:00+08:00", "2026-11-24T13:00:00+08:00", True),
        ("2026-11-24T09:00:00+08:00", None, False),
        ("2026-11-26T10:30:00+08:00", "2026-12-24T13:00:00+08:00", False),
    ],
)
def test_a_status_grows_old(now: str, until: str | None, counts: bool) -> None:
    status = HostStatus(
        as_of=AT("2026-11-24T10:00:00+08:00"),
        state=HostState.DOWN,
        until=AT(until) if until else None,
    )
    assert (current_status(Site(host_status=status), AT(now)) is status) is counts
    assert current_status(Site(), AT(now)) is None
