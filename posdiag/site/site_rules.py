"""Rules of a site file that no schema can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from posdiag.model.errors import Mistake
from posdiag.model.site import TerminalProfile
from posdiag.site.schema_words import shown

MID_LENGTH = 15
"""ISO 8583:1987, field 42: ans 15, shorter ones are padded on the right."""

_READERS = ("card_reader", "stripe_reader")
_CARD_PORT = re.compile(r"(?i:pcsc)(:.*)?|socket://[^/]+:\d{1,5}")
_WITH_PORT = re.compile(r"^(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:]+)):(?P<port>\d{1,5})$")

_OF_SERIAL = ("none", "enq")
_OF_TERMINALS = ("zvt", "nexo", "nexo_xml", "frames", "status_upload")
_NEXO = ("nexo", "nexo_xml")


def site_mistakes(
    tables: Mapping[str, object], terminal: TerminalProfile | None, *, file: str
) -> list[Mistake]:
    """Return what is wrong in a site beyond its types.

    Args:
        tables: the merged site as TOML gives it; values of the wrong type are passed over.
        terminal: says how long a terminal number is; None: not known.
        file: name in the messages.
    """
    return [
        *_number_mistakes(tables, terminal, file),
        *_address_mistakes(tables, file),
        *_device_mistakes(tables, file),
    ]


def _number_mistakes(
    tables: Mapping[str, object], terminal: TerminalProfile | None, file: str
) -> Iterator[Mistake]:
    tid, mid = tables.get("tid"), tables.get("mid")
    if isinstance(tid, str) and tid:
        length = terminal.tid_length if terminal else len(tid)
        if len(tid) != length or not _plain(tid):
            wish = f"{length} letters and digits in quotes, leading zeros kept"
            yield Mistake(file, "tid", wish, shown(tid))
    if isinstance(mid, str) and mid and (len(mid) > MID_LENGTH or not _plain(mid)):
        wish = f"at most {MID_LENGTH} letters and digits in quotes"
        yield Mistake(file, "mid", wish, shown(mid))


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _address_mistakes(tables: Mapping[str, object], file: str) -> Iterator[Mistake]:
    network = tables.get("network")
    if not isinstance(network, Mapping):
        return
    wish = "an IP address, also with a port: 192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53"
    for key in ("gateway", "reference"):
        value = network.get(key)
        if isinstance(value, str) and not is_address(value):
            yield Mistake(file, f"network.{key}", wish, shown(value))
    resolvers = network.get("resolvers")
    for position, value in enumerate(resolvers if isinstance(resolvers, list) else []):
        if isinstance(value, str) and not is_address(value):
            yield Mistake(file, f"network.resolvers.{position}", wish, shown(value))


def is_address(text: str) -> bool:
    """Return whether a text is ``ip``, ``ip:port`` or ``[ip6]:port``."""
    from ipaddress import ip_address

    found = _WITH_PORT.match(text)
    try:
        ip_address((found["six"] or found["four"]) if found else text)
    except ValueError:
        return False
    return found is None or 1 <= int(found["port"]) <= 65535


def _device_mistakes(tables: Mapping[str, object], file: str) -> Iterator[Mistake]:
    devices = tables.get("devices")
    for position, device in enumerate(devices if isinstance(devices, list) else []):
        if not isinstance(device, Mapping) or not isinstance(device.get("port"), str):
            continue
        port, key = device["port"], f"devices.{position}.port"
        if device.get("kind") == "ups" and not re.fullmatch(r".+:\d{1,5}", port):
            yield Mistake(file, key, "host:port of the UPS server", shown(port))
        elif device.get("kind") == "card_reader" and not _CARD_PORT.fullmatch(port):
            yield Mistake(file, key, "pcsc, pcsc:NAME or socket://host:port", shown(port))
        elif not port.strip():
            yield Mistake(file, key, "a port such as /dev/ttyUSB0 or COM3", shown(port))
        yield from _protocol_mistakes(device, f"devices.{position}", file)


def _protocol_mistakes(device: Mapping[str, object], key: str, file: str) -> Iterator[Mistake]:
    """Yield what a device says about its protocol that does not fit its kind."""
    kind, protocol = device.get("kind"), device.get("protocol", "none")
    if kind == "terminal" and protocol in _OF_SERIAL:
        wish = f"one of {', '.join(_OF_TERMINALS)}"
        yield Mistake(file, f"{key}.protocol", wish, shown(protocol))
    elif kind != "terminal" and protocol in _OF_TERMINALS:
        yield Mistake(file, f"{key}.kind", f'"terminal" for protocol {protocol}', shown(kind))
    elif protocol in _NEXO and not device.get("poi_id"):
        yield Mistake(file, f"{key}.poi_id", "<model>-<serial> of the terminal", "nothing")
    port = str(device["port"]).lower()
    if kind == "terminal" and port.startswith("https://") and protocol not in (*_NEXO, *_OF_SERIAL):
        yield Mistake(file, f"{key}.port", "a serial port or socket://host:port", shown(port))


def with_owners(devices: object) -> object:
    """Return the devices of a site, each card or stripe reader the laptop's where nothing is said.

    Args:
        devices: tables as TOML gives them, already checked.
    """
    if not isinstance(devices, list):
        return devices
    return [
        {"part": "laptop", **device} if device.get("kind") in _READERS else device
        for device in devices
    ]
