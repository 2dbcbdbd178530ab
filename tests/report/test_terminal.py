"""What a person reads: every state in both languages, on every console."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from posdiag.model.report import Report
from posdiag.report.sheet import STYLES, Sheet, wants_color
from posdiag.report.terminal import print_report, render
from posdiag.text.width import display_width

Sample = Callable[[str], Report]
Language = Literal["en", "zh"]
PAGES = Path(__file__).parent / "pages"
LANGUAGES: list[Language] = ["en", "zh"]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


@pytest.mark.parametrize("verbose", [0, 2])
def test_page_is_as_it_was_read_and_approved(
    sample: Sample, variant: str, language: Language, verbose: int
) -> None:
    """Compare with the kept page; POSDIAG_REWRITE_PAGES=1 writes it anew: read the diff."""
    shown = render(sample(variant), language=language, verbose=verbose).plain()
    kept = PAGES / f"{variant}.{language}{'.vv' if verbose else ''}.txt"
    if os.environ.get("POSDIAG_REWRITE_PAGES") == "1":
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(shown, encoding="utf-8")
    assert shown == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_console(
    sample: Sample, variant: str, language: Language, width: int, verbose: int
) -> None:
    page = render(sample(variant), language=language, width=width, verbose=verbose)
    for line in page.plain().splitlines():
        assert display_width(line) < width, line
        assert line == line.rstrip()


@pytest.mark.parametrize("encoding", ["ascii", "cp936", "latin-1", "cp437", "utf-8"])
@pytest.mark.parametrize("color", [True, False])
def test_every_console_takes_it(
    sample: Sample, variant: str, language: Language, encoding: str, color: bool
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_report(sample(variant), language=language, stream=stream, verbose=2, color=color)
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)
    assert "exit" in shown or "退出码" in shown or "??? " in shown


def test_colour_changes_no_word(sample: Sample, variant: str, language: Language) -> None:
    shown = []
    for color in (True, False):
        stream = io.StringIO()
        print_report(
            sample(variant), language=language, stream=stream, verbose=2, color=color, width=80
        )
        shown.append(stream.getvalue())
    assert ANSI.search(shown[0])
    assert "\x1b" not in shown[1]
    assert ANSI.sub("", shown[0]) == shown[1]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (_Terminal(), {"TERM": "xterm"}, True),
        (_Terminal(), {}, True),
        (_Terminal(), {"NO_COLOR": "1"}, False),
        (_Terminal(), {"NO_COLOR": ""}, True),
        (_Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_when_colour_is_wanted(
    stream: io.StringIO, environ: dict[str, str], expected: bool
) -> None:
    assert wants_color(stream, environ) is expected


def test_print_report_looks_at_the_stream(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = _Terminal(), io.StringIO()
    print_report(sample("fault"), language="en", stream=terminal)
    print_report(sample("fault"), language="en", stream=pipe)
    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in pipe.getvalue()


def test_the_first_line_is_the_verdict(sample: Sample, language: Language) -> None:
    first = {
        name: render(sample(name), language=language).plain().splitlines()[0]
        for name in ("fault", "risk", "nothing_wrong", "cannot_say")
    }
    title = {"en": "Router's DNS does not answer", "zh": "路由器 DNS 没有应答"}[language]
    assert title in first["fault"]
    assert title in first["risk"]
    begins = {"en": ("Nothing wrong now", "Cannot say"), "zh": ("目前没有发现问题", "无法判断")}
    assert first["nothing_wrong"].startswith(begins[language][0])
    assert first["cannot_say"].startswith(begins[language][1])


def test_what_is_nearly_impossible_is_not_shown(sample: Sample) -> None:
    for verbose in (0, 2):
        assert "Paper is out" not in render(sample("fault"), language="en", verbose=verbose).plain()


def changed(report: Report, **other: Any) -> Report:
    return msgspec.convert(msgspec.to_builtins(report) | other, Report)


def test_a_number_never_stands_without_its_basis(sample: Sample) -> None:
    for name in ("fault", "risk", "nothing_wrong"):
        lines = render(sample(name), language="en").plain().splitlines()
        assert "in 10 (expert priors, 0 confirmed visits)" in lines[1]


def test_the_headline_of_a_risk_and_its_number_speak_of_one_thing(sample: Sample) -> None:
    lines = render(sample("risk"), language="en").plain().splitlines()
    assert lines[0] == "Sign-on is at risk: Router's DNS does not answer"
    assert lines[1].startswith("less likely, about 3 in 10")
    small = msgspec.to_builtins(sample("risk").diagnoses)
    small[1]["posterior"] = 0.05
    lines = render(changed(sample("risk"), diagnoses=small), language="en").plain().splitlines()
    assert lines[0].startswith("Sign-on should work from here, but there is a risk")
    assert lines[1].startswith("possible, about 5 in 10")


@pytest.mark.parametrize(
    ("kind", "outcome", "begins"),
    [
        ("sign_on", "failed", "Sign-on fails"),
        ("sign_on", "unknown", "Sign-on would fail"),
        ("transaction", "failed", "Transactions fail"),
        ("signature", "failed", "The signature fails"),
        ("unknown", "none", "Sign-on would fail"),
    ],
)
def test_the_complaint_is_what_fails(sample: Sample, kind: str, outcome: str, begins: str) -> None:
    report = changed(sample("fault"), complaint={"kind": kind, "outcome": outcome})
    assert render(report, language="en").plain().startswith(f"{begins}, most likely: ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"diagnoses": [], "outcomes": [], "facts": []}, "nothing was measured"),
        (
            {"case": {"complaint_elsewhen": True}, "lead": "nothing_wrong_now"},
            "the complaint is of another hour",
        ),
        ({"gap": "not_reachable_from_here"}, "cannot be reached from where this laptop is"),
        ({"lead": "other"}, "fits no cause on the list"),
        ({"conflict": True}, "the findings contradict each other"),
        ({"lead": "nothing_wrong_now"}, "what would decide was not checked"),
        ({}, "no cause leads"),
    ],
)
def test_cannot_say_says_why(sample: Sample, change: dict[str, Any], reason: str) -> None:
    given = dict(change)
    lead, gap = given.pop("lead", None), given.pop("gap", "not_declared")
    report = msgspec.to_builtins(sample("cannot_say"))
    report["unknown"] = [{"variable": "x", "title": {"en": "x", "zh": "x"}, "reason": gap}]
    if lead:
        report["diagnoses"][0]["cause"] = lead
    shown = render(msgspec.convert(report | given, Report), language="en").plain()
    assert reason in " ".join(shown.split("\n\n", maxsplit=1)[0].split())


@pytest.mark.parametrize(
    ("case", "ends"),
    [
        ({"path_shared": "yes"}, "on the shop's LAN"),
        ({"path_shared": "no"}, "the terminal's own path was not seen"),
        ({"path_shared": "unknown"}, "whether the terminal takes the same path is not known"),
    ],
)
def test_it_says_from_where_it_was_seen(sample: Sample, case: dict[str, str], ends: str) -> None:
    shown = render(changed(sample("fault"), case=case), language="en").plain()
    head = " ".join(shown.split("\n\n", maxsplit=1)[0].split())
    assert head.endswith(ends)


def test_what_was_only_told_is_marked(sample: Sample) -> None:
    shown = render(sample("fault"), language="en").plain()
    assert "one connect (told)" in shown
    assert "5 s each (" not in shown


def test_an_error_shows_the_error_and_nothing_invented(sample: Sample) -> None:
    report = changed(sample("empty"), end="error", exit_code=70, error="it broke", state="fault")
    assert render(report, language="en").plain() == "posdiag could not finish: it broke\nexit 70\n"
    assert "未能完成：it broke" in render(report, language="zh").plain()


def test_hints_say_where_to_read_what_is_missing(sample: Sample) -> None:
    from posdiag.model.text import Text

    report = changed(
        sample("fault"), site=msgspec.to_builtins(sample("fault").site) | {"missing": ["acquirer"]}
    )
    hints = {"acquirer": Text(en="on the installation sheet", zh="见装机单")}
    assert "Would help    acquirer\n" in render(report, language="en").plain()
    assert (
        "acquirer: on the installation sheet" in render(report, language="en", hints=hints).plain()
    )
    assert "acquirer：见装机单" in render(report, language="zh", hints=hints).plain()


def test_foreign_text_cannot_move_the_cursor(sample: Sample) -> None:
    outcomes = msgspec.to_builtins(sample("fault").outcomes)
    outcomes[0]["observations"][0]["subject"] = "evil\x1b[2J\rhost"
    outcomes[0]["observations"][0]["result"]["detail"] = "a\nb\x07"
    for color in (True, False):
        stream = io.StringIO()
        report = changed(sample("fault"), outcomes=outcomes)
        print_report(report, language="en", stream=stream, verbose=2, color=color)
        shown = ANSI.sub("", stream.getvalue())
        assert "evil[2J host" in shown
        assert not {"\x1b", "\r", "\x07"} & set(shown)


def test_sheet_has_no_two_blank_lines_and_knows_its_roles() -> None:
    sheet = Sheet(20)
    sheet.blank()
    sheet.line(("a", "fault"))
    sheet.blank()
    sheet.blank()
    sheet.row("label that is far too long", "text", column=10, right="end")
    assert sheet.plain().splitlines()[:2] == ["a", ""]
    assert sheet.plain().splitlines()[2].startswith("label")
    assert all(role in STYLES or role == "" for line in sheet.spans() for _, role in line)


def test_every_role_that_is_used_has_a_style(sample: Sample, variant: str) -> None:
    page = render(sample(variant), language="en", verbose=2)
    used = {role for line in page.spans() for _, role in line if role}
    assert used - set(STYLES) == set()
