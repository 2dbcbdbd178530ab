"""The scenarios that come with posdiag, and what each stands for.

What a scenario injects is known here and to the tests only: neither the simulated shop nor the run
sees it.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

from posdiag.model.text import Text

HEALTHY = "healthy"
DEFAULT = "dns_dead"


class ScenarioLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a scenario stands for.

    Attributes:
        group: of its first cause, ``healthy`` or ``other``.
        causes: ids of the injected causes; ``other`` for one in no list.
    """

    title: Text
    group: str
    causes: list[str]


def scenario_labels() -> dict[str, ScenarioLabel]:
    """Return the label of every scenario by its id, in the order of the list."""
    text = (files("posdiag.cli") / "scenario_labels.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, ScenarioLabel])
