"""The simulated shop in this process, known to a run through its site file alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posdiag.model.site import Site
from posdiag.simulate.scenario import Scenario
from posdiag.simulate.shop import SimulatedShop
from posdiag.site.site_file import load_site


@contextmanager
def open_shop(scenario: Scenario, folder: Path, *, pty: bool = False) -> Iterator[Site]:
    """Open a simulated shop and give its site."""
    with SimulatedShop(scenario, pty=pty) as shop:
        path = folder / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        yield load_site(path)
