"""Help, the list of commands, and command lines that are refused."""

from __future__ import annotations

import json
import os

import pytest

from posdiag.text.width import display_width
from tests.cli.typed import typed

COMMANDS = [
    ["demo"], ["run"], ["site"], ["site", "new"], ["ports"], ["probe"], ["explain"], ["replay"],
    ["profile"], ["profile", "list"], ["profile", "show"], ["profile", "check"], ["simulate"],
    ["schema"],
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_alone_it_shows_what_matters(capfd: pytest.CaptureFixture[str], language: str) -> None:
    done = typed(capfd, "--lang", language)
    assert done.code == 0
    for command in ("posdiag demo", "posdiag run", "posdiag explain", "--help"):
        assert command in done.out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_help_is_grouped(capfd: pytest.CaptureFixture[str], language: str) -> None:
    done = typed(capfd, "--lang", language, "--help")
    assert done.code == 0
    headings = {
        "en": ["At a site", "At the desk", "For developers"],
        "zh": ["现场", "办公室", "开发"],
    }[language]
    places = [done.out.splitlines().index(heading) for heading in headings]
    assert places == sorted(places)
    for command in COMMANDS:
        assert f"\n  {command[0]} " in done.out


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(
    capfd: pytest.CaptureFixture[str], command: list[str], language: str
) -> None:
    done = typed(capfd, *command, "--help", "--lang", language)
    assert done.code == 0
    assert done.err == ""
    name = " ".join(command)
    usage = "Usage: posdiag" if language == "en" else "用法：posdiag"
    assert done.out.startswith(f"{usage} {name}")
    assert max(display_width(line) for line in done.out.splitlines()) <= 80


def test_language_of_the_system(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "用法" in typed(capfd, "--help").out
    assert "Usage" in typed(capfd, "--help", "--lang=en").out


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "frobnicate"),
        (["dem"], "demo"),
        (["run", "--nope"], "--nope"),
        (["run", "--budget", "soon"], "--budget"),
        (["run", "--budget", "nan"], "--budget"),
        (["run", "--budget", "0"], "--budget"),
        (["run", "--budget", "-3"], "--budget"),
        (["run", "--budget"], "--budget"),
        (["run", "--at", "moon"], "same_lan"),
        (["run", "--skip", "dnss"], "dns"),
        (["run", "--allow", "print-everything"], "echo-live-tid"),
        (["run", "--complaint", "sign"], "sign_on"),
        (["run", "--plan=yes"], "--plan"),
        (["run", "a.toml", "b.toml"], "b.toml"),
        (["run", "--inventory", "a.csv"], "--id"),
        (["run", "--id", "00001234"], "--inventory"),
        (["run", "a.toml", "--inventory", "a.csv", "--id", "1"], "--inventory"),
        (["run", "--lang", "fr"], "--lang"),
        (["demo", "no_such_scenario"], "no_such_scenario"),
        (["demo", "--budget", "1e9"], "3600"),
        (["simulate"], "SCENARIO"),
        (["simulate", "no_such_scenario"], "no_such_scenario"),
        (["probe"], "PROBE"),
        (["probe", "hots"], "host"),
        (["replay"], "REPORT"),
        (["explain", "net_dns_failur"], "net_dns_failure"),
        (["explain", "net_dns_failure", "--message", "x"], "--message"),
        (["profile"], "profile"),
        (["profile", "show", "unionpay_tls_publik"], "unionpay_tls_public"),
        (["profile", "check"], "FILE"),
        (["schema", "--facts", "--site"], "schema"),
        (["schema", "--profile", "printer"], "acquirer"),
        (["site"], "site"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_refused(
    capfd: pytest.CaptureFixture[str], arguments: list[str], said: str, language: str
) -> None:
    prefix = [] if "--lang" in arguments else ["--lang", language]
    done = typed(capfd, *prefix, *arguments)
    assert done.code == 64
    assert done.out == ""
    assert said in done.err
    as_json = typed(capfd, *prefix, *arguments, "--json")
    assert as_json.code == 64
    assert as_json.document["end"] == "error"
    assert as_json.document["error"]


def test_site_new_does_not_write_over_a_file(
    capfd: pytest.CaptureFixture[str], tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(capfd, "site", "new", "--no-input").code == 0
    done = typed(capfd, "site", "new", "--no-input")
    assert done.code == 64
    assert "--force" in done.err
    assert typed(capfd, "site", "new", "--no-input", "--force").code == 0


def test_refusals_come_as_json_that_a_script_can_read(capfd: pytest.CaptureFixture[str]) -> None:
    done = typed(capfd, "run", "--json", "--budget", "soon")
    assert json.loads(done.out)["error"] == done.err.splitlines()[0].removeprefix("posdiag: ")
