"""The package as users get it: a wheel without an index, editable, without Unix modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NO_UNIX = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ('fcntl', 'termios', 'tty', 'pty', 'grp', 'pwd', 'resource'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
        return None
sys.meta_path.insert(0, Missing())
for name in ('fcntl', 'termios', 'tty', 'pty'):
    sys.modules.pop(name, None)
"""
"""Makes Unix-only modules unimportable, as on Windows; a child process gets it as sitecustomize."""


def _run(argv: list[str | Path], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build posdiag and fetch what it needs into one folder of wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    pip: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "-q", "-w", folder]
    built = _run([*pip, ROOT, "hatchling", "editables"], folder)
    assert built.returncode == 0, built.stderr
    return folder


def _environment(folder: Path) -> Path:
    venv.create(folder, with_pip=True, symlinks=os.name == "posix")
    return folder / ("Scripts" if os.name == "nt" else "bin")


def _check_install(scripts: Path, empty: Path) -> None:
    demo = _run([scripts / "posdiag", "demo", "--json"], empty)
    assert demo.returncode == 2, demo.stderr
    assert json.loads(demo.stdout)["diagnoses"][0]["posterior"] >= 0.5
    listed = _run([scripts / "posdiag", "profile", "list"], empty)
    assert "unionpay_tls_public" in listed.stdout
    chinese = _run([scripts / "posdiag", "--lang", "zh", "profile", "list"], empty)
    assert chinese.returncode == 0
    assert list(empty.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_wheel_from_a_folder_without_an_index(wheels: Path, tmp_path: Path) -> None:
    scripts = _environment(tmp_path / "venv")
    install: list[str | Path] = [scripts / "python", "-m", "pip", "install", "-q", "--no-index"]
    done = _run([*install, "--find-links", wheels, "posdiag"], tmp_path, PIP_EXTRA_INDEX_URL="")
    assert done.returncode == 0, done.stderr
    (tmp_path / "empty").mkdir()
    _check_install(scripts, tmp_path / "empty")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_editable_install(wheels: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, source, ignore=ignored)
    scripts = _environment(tmp_path / "venv")
    install: list[str | Path] = [scripts / "python", "-m", "pip", "install", "-q", "--no-index"]
    done = _run([*install, "--find-links", wheels, "-e", source], tmp_path, PIP_EXTRA_INDEX_URL="")
    assert done.returncode == 0, done.stderr
    (tmp_path / "empty").mkdir()
    _check_install(scripts, tmp_path / "empty")


@pytest.mark.slow
def test_demo_without_unix_modules(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_UNIX, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    argv: list[str | Path] = [sys.executable, "-m", "posdiag", "demo", "--no-pty", "--json"]
    done = _run(argv, ROOT, PYTHONPATH=path)
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["diagnoses"][0]["cause"] == "net_dns_failure"
    check = _run([sys.executable, "-c", "import fcntl"], tmp_path, PYTHONPATH=path)
    assert "No module named 'fcntl'" in check.stderr
