"""What stands between the laptop and the shop's line: tunnels, proxies, further default routes."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from posdiag.link.interfaces import InterfaceState

SYSTEM = Path("/sys/class/net")
_TUNNEL_NAMES = ("tun", "tap", "wg", "ppp", "utun", "ipsec", "vpn", "zt", "tailscale")
_TUNNEL_TYPES = ("65534", "512", "768", "769", "776", "778")
"""Source: Linux linux/if_arp.h: NONE, PPP, TUNNEL, TUNNEL6, SIT, IPGRE."""


def is_tunnel(name: str, system: Path = SYSTEM) -> bool:
    """Return whether an interface is a tunnel (a VPN), by its type or, elsewhere, its name.

    Args:
        name: of the interface.
        system: folder with one folder per interface, as Linux has it.
    """
    try:
        return (system / name / "type").read_text(encoding="ascii").strip() in _TUNNEL_TYPES
    except OSError:
        return name.lower().startswith(_TUNNEL_NAMES)


def carrier_changes(name: str, system: Path = SYSTEM) -> int | None:
    """Return how often the carrier came or went since boot, None where the system does not say.

    Source: Linux Documentation/ABI/testing/sysfs-class-net, carrier_changes.
    """
    try:
        return int((system / name / "carrier_changes").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def proxies() -> list[str]:
    """Return the kinds of traffic for which the system names a proxy; never its address."""
    from urllib.request import getproxies

    return sorted(kind for kind in getproxies() if kind in ("http", "https", "all", "socks"))


def ip_versions(state: InterfaceState) -> str:
    """Return ``4``, ``6``, ``4+6`` or empty: the versions with an address that leads somewhere."""
    found = set()
    for text in state.addresses:
        address = ipaddress.ip_address(text)
        if not (address.is_link_local or address.is_unspecified or address.is_loopback):
            found.add(str(address.version))
    return "+".join(sorted(found))
