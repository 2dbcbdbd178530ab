"""A shop's line for tests of probes that need real packets: three links, a site text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conditions.shop_line import ShopLine


@contextmanager
def shop_line(tag: str, *, host_is_there: bool = True) -> Iterator[ShopLine]:
    """Run a line with a healthy far end; links are set by the test."""
    with ShopLine(
        f"{tag}{os.getpid()}", seed=3, far_end={"host": {"tls": True}}, host_is_there=host_is_there
    ) as line:
        line.links["line"].set(delay_ms=5)
        yield line


def site_of(line: ShopLine) -> str:
    """Return a site file for the line."""
    return line.site(terminal="generic_countertop_eth", at="same_lan", facts={}, series=50)
