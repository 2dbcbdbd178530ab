"""Runs one probe inside a namespace through the command line, and what it saw there."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.testbed.linkemu import ROOT, LinkEmulator


class Seen:
    """What a probe yielded.

    Attributes:
        outcome: as in the JSON document.
    """

    def __init__(self, outcome: dict[str, Any]) -> None:
        self.outcome = outcome

    def values(self, name: str) -> list[Any]:
        """Return the measured values of an observation, in order."""
        found = [one for one in self.outcome["observations"] if one["name"] == name]
        return [one["result"]["value"] for one in found if one["result"]["kind"] == "measured"]

    def failure(self, name: str) -> str:
        """Return how an observation failed."""
        return next(
            str(one["result"]["failure"])
            for one in self.outcome["observations"]
            if one["name"] == name and one["result"]["kind"] == "failed"
        )

    def gaps(self) -> dict[str, str]:
        """Return what could not be measured, and why."""
        return {one["name"]: one["reason"] for one in self.outcome["unmeasured"]}


def probe_in(
    link: LinkEmulator | None,
    name: str,
    site: str,
    *options: str,
    namespace: str = "",
    by: tuple[str, ...] = (),
) -> Seen:
    """Return what a probe sees from side A of a link, or in a namespace.

    Args:
        link: with the namespace.
        name: of the probe.
        site: file.
        options: of the command.
        namespace: where there is no link.
        by: a command that runs it, with fewer rights.
    """
    import subprocess

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.toml"
        path.write_text(site, encoding="utf-8")
        command = [sys.executable, "-m", "posdiag", "probe", name, str(path), "--json", *options]
        inside = ["ip", "netns", "exec", link.ns["a"] if link else namespace]
        done = subprocess.run(
            [*inside, *by, *command],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            check=False,
        )
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return Seen(json.loads(done.stdout)["outcomes"][0])
