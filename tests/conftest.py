"""What all tests share: in CI nothing may be skipped for want of a real component."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from tests.real_pcscd import RealPcscd, missing

OTHER_SYSTEM = "other system: "
"""A test that is meant for another operating system starts its skip reason with this."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, None]:
    """Turn a skip into a failure in CI, where ``.ci/run`` installs what a test needs."""
    outcome = yield
    report = outcome.get_result()
    if not (report.skipped and os.environ.get("CI") == "true") or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if OTHER_SYSTEM not in reason:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {reason}"


@pytest.fixture(autouse=True)
def _own_state_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep saved reports and profiles of the user out of tests, and theirs out of the user's."""
    monkeypatch.setenv("POSDIAG_STATE_DIR", f"{tmp_path}/state")
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{tmp_path}/config")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def pcscd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPcscd]:
    """Start one real pcscd with a virtual reader for the whole run."""
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    with RealPcscd(tmp_path_factory.mktemp("pcscd")) as service:
        yield service


@pytest.fixture
def reader(pcscd: RealPcscd, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealPcscd]:
    """Give the real reader, empty before and after."""
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(pcscd.socket))
    pcscd.remove()
    yield pcscd
    pcscd.remove()
