"""Looks again and again at what a laptop sees of a failing supply, and counts what changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from posdiag.link.deadline import Deadline
from posdiag.link.power_supply import SUPPLIES, read_supplies, summary
from posdiag.link.usb_power import (
    DEVICES,
    UsbState,
    enumerated_anew,
    grown_over_currents,
    node_of,
    usb_state,
)
from posdiag.model.errors import CannotRun

EVERY_S = 0.2
_SAME_S = 1.0
"""A device file that is made anew is given its rights a moment later: one event, not two."""


class LocalWatch:
    """Device files of ports, USB devices, and the laptop's mains.

    Attributes:
        lost: per port, how often its device went away or was made anew.
        usb_lost: likewise for USB devices, by their ids.
        over_currents: per USB port, how often it was cut off; None where the system does not tell.
        mains_lost: how often the laptop's adapter lost the mains; None: likewise.
        looks: how often was looked.
        longest_gap_s: between two looks.
    """

    def __init__(
        self, ports: Sequence[str], *, usb: Path = DEVICES, supplies: Path = SUPPLIES
    ) -> None:
        """Take a first look.

        Args:
            ports: device files.
            usb: ``/sys/bus/usb/devices`` or a recorded copy.
            supplies: ``/sys/class/power_supply`` or a recorded copy.
        """
        self._usb_root, self._supplies_root = usb, supplies
        self._nodes = {port: node_of(port) for port in ports}
        self._usb = self._usb_now()
        self._plugged = self._plugged_now()
        self._at_s = time.monotonic()
        self._lost_s = dict.fromkeys(ports, self._at_s - 2 * _SAME_S)
        self.lost = Counter[str]({port: 0 for port in ports if self._nodes[port] is not None})
        self.usb_lost: Counter[str] | None = Counter() if self._usb else None
        self.over_currents: Counter[str] | None = (
            Counter() if self._usb and self._usb.over_currents else None
        )
        self.mains_lost: int | None = None if self._plugged is None else 0
        self.looks = 1
        self.longest_gap_s = 0.0

    def run(self, seconds: float, deadline: Deadline) -> float:
        """Look every 0.2 s until the time or the deadline has passed; return how long that was."""
        begun_s = time.monotonic()
        until = Deadline(min(begun_s + seconds, deadline.at_s))
        while not until.passed():
            time.sleep(min(EVERY_S, until.remaining_s()))
            self.look()
        return time.monotonic() - begun_s

    def look(self) -> None:
        """Compare with the last look."""
        now_s = time.monotonic()
        self.longest_gap_s = max(self.longest_gap_s, now_s - self._at_s)
        self._at_s = now_s
        self.looks += 1
        for port, before in self._nodes.items():
            now = self._nodes[port] = node_of(port)
            if before is not None and now != before:
                self.lost[port] += now_s - self._lost_s[port] > _SAME_S
                self._lost_s[port] = now_s
        self._look_at_usb()
        plugged = self._plugged_now()
        if self._plugged and plugged is False and self.mains_lost is not None:
            self.mains_lost += 1
        self._plugged = plugged

    def _look_at_usb(self) -> None:
        before, now = self._usb, self._usb_now()
        if before is not None and now is not None:
            if self.usb_lost is not None:
                self.usb_lost.update(enumerated_anew(before, now))
            if self.over_currents is not None:
                self.over_currents.update(grown_over_currents(before, now))
        self._usb = now

    def _usb_now(self) -> UsbState | None:
        try:
            return usb_state(self._usb_root)
        except (CannotRun, OSError):
            return None

    def _plugged_now(self) -> bool | None:
        try:
            return summary(read_supplies(self._supplies_root)).plugged
        except OSError:
            return None
