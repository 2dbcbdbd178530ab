"""Runs one probe at a site, and says what it yielded."""

from __future__ import annotations

import json
import subprocess
import sys

from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.observation import Failed, FailureKind, Measured, Observation, Unmeasured, Value
from posdiag.model.site import Device, Site
from posdiag.probes.probe import Probe, ProbeContext, ProbeYield


class Yielded:
    """What a probe yielded at a site; refuses what the probe does not declare."""

    def __init__(
        self,
        probe: Probe,
        site: Site,
        *,
        budget_s: float = 20.0,
        allowance: HostAllowance | None = None,
        consents: frozenset[str] = frozenset(),
    ) -> None:
        context = ProbeContext(
            site=site,
            deadline=Deadline.after(budget_s),
            allowance=allowance or HostAllowance(),
            consents=consents,
        )
        self.items: list[ProbeYield] = list(probe.run(context))
        declared = {observable.name: observable.unit for observable in probe.observables}
        for item in self.items:
            if isinstance(item, Observation):
                assert item.name in declared
                assert item.start_s <= item.end_s
                if isinstance(item.result, Measured):
                    assert item.result.unit == declared[item.name]
            else:
                assert item.name in declared or item.name.endswith(".*")

    def observations(self, name: str, subject: str | None = None) -> list[Observation]:
        """Return all observations of that name, in order."""
        return [
            item
            for item in self.items
            if isinstance(item, Observation)
            and item.name == name
            and subject in (None, item.subject)
        ]

    def observation(self, name: str, subject: str | None = None) -> Observation:
        """Return the one observation of that name."""
        found = self.observations(name, subject)
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def value(self, name: str, subject: str | None = None) -> Value:
        """Return a measured value."""
        result = self.observation(name, subject).result
        assert isinstance(result, Measured), result
        return result.value

    def failed(self, name: str, subject: str | None = None) -> Failed:
        """Return a failure."""
        result = self.observation(name, subject).result
        assert isinstance(result, Failed), result
        return result

    def kind(self, name: str) -> FailureKind:
        """Return the kind of a failure."""
        return self.failed(name).failure

    def names(self) -> set[str]:
        """Return the names of all observations."""
        return {item.name for item in self.items if isinstance(item, Observation)}

    def unmeasured(self, name: str) -> Unmeasured:
        """Return why something was not measured."""
        found = [i for i in self.items if isinstance(i, Unmeasured) and i.name == name]
        assert len(found) == 1, f"{name}: {self.items}"
        return found[0]


def at_site(probe: Probe, *devices: Device, budget_s: float = 20.0) -> Yielded:
    """Run a probe at a simulated site with these devices."""
    return Yielded(probe, Site(devices=list(devices), simulated=True), budget_s=budget_s)


AS_NOBODY = """
import json, os, sys
import serial, grp, serial.serialposix
from posdiag.probes import discover
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.observation import Failed
from posdiag.model.site import Device, DeviceKind, Site
from posdiag.probes.probe import ProbeContext
probe = discover()[sys.argv[1]]
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
site = Site(devices=[Device(kind=DeviceKind(sys.argv[1]), port=sys.argv[2])])
context = ProbeContext(site=site, deadline=Deadline.after(5), allowance=HostAllowance())
print(json.dumps({o.name: [o.result.failure, o.result.detail] for o in probe.run(context)
                  if isinstance(getattr(o, "result", None), Failed)}))
"""
"""Becomes nobody after its imports: the sources need not be readable for everybody."""


def failures_as_nobody(probe: str, port: str) -> dict[str, list[str]]:
    """Run the probe of a device kind as a user who may do nothing; return what failed."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, probe, port],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found
