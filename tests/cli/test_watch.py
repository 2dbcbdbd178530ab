"""``posdiag probe power --watch``: how long, which probes can, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.typed import typed


def test_a_watch_of_this_laptop_says_how_long_it_was(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    site = tmp_path / "site.toml"
    site.write_text(f'[[devices]]\nkind = "serial"\nport = "{port}"\n', encoding="utf-8")
    done = typed(capfd, "probe", "power", str(site), "--watch", "1s", "--json")
    assert done.code == 0
    seen = {
        one["name"]: one["result"]["value"]
        for outcome in json.loads(done.out)["outcomes"]
        for one in outcome["observations"]
        if one["subject"] == str(port)
    }
    assert seen["power_watch.device_lost"] == 0
    assert 1.0 <= seen["power_watch.duration"] <= 2.0
    assert seen["power_watch.rate_below"] == pytest.approx(
        2.9957 * 3600 / seen["power_watch.duration"], rel=0.001
    )


@pytest.mark.parametrize("typed_in", ["soon", "0", "-5", "2d", "nan", "", "1e9h"])
def test_what_is_no_duration(capfd: pytest.CaptureFixture[str], typed_in: str) -> None:
    done = typed(capfd, "probe", "power", f"--watch={typed_in}")
    assert done.code == 64
    assert "60s" in done.err


def test_a_probe_that_has_nothing_to_watch(capfd: pytest.CaptureFixture[str]) -> None:
    done = typed(capfd, "probe", "dns", "--watch", "2m")
    assert done.code == 64
    assert "dns" in done.err
    assert "power" in typed(capfd, "probe", "--help").out
