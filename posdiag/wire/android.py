"""What an Android terminal's own commands say: one script that only reads, and its parts as values.

Makers change these texts as they like, so each part is read for itself, by what stands in it and
not by where; a part that is missing or makes no sense says nothing.

Source: AOSP ``BatteryService.dump``, ``WifiInfo.toString``, ``ServiceState.toString``,
``SignalStrength.toString``, Android reference of ``BatteryManager`` and ``ServiceState``; toybox
(``df``, ``date``), iputils (``ping``). The dumps in the tests name where they are from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from posdiag.model.errors import LocalWireError, RemoteWireError

_MARK = "@posdiag "
PARTS: Final[Mapping[str, str]] = {
    "model": "getprop ro.product.model",
    "version": "getprop ro.build.version.release",
    "battery": "dumpsys battery",
    "wifi": "dumpsys wifi | grep -E '^Wi-?[Ff]i is|mWifiInfo|WifiInfo: SSID'",
    "telephony": "dumpsys telephony.registry | "
    "grep -E 'mServiceState=|mSignalStrength=|mDataConnectionState='",
    "airplane": "settings get global airplane_mode_on",
    "clock": "date +%s",
    "uptime": "cat /proc/uptime",
    "storage": "df /data",
    "route": "ip route get 192.0.2.1",
}
"""Command per part. All of them read; ``ip route get`` sends no packet."""
END: Final = "end"
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_UNAVAILABLE = 2147483647

STATUSES: Final = {1: "unknown", 2: "charging", 3: "discharging", 4: "not_charging", 5: "full"}
HEALTHS: Final = {
    1: "unknown",
    2: "good",
    3: "overheat",
    4: "dead",
    5: "over_voltage",
    6: "failure",
    7: "cold",
}
SERVICE: Final = {0: "in_service", 1: "out_of_service", 2: "emergency_only", 3: "power_off"}


def script(app: str = "") -> str:
    """Return the script; each part follows its mark.

    Args:
        app: package of the payment application, whose version is asked for.

    Raises:
        LocalWireError: what cannot be a package.
    """
    parts = dict(PARTS)
    if app:
        if not _PACKAGE.fullmatch(app):
            raise LocalWireError("not a name of a package", field="app")
        parts["app"] = f"dumpsys package {app} | grep -m1 versionName="
    lines = [f"echo '{_MARK}{name}'; {command} 2>&1" for name, command in parts.items()]
    return "; ".join([*lines, f"echo '{_MARK}{END}'"])


def ping_script(host: str, *, count: int) -> str:
    """Return a script that has the terminal ping a host.

    Raises:
        LocalWireError: no address and no name; more than 10 times.
    """
    if not _HOST.fullmatch(host) or not 1 <= count <= 10:
        raise LocalWireError("not a host", field="host")
    return f"ping -c {count} -W 2 {host} 2>&1"


def parts_of(output: str) -> dict[str, str]:
    """Return the complete parts of what the script said; one that was cut is left out."""
    found: dict[str, str] = {}
    name, lines = "", list[str]()
    for line in output.replace("\r", "").split("\n"):
        if line.startswith(_MARK):
            if name:
                found[name] = "\n".join(lines)
            name, lines = line.removeprefix(_MARK).strip(), []
        else:
            lines.append(line)
    return found


class Battery(NamedTuple):
    """State of the battery; None where it is not told or its unit is unclear.

    Attributes:
        level: 0 to 1.
        powered: a charger is connected.
        status, health: values of ``STATUSES`` and ``HEALTHS``.
    """

    level: float | None
    powered: bool | None
    status: str
    health: str
    voltage_v: float | None
    temperature_c: float | None

    @property
    def supply(self) -> str:
        """Return how the supply stands: ``too_weak`` where it discharges on its charger."""
        if self.powered is None:
            return ""
        if self.powered:
            return "too_weak" if self.status == "discharging" else "charger"
        return "battery"


class Wifi(NamedTuple):
    """State of Wi-Fi; None where it is not told. Names of networks are not kept."""

    enabled: bool | None
    joined: bool | None
    rssi_dbm: float | None
    speed_mbit_s: float | None


class Telephony(NamedTuple):
    """State of the mobile network; empty or None where it is not told.

    Attributes:
        service: a value of ``SERVICE``, of data where that is told.
    """

    service: str
    connected: bool | None
    rsrp_dbm: float | None
    rsrq_db: float | None
    sinr_db: float | None


class Ping(NamedTuple):
    """What came of a ping.

    Attributes:
        resolved: the name has an address.
        sent: 0 where the summary is missing.
        times_s: of the answers.
    """

    resolved: bool
    sent: int
    lost: int
    times_s: tuple[float, ...]


def battery(text: str) -> Battery:
    """Return what ``dumpsys battery`` says; percent = level * 100 / scale.

    Some makers tell volts and whole degrees: below 100 the unit is unclear, and nothing is told.

    Raises:
        RemoteWireError: no battery service, or values that somebody set for a test.
    """
    _, head, rest = text.partition("Current Battery Service state:")
    if not head:
        raise RemoteWireError("no battery service", field="battery")
    if "UPDATES STOPPED" in rest:
        raise RemoteWireError("values are faked: dumpsys battery reset", field="battery")
    values: dict[str, str] = {}
    for line in rest.splitlines():
        key, colon, value = line.partition(":")
        if colon and line.startswith(" "):
            # The first one counts: makers add an event log with the same words below.
            values.setdefault(key.strip().lower(), value.strip())

    def number(name: str) -> int | None:
        word = values.get(name, "")
        return int(word) if re.fullmatch(r"-?[0-9]{1,9}", word) else None

    flags = [value for key, value in values.items() if key.endswith(" powered")]
    level, scale = number("level"), number("scale") or 100
    voltage, temperature = number("voltage"), number("temperature")
    return Battery(
        level=level / scale if level is not None and 0 <= level <= scale else None,
        powered="true" in flags if flags else None,
        status=STATUSES.get(number("status") or 0, ""),
        health=HEALTHS.get(number("health") or 0, ""),
        voltage_v=voltage / 1000 if voltage is not None and 100 <= voltage <= 100_000 else None,
        temperature_c=temperature / 10
        if temperature is not None and 100 <= abs(temperature) <= 1500
        else None,
    )


def wifi(text: str) -> Wifi:
    """Return what ``dumpsys wifi`` or ``cmd wifi status`` says of the connection.

    Raises:
        RemoteWireError: nothing of it stands there.
    """
    enabled = re.search(r"^Wi-?Fi is (enabled|disabled)", text, re.MULTILINE | re.IGNORECASE)
    # A network may be called anything: its name is taken out before words are looked for.
    lines = [
        re.sub(r'SSID: "[^"]*"', "SSID: *", line)
        for line in text.splitlines()
        if "WifiInfo" in line and "SSID:" in line
    ]
    if not lines and not enabled:
        raise RemoteWireError("no state of Wi-Fi", field="wifi")
    line = next((one for one in lines if "COMPLETED" in one), lines[0] if lines else "")
    state = re.search(r"Supplicant state: ([A-Z_]+)", line)
    joined = state.group(1) == "COMPLETED" if state else None
    rssi = re.search(r"\bRSSI: (-[0-9]{1,3})\b", line)
    speed = re.search(r"\bLink speed: ([0-9]{1,5}) ?Mbps", line)
    dbm = float(rssi.group(1)) if rssi else None
    return Wifi(
        enabled=enabled.group(1).lower() == "enabled" if enabled else None,
        joined=joined,
        # -127 stands for "not connected".
        rssi_dbm=dbm if joined and dbm is not None and -120 <= dbm < 0 else None,
        speed_mbit_s=float(speed.group(1)) if joined and speed else None,
    )


def telephony(text: str) -> Telephony:
    """Return what ``dumpsys telephony.registry`` says; of several SIMs the one in service.

    Raises:
        RemoteWireError: no state stands there.
    """
    phones = re.split(r"(?=^.*mServiceState=)", text, flags=re.MULTILINE)
    found = [_phone(part) for part in phones if "mServiceState=" in part]
    if not found:
        raise RemoteWireError("no state of the mobile network", field="telephony")
    ranks = list(SERVICE.values())
    return min(found, key=lambda one: ranks.index(one.service) if one.service else len(ranks))


def _phone(text: str) -> Telephony:
    state = re.search(r"mServiceState=.*?mDataRegState=([0-3])\b", text) or re.search(
        r"mServiceState=[0-3] ([0-3]) ", text
    )
    state = state or re.search(r"mServiceState=\{?([0-3])\b", text)
    data = re.search(r"mDataConnectionState=(-?[0-9])", text)
    rsrp, rsrq, sinr = _signal(text)
    return Telephony(
        service=SERVICE[int(state.group(1))] if state else "",
        connected=data.group(1) == "2" if data and data.group(1) != "-1" else None,
        rsrp_dbm=rsrp,
        rsrq_db=rsrq,
        sinr_db=sinr,
    )


def _signal(text: str) -> tuple[float | None, float | None, float | None]:
    line = next((one for one in text.splitlines() if "mSignalStrength=" in one), "")
    if "CellSignalStrength" in line:
        lte = re.search(r"rsrp ?= ?(-?\d+) rsrq ?= ?(-?\d+) rssnr ?= ?(-?\d+)", line)
        radio = re.search(r"ssRsrp ?= ?(-?\d+) ssRsrq ?= ?(-?\d+) ssSinr ?= ?(-?\d+)", line)
        on_5g = "primary=CellSignalStrengthNr" in line
        chosen = radio if on_5g else lte
        numbers = [int(word) for word in chosen.groups()] if chosen else []
    else:
        # Before Android 10: numbers at fixed places, the signal above noise in tenths of a dB.
        plain = [int(word) for word in re.findall(r"-?\d+", line.partition("Strength:")[2])]
        numbers = plain[8:11]
        if len(numbers) == 3 and numbers[2] != _UNAVAILABLE:
            numbers[2] = round(numbers[2] / 10)
    ranges = ((-144, -40), (-34, -3), (-23, 40))
    values = [
        float(number) if low <= number <= high else None
        for number, (low, high) in zip(numbers, ranges, strict=False)
    ]
    rsrp, rsrq, sinr = [*values, None, None, None][:3]
    return rsrp, rsrq, sinr


def flag(text: str) -> bool:
    """Return a setting that is 0 or 1.

    Raises:
        RemoteWireError: neither (``null`` where the terminal has no such setting).
    """
    if text.strip() not in ("0", "1"):
        raise RemoteWireError("neither 0 nor 1", field="setting")
    return text.strip() == "1"


def seconds(text: str) -> float:
    """Return the first number of ``date +%s`` or ``/proc/uptime``.

    Raises:
        RemoteWireError: no number.
    """
    match = re.match(r"\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)(?:\s|$)", text)
    if match is None:
        raise RemoteWireError("no number of seconds", field="seconds")
    return float(match.group(1))


def free_ratio(text: str) -> float:
    """Return the free part of what ``df`` shows, 0 to 1, from its column of percent used.

    Raises:
        RemoteWireError: no such column.
    """
    match = re.search(r"\s([0-9]{1,3})%(?:\s|$)", text)
    if match is None or int(match.group(1)) > 100:
        raise RemoteWireError("no percent used", field="storage")
    return (100 - int(match.group(1))) / 100


def gateway(text: str) -> str:
    """Return the router that ``ip route get`` names.

    Raises:
        RemoteWireError: none: the terminal has no way out.
    """
    match = re.search(r"\bvia ((?:[0-9]{1,3}\.){3}[0-9]{1,3})\b", text)
    if match is None:
        raise RemoteWireError("no router", field="route")
    return match.group(1)


def version_name(text: str) -> str:
    """Return the version of a package.

    Raises:
        RemoteWireError: the package is not there.
    """
    match = re.search(r"versionName=([^\s]{1,60})", text)
    if match is None:
        raise RemoteWireError("no such package", field="app")
    return match.group(1)


def ping(text: str) -> Ping:
    """Return what ``ping`` says.

    Raises:
        RemoteWireError: neither a summary nor a name that is unknown.
    """
    if re.search(r"unknown host|bad address|[Nn]ame or service not known|No address", text):
        return Ping(resolved=False, sent=0, lost=0, times_s=())
    summary = re.search(r"([0-9]{1,3}) packets transmitted, ([0-9]{1,3}) (?:packets )?rec", text)
    times = re.findall(r"\btime[=<]([0-9]{1,6}(?:\.[0-9]{1,4})?) ?ms", text)
    if summary is None:
        if re.match(r"\s*PING \S+ \([0-9a-fA-F.:]+\)", text):
            return Ping(resolved=True, sent=0, lost=0, times_s=())
        raise RemoteWireError("no summary", field="ping")
    sent, received = int(summary.group(1)), int(summary.group(2))
    return Ping(
        resolved=True,
        sent=sent,
        lost=max(0, sent - received),
        times_s=tuple(round(float(time) / 1000, 7) for time in times),
    )
