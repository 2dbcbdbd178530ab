"""The plan: what will run, what will not and why. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from posdiag.engine.plan import make_plan
from posdiag.model.knowledge import Effect
from posdiag.model.observation import Crashed, NotRun, NotRunReason, Part
from posdiag.model.site import Device, DeviceKind, HostEndpoint, LaptopAt, Reach, Site
from posdiag.probes import discover
from posdiag.probes.probe import Probe, ProbeContext, ProbeYield
from tests.engine.made_up_probes import by_name, made_up
from tests.engine.made_up_shop import acquirer, shop

SHOP = Site(
    laptop_at=LaptopAt.SAME_LAN,
    devices=[
        Device(kind=DeviceKind.PRINTER, port="/dev/ttyUSB0"),
        Device(kind=DeviceKind.SERIAL, port="/dev/ttyUSB0"),
        Device(kind=DeviceKind.UPS, port="127.0.0.1:3493", part=Part.COUNTER_UPS),
    ],
)


def _must_not_run(_context: ProbeContext) -> Iterator[ProbeYield]:
    yield from ()
    raise AssertionError("a plan runs nothing")


def test_a_line_says_what_would_be_sent_and_to_whom() -> None:
    probe = made_up("ask", _must_not_run, holds=("port:a", "port:a", "port:b"))
    plan = make_plan(Site(), by_name(probe))
    (line,) = plan.lines
    assert line.probe == "ask"
    assert line.targets == ["target of ask"]
    assert line.sends == "ask sends nothing"
    assert line.resources == ["port:a", "port:b"]
    assert line.effect is Effect.SAFE
    assert line.left_out == ""
    assert plan.left_out == {}


def test_one_line_per_probe_in_their_order() -> None:
    probes = [made_up(name) for name in ("c", "a", "b")]
    plan = make_plan(Site(), by_name(*probes), skip=frozenset({"a"}))
    assert [line.probe for line in plan.lines] == ["c", "a", "b"]
    assert [line.left_out for line in plan.lines] == ["", "skipped", ""]


@pytest.mark.parametrize("reason", list(NotRunReason))
def test_what_cannot_run_is_left_out_with_its_reason(reason: NotRunReason) -> None:
    plan = make_plan(Site(), by_name(made_up("away", cannot=reason)))
    assert plan.lines[0].left_out == reason
    assert plan.left_out == {"away": NotRun(probe="away", reason=reason, detail="made up")}


def test_skipped_goes_before_everything() -> None:
    probe = made_up("p", cannot=NotRunReason.UNSUPPORTED, effect=Effect.LOSES_DATA)
    plan = make_plan(Site(), by_name(probe), skip=frozenset({"p"}))
    assert plan.left_out["p"] == NotRun(probe="p", reason=NotRunReason.SKIPPED)


@pytest.mark.parametrize("simulated", [True, False])
def test_a_simulated_site_leaves_the_laptop_out(simulated: bool) -> None:
    plan = make_plan(Site(simulated=simulated), by_name(made_up("laptop", needs_laptop=True)))
    assert plan.lines[0].left_out == ("simulated_site" if simulated else "")


@pytest.mark.parametrize("effect", [Effect.INTERRUPTS_SERVICE, Effect.LOSES_DATA])
def test_what_is_not_safe_needs_its_own_consent(effect: Effect) -> None:
    probe = made_up("find_baud", effect=effect)
    without = make_plan(Site(), by_name(probe), consents=frozenset({"load", "print"}))
    found = without.left_out["find_baud"]
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.CONSENT_REQUIRED
    assert found.detail == "--allow find-baud"
    # The person who is to agree sees to whom something would be sent.
    assert without.lines[0].targets == ["target of find_baud"]
    given = make_plan(Site(), by_name(probe), consents=frozenset({"find-baud"}))
    assert given.left_out == {}


def test_nobody_is_asked_for_a_consent_that_changes_nothing() -> None:
    probe = made_up("p", effect=Effect.LOSES_DATA, cannot=NotRunReason.NOT_DECLARED)
    found = make_plan(Site(), by_name(probe)).left_out["p"]
    assert isinstance(found, NotRun)
    assert found.reason is NotRunReason.NOT_DECLARED


def test_a_declaration_that_raises_costs_its_own_probe_alone() -> None:
    def targets(_site: Site) -> list[str]:
        raise KeyError("4111111111111111")

    sound = made_up("sound")
    broken = Probe(
        name="broken", title="", sends="", observables=(), targets=targets, run=sound.run
    )
    plan = make_plan(Site(), by_name(broken, sound))
    found = plan.left_out["broken"]
    assert isinstance(found, Crashed)
    assert found.error == "KeyError"
    assert [line.left_out for line in plan.lines] == ["crashed", ""]


def test_the_real_probes_at_a_shop() -> None:
    plan = make_plan(SHOP, discover())
    lines = {line.probe: line for line in plan.lines}
    assert lines["printer"].targets
    assert lines["printer"].left_out == lines["serial"].left_out == lines["power"].left_out == ""
    # One port, one user at a time.
    assert lines["printer"].resources == lines["serial"].resources
    assert lines["card"].left_out == "not_declared"
    assert not [line for line in plan.lines if line.left_out == "crashed"]


def test_the_real_probes_where_nothing_is_known() -> None:
    plan = make_plan(Site(), discover())
    assert not [line for line in plan.lines if line.left_out == "crashed"]
    lines = {line.probe: line.left_out for line in plan.lines}
    assert lines["printer"] == lines["serial"] == lines["card"] == "not_declared"
    # No consent is asked for anything by default: all that runs is safe.
    assert "consent_required" not in lines.values()


@pytest.mark.parametrize(
    ("reach", "laptop_at", "left_out"),
    [
        (Reach.PRIVATE_APN, LaptopAt.SAME_LAN, "not_reachable_from_here"),
        (Reach.PRIVATE_APN, LaptopAt.TERMINAL_SIM, ""),
        (Reach.PUBLIC, LaptopAt.SAME_LAN, ""),
    ],
)
def test_a_host_that_cannot_be_reached_from_here_by_design(
    reach: Reach, laptop_at: LaptopAt, left_out: str
) -> None:
    bank = msgspec.structs.replace(
        acquirer(), reach=reach, hosts=[HostEndpoint(address="10.1.2.3", port=8583)]
    )
    plan = make_plan(shop(acquirer=bank, laptop_at=laptop_at), discover())
    (line,) = [line for line in plan.lines if line.probe == "host"]
    assert line.left_out == left_out
    assert bool(line.targets) is not bool(left_out)


def test_a_simulated_shop_has_no_laptop() -> None:
    plan = make_plan(Site(devices=SHOP.devices, simulated=True), discover())
    reasons = {line.probe: line.left_out for line in plan.lines}
    assert reasons["clock"] == reasons["interface"] == "simulated_site"
    assert reasons["printer"] == reasons["power"] == ""
