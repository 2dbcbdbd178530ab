"""A shop behind a router, its line and the network beyond, each an emulated link of its own.

laptop --lan-- router --line-- carrier --core-- acquirer (reference, name server, host)
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from typing import Any, Self

from posdiag.simulate.host import DEFAULT_ECHO as ECHO
from tests.conditions.far_end import HOST_ADDRESS, NAME
from tests.testbed.linkemu import ROOT, LinkEmulator

GATEWAY = "198.18.1.1"
CARRIER = "198.18.2.2"
REFERENCE = "198.18.3.2"
LINKS = ("lan", "line", "core")


class ShopLine:
    """The three links with everything on them; a context manager.

    Attributes:
        links: by name.
        ports: of the far end.
    """

    def __init__(
        self, tag: str, *, seed: int, far_end: dict[str, Any], host_is_there: bool
    ) -> None:
        """Prepare; nothing is made yet.

        Args:
            tag: makes the namespaces' names unique.
            seed: of all three links.
            far_end: faults of the host and the name server.
            host_is_there: the host's own address answers at all.
        """
        ends = [f"cl{tag}{name}" for name in ("lap", "rtr", "isp", "acq")]
        nets = ("198.18.1", "198.18.2", "198.18.3")
        near, far = (2, 1, 1), (1, 2, 2)
        self.links = {
            name: LinkEmulator(
                ends[at],
                ends[at + 1],
                ifname=f"{name}{0 if at else 1}",
                addr_a=[f"{nets[at]}.{near[at]}/24"],
                addr_b=[f"{nets[at]}.{far[at]}/24"],
                default_route="",
                seed=seed + at,
                max_seconds=300,
            )
            for at, name in enumerate(LINKS)
        }
        self._host_is_there = host_is_there
        self._far_end = far_end
        self._stack = ExitStack()
        self.ports: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            for link in self.links.values():
                self._stack.enter_context(link)
            self._set_routes()
            self._start_far_end()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _set_routes(self) -> None:
        lan, line, core = self.links.values()
        device = [
            next(a for a in one._argv if a.startswith("--ifname=")).split("=")[1]
            for one in (lan, line, core)
        ]
        commands = [
            (lan, "a", f"ip route add default via {GATEWAY} dev {device[0]}"),
            (lan, "b", "sysctl -qw net.ipv4.ip_forward=1"),
            (line, "a", f"ip route add default via {CARRIER} dev {device[1]}"),
            (line, "b", "sysctl -qw net.ipv4.ip_forward=1"),
            (line, "b", "ip route add 198.18.1.0/24 via 198.18.2.1"),
            (core, "a", f"ip route add default via {REFERENCE} dev {device[2]}"),
            (core, "b", f"ip route add default via 198.18.3.1 dev {device[2]}"),
        ]
        if self._host_is_there:
            commands.append((core, "b", f"ip addr add {HOST_ADDRESS}/32 dev lo"))
        for link, side, command in commands:
            done = link.run(side, command.split())
            if done.returncode:
                raise RuntimeError(f"{command}: {done.stderr}")

    def _start_far_end(self) -> None:
        child = self.links["core"].popen(
            "b",
            [sys.executable, "-m", "tests.conditions.far_end", json.dumps(self._far_end)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert child.stdout is not None
        assert child.stdin is not None
        self._stack.callback(child.stdout.close)
        self._stack.callback(child.wait, 15)  # it removes its certificates
        self._stack.callback(child.stdin.close)
        self.ports = json.loads(child.stdout.readline())

    def fill(self) -> None:
        """Let another device of the shop fill the line upstream."""
        self.links["line"].popen(
            "a",
            [sys.executable, "-m", "tests.conditions.upload", REFERENCE, str(self.ports["sink"])],
            cwd=ROOT,
        )

    def site(self, *, terminal: str, at: str, facts: dict[str, object], series: int) -> str:
        """Return a site file for this line."""
        host = {"role": "primary", "address": NAME, "port": self.ports["host"], "tls": True}
        host |= {"server_name": self.ports["server_name"], "ca_file": self.ports["ca_file"]}
        tms = {"role": "tms", "address": NAME, "port": self.ports["other"]}
        hosts = ", ".join(_table(one) for one in (host, tms))
        told = "\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.items())
        return f"""
terminal = "{terminal}"
acquirer = "unionpay_tls_public"
laptop_at = "{at}"
[network]
reference = "{REFERENCE}"
resolvers = ["{REFERENCE}:{self.ports["names"]}"]
series = {series}
[facts]
{told}
[set]
"acquirer.hosts" = [{hosts}]
"acquirer.echo.test_tid" = "{ECHO.test_tid}"
"acquirer.echo.test_mid" = "{ECHO.test_mid}"
"acquirer.limits.connect_s" = 4.0
"acquirer.limits.dns_try_s" = 5.0
"acquirer.limits.tls_s" = 6.0
"acquirer.limits.echo_s" = 10.0
"""

    def truth(
        self, target: str, links: tuple[str, ...], reported_s: list[float]
    ) -> tuple[float | None, float]:
        """Return what these links did to a series of echoes.

        Args:
            target: whom the series went to.
            links: on its way.
            reported_s: the series as it was measured, by which its packets are told from those of
                other series to the same target.

        Returns:
            median of what the links delayed request and answer; share of all round trips that were
            lost between its first and its last packet, by the links' own drop counters.
        """
        told = {name: self.links[name].echoes() for name in links}
        totals: dict[str, list[float]] = {}
        for link in told.values():
            for way in ("ab", "ba"):
                for key, delay_s in link[way].items():
                    if key.startswith(f"{target} "):
                        totals.setdefault(key, []).append(delay_s)
        series: dict[str, list[float]] = {}
        for key, parts in totals.items():
            if len(parts) == 2 * len(links):
                series.setdefault(key.split()[1][4:], []).append(sum(parts))
        if not series:
            return None, 1.0

        def unlike(payload: str) -> float:
            one = series[payload]
            apart = [abs(a - b) for a, b in zip(one, reported_s, strict=False)]
            return statistics.fmean(apart) + abs(len(one) - len(reported_s))

        payload = min(series, key=unlike)
        passes = 1.0
        for link in told.values():
            for way in ("ab", "ba"):
                sent0, lost0, sent1, lost1 = link["spans"][way][payload]
                passes *= 1 - (lost1 - lost0) / max(1, sent1 - sent0)
        return statistics.median(series[payload]), 1 - passes


def _table(values: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items()) + " }"
