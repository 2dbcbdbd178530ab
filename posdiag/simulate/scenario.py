"""A scenario: what each simulated part does wrong, and what a person would see. As TOML.

It names no cause. What a scenario stands for is written elsewhere, for the command line and tests.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from posdiag.model.errors import InputError, Mistake
from posdiag.model.observation import Value
from posdiag.model.site import EchoSettings
from posdiag.simulate.android import AndroidFaults
from posdiag.simulate.card import CardFaults
from posdiag.simulate.host import DEFAULT_ECHO, HostFaults
from posdiag.simulate.modem import ModemFaults
from posdiag.simulate.name_server import NameServerFaults
from posdiag.simulate.nexo_terminal import NexoFaults
from posdiag.simulate.printer import PrinterFaults
from posdiag.simulate.serial_device import SerialDeviceFaults
from posdiag.simulate.ups import UpsFaults
from posdiag.simulate.zvt_terminal import ZvtFaults


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The faults of each part; what is not named is healthy.

    Attributes:
        name_server: the shop's resolver.
        gateway: the shop's router, asked for round trips by name queries.
        reference: a server beyond the router, likewise.
        host: the acquirer's host.
        echo: how the host is spoken to; the site file says the same, as the acquirer's sheet would.
        modem: the terminal's modem; None: the laptop is not on it.
        android: the terminal, on the laptop's adb; None: it is not.
        zvt: a terminal that speaks ZVT with its till; none unless it is named.
        nexo: a terminal that speaks nexo over HTTPS, likewise.
        upload: items of a status upload that the terminal once sent, by number; none: no such file.
        site: keys of the site file (``terminal``, ``acquirer``, ``laptop_at``, ``complaint`` ...).
        settings: profile values by dotted key (the site file's ``[set]``).
        facts: what a person sees, by the names of the facts table.
        without: parts that this shop does not have.
    """

    name_server: NameServerFaults = NameServerFaults()
    gateway: NameServerFaults = NameServerFaults()
    reference: NameServerFaults = NameServerFaults()
    host: HostFaults = HostFaults(tls=True)
    echo: EchoSettings = DEFAULT_ECHO
    printer: PrinterFaults = PrinterFaults()
    pin_pad: SerialDeviceFaults = SerialDeviceFaults()
    ups: UpsFaults = UpsFaults()
    card: CardFaults = CardFaults()
    modem: ModemFaults | None = None
    android: AndroidFaults | None = None
    site: dict[str, str | dict[str, str]] = {}
    settings: dict[str, Value] = {}
    facts: dict[str, Value] = {}
    zvt: ZvtFaults | None = None
    nexo: NexoFaults | None = None
    upload: dict[str, str] = {}
    without: list[Literal["printer", "pin_pad", "ups", "card"]] = []


def scenario_ids() -> list[str]:
    """Return the ids of the scenarios that come with posdiag."""
    folder = importlib.resources.files("posdiag.simulate") / "scenarios"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def load_scenario(name: str) -> Scenario:
    """Return a scenario by its id, or from a file whose name ends in ``.toml``.

    Raises:
        InputError: no such scenario, or a mistake in it.
    """
    if name.endswith(".toml"):
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError([Mistake(name, "", "a readable TOML file", str(error))]) from error
    elif name in scenario_ids():
        folder = importlib.resources.files("posdiag.simulate") / "scenarios"
        text = (folder / f"{name}.toml").read_text(encoding="utf-8")
    else:
        known = ", ".join(scenario_ids())
        raise InputError([Mistake(name, "", f"one of the scenarios {known}")])
    try:
        return msgspec.convert(tomllib.loads(text), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError([Mistake(name, "", "a scenario", str(error))]) from error
