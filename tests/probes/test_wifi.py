"""The laptop's wireless link, on recorded tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdiag.link import wifi
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Measured, NotRunReason, Observation, Unmeasured
from posdiag.model.site import LaptopAt, NetworkSettings, Site
from posdiag.probes.probe import ProbeContext
from posdiag.probes.wifi import PROBE

HEAD = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
"""
GOOD = HEAD + " wlan0: 0000   64.  -46.  -256        0      0      0      0     12        0\n"
POOR = HEAD + " wlan0: 0000   21.  -84.  -256        0      0      0   1312     12        7\n"
OWN_SCALE = HEAD + " wlan0: 0000   21.   57.    0         0      0      0      3     12        7\n"


def run(
    text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site: Site | None = None
) -> dict[str, Observation | Unmeasured]:
    table = tmp_path / "wireless"
    if text is not None:
        table.write_text(text, encoding="ascii")
    read = wifi.wireless
    monkeypatch.setattr(wifi, "wireless", lambda: read(table))
    context = ProbeContext(site or Site(), Deadline.after(5), HostAllowance())
    return {item.name: item for item in PROBE.run(context)}


def value(item: Observation | Unmeasured) -> object:
    assert isinstance(item, Observation)
    assert isinstance(item.result, Measured)
    return item.result.value


@pytest.mark.parametrize(("text", "dbm", "retries"), [(GOOD, -46.0, 0), (POOR, -84.0, 1312)])
def test_signal_and_retries(
    text: str, dbm: float, retries: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = run(text, monkeypatch, tmp_path)
    assert (value(seen["wifi.signal"]), value(seen["wifi.retries"])) == (dbm, retries)
    assert seen["wifi.signal"].subject == "wlan0"


def test_a_scale_of_the_drivers_own_is_no_signal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = run(OWN_SCALE, monkeypatch, tmp_path)
    assert isinstance(seen["wifi.signal"], Unmeasured)
    assert value(seen["wifi.retries"]) == 3


@pytest.mark.parametrize(
    ("text", "site", "reason"),
    [
        (HEAD, Site(), NotRunReason.NOT_APPLICABLE),
        (None, Site(), NotRunReason.UNSUPPORTED),
        (GOOD, Site(network=NetworkSettings(interface="wlan1")), NotRunReason.NOT_APPLICABLE),
        (GOOD, Site(laptop_at=LaptopAt.ELSEWHERE), NotRunReason.NOT_REACHABLE_FROM_HERE),
        (HEAD + "wlan0: cut\n wlan1: a b c d e f g h i j k\n", Site(), NotRunReason.NOT_APPLICABLE),
    ],
)
def test_cannot_run(
    text: str | None,
    site: Site,
    reason: NotRunReason,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with pytest.raises(CannotRun) as caught:
        run(text, monkeypatch, tmp_path, site)
    assert caught.value.reason is reason
