"""Asks Android terminals, through adb, how they are and what they reach."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from posdiag.link.adb_server import start_adb_server
from posdiag.link.device_address import DeviceAddress, device_address, talk_over_network
from posdiag.link.reach import endpoint, is_address
from posdiag.model.errors import CannotRun, LinkError, LocalWireError, RemoteWireError
from posdiag.model.knowledge import Effect
from posdiag.model.observation import (
    Failed,
    FailureKind,
    NotRunReason,
    Operation,
    Vantage,
)
from posdiag.model.site import Device, DeviceKind, HostRole, Site
from posdiag.probes.probe import DeviceTalk, Observable, Probe, ProbeContext, ProbeYield, Step
from posdiag.wire import android
from posdiag.wire.adb import PORT, AdbConversation, shell_conversation

CONSENT = "adb-server"
SCRIPT_LIMIT_S = 8.0
"""Silence of a terminal that runs the script; its slowest part takes one to two seconds."""
PING_LIMIT_S = 12.0
PINGS = 5
_HERE = "127.0.0.1"
_OWN = (_HERE, "localhost")
T = TypeVar("T")


class _Terminal(NamedTuple):
    """A terminal and the adb server that it hangs on."""

    device: Device
    serial: str
    server: DeviceAddress


def _devices(site: Site) -> list[Device]:
    return [device for device in site.devices if device.kind is DeviceKind.ANDROID]


def _terminal(device: Device) -> _Terminal:
    serial, _, where = device.port.partition("@")
    return _Terminal(device, serial, device_address(where or f"{_HERE}:{PORT}"))


def _targets(site: Site) -> list[str]:
    devices = _devices(site)
    if not devices:
        raise CannotRun(NotRunReason.NOT_DECLARED, "no Android terminal in the site file")
    return [device.port for device in devices]


def _resources(site: Site) -> list[str]:
    return [f"adb:{device.port}" for device in _devices(site)]


def _servers(site: Site) -> list[str]:
    """Return the adb servers that could be started here."""
    found: set[str] = set()
    for device in _devices(site):
        with contextlib.suppress(CannotRun):
            server = _terminal(device).server
            if server.host in _OWN:
                found.add(f"{server.host}:{server.port}")
    return sorted(found)


def _run(context: ProbeContext) -> Iterator[ProbeYield]:
    _targets(context.site)
    for device in _devices(context.site):
        yield from _Talk(context, device).all()


class _Talk(DeviceTalk):
    """One talk with one terminal."""

    vantage = Vantage.TERMINAL

    def __init__(self, context: ProbeContext, device: Device) -> None:
        super().__init__(context, device)
        self._parts: dict[str, str] = {}

    def all(self) -> Iterator[ProbeYield]:
        """Yield what it tells and what it reaches."""
        if self._context.deadline.passed():
            yield self._unmeasured("android.*", CannotRun(NotRunReason.BUDGET_SPENT))
            return
        try:
            terminal = _terminal(self._device)
            asked = self._ask(terminal, android.script(self._device.app), SCRIPT_LIMIT_S)
        except LocalWireError as error:
            yield self._unmeasured("android.*", CannotRun(NotRunReason.UNSUPPORTED, str(error)))
            return
        except CannotRun as reason:
            yield self._unmeasured("android.*", reason)
            return
        except LinkError as error:
            yield self._failed(
                "android.answers",
                error.as_failed(),
            )
            return
        # The text as it was told goes no further: networks and addresses stand in it.
        self._parts = android.parts_of(asked.output.decode("utf-8", errors="replace"))
        yield from self._answered(asked)
        yield from self._said()
        if self._parts:
            yield from self._reached(terminal)

    def _ask(self, terminal: _Terminal, script: str, limit_s: float) -> AdbConversation:
        asked = shell_conversation(terminal.serial, script, limit_s=limit_s)
        try:
            self._talk(terminal.server, asked)
        except LinkError as error:
            if error.kind is not FailureKind.REFUSED:
                raise
            self._start_server(terminal.server)
            asked = shell_conversation(terminal.serial, script, limit_s=limit_s)
            self._talk(terminal.server, asked)
        return asked

    def _talk(self, server: DeviceAddress, conversation: AdbConversation) -> None:
        context = self._context
        talk_over_network(
            server,
            conversation,
            context.deadline,
            site=context.site,
            allowance=context.allowance,
        )

    def _start_server(self, server: DeviceAddress) -> None:
        if CONSENT not in self._context.consents:
            raise CannotRun(NotRunReason.CONSENT_REQUIRED, f"no adb server runs; --allow {CONSENT}")
        if server.host not in _OWN:
            raise CannotRun(NotRunReason.UNSUPPORTED, "the adb server is not this laptop's")
        start_adb_server(server.port, self._context.deadline)

    def _answered(self, asked: AdbConversation) -> Iterator[ProbeYield]:
        if asked.failure is None:
            yield self._measured("android.answers", value=True)
        else:
            yield self._failed("android.answers", asked.failure)

    def _part(self, name: str, decode: Callable[[str], T]) -> T | None:
        """Return the value of a part; None where it is missing or makes no sense."""
        text = self._parts.get(name)
        if text is None:
            return None
        try:
            return decode(text)
        except RemoteWireError:
            return None

    def _said(self) -> Iterator[ProbeYield]:
        for name in ("model", "version"):
            if word := self._parts.get(name, "").strip()[:60]:
                yield self._measured(f"android.{name}", word)
        yield from self._battery()
        yield from self._radio()
        for observed, value, unit in (
            ("android.airplane_mode", self._part("airplane", android.flag), ""),
            ("android.uptime", self._part("uptime", android.seconds), "s"),
            ("android.storage_free", self._part("storage", android.free_ratio), "ratio"),
            ("android.clock_off", self._clock_off(), "s"),
            ("android.app_version", self._part("app", android.version_name), ""),
        ):
            if value is not None:
                yield self._measured(observed, value, unit)

    def _clock_off(self) -> float | None:
        told = self._part("clock", android.seconds)
        return None if told is None else abs(told - time.time())

    def _battery(self) -> Iterator[ProbeYield]:
        battery = self._part("battery", android.battery)
        if battery is None:
            return
        for name, value, unit in (
            ("android.battery_level", battery.level, "ratio"),
            ("android.supply", battery.supply or None, ""),
            ("android.battery_health", battery.health or None, ""),
            ("android.battery_voltage", battery.voltage_v, "V"),
            ("android.battery_temperature", battery.temperature_c, "degC"),
        ):
            if value is not None:
                yield self._measured(name, value, unit)

    def _radio(self) -> Iterator[ProbeYield]:
        wifi = self._part("wifi", android.wifi)
        phone = self._part("telephony", android.telephony)
        for name, value, unit in (
            ("android.wifi_enabled", wifi.enabled if wifi else None, ""),
            ("android.wifi_joined", wifi.joined if wifi else None, ""),
            ("android.wifi_rssi", wifi.rssi_dbm if wifi else None, "dBm"),
            ("android.cell_service", phone.service or None if phone else None, ""),
            ("android.cell_data", phone.connected if phone else None, ""),
            ("android.rsrp", phone.rsrp_dbm if phone else None, "dBm"),
            ("android.rsrq", phone.rsrq_db if phone else None, "dB"),
            ("android.sinr", phone.sinr_db if phone else None, "dB"),
        ):
            if value is not None:
                yield self._measured(name, value, unit)

    def _reached(self, terminal: _Terminal) -> Iterator[ProbeYield]:
        router = self._part("route", android.gateway)
        if router is not None:
            ping = self._ping(terminal, router, PINGS)
            if ping is not None and ping.sent:
                yield self._measured("android.gateway_sent", ping.sent, "count", subject=router)
                yield self._measured("android.gateway_lost", ping.lost, "count", subject=router)
                if ping.times_s:
                    yield self._measured(
                        "android.gateway_round_trip", list(ping.times_s), "s", subject=router
                    )
        elif "route" in self._parts:
            yield self._failed(
                "android.gateway_round_trip", Failed(FailureKind.UNREACHABLE, Operation.PING)
            )
        host = endpoint(self._context.site, HostRole.PRIMARY)
        if host is not None and not is_address(host.address):
            # The name is what is asked for; hosts seldom answer pings, and one is no load.
            ping = self._ping(terminal, host.address, 1)
            if ping is not None:
                yield self._measured("android.name_found", ping.resolved, subject=host.address)

    def _ping(self, terminal: _Terminal, host: str, count: int) -> android.Ping | None:
        try:
            script = android.ping_script(host, count=count)
            asked = self._ask(terminal, script, PING_LIMIT_S)
            return android.ping(asked.output.decode("utf-8", errors="replace"))
        except (LocalWireError, RemoteWireError, CannotRun, LinkError):
            return None


def _told(name: str, unit: str, meaning: str) -> Observable:
    return Observable(
        f"android.{name}", unit, meaning, "the terminal does not tell", Vantage.TERMINAL
    )


PROBE = Probe(
    name="android",
    title="Android terminal, asked through adb",
    sends="commands that only read, to each declared Android terminal through this laptop's adb "
    "server; the terminal pings its router 5 times and the host's name once",
    observables=(
        _told("answers", "", "the terminal ran every command"),
        _told("model", "", "model"),
        _told("version", "", "version of Android"),
        _told("battery_level", "ratio", "charge of its battery"),
        _told(
            "supply", "", "charger, battery, or too_weak: it discharges although a charger is in"
        ),
        _told("battery_health", "", "good, overheat, dead, over_voltage, cold ..."),
        _told("battery_voltage", "V", "voltage of its battery"),
        _told("battery_temperature", "degC", "temperature of its battery"),
        _told("wifi_enabled", "", "Wi-Fi is switched on"),
        _told("wifi_joined", "", "it is joined to a Wi-Fi"),
        _told("wifi_rssi", "dBm", "signal of that Wi-Fi"),
        _told("cell_service", "", "in_service, out_of_service, emergency_only or power_off"),
        _told("cell_data", "", "mobile data is connected"),
        _told("rsrp", "dBm", "strength of the mobile cell's reference signal"),
        _told("rsrq", "dB", "quality of the mobile cell's reference signal"),
        _told("sinr", "dB", "mobile signal above noise and interference"),
        _told("airplane_mode", "", "airplane mode is on"),
        _told("uptime", "s", "time since its start"),
        _told("storage_free", "ratio", "free part of its storage"),
        _told("clock_off", "s", "how far its clock and the laptop's are apart"),
        _told("app_version", "", "version of the payment application that the site names"),
        _told("gateway_sent", "count", "pings from the terminal to its router"),
        _told("gateway_lost", "count", "of these, without an answer"),
        _told("gateway_round_trip", "s", "round trips from the terminal to its router"),
        _told("name_found", "", "the terminal finds an address for the host's name"),
    ),
    targets=_targets,
    resources=_resources,
    run=_run,
    steps=(
        Step(
            consent=CONSENT,
            sends="starts this laptop's adb server where none runs; it stays",
            effect=Effect.SAFE,
            targets=_servers,
        ),
    ),
    typical_s=6.0,
)
