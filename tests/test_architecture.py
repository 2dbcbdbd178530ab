"""The rules of the house, kept by a test and not by memory."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from posdiag.probes import discover

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "posdiag"
UNIX_ONLY = {"fcntl", "termios", "tty", "pty", "winreg", "grp", "pwd", "resource"}
PROBES = sorted(path.stem for path in (PACKAGE / "probes").glob("*.py"))
PROBES = [name for name in PROBES if name not in ("__init__", "probe")]


def _python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_is_code_knowledge_and_test(name: str) -> None:
    assert (PACKAGE / "knowledge" / "evidence" / f"{name}.toml").is_file()
    assert (ROOT / "tests" / "probes" / f"test_{name}.py").is_file()
    assert discover()[name].name == name


def test_nothing_else_names_a_probe_file() -> None:
    # Registration would be an import of a probe's module anywhere outside discovery.
    for path in _python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                parts = node.module.split(".")
                if parts[:2] == ["posdiag", "probes"] and len(parts) > 2:
                    assert parts[2] == "probe", f"{path} imports {node.module}"


def _imports(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node, alias.name.split(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.append((node, node.module.split(".")[0]))
    return found


def _inside_functions(tree: ast.AST) -> set[ast.AST]:
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside.update(ast.walk(node))
    return inside


def test_unix_only_modules_stay_in_link_and_simulate_inside_functions() -> None:
    wrong: list[str] = []
    for path in _python_files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = _inside_functions(tree)
        allowed = path.relative_to(PACKAGE).parts[0] in ("link", "simulate")
        wrong += [
            f"{path.relative_to(ROOT)}: {name}"
            for node, name in _imports(tree)
            if name in UNIX_ONLY and not (allowed and node in inside)
        ]
    assert wrong == []


def test_observations_have_one_probe_each_and_the_catalogue_is_theirs() -> None:
    seen: dict[str, str] = {}
    for probe in discover().values():
        for observable in probe.observables:
            assert observable.name not in seen, f"{observable.name}: two probes"
            seen[observable.name] = probe.name
            assert observable.meaning
    assert seen


def test_evidence_names_only_what_somebody_observes() -> None:
    names = {o.name for probe in discover().values() for o in probe.observables}
    facts = tomllib.loads((PACKAGE / "site" / "facts.toml").read_text(encoding="utf-8"))
    names |= {f"fact.{name}" for name in facts}
    # Made by the engine: an announced window, and the timer of the menu or else of the profile.
    names |= {"notice.active", "notice.ended_lately", "host_status.state", "case.timer_s"}
    unknown: list[str] = []
    for path in sorted((PACKAGE / "knowledge" / "evidence").glob("*.toml")):
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        unknown += [f"{path.name}: {name}" for name in _named_observations(text) - names]
    assert unknown == []


def _named_observations(value: object) -> set[str]:
    keys = (
        "observation",
        "count",
        "total",
        "upstream_count",
        "upstream_total",
        "required",
        "limit",
    )
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and isinstance(inner, str):
                found.add(inner)
            elif key in ("observations", "upstream") and isinstance(inner, list):
                found.update(item for item in inner if isinstance(item, str))
            elif key == "compared" and isinstance(inner, dict):
                found.update(inner)
            else:
                found |= _named_observations(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _named_observations(inner)
    return found


def test_who_may_import_whom() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_banned_names_for_files() -> None:
    banned = {"utils", "helpers", "common", "manager", "handler", "data", "info"}
    for path in _python_files():
        assert path.stem not in banned, path
