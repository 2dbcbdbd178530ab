"""Wrong site, profile and facts files through the command line: all mistakes at once, exit 65."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.typed import ROOT, typed

FOLDER = ROOT / "tests" / "data" / "invalid"
EXPECTED: dict[str, list[str]] = tomllib.loads(
    (FOLDER / "site_messages.toml").read_text(encoding="utf-8")
)


def arguments_for(path: Path, kind: str) -> list[str]:
    match kind:
        case "site":
            return ["run", str(path), "--no-save", "--no-input"]
        case "facts":
            return ["run", "--facts", str(path), "--no-save", "--no-input"]
        case _:
            return ["profile", "check", str(path)]


def test_there_are_enough_of_them() -> None:
    assert len(EXPECTED) >= 30


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_mistake_of_a_wrong_file_is_told(
    capfd: pytest.CaptureFixture[str], name: str
) -> None:
    path = FOLDER / name
    done = typed(capfd, *arguments_for(path, path.parent.name))
    assert done.code == 65
    assert done.out == ""
    told = done.err.splitlines()
    assert len(told) == len(EXPECTED[name])
    for line, expected in zip(told, EXPECTED[name], strict=True):
        where = expected.partition(": expected ")[0].replace("FILE", str(path))
        assert line.startswith(where.replace("FOLDER", str(path.parent)) + ": expected ")


@pytest.mark.parametrize("name", sorted(EXPECTED)[::6])
def test_the_document_holds_every_mistake(capfd: pytest.CaptureFixture[str], name: str) -> None:
    path = FOLDER / name
    done = typed(capfd, *arguments_for(path, path.parent.name), "--json", "--lang", "zh")
    assert done.code == 65
    report = done.document
    assert report["end"] == "error"
    assert len(report["mistakes"]) == len(EXPECTED[name])
    for mistake in report["mistakes"]:
        assert mistake["file"]
        assert mistake["expected"]
    assert all("应为" in line for line in done.err.splitlines())


@pytest.mark.parametrize("kind", ["site", "facts", "terminals"])
def test_a_folder_and_a_file_that_is_not_there(
    capfd: pytest.CaptureFixture[str], kind: str, tmp_path: Path
) -> None:
    for path in (tmp_path, tmp_path / "absent.toml"):
        done = typed(capfd, *arguments_for(path, kind))
        assert done.code == 65
        assert f"{path}: expected" in done.err
        assert len(done.err.splitlines()) == 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user without privileges, where we are not one already."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="other system: permissions as on Unix")
@pytest.mark.parametrize("kind", ["site", "facts", "terminals"])
def test_a_file_that_this_user_may_not_read(
    capfd: pytest.CaptureFixture[str], kind: str, open_folder: Path
) -> None:
    path = open_folder / "shop.toml"
    path.write_text('name = "a shop"\n', encoding="utf-8")
    # Imports what the other user may not be able to.
    typed(capfd, *arguments_for(path, kind), *(["--plan"] if kind == "site" else []))
    path.chmod(0)
    with as_nobody():
        done = typed(capfd, *arguments_for(path, kind))
    assert done.code == 65, done.err
    assert f"{path}: expected" in done.err
    assert "permission" in done.err.lower()


def test_facts_from_standard_input(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("menu_timer = 0\nno_such_fact = 1\n"))
    done = typed(capfd, "run", "--facts", "-", "--no-save", "--json")
    assert done.code == 65
    assert [one["key"] for one in done.document["mistakes"]] == ["menu_timer", "no_such_fact"]


@pytest.mark.parametrize("fact", ["menu_timer=soon", "nonsense=1", "no equals sign"])
def test_a_wrong_fact_on_the_command_line(capfd: pytest.CaptureFixture[str], fact: str) -> None:
    done = typed(capfd, "run", "--fact", fact, "--no-save")
    assert done.code == 65
    assert done.err.startswith("--fact: ")


def test_reports_that_cannot_be_read_back(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    for text in ("", "{}", "[1, 2", '{"schema_version": 99}'):
        path.write_text(text, encoding="utf-8")
        done = typed(capfd, "replay", str(path))
        assert done.code == 65
        assert str(path) in done.err
    assert typed(capfd, "replay", str(tmp_path)).code == 65
    done = typed(capfd, "replay", "last", "--json")
    assert done.code == 65
    assert done.document["mistakes"][0]["file"] == "last"
