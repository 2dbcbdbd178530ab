"""Writes the site file by which a run knows the simulated shop."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def site_text(
    top: Mapping[str, object],
    *,
    network: Mapping[str, object],
    devices: Sequence[Mapping[str, object]],
    facts: Mapping[str, object],
    settings: Mapping[str, object],
) -> str:
    """Return a site file as TOML text.

    Args:
        top: top-level keys; mappings become tables.
        network: the ``[network]`` table.
        devices: one table each.
        facts: the ``[facts]`` table.
        settings: the ``[set]`` table, keys with dots are quoted.
    """
    plain = {key: value for key, value in top.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in top.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for name, table in {**tables, "network": network, "facts": facts, "set": settings}.items():
        lines += ["", f"[{name}]"]
        lines += [f"{json.dumps(key)} = {_value(value)}" for key, value in table.items()]
    for device in devices:
        lines += ["", "[[devices]]"]
        lines += [f"{key} = {_value(value)}" for key, value in device.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items())
        return "{ " + inside + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    # JSON's texts, numbers and flags are TOML's, but for DEL in a text.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
