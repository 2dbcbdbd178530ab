"""The stripe probe: ten swipes two ways, nothing shown, and readers from which nothing comes."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Failed, FailureKind, Measured, NotRunReason, Part, Unmeasured
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes import stripe
from posdiag.probes.probe import ProbeContext
from posdiag.probes.stripe import PROBE
from tests.conftest import OTHER_SYSTEM
from tests.probes.device_runs import Yielded
from tests.wire.swipe_samples import PAN, PAN_19, SWIPES

if sys.platform == "win32":
    pytest.skip(OTHER_SYSTEM + "pseudo terminals are Unix's", allow_module_level=True)

import pty
import termios

OUTCOMES = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "cards" / "swipes.toml").read_text(encoding="utf-8")
)
SECRETS = (PAN, PAN_19, PAN[:-1] + "6", "4912101", "4912201", "2406101", "TEST/CARD")


def _site(port: str, part: Part = Part.LAPTOP) -> Site:
    return Site(devices=[Device(kind=DeviceKind.STRIPE_READER, port=port, part=part)])


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    ours, theirs = pty.openpty()
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_the_table_has_ten_swipes() -> None:
    assert len(OUTCOMES) == 10
    assert set(OUTCOMES) <= set(SWIPES)


def _check(values: Mapping[str, object], name: str) -> None:
    outcome = OUTCOMES[name]
    facts = dict(values)
    assert facts.pop("stripe.state") == outcome["state"]
    facts.pop("stripe.tracks", None)
    days = facts.pop("stripe.expiry_days_left", None)
    assert facts == outcome.get("facts", {})
    assert (days is not None) == bool(facts)


@pytest.mark.parametrize("name", OUTCOMES)
def test_over_a_serial_line(name: str, line: tuple[int, str]) -> None:
    ours, port = line
    timer = threading.Timer(0.2, os.write, [ours, SWIPES[name].encode()])
    timer.start()
    seen = Yielded(PROBE, _site(port), budget_s=10.0)
    timer.join()
    values = {
        item.name: item.result.value
        for item in seen.items
        if not isinstance(item, Unmeasured) and isinstance(item.result, Measured)
    }
    _check(values, name)
    assert not any(secret in repr(seen.items) for secret in SECRETS)


def _shown_on_a_terminal(typed: bytes, report: Path) -> str:
    """Return all that a terminal shows of a run in which a swipe is typed or pasted."""
    pid, ours = pty.fork()
    if pid == 0:
        out = os.open(report, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(out, 1)
        command = [sys.executable, "-m", "posdiag", "probe", "stripe", "--swipe", "--json"]
        os.execv(sys.executable, command)  # noqa: S606  (no shell is wanted)
    until_s = time.monotonic() + 20
    while termios.tcgetattr(ours)[3] & termios.ECHO and time.monotonic() < until_s:
        time.sleep(0.02)
    os.write(ours, typed)
    shown = b""
    while time.monotonic() < until_s:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the program has ended
            break
        if not data:
            break
        shown += data
    os.close(ours)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return shown.decode(errors="replace")


@pytest.mark.parametrize("name", OUTCOMES)
def test_as_pasted_text_on_a_terminal(name: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    shown = _shown_on_a_terminal(SWIPES[name].encode(), report)
    assert "Swipe the card now" in shown.replace("\r\n", " ")
    text = report.read_text(encoding="utf-8")
    (outcome,) = json.loads(text)["outcomes"]
    _check({item["name"]: item["result"]["value"] for item in outcome["observations"]}, name)
    assert not any(secret in shown + text for secret in SECRETS)
    assert not re.search(r"\d{5}", shown)


def test_a_person_is_asked_before_anything_is_waited_for(line: tuple[int, str]) -> None:
    asked: list[str] = []

    def ask(text: str) -> None:
        asked.append(text)
        os.write(line[0], SWIPES["good"].encode())

    # Written before the port is opened, so thrown away: only what comes afterwards counts.
    context = ProbeContext(
        site=_site(line[1]), deadline=Deadline.after(1.0), allowance=HostAllowance(), ask=ask
    )
    items = list(PROBE.run(context))
    assert len(asked) == 1
    assert "Swipe the card now" in asked[0]
    assert items


def test_nobody_swipes(line: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "SWIPE_LIMIT_S", 0.2)
    seen = Yielded(PROBE, _site(line[1]))
    assert [item.reason for item in seen.items if isinstance(item, Unmeasured)] == [
        NotRunReason.NOT_APPLICABLE
    ]
    assert len(seen.items) == 1
    terminals = Yielded(PROBE, _site(line[1], Part.TERMINAL))
    failed = terminals.observation("stripe.swipe").result
    assert isinstance(failed, Failed)
    assert failed.failure is FailureKind.SILENT


def test_the_deadline_comes_first(line: tuple[int, str]) -> None:
    seen = Yielded(PROBE, _site(line[1], Part.TERMINAL), budget_s=0.3)
    failed = seen.observation("stripe.swipe").result
    assert isinstance(failed, Failed)
    assert failed.failure is FailureKind.CENSORED


def test_a_reader_that_is_not_there() -> None:
    seen = Yielded(PROBE, _site("/dev/does_not_exist"))
    failed = seen.observation("stripe.reader").result
    assert isinstance(failed, Failed)
    assert failed.failure is FailureKind.NOT_FOUND
    gap = next(item for item in seen.items if isinstance(item, Unmeasured))
    assert gap.reason is NotRunReason.EARLIER_STEP_FAILED


def test_none_declared() -> None:
    with pytest.raises(CannotRun) as caught:
        PROBE.targets(Site())
    assert caught.value.reason is NotRunReason.NOT_DECLARED
    assert PROBE.resources(_site("keyboard")) == ["keyboard"]
    assert PROBE.targets(_site("keyboard")) == ["keyboard"]
