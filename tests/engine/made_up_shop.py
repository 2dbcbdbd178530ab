"""A shop whose probes are made up: they yield what a test wants, under the names of real ones."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping

import msgspec

from posdiag.engine.chain import run_chain
from posdiag.model.errors import CannotRun
from posdiag.model.maintenance import MaintenanceWindow
from posdiag.model.observation import FailureKind, NotRunReason, Operation
from posdiag.model.report import Report, Verdict
from posdiag.model.site import (
    AcquirerProfile,
    Dialect,
    EchoSettings,
    Framing,
    HostEndpoint,
    LaptopAt,
    LinkClass,
    Reach,
    Site,
    TerminalProfile,
    YesNo,
)
from posdiag.model.text import Text
from posdiag.probes.probe import Probe, ProbeContext, ProbeYield
from tests.diagnose.small_knowledge import KNOWLEDGE
from tests.engine.made_up_probes import made_up

Run = Callable[[ProbeContext], Iterator[ProbeYield]]
OBSERVED: Mapping[str, tuple[str, ...]] = {
    "dns": ("name_lookup.time",),
    "host": ("host_echo.answer_time", "host_echo.response_code"),
    "path": ("gateway.lost", "gateway.sent", "reference.lost", "reference.sent"),
    "printer": ("printer.paper",),
}
MORNING = datetime.datetime(
    2025, 3, 4, 9, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=8))
)


def _dns(context: ProbeContext) -> Iterator[ProbeYield]:
    yield context.measured("name_lookup.time", 0.1 + 0.2, "s", subject="192.0.2.1")


def host_answers(context: ProbeContext) -> Iterator[ProbeYield]:
    """Answer."""
    yield context.measured("host_echo.answer_time", 0.3, "s")
    yield context.measured("host_echo.response_code", "00")


def host_is_silent(context: ProbeContext) -> Iterator[ProbeYield]:
    """Wait for an answer past the step's limit."""
    yield context.failed(
        "host_echo.answer_time", FailureKind.SILENT, Operation.ECHO_TEST, waited_s=60.0
    )


def crashes(_context: ProbeContext) -> Iterator[ProbeYield]:
    """Be our bug."""
    yield from ()
    raise ZeroDivisionError


def no_permission(_context: ProbeContext) -> Iterator[ProbeYield]:
    """Be stopped before anything is seen."""
    yield from ()
    raise CannotRun(NotRunReason.NO_PERMISSION, "group dialout")


def _path(context: ProbeContext) -> Iterator[ProbeYield]:
    for hop in ("gateway", "reference"):
        yield context.measured(f"{hop}.sent", 20, "count")
        yield context.measured(f"{hop}.lost", 0, "count")


def _printer(context: ProbeContext) -> Iterator[ProbeYield]:
    yield context.measured("printer.paper", "enough")


RUNS: Mapping[str, Run] = {
    "dns": _dns,
    "host": host_answers,
    "path": _path,
    "printer": _printer,
}


def shop_probes(**runs: Run) -> dict[str, Probe]:
    """Return the probes of the shop, some of them replaced."""
    return {
        name: made_up(name, run, observes=OBSERVED[name]) for name, run in {**RUNS, **runs}.items()
    }


def shop(**other: object) -> Site:
    """Return a site with a terminal and an acquirer; ``other`` goes before."""
    said: dict[str, object] = {
        "name": "made up",
        "terminal": TERMINAL,
        "acquirer": acquirer(),
        "laptop_at": LaptopAt.TERMINAL_CABLE,
        "tid": "10203040",
        "mid": "898440154110001",
        "facts": {},
    }
    return msgspec.structs.replace(Site(), **{**said, **other})


def acquirer(*windows: MaintenanceWindow) -> AcquirerProfile:
    """Return an acquirer that announced maintenance."""
    return AcquirerProfile(
        id="bank",
        title=Text(en="Bank", zh="银行"),
        reach=Reach.PUBLIC,
        hosts=[HostEndpoint(address="host.example", port=8583)],
        echo=EchoSettings(dialect=Dialect.UNIONPAY, framing=Framing.BINARY2),
        maintenance=list(windows),
        sources={},
    )


TERMINAL = TerminalProfile(
    id="countertop",
    title=Text(en="Countertop", zh="台式"),
    link_class=LinkClass.ETH,
    signon_needs_printer=YesNo.NO,
    sources={},
)


def diagnosed(
    site: Site | None = None, *, now: datetime.datetime = MORNING, **other: Run
) -> Report:
    """Run the whole chain at a shop; ``other`` are its probes that are replaced."""
    return run_chain(
        site or shop(), probes=shop_probes(**other), knowledge=KNOWLEDGE, budget_s=20.0, now=now
    )


def concluded(report: Report) -> bytes:
    """Return everything that a replay must give again, as it would be printed."""
    return msgspec.json.encode([getattr(report, name) for name in Verdict.__struct_fields__])
