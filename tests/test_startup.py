"""What starting up imports: nothing that a command does not need yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"scapy", "rich", "serial", "psutil", "sqlite3", "asyncio"}
LATER = {"msgspec", "jsonschema", "cryptography", "dns", "babel"}


def imported_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has after some code, by their full names."""
    script = f"{code}\nimport sys\nprint(chr(10).join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50
    )
    return set(done.stderr.split())


def asked(*arguments: str) -> str:
    return f"""
import sys
sys.argv = {["posdiag", *arguments]!r}
from posdiag.__main__ import run
try:
    run()
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    "code",
    ["import posdiag.cli.main", asked("--version"), asked(), asked("--help")],
    ids=["import", "version", "alone", "help"],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    tops = {name.partition(".")[0] for name in imported_by(code)}
    assert "posdiag" in tops
    assert tops & (HEAVY | LATER) == set()


def test_the_version_needs_no_command_line() -> None:
    modules = imported_by(asked("--version"))
    assert "click" not in modules
    assert "posdiag.text.words" not in modules


def test_a_command_imports_only_its_own_file() -> None:
    modules = imported_by(asked("demo", "--list"))
    commands = {"run", "site", "ports", "probe", "explain", "replay", "profile", "schema"}
    assert not {f"posdiag.cli.{name}" for name in commands} & modules
    assert "posdiag.engine.chain" not in modules
