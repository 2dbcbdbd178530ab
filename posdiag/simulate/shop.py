"""The simulated shop: starts its parts on loopback and says where they are, as a site file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

import msgspec

from posdiag.simulate.android import SimulatedAndroid
from posdiag.simulate.card import SimulatedCard
from posdiag.simulate.host import DEFAULT_ECHO, SimulatedHost
from posdiag.simulate.modem import SimulatedModem
from posdiag.simulate.name_server import SimulatedNameServer
from posdiag.simulate.nexo_terminal import SimulatedNexoTerminal
from posdiag.simulate.printer import SimulatedPrinter
from posdiag.simulate.scenario import Scenario
from posdiag.simulate.serial_device import SimulatedSerialDevice
from posdiag.simulate.site_text import site_text
from posdiag.simulate.status_upload import SimulatedUpload
from posdiag.simulate.ups import SimulatedUps
from posdiag.simulate.zvt_terminal import SimulatedZvtTerminal

HOST_NAME = "signon.acquirer.example"
LIMITS = {"dns_try_s": 1.0, "dns_tries": 2, "connect_s": 3.0, "tls_s": 3.0, "echo_s": 4.0}
"""Short, so that a demo's silence is a fact within seconds."""


class Part(Protocol):
    """A simulated part."""

    def start(self) -> None:
        """Bind and serve."""
        ...

    def stop(self) -> None:
        """Close."""
        ...


class SimulatedShop:
    """All parts of a scenario, running.

    Attributes:
        site: text of the site file, once entered.
    """

    def __init__(self, scenario: Scenario, *, pty: bool) -> None:
        """Prepare the parts.

        Args:
            scenario: the faults.
            pty: serial devices on pseudo terminals instead of TCP.
        """
        lacks = set(scenario.without).__contains__
        self._scenario = scenario
        self.host = SimulatedHost(scenario.host, scenario.echo, server_name=HOST_NAME)
        self.name_server = SimulatedNameServer(scenario.name_server, {HOST_NAME: ["127.0.0.1"]})
        self.gateway = SimulatedNameServer(scenario.gateway)
        self.reference = SimulatedNameServer(scenario.reference)
        self.printer = None if lacks("printer") else SimulatedPrinter(scenario.printer, pty=pty)
        self.pin_pad = (
            None if lacks("pin_pad") else SimulatedSerialDevice(scenario.pin_pad, pty=pty)
        )
        self.ups = None if lacks("ups") else SimulatedUps(scenario.ups)
        self.card = None if lacks("card") else SimulatedCard(scenario.card)
        self.modem = SimulatedModem(scenario.modem, pty=pty) if scenario.modem else None
        self.android = SimulatedAndroid(scenario.android) if scenario.android else None
        self.zvt = SimulatedZvtTerminal(scenario.zvt, pty=pty) if scenario.zvt else None
        self.nexo = SimulatedNexoTerminal(scenario.nexo) if scenario.nexo else None
        self.upload = SimulatedUpload(scenario.upload) if scenario.upload else None
        self._running: list[Part] = []
        self.site = ""

    def _parts(self) -> list[Part]:
        optional: list[Part | None] = [self.printer, self.pin_pad, self.ups, self.card]
        optional += [self.modem, self.android]
        optional += [self.zvt, self.nexo, self.upload]
        always: list[Part] = [self.host, self.name_server, self.gateway, self.reference]
        return always + [part for part in optional if part is not None]

    def __enter__(self) -> Self:
        """Start every part.

        Raises:
            OSError: the system has no port or pseudo terminal left; nothing is left running.
        """
        try:
            for part in self._parts():
                self._running.append(part)
                part.start()
        except OSError:
            self._stop()
            raise
        self.site = self._site_text()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop every part."""
        self._stop()

    def _stop(self) -> None:
        # Each waits for its threads to look up from theirs: all at the same time.
        with ThreadPoolExecutor(max_workers=len(self._running) or 1) as pool:
            list(pool.map(lambda part: part.stop(), self._running))
        self._running.clear()

    def _site_text(self) -> str:
        scenario = self._scenario
        top: dict[str, object] = {
            "name": "simulated shop",
            "terminal": "generic_countertop_eth",
            "acquirer": "unionpay_tls_public",
            "laptop_at": "same_lan",
            "simulated": True,
            **scenario.site,
        }
        network: dict[str, object] = {
            "gateway": _at(self.gateway),
            "resolvers": [_at(self.name_server)],
            "reference": _at(self.reference),
            "method": "dns",
            "series": 20,
        }
        return site_text(
            top,
            network=network,
            devices=self._devices(),
            facts=scenario.facts,
            settings={**self._host_settings(), **scenario.settings},
        )

    def _host_settings(self) -> dict[str, object]:
        host: dict[str, object] = {
            "role": "primary",
            "address": HOST_NAME,
            "port": self.host.port,
            "tls": self._scenario.host.tls,
        }
        if self.host.ca_file:
            host["ca_file"] = self.host.ca_file
        if self._scenario.host.http_path:
            host["http_path"] = self._scenario.host.http_path
        limits: dict[str, object] = {f"acquirer.limits.{key}": LIMITS[key] for key in LIMITS}
        told, usual = (msgspec.to_builtins(one) for one in (self._scenario.echo, DEFAULT_ECHO))
        echo = {f"acquirer.echo.{key}": told[key] for key in told if told[key] != usual[key]}
        return {"acquirer.hosts": [host], **echo, **limits}

    def _devices(self) -> list[dict[str, object]]:
        devices: list[dict[str, object]] = []
        if self.printer:
            devices.append({"kind": "printer", "port": self.printer.path})
        if self.pin_pad:
            devices.append({"kind": "serial", "port": self.pin_pad.path, "protocol": "enq"})
        if self.ups:
            where = f"{self.ups.address}:{self.ups.port}"
            devices.append({"kind": "ups", "port": where, "part": "counter_ups", "shared": True})
        if self.card:
            devices.append({"kind": "card_reader", "port": self.card.path})
        if self.modem:
            devices.append({"kind": "modem", "port": self.modem.path})
        if self.android:
            devices.append({"kind": "android", "port": self.android.path})
        if self.zvt:
            devices.append({"kind": "terminal", "port": self.zvt.path, "protocol": "zvt"})
        if self.upload:
            port = self.upload.path
            devices.append({"kind": "terminal", "port": port, "protocol": "status_upload"})
        if self.nexo:
            devices.append(
                {
                    "kind": "terminal",
                    "port": f"https://{self.nexo.address}:{self.nexo.port}",
                    "protocol": "nexo",
                    "poi_id": self.nexo.poi_id,
                    "ca_file": self.nexo.ca_file,
                }
            )
        return devices


def _at(server: SimulatedNameServer) -> str:
    return f"{server.address}:{server.port}"
