"""What would help the diagnosis and is not said about a site."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from posdiag.model.errors import InputError, KnowledgeError
from posdiag.model.site import Dialect, LaptopAt, LinkClass, Site
from posdiag.model.text import Text
from posdiag.site.profile_rules import ASSUMPTION, source_of
from posdiag.site.toml_file import decode, parse_toml


class _Hints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hints: dict[str, Text]


@functools.cache
def missing_hints() -> Mapping[str, Text]:
    """Return, per key that can be missing, what it is and where to read it; most helpful first.

    Raises:
        KnowledgeError: our own table is wrong.
    """
    from importlib.resources import files

    text = (files("posdiag.site") / "missing.toml").read_text(encoding="utf-8")
    try:
        tables = {"hints": parse_toml(text, file="missing.toml")}
        return MappingProxyType(decode(tables, _Hints, file="missing.toml").hints)
    except InputError as wrong:
        raise KnowledgeError(str(wrong)) from wrong


def missing_keys(site: Site) -> list[str]:
    """Return the keys that would help and are not said, most helpful first.

    Args:
        site: merged; a simulated one lacks nothing.
    """
    if site.simulated:
        return []
    dial = site.terminal is not None and site.terminal.link_class is LinkClass.DIAL
    lacks = {
        "terminal": site.terminal is None,
        "acquirer": site.acquirer is None,
        **_acquirer_lacks(site),
        "laptop_at": site.laptop_at is LaptopAt.UNKNOWN,
        "tid": not site.tid,
        "mid": not site.mid,
        # A terminal on a telephone line looks no name up.
        "network.resolvers": not site.network.resolvers and not dial,
    }
    return [key for key in missing_hints() if lacks.get(key)]


def _acquirer_lacks(site: Site) -> dict[str, bool]:
    if site.acquirer is None:
        return {}
    echo = site.acquirer.echo
    unionpay = echo.dialect is Dialect.UNIONPAY
    assumed = source_of(site.acquirer.sources, "echo.tpdu").startswith(ASSUMPTION)
    return {
        "acquirer.hosts": not any(host.address for host in site.acquirer.hosts),
        "acquirer.echo.test_tid": unionpay and not echo.test_tid,
        "acquirer.echo.tpdu": unionpay and assumed,
    }
