"""Every scenario through the whole chain, as a user runs it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib

import pytest

from posdiag.model.knowledge import Group
from posdiag.probes import discover
from tests.scenarios.demo_runs import HAS_NAMESPACES, LABELS, ROOT, demo, lonely_demo

SINGLE = [name for name, label in LABELS.items() if len(label["causes"]) == 1]
DOUBLE = [name for name, label in LABELS.items() if len(label["causes"]) == 2]
PROBES = list(discover())
needs_namespaces = pytest.mark.skipif(not HAS_NAMESPACES, reason="needs root and unshare")


def test_list_says_what_each_scenario_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "posdiag", "demo", "--list", "--json"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=30,
    )
    listed = json.loads(done.stdout)
    by_id = {entry["id"]: entry for entry in listed}
    assert len(listed) >= 18
    assert {entry["group"] for entry in listed} >= {group.value for group in Group}
    assert by_id["healthy"]["causes"] == []
    assert sum(len(entry["causes"]) == 2 for entry in listed) >= 3
    assert any(entry["causes"] == ["other"] for entry in listed)
    assert {entry["id"]: entry["causes"] for entry in listed} == {
        name: label["causes"] for name, label in LABELS.items()
    }
    files = {path.stem for path in (ROOT / "posdiag/simulate/scenarios").glob("*.toml")}
    assert files == set(by_id)


@pytest.mark.parametrize("name", [name for name in SINGLE if name != "unknown_code"])
def test_single_fault_comes_first(name: str) -> None:
    run = demo(name)
    assert run.order(1) == LABELS[name]["causes"]
    assert run.code in (1, 2)
    assert run.report["end"] == "finished"


@pytest.mark.parametrize("name", DOUBLE)
def test_both_faults_are_among_the_first_three(name: str) -> None:
    assert set(LABELS[name]["causes"]) <= set(demo(name).order(3))


def test_unlisted_fault_is_said_to_be_unlisted() -> None:
    run = demo("unknown_code")
    assert run.order(1) == ["other"]
    assert run.code == 3


@pytest.mark.parametrize("options", [(), ("--complaint", "sign_on")])
def test_healthy_is_healthy(options: tuple[str, ...]) -> None:
    run = demo("healthy", *options)
    assert run.code == 0
    assert run.order(1) == ["nothing_wrong_now"]
    causes = [d for d in run.report["diagnoses"] if d["cause"] != "nothing_wrong_now"]
    assert max(d["posterior"] for d in causes) <= 0.20


@needs_namespaces
@pytest.mark.parametrize("name", list(LABELS))
def test_same_ranking_alone_with_a_loopback_and_a_low_battery(name: str) -> None:
    first, second = demo(name), lonely_demo(name)
    assert first.code == second.code
    assert first.order(100) == second.order(100)


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("name", ["healthy", "dns_dead"])
def test_without_one_probe_unknown_is_not_bad(name: str, probe: str) -> None:
    whole, run = demo(name), demo(name, "--skip", probe)
    assert run.report["end"] == "finished"
    skipped = [o for o in run.report["outcomes"] if o["probe"] == probe]
    assert [o["status"] for o in skipped] == ["not_run"]
    before = {e["variable"] for e in whole.report["evidence"]}
    now = {e["variable"] for e in run.report["evidence"]}
    unknown = {u["variable"] for u in run.report["unknown"]}
    assert before - now <= unknown
    # What it had measured weighs nothing now: silence must not do what a fault would do.
    if name == "healthy":
        causes = [d for d in run.report["diagnoses"] if d["cause"] != "nothing_wrong_now"]
        assert max(d["posterior"] for d in causes) < 0.5
        assert run.code in (0, 1, 3)


def test_nothing_known_at_all_cannot_be_judged() -> None:
    argv = [sys.executable, "-m", "posdiag", "run", "--json", "--no-save", "--no-input"]
    for probe in PROBES:
        argv += ["--skip", probe]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False, timeout=30)
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"] == 3
    assert report["next_test"]
    text = subprocess.run(
        [argument for argument in argv if argument != "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert text.returncode == 3
    assert "Next test" in text.stdout


def test_no_pty_gives_the_same_answer() -> None:
    assert demo("paper_jam", "--no-pty").order(1) == ["dev_paper_jam"]
    assert demo("pin_pad_dead", "--no-pty").order(1) == ["dev_pinpad_fault"]


def test_scenarios_hold_facts_and_faults_only() -> None:
    facts = tomllib.loads((ROOT / "posdiag/site/facts.toml").read_text(encoding="utf-8"))
    causes = {c for label in LABELS.values() for c in label["causes"]} - {"other"}
    for path in (ROOT / "posdiag/simulate/scenarios").glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        assert set(tomllib.loads(text).get("facts", {})) <= set(facts), path.name
        assert not [cause for cause in causes if cause in text], path.name


def test_labels_are_read_by_the_command_line_only() -> None:
    for path in (ROOT / "posdiag").rglob("*.py"):
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if any("scenario_labels.toml" in text for text in strings):
            assert path.relative_to(ROOT / "posdiag").parts[0] == "cli", path
