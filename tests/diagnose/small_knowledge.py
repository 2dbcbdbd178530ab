"""A knowledge base of a few causes and variables, one variable per kind of reading."""

from __future__ import annotations

from typing import Any

import msgspec

from posdiag.model.knowledge import Case, KnowledgeBase
from posdiag.model.observation import Failed, Measured, Observation, Part, Vantage


def both(text: str) -> dict[str, str]:
    return {"en": text, "zh": f"中 {text}"}


def variable(name: str, levels: list[str], base: list[float], **other: Any) -> dict[str, Any]:
    return {
        "id": name,
        "title": both(name),
        "family": name,
        "levels": levels,
        "base": base,
        "seconds": 5.0,
        "says": {
            level: both(f"{name} {level}: {{subject}} {{value}} {{detail}}") for level in levels
        },
        "source": "test",
    } | other


def cause(name: str, share: float, s: float, shifts: dict[str, list[float]], **other: Any) -> Any:
    return {
        "id": name,
        "title": both(name),
        "group": "network",
        "share": share,
        "s": s,
        "rationale": "test",
        "source": "test",
        "shifts": shifts,
        "test": {"text": both(f"look at {name}"), "seconds": 30.0, "actor": "technician"},
        "fixes": [
            {
                "id": f"{name}_slow",
                "text": both("slow"),
                "minutes": 60,
                "actor": "vendor",
                "works": 0.9,
            },
            {
                "id": f"{name}_quick",
                "text": both("quick"),
                "minutes": 2,
                "actor": "merchant",
                "works": 0.5,
            },
        ],
        "workaround": both("meanwhile"),
        "warning": both("warning"),
    } | other


VARIABLES: list[dict[str, Any]] = [
    variable(
        "wan_loss",
        ["none", "some", "total"],
        [0.93, 0.06, 0.01],
        blocking=["total"],
        probe="path",
        readings=[
            {
                "type": "proportion",
                "path": True,
                "count": "reference.lost",
                "total": "reference.sent",
                "rates": [0.003, 0.15, 0.97],
                "upstream_count": "gateway.lost",
                "upstream_total": "gateway.sent",
            }
        ],
    ),
    variable(
        "dns",
        ["ok", "slow", "fail"],
        [0.95, 0.04, 0.01],
        needs=["wan_loss"],
        blocking=["fail"],
        probe="dns",
        readings=[
            {
                "type": "threshold",
                "path": True,
                "observation": "name_lookup.time",
                "cuts": [1.0],
                "levels": ["ok", "slow"],
                "failures": {"silent": "fail", "name_server_failure": "fail"},
            }
        ],
    ),
    variable(
        "echo",
        ["ok", "slow", "no_reply"],
        [0.94, 0.04, 0.02],
        needs=["dns"],
        probe="host",
        ask="echo",
        readings=[
            {
                "type": "threshold",
                "path": True,
                "observation": "host_echo.answer_time",
                "cuts": [2.0],
                "levels": ["ok", "slow"],
                "failures": {"silent": "no_reply"},
            },
            {
                "type": "codes",
                "observation": "fact.echo",
                "codes": {"ok": "ok", "slow": "slow", "silent": "no_reply"},
                "certainty": 0.9,
            },
        ],
    ),
    variable(
        "host_code",
        ["ok", "id_reject"],
        [0.98, 0.02],
        readings=[
            {
                "type": "codes",
                "observation": "host_echo.response_code",
                "codes": {"00": "ok"},
                "dialects": {"unionpay": {"03": "id_reject"}, "iso1987": {"03": "ok"}},
            }
        ],
    ),
    variable(
        "cert_days",
        ["ok", "soon", "expired"],
        [0.94, 0.05, 0.01],
        readings=[
            {
                "type": "date_margin",
                "observation": "host_tls.certificate_days_left",
                "cuts": [0.0, 14.0],
                "levels": ["expired", "soon", "ok"],
            }
        ],
    ),
    variable(
        "paper",
        ["ok", "out"],
        [0.98, 0.02],
        readings=[
            {
                "type": "codes",
                "parts": ["terminal"],
                "observation": "printer.paper",
                "codes": {"enough": "ok", "out": "out"},
            }
        ],
    ),
    variable(
        "timer_margin",
        ["ample", "tight", "short"],
        [0.93, 0.05, 0.02],
        readings=[
            {
                "type": "ratio",
                "observations": ["name_lookup.time", "host_echo.answer_time"],
                "required": "host_echo.answer_time",
                "limit": "fact.menu_timer",
                "cuts": [0.5, 1.0],
                "levels": ["ample", "tight", "short"],
            }
        ],
    ),
    variable(
        "fail_stage",
        ["none", "wait_reply", "connect"],
        [0.4, 0.3, 0.3],
        readings=[
            {"type": "message", "observation": "fact.screen"},
            {
                "type": "stage",
                "steps": [
                    {"observation": "name_lookup.time", "level": "connect"},
                    {"observation": "host_echo.answer_time", "level": "wait_reply"},
                ],
                "passed": "none",
                "certainty": 0.8,
            },
        ],
    ),
    variable(
        "port_param",
        ["match", "differs"],
        [0.98, 0.02],
        readings=[
            {
                "type": "comparison",
                "compared": {"fact.menu_host": "host", "fact.menu_port": "port"},
                "match": "match",
                "differs": "differs",
            }
        ],
    ),
    variable(
        "wan_delay",
        ["ok", "high"],
        [0.9, 0.1],
        readings=[
            {
                "type": "excess",
                "observation": "reference.round_trip",
                "upstream": ["gateway.round_trip"],
                "cuts": [0.3],
                "levels": ["ok", "high"],
                "failures": {"silent": "high"},
            }
        ],
    ),
    variable(
        "unknown_signal",
        ["no", "yes"],
        [0.995, 0.005],
        readings=[
            {"type": "message", "observation": "fact.screen", "unknown": "yes", "known": "no"}
        ],
    ),
    variable(
        "trial",
        ["ok", "mixed", "fails"],
        [0.93, 0.05, 0.02],
        readings=[
            {"type": "codes", "observation": "fact.trial", "codes": {"ok": "ok", "fails": "fails"}}
        ],
    ),
]
CAUSES: list[dict[str, Any]] = [
    cause("congestion", 70, 0.6, {"wan_loss": [0.2, 0.75, 0.05], "wan_delay": [0.1, 0.9]}),
    cause("dns_dead", 40, 0.9, {"dns": [0.01, 0.17, 0.82]}, confusable=["congestion"]),
    cause("line_down", 40, 0.97, {"wan_loss": [0.02, 0.08, 0.9]}),
    cause("host_silent", 30, 0.95, {"echo": [0.03, 0.04, 0.93]}, confusable=["dns_dead"]),
    cause(
        "paper_out",
        30,
        0.25,
        {"paper": [0.02, 0.98]},
        group="device",
        when={"site": "signon_needs_printer", "yes": 0.95, "no": 0.0},
    ),
    cause("timer_short", 28, 0.45, {"timer_margin": [0.02, 0.28, 0.7]}, group="settings"),
]
MESSAGES: list[dict[str, Any]] = [
    {
        "id": "timeout",
        "family": "generic",
        "wordings": ["通讯超时", "Communication timeout"],
        "meaning": both("timeout"),
        "says": {"fail_stage": {"wait_reply": 0.7, "connect": 0.25}},
        "source": "unconfirmed",
    },
    {
        "id": "receive_timeout",
        "family": "generic",
        "wordings": ["接收超时"],
        "meaning": both("no answer"),
        "says": {"fail_stage": {"wait_reply": 0.9}},
        "source": "unconfirmed",
    },
]
META: dict[str, Any] = {
    "version": "test",
    "decisive": ["echo", "trial"],
    "kappa": 0.19,
    "nff_share": 120,
    "other_share": 40,
    "other_s": 0.9,
    "epsilon": 0.01,
    "family_rho": 0.0,
    "other_mix_uniform": 0.15,
    "other_shifts": {"unknown_signal": [0.35, 0.65]},
    "pairs": {},
    "groups": {},
}
KNOWLEDGE = msgspec.convert(
    {"meta": META, "causes": CAUSES, "variables": VARIABLES, "messages": MESSAGES}, KnowledgeBase
)
CASE = msgspec.convert(
    {"path_shared": "yes", "dialect": "unionpay", "expected": {"port": "8583"}}, Case
)


def measured(
    name: str,
    value: Any,
    unit: str = "",
    *,
    vantage: Vantage = Vantage.LAPTOP,
    part: Part = Part.TERMINAL,
    subject: str = "",
) -> Observation:
    result = msgspec.convert({"kind": "measured", "value": value, "unit": unit}, Measured)
    return Observation(name=name, vantage=vantage, part=part, subject=subject, result=result)


def fact(name: str, value: Any, unit: str = "") -> Observation:
    return measured(f"fact.{name}", value, unit, vantage=Vantage.OPERATOR)


def failed(
    name: str,
    failure: str,
    operation: str = "receive",
    *,
    waited_s: float | None = None,
    **other: Any,
) -> Observation:
    result = msgspec.convert(
        {"failure": failure, "operation": operation, "kind": "failed", "waited_s": waited_s}, Failed
    )
    return Observation(name=name, result=result, **other)


def series(prefix: str, lost: int, sent: int) -> list[Observation]:
    return [
        measured(f"{prefix}.sent", sent, "count"),
        measured(f"{prefix}.lost", lost, "count"),
    ]
