"""The loader: one broken copy per rule, and the message names file and key."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from posdiag.knowledge.loader import load_knowledge, read_knowledge
from posdiag.model.errors import KnowledgeError
from posdiag.model.knowledge import Group
from tests.knowledge.small_folder import FILES, write_folder

CAUSE, OTHER_CAUSE, META = "causes/network.toml", "causes/host.toml", "meta.toml"
LAMP, ECHO, WORDS = "evidence/lamp.toml", "evidence/echo.toml", "messages/line.toml"

RULES: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "invalid" / "knowledge.toml").read_text(encoding="utf-8")
)


def refusal(folder: Path) -> str:
    with pytest.raises(KnowledgeError) as refused:
        read_knowledge(folder)
    return str(refused.value)


def test_small_folder_is_right(tmp_path: Path) -> None:
    knowledge = read_knowledge(write_folder(tmp_path))
    assert [cause.id for cause in knowledge.causes] == ["host_mute", "plug_out"]
    assert [cause.group for cause in knowledge.causes] == [Group.HOST, Group.NETWORK]
    assert [variable.id for variable in knowledge.variables] == ["echo", "lamp"]
    assert [message.id for message in knowledge.messages] == ["no_answer"]


def test_row_may_stand_with_its_variable(tmp_path: Path) -> None:
    knowledge = read_knowledge(write_folder(tmp_path))
    assert {cause.id: cause.shifts for cause in knowledge.causes} == {
        "host_mute": {"echo": [0.1, 0.9]},
        "plug_out": {"lamp": [0.05, 0.05, 0.9]},
    }


@pytest.mark.parametrize("rule", list(RULES))
def test_each_rule_names_file_and_key(rule: str, tmp_path: Path) -> None:
    wrong = RULES[rule]
    change = (wrong["old"], wrong["new"])
    said = refusal(write_folder(tmp_path, {wrong["file"]: change}))
    file = wrong.get("blamed", wrong["file"])
    lines = [line for line in said.splitlines() if line.startswith(f"{file}: ")]
    assert [line for line in lines if wrong["key"] in line and wrong["expected"] in line], said


def test_row_stated_twice_names_both_files(tmp_path: Path) -> None:
    shifts = "[cause.shifts]\necho = [0.2, 0.8]\n[[cause.fixes]]"
    said = refusal(write_folder(tmp_path, {OTHER_CAUSE: ("[[cause.fixes]]", shifts)}))
    assert said == (
        "evidence/echo.toml: host_mute.shifts.echo: expected this row stated once "
        "(causes/host.toml has it too)"
    )


def test_cause_without_a_fix(tmp_path: Path) -> None:
    fixes = FILES[CAUSE][FILES[CAUSE].index("[[cause.fixes]]") :]
    folder = write_folder(tmp_path, {CAUSE: (fixes, "")})
    assert "causes/network.toml: plug_out.fixes: expected this key" in refusal(folder)
    text = FILES[CAUSE].replace(fixes, "").replace("share = 25", "share = 25\nfixes = []")
    (folder / CAUSE).write_text(text, encoding="utf-8")
    assert "causes/network.toml: plug_out.fixes: expected at least one" in refusal(folder)


def test_unknown_group_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / CAUSE).rename(folder / "causes" / "weather.toml")
    assert "causes/weather.toml: expected a file name out of operator, network" in refusal(folder)


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    changes = {
        META: ("kappa = 0.19", "kappa = 0.0"),
        CAUSE: ("share = 25", 'share = "25"\ncolour = 1'),
        LAMP: ("base = [0.9, 0.06, 0.04]", "base = [0.9, 0.06, 0.4]"),
        ECHO: ('needs = ["lamp"]', 'needs = ["bulb"]'),
        WORDS: ("silent = 1.0", "mute = 1.0"),
    }
    said = refusal(write_folder(tmp_path, changes))
    for part in ("kappa", "plug_out.share", "plug_out.colour", "lamp.base", "echo.needs", "mute"):
        assert part in said
    # A cause whose shape is wrong is known by its name: nobody is blamed for naming it.
    assert "pairs" not in said
    assert "confusable" not in said


def test_missing_files(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / META).unlink()
    assert "meta.toml: expected this file" in refusal(folder)
    (folder / LAMP).unlink()
    said = refusal(folder)
    assert "causes/network.toml: plug_out.shifts.lamp: expected a variable that is known" in said
    assert "evidence/echo.toml: echo.needs: expected a variable that is known" in said


def test_reads_from_an_archive(tmp_path: Path) -> None:
    write_folder(tmp_path / "folder")
    archive = tmp_path / "wheel.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        for name in FILES:
            wheel.write(tmp_path / "folder" / name, f"posdiag/knowledge/{name}")
    with zipfile.ZipFile(archive) as wheel:
        knowledge = read_knowledge(zipfile.Path(wheel, "posdiag/knowledge/"))
    assert knowledge == read_knowledge(tmp_path / "folder")


def test_shipped_knowledge_is_read_once() -> None:
    assert load_knowledge() is load_knowledge()
    assert load_knowledge.__wrapped__() == load_knowledge()
