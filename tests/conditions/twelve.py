"""The twelve conditions of a shop's line: what is wrong, the terminal's timer, what leads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOTHING = "nothing_wrong_now"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition.

    Attributes:
        leads: causes of which one must lead; more than one: all must be the first ones.
        timer_s: set in the terminal's menu.
        links: settings of each link, for both directions or per direction.
        later: settings of each link made when the measurement begins (windows count from there).
        ports: what the core does with the host's port: drop or rst.
        host: faults of the host.
        name_server: faults of the name server.
        host_is_there: the host's address answers at all (other ports too).
        fills: another device fills the line upstream.
    """

    leads: tuple[str, ...]
    timer_s: int
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    ports: str = ""
    host: dict[str, Any] = field(default_factory=dict)
    name_server: dict[str, Any] = field(default_factory=dict)
    host_is_there: bool = True
    fills: bool = False
    terminal: str = "generic_countertop_eth"
    at: str = "same_lan"
    facts: dict[str, Any] = field(default_factory=dict)
    seed: int = 1


DSL = {"line": {"delay_ms": 12, "jitter_ms": 1}, "core": {"delay_ms": 5}}
MOBILE: dict[str, Any] = {"terminal": "generic_portable_4g", "at": "terminal_sim"}
BUSY = {"busy_hour_only": "only_busy", "trial": "sometimes"}
NO_NOTICE = {"notice": "none"}
STALLS = [[9.0, 12.0], [40.0, 25.0]]

CONDITIONS: dict[str, Condition] = {
    "good_dsl": Condition(leads=(NOTHING,), timer_s=60, links=DSL),
    "satellite": Condition(
        leads=(NOTHING,), timer_s=60, links={"line": {"delay_ms": 280, "jitter_ms": 5}}
    ),
    "moving_4g": Condition(
        leads=(NOTHING,),
        timer_s=60,
        links={
            "line": {
                "delay_ms": 35,
                "jitter_ms": 12,
                "dist": "pareto",
                "ge": [0.005, 0.3],
                "blackouts": [[5, 1.2]],
                "hold": True,
            }
        },
        facts={"signal_bars": 4},
        **MOBILE,
    ),
    "gprs": Condition(
        leads=("set_timeout_short",),
        timer_s=5,
        links={
            "line": {
                "delay_ms": 250,
                "jitter_ms": 80,
                "dist": "pareto",
                "rate_kbit": 40,
                "buffer_bytes": 20_000,
            }
        },
        host={"delay_s": 0.9},
        facts={"signal_bars": 4, "busy_hour_only": "any_hour"},
        **MOBILE,
    ),
    "mtu_black_hole": Condition(
        leads=("net_mtu_blackhole",),
        timer_s=60,
        links={"line": DSL["line"], "core": {"delay_ms": 5, "mtu_blackhole": 1400}},
    ),
    "line_full": Condition(
        leads=("net_local_saturation",),
        timer_s=15,
        links={
            "line": {"delay_ms": 12, "rate_kbit": 1000, "buffer_bytes": 256_000},
            "core": {"delay_ms": 5},
        },
        fills=True,
    ),
    "loss_and_stalls": Condition(
        leads=("net_peak_congestion",),
        timer_s=15,
        links={
            "line": DSL["line"],
            "core": {"delay_ms": 5, "loss": 0.04, "blackouts": STALLS},
        },
        facts=BUSY,
    ),
    "bursts_and_stalls": Condition(
        leads=("net_peak_congestion",),
        timer_s=15,
        links={
            "line": DSL["line"],
            "core": {"delay_ms": 5, "ge": [0.0104, 0.25], "blackouts": STALLS},
        },
        facts=BUSY,
    ),
    "lan_flaps": Condition(
        leads=("net_lan_flaky",),
        timer_s=60,
        links={**DSL, "lan": {"blackouts": [[float(second), 0.5] for second in range(1, 30, 2)]}},
    ),
    "resolver_dead": Condition(
        leads=("net_dns_failure",), timer_s=60, links=DSL, name_server={"silent": True}
    ),
    "port_dropped": Condition(
        leads=("net_firewall_block",), timer_s=60, links=DSL, ports="drop", facts=NO_NOTICE
    ),
    "port_reset": Condition(
        leads=("host_outage", "set_wrong_host", "net_firewall_block"),
        timer_s=60,
        links=DSL,
        ports="rst",
        host_is_there=False,
        facts=NO_NOTICE,
    ),
}
