"""Begins with the demos that the chosen tests want when the first test of this folder begins.

Not earlier: beside the tests of other folders, which measure times, both would disturb each other.
"""

from __future__ import annotations

import functools

import pytest

from tests.scenarios.demo_runs import HAS_NAMESPACES, demo_line, lonely_line, runs


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin before the first test of this folder."""
    _begin(item.session)


@functools.cache
def _begin(session: pytest.Session) -> None:
    """Begin with each demo that a collected test names in its parameters."""
    for item in session.items:
        spec = getattr(item, "callspec", None)
        if item.path.name != "test_demo.py" or spec is None or "name" not in spec.params:
            continue
        name = spec.params["name"]
        runs().ahead(demo_line(name))
        if "probe" in spec.params:
            runs().ahead(demo_line(name, "--skip", spec.params["probe"]))
        if HAS_NAMESPACES and "alone_with_a_loopback" in item.name:
            runs().ahead(lonely_line(name))


def pytest_sessionfinish() -> None:
    """Begin with no more."""
    if runs.cache_info().currsize:
        runs().close()
