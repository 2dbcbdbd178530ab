"""Reads what was done at a terminal and when: its journal, or lines typed from memory.

Each line is a time and what happened: ``09:12:04 签到``, ``2026-11-24 09:12:40 sign-on failed:
communication timeout``. What comes out are facts, as if they had been counted at the counter: how
often the key was pressed within a minute, how far apart, how long until the error. No cause.
"""

from __future__ import annotations

import datetime
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from posdiag.model.errors import Mistake, SiteError
from posdiag.model.observation import Value
from posdiag.site.facts import TEXT_LENGTH, FactTable, check_facts
from posdiag.site.settings_export import SettingsRead, typed_text
from posdiag.site.toml_file import read_text

WINDOW_S = 60.0
"""The fact ``presses`` counts within one minute."""
PROMPT_S = 30.0
"""A prompt without any key for so long was left (prompts of public POS code wait 60 s)."""
MOST_PRESSES = 60


class Kind(StrEnum):
    """What a line tells."""

    PRESS = "press"
    OK = "ok"
    FAILED = "failed"
    PROMPT = "prompt"
    PROMPT_ENDED = "prompt_ended"
    LOGIN_FAILED = "login_failed"
    SETTLE_ASKED = "settle_asked"
    SETTLED = "settled"


# The first that fits: what is special stands before what it contains.
_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (
        Kind.LOGIN_FAILED,
        (
            r"操作员.{0,6}(错|锁|不存在)",
            r"柜员.{0,6}(错|锁)",
            r"登[录陆]失败",
            r"log-?in (failed|refused|locked)",
            r"operator.{0,12}(locked|wrong|error|invalid)",
            r"password (wrong|error)",
            r"clerk locked",
        ),
    ),
    (
        Kind.SETTLE_ASKED,
        (r"请先?结算", r"批次已满", r"流水已?满", r"must settle", r"batch full", r"please settle"),
    ),
    (
        Kind.PROMPT_ENDED,
        (
            r"(操作|输入|按键|提示)超时",
            r"超时退出",
            r"无人操作",
            r"(input|key|prompt|user) time-?out",
            r"prompt (abandoned|left|expired)",
        ),
    ),
    (Kind.OK, (r"签到.{0,4}成功", r"(sign|log)-?\s?on.{0,10}(ok|success|accepted|complete)")),
    (
        Kind.FAILED,
        (
            r"失败|出错|错误|异常|超时|未登记",
            r"fail|error|time-?\s?out|refused",
            r"no (answer|response)",
        ),
    ),
    (
        Kind.PROMPT,
        (
            r"请(输入|确认|选择)",
            r"等待(输入|确认)",
            r"prompt|enter |confirm",
            r"waiting for (key|input)",
        ),
    ),
    (Kind.SETTLED, (r"结算|settle",)),
    (Kind.PRESS, (r"签到|按键", r"(sign|log)-?\s?on|press")),
)
_TIME = re.compile(
    r"^\W*(?:(?P<date>\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2})[T\s]+)?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2}(?:[.,]\d+)?)\W*(?P<what>.*)$"
)
_DENSE = re.compile(r"^\W*(?P<stamp>\d{14})\W+(?P<what>.*)$")
_LEAD = re.compile(r"^.*?(?:失败|failed|error|出错)\s*[:：,，-]*\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Event:
    """One line.

    Attributes:
        at_s: seconds since the first day of the journal began.
        line: from 1.
        what: the text behind the time.
    """

    at_s: float
    kind: Kind
    line: int
    what: str


def read_journal(
    path: Path, table: FactTable | None = None, *, stdin: TextIO | None = None
) -> SettingsRead:
    """Return the facts of a journal.

    Args:
        path: in UTF-8 or GB18030; ``-`` is standard input: piped, or typed until an empty line.
        table: of facts; None: our own.
        stdin: standard input.

    Raises:
        SiteError: unreadable, or no line of it is a time and something that happened.
    """
    file = "standard input" if str(path) == "-" else str(path)
    if file != str(path):
        if stdin is None:
            raise SiteError([Mistake("--journal", "", "a file", "- without standard input")])
        text = typed_text(stdin)
    else:
        text = read_text(path, encodings=("utf-8-sig", "gb18030"))
    return journal_facts(text, file=file, table=table)


def journal_facts(text: str, *, file: str, table: FactTable | None = None) -> SettingsRead:
    """Return the facts of a journal's text; arguments as :func:`read_journal`."""
    events = events_of(text)
    if not events:
        wish = "lines with a time and what happened, such as 09:12:04 sign-on"
        raise SiteError([Mistake(file, "", wish, "no such line")])
    recent = _since_the_last_success(events)
    values: dict[str, Value] = {**_pressing(recent), **_screens(recent), **_order(events)}
    facts, mistakes = check_facts(values, table, file=file)
    if mistakes:
        raise SiteError(mistakes)
    lines = f"journal, lines {recent[0].line}-{recent[-1].line}"
    passed = sum(bool(line.strip()) for line in text.splitlines()) - len(events)
    return SettingsRead(facts=facts, origins=dict.fromkeys(facts, lines), passed_over=passed)


def events_of(text: str) -> list[Event]:
    """Return the events in their order in time; a clock that steps back begins another day."""
    events: list[Event] = []
    days, last = 0.0, 0.0
    for number, line in enumerate(text.splitlines(), 1):
        timed = _timed(line)
        if timed is None:
            continue
        at_s, dated, what = timed
        kind = _kind(what)
        if kind is None:
            continue
        if not dated:
            days += 86400.0 if at_s < last - 43200.0 else 0.0
            last = at_s
            at_s += days
        events.append(Event(at_s, kind, number, what))
    return sorted(events, key=lambda event: (event.at_s, event.line))


def _kind(what: str) -> Kind | None:
    for kind, patterns in _WORDS:
        if any(re.search(pattern, what, re.IGNORECASE) for pattern in patterns):
            return kind
    return None


def _timed(line: str) -> tuple[float, bool, str] | None:
    """Return seconds, whether a year was said, and the rest of a line; None without a time."""
    dense = _DENSE.match(line)
    found = _TIME.match(line)
    try:
        if dense:
            moment = datetime.datetime.strptime(dense["stamp"] + "+0000", "%Y%m%d%H%M%S%z")
            return moment.timestamp(), True, dense["what"]
        if not found:
            return None
        second = float(found["second"].replace(",", "."))
        day_s = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + second
        date = re.split(r"[-/.]", found["date"]) if found["date"] else []
        if len(date) == 3:
            day = datetime.date(*map(int, date))
            return day.toordinal() * 86400.0 + day_s, True, found["what"]
    except ValueError:
        return None
    return day_s, False, found["what"]


def _since_the_last_success(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events behind the last sign-on that worked, all where nothing came after it."""
    worked = [at for at, event in enumerate(events) if event.kind is Kind.OK]
    return (events[worked[-1] + 1 :] or events) if worked else events


def _pressing(events: Sequence[Event]) -> dict[str, Value]:
    """Return how the key was pressed, in the minute with the most presses."""
    presses = [event.at_s for event in events if event.kind is Kind.PRESS]
    if not presses:
        return {}
    windows = [[at for at in presses if start <= at <= start + WINDOW_S] for start in presses]
    busiest = max(windows, key=len)
    facts: dict[str, Value] = {"presses": min(len(busiest), MOST_PRESSES)}
    if len(busiest) > 1:
        gaps = [after - before for before, after in pairwise(busiest)]
        facts["seconds_between_presses"] = round(statistics.median(gaps), 1)
    return facts


def _screens(events: Sequence[Event]) -> dict[str, Value]:
    """Return what the screen said and asked."""
    facts: dict[str, Value] = {}
    for event, after in zip(events, [*events[1:], None], strict=True):
        match event.kind:
            case Kind.FAILED:
                said = _LEAD.sub("", event.what).strip() or event.what.strip()
                facts["screen"] = said[:TEXT_LENGTH]
            case Kind.LOGIN_FAILED:
                facts["login_error"] = True
            case Kind.SETTLE_ASKED:
                facts["settle_prompt"] = True
            case Kind.PROMPT_ENDED:
                facts["prompt_left"] = True
            case Kind.PROMPT if after is not None and after.at_s - event.at_s >= PROMPT_S:
                facts["prompt_left"] = True
    waits = _waits(events)
    if waits:
        facts["seconds_to_error"] = round(statistics.median(waits), 1)
    return facts


def _waits(events: Sequence[Event]) -> list[float]:
    """Return the seconds from a press to the failure behind it."""
    waits = []
    pressed: float | None = None
    for event in events:
        if event.kind is Kind.PRESS:
            pressed = event.at_s
        elif event.kind is Kind.FAILED and pressed is not None:
            waits.append(min(event.at_s - pressed, 900.0))
            pressed = None
    return waits


def _order(events: Sequence[Event]) -> dict[str, Value]:
    """Return whether a sign-on failed, and worked once the batch had been settled."""
    order = [event.kind for event in events]
    for at, kind in enumerate(order):
        if kind is Kind.SETTLED and Kind.FAILED in order[:at] and Kind.OK in order[at:]:
            return {"ok_after_settlement": True}
    return {}
