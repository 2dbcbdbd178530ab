"""The named interface carries every path probe: of two ways out, the other one sees nothing."""

from __future__ import annotations

import os
import subprocess

from tests.testbed.needs import needs_namespaces
from tests.testbed.seen import probe_in

SITE = """
laptop_at = "same_lan"
acquirer = "iso1987_ascii_public"
[network]
interface = "{interface}"
gateway = "198.18.8.1"
reference = "198.18.8.1"
resolvers = ["198.18.8.1:53"]
series = 5
[set]
"acquirer.hosts" = [{{ address = "198.18.8.1", port = 8583 }}, {backup}]
"acquirer.limits.connect_s" = 1.0
"acquirer.limits.dns_try_s" = 0.5
"acquirer.limits.dns_tries" = 1
"""
BACKUP = '{ role = "backup", address = "signon.nowhere.internal", port = 8583 }'
PROBES = ("path", "dns", "host", "other_port", "neighbour")


def sh(command: str) -> str:
    done = subprocess.run(command.split(), check=True, capture_output=True, text=True, timeout=20)
    return done.stdout


def packets(namespace: str, interface: str) -> int:
    path = f"/sys/class/net/{interface}/statistics/tx_packets"
    return int(sh(f"ip netns exec {namespace} cat {path}"))


@needs_namespaces
def test_every_probe_keeps_to_it() -> None:
    laptop, others = f"ib{os.getpid()}a", f"ib{os.getpid()}b"
    made: list[str] = []
    try:
        for name in (laptop, others):
            sh(f"ip netns add {name}")
            made.append(name)
            sh(f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1")
        for at, (near, far) in enumerate((("e0", "p0"), ("e1", "p1"))):
            sh(f"ip -n {laptop} link add {near} type veth peer name {far} netns {others}")
            sh(f"ip -n {laptop} addr add 198.18.{8 + at}.2/24 dev {near}")
            sh(f"ip -n {laptop} link set {near} up")
            sh(f"ip -n {others} link set {far} up")
        sh(f"ip -n {others} addr add 198.18.8.1/24 dev p0")
        sh(f"ip -n {laptop} route add default via 198.18.8.1")
        sh(f"ip -n {laptop} neigh add 198.18.9.1 lladdr 02:00:00:00:00:09 dev e1")
        sh(f"ip -n {laptop} route add default via 198.18.9.1 dev e1 metric 200")
        for interface, other in (("e1", "e0"), ("e0", "e1")):
            site = SITE.format(interface=interface, backup=BACKUP)
            for name in PROBES:
                before = packets(laptop, interface), packets(laptop, other)
                probe_in(None, name, site, "--budget", "6", namespace=laptop)
                after = packets(laptop, interface), packets(laptop, other)
                assert after[0] > before[0], (name, interface)
                # The way that was not named may carry neighbour discovery of earlier packets only.
                assert after[1] - before[1] <= 1, (name, other)
    finally:
        for name in made:
            sh(f"ip netns del {name}")
