"""The build hook compiles the catalogues with nothing of posdiag but one file."""

from __future__ import annotations

import gettext
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCALE = Path("posdiag/text/locale/zh_CN/LC_MESSAGES")
CODE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import hatch_build
root = Path(sys.argv[1])
data = {"artifacts": []}
hook = hatch_build.CustomBuildHook(str(root), {}, None, None, str(root), "wheel")
hook.initialize("standard", data)
assert "posdiag" not in sys.modules and "msgspec" not in sys.modules
print(*data["artifacts"])
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the hook needs of the source tree."""
    (tmp_path / LOCALE).mkdir(parents=True)
    shutil.copy(ROOT / "hatch_build.py", tmp_path)
    shutil.copy(ROOT / "posdiag/text/catalogue.py", tmp_path / "posdiag/text")
    shutil.copy(ROOT / LOCALE / "posdiag.po", tmp_path / LOCALE)
    return tmp_path


def run_hook(tree: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    command = [sys.executable, "-c", CODE, str(tree)]
    return subprocess.run(command, capture_output=True, check=False, text=True, cwd=tree)


def test_hook_compiles_and_names_the_result(tree: Path) -> None:
    done = run_hook(tree)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"/{LOCALE.as_posix()}/posdiag.mo"]
    with (tree / LOCALE / "posdiag.mo").open("rb") as stream:
        assert gettext.GNUTranslations(stream).gettext("Next test") == "下一步"


def test_hook_fails_without_a_catalogue(tree: Path) -> None:
    (tree / LOCALE / "posdiag.po").unlink()
    done = run_hook(tree)
    assert done.returncode != 0
    assert "no translation catalogue" in done.stderr
