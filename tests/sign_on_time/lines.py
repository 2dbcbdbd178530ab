"""The six lines of the benchmark, each with three timers."""

from __future__ import annotations

from tests.sign_on_time.rig import Line

LINES = (
    Line(
        name="DSL, slow host",
        settings={"delay_ms": 12, "jitter_ms": 1},
        timers_s=(2.5, 4.5, 10.0),
        shared=True,
        tls=True,
        service_s=4.0,
    ),
    Line(
        name="single losses, 6 % each way",
        settings={"delay_ms": 40, "loss": 0.06},
        timers_s=(0.9, 1.6, 4.0),
        shared=True,
    ),
    Line(
        name="losses in bursts of 0.4 s",
        settings={"delay_ms": 40, "ge": [0.02, 0.25]},
        timers_s=(0.9, 1.6, 4.0),
    ),
    Line(
        name="outages of 4 s, every 20 s",
        settings={"delay_ms": 30},
        timers_s=(2.0, 5.0, 12.0),
        outages=(20.0, 4.0),
        pause_s=2.0,
    ),
    Line(
        name="GPRS, 40 kbit/s, 2 % lost",
        settings={
            "delay_ms": 250,
            "jitter_ms": 80,
            "dist": "pareto",
            "rate_kbit": 40,
            "buffer_bytes": 20_000,
            "loss": 0.02,
        },
        timers_s=(4.0, 5.0, 8.0),
        tls=True,
        service_s=0.8,
    ),
    Line(
        name="moving 4G, packets held for 2 s",
        settings={"delay_ms": 35, "jitter_ms": 12, "dist": "pareto", "ge": [0.005, 0.3]},
        timers_s=(1.0, 2.0, 5.0),
        outages=(12.0, 2.0),
        hold=True,
        pause_s=1.5,
    ),
)
