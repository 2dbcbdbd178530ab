"""An adb server with one Android terminal behind it, as bad as it is told.

What the terminal says is constructed after the public dumps that the tests of the parsers name.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time

import msgspec

from posdiag.model.errors import RemoteWireError
from posdiag.simulate.listener import Listener
from posdiag.wire.adb import AdbServer
from posdiag.wire.android import END, PARTS

SERIAL = "SIMULATED0001"
_GATEWAY = "192.168.1.1"
_RUNS_S = 88_211.52


class AndroidFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the terminal, its radio or its server.

    Attributes:
        state: as the server knows it; empty: the server knows none.
        silent: the server accepts and says nothing.
        garbage: what answers is no adb server.
        stops_at: part of the script after which nothing more comes.
        level: charge of the battery in percent.
        powered: a charger is connected.
        status, health: numbers of Android's BatteryManager.
        wifi_joined: else it is on, and joined to nothing.
        rssi_dbm: of Wi-Fi.
        service: 0 in service, 1 out of service, 2 emergency only, 3 radio off.
        data: mobile data is connected.
        rsrp_dbm, rsrq_db, sinr_db: of LTE.
        airplane: airplane mode is on.
        clock_off_s: its clock minus the right time.
        storage_used: percent.
        app_version: of whatever package is asked for; empty: it is not there.
        ping_lost: of 5 to the router.
        names_dead: it cannot look up names.
        restarts: it starts anew after it was first asked how long it runs.
    """

    state: str = "device"
    silent: bool = False
    garbage: bool = False
    stops_at: str = ""
    level: int = 84
    powered: bool = True
    status: int = 2
    health: int = 2
    wifi_joined: bool = True
    rssi_dbm: int = -52
    service: int = 0
    data: bool = False
    rsrp_dbm: int = -92
    rsrq_db: int = -10
    sinr_db: int = 14
    airplane: bool = False
    clock_off_s: float = 0.0
    storage_used: int = 41
    app_version: str = "3.2.1"
    ping_lost: int = 0
    names_dead: bool = False
    restarts: bool = False


class SimulatedAndroid:
    """Serves an adb server on loopback.

    Attributes:
        address: of the server.
        port: after ``start``.
        journal: requests that came, in order.
    """

    address = Listener.address

    def __init__(self, faults: AndroidFaults) -> None:
        """Keep the faults; nothing is bound yet."""
        self._faults = faults
        self._listener = Listener(self._serve)
        self.port = 0
        self._started_s = time.monotonic() - _RUNS_S
        self.journal: list[str] = []

    @property
    def path(self) -> str:
        """Return what a site file calls it."""
        return f"{SERIAL}@{self.address}:{self.port}"

    def start(self) -> None:
        """Bind a free port on loopback and serve it in daemon threads."""
        self._listener.start()
        self.port = self._listener.port

    def stop(self) -> None:
        """Close the server and its connections."""
        self._listener.stop()

    def _serve(self, link: socket.socket) -> None:
        devices = {SERIAL: self._faults.state} if self._faults.state else {}
        server = AdbServer(devices)
        with contextlib.suppress(RemoteWireError):
            while not server.finished and (data := self._listener.receive(link)):
                known = len(server.requests)
                answer = server.feed(data)
                self.journal += server.requests[known:]
                if self._faults.silent:
                    continue
                link.sendall(b"SSH-2.0-x\r\n" if self._faults.garbage else answer)
                if server.script is not None:
                    link.sendall(self._run(server.script).encode())
                    if self._faults.stops_at:
                        self._listener.stopping.wait(30.0)
                    return

    def _run(self, script: str) -> str:
        uptime_s = time.monotonic() - self._started_s
        if self._faults.restarts and PARTS["uptime"] in script:
            self._started_s = time.monotonic()
        return run(script, self._faults, uptime_s)


def run(script: str, faults: AndroidFaults, uptime_s: float) -> str:
    """Return what the terminal says to a script; it knows the commands of posdiag only."""
    if script.startswith("ping "):
        return _ping(script, faults)
    texts = {command: _part(name, faults) for name, command in PARTS.items()}
    texts[PARTS["uptime"]] = f"{uptime_s:.2f} 301222.10"
    if script in texts:
        return f"{texts[script]}\n"
    said = ""
    for line in re.split(r"; (?=echo )", script):
        mark, _, command = line.partition("'; ")
        name = mark.partition("@posdiag ")[2].rstrip("'")
        said += f"@posdiag {name}\n"
        if name and name == faults.stops_at:
            return said
        if name != END:
            command = command.removesuffix(" 2>&1")
            text = texts.get(command, "sh: not found")
            if command.startswith("dumpsys package"):
                version = faults.app_version
                text = f"    versionName={version}" if version else ""
            said += f"{text}\n"
    return said


def _part(name: str, faults: AndroidFaults) -> str:
    off = faults.airplane
    texts = {
        "model": "SIM-A1",
        "version": "10",
        "battery": _battery(faults),
        "wifi": _wifi(faults),
        "telephony": _telephony(faults),
        "airplane": str(int(off)),
        "clock": str(int(time.time() + faults.clock_off_s)),
        "uptime": "",
        "storage": "Filesystem 1K-blocks Used Available Use% Mounted on\n"
        f"/dev/block/dm-0 10000000 1 1 {faults.storage_used}% /data",
        "route": f"192.0.2.1 via {_GATEWAY} dev wlan0 src 192.168.1.23 uid 2000"
        if faults.wifi_joined and not off
        else "RTNETLINK answers: Network is unreachable",
    }
    return texts[name]


def _battery(faults: AndroidFaults) -> str:
    lines = [
        f"AC powered: {str(faults.powered).lower()}",
        "USB powered: false",
        f"status: {faults.status}",
        f"health: {faults.health}",
        "present: true",
        f"level: {faults.level}",
        "scale: 100",
        "voltage: 4063",
        "temperature: 326",
    ]
    return "\n".join(["Current Battery Service state:", *(f"  {line}" for line in lines)])


def _wifi(faults: AndroidFaults) -> str:
    joined = faults.wifi_joined and not faults.airplane
    told = (
        f"Supplicant state: COMPLETED, RSSI: {faults.rssi_dbm}, Link speed: 72Mbps"
        if joined
        else "Supplicant state: DISCONNECTED, RSSI: -127, Link speed: -1Mbps"
    )
    enabled = "disabled" if faults.airplane else "enabled"
    return f'Wi-Fi is {enabled}\nmWifiInfo SSID: "shop", BSSID: 02:00:00:00:01:00, {told}'


def _telephony(faults: AndroidFaults) -> str:
    service = 3 if faults.airplane else faults.service
    word = ("IN_SERVICE", "OUT_OF_SERVICE", "EMERGENCY_ONLY", "POWER_OFF")[service]
    there = service == 0
    signal = [
        number if there else 2147483647
        for number in (faults.rsrp_dbm, faults.rsrq_db, faults.sinr_db)
    ]
    return (
        f"  mServiceState={{mVoiceRegState={service}({word}), mDataRegState={service}({word})}}\n"
        "  mSignalStrength=SignalStrength:{mLte=CellSignalStrengthLte: rssi=-61 "
        f"rsrp={signal[0]} rsrq={signal[1]} rssnr={signal[2]} level=3,"
        "primary=CellSignalStrengthLte}\n"
        f"  mDataConnectionState={2 if faults.data and there else 0}"
    )


def _ping(script: str, faults: AndroidFaults) -> str:
    words = script.split()
    count, host = int(words[2]), words[5]
    if not re.fullmatch(r"[0-9.]+", host):
        if faults.names_dead:
            return f"ping: unknown host {host}\n"
        return f"PING {host} (127.0.0.1) 56(84) bytes of data.\n\n{_summary(count, count)}"
    answers = [
        f"64 bytes from {host}: icmp_seq={at} ttl=64 time={2 + at}.5 ms"
        for at in range(1, count - faults.ping_lost + 1)
    ]
    head = f"PING {host} ({host}) 56(84) bytes of data.\n"
    return head + "\n".join(answers) + f"\n\n{_summary(count, faults.ping_lost)}"


def _summary(count: int, lost: int) -> str:
    percent = 100 * lost // count
    return f"{count} packets transmitted, {count - lost} received, {percent}% packet loss\n"
