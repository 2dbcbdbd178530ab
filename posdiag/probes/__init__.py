"""One file per probe, discovered, never registered.

A probe file ends in ``PROBE = Probe(...)``. It measures (a code, a chain, a delay) and does not
judge: what an observation means stands in ``posdiag/knowledge/evidence``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from posdiag.probes.probe import Probe


@cache
def discover() -> Mapping[str, Probe]:
    """Return every probe by name, in the order of their names.

    Raises:
        RuntimeError: two files declare the same name, or a file declares none (our bug).
    """
    found: dict[str, Probe] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name == "probe":
            continue
        probe: Probe | None = getattr(
            importlib.import_module(f"{__name__}.{module.name}"), "PROBE", None
        )
        if probe is None or probe.name in found:
            raise RuntimeError(f"probes/{module.name}.py: no PROBE, or its name is taken")
        found[probe.name] = probe
    return MappingProxyType(dict(sorted(found.items())))
