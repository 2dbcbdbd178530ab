"""Begins with the demos that the chosen tests want before the first of them asks."""

from __future__ import annotations

import pytest

from tests.scenarios.demo_runs import HAS_NAMESPACES, demo_line, lonely_line, runs


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin with each demo that a collected test names in its parameters."""
    if session.config.option.collectonly:
        return
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
