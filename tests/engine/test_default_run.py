"""What a run without a consent sends to the devices of a shop, by the simulators' own journals."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posdiag.engine.plan import make_plan
from posdiag.engine.runner import run_plan
from posdiag.model.observation import Completed
from posdiag.probes import discover
from posdiag.simulate.android import AndroidFaults
from posdiag.simulate.modem import ModemFaults
from posdiag.simulate.scenario import Scenario
from posdiag.simulate.shop import SimulatedShop
from posdiag.site.site_file import load_site
from posdiag.wire.at_talk import SENT

NUMBER = "0,10195516"


@pytest.mark.parametrize("landline", [True, False])
def test_nothing_prints_dials_resets_or_changes(tmp_path: Path, *, landline: bool) -> None:
    scenario = Scenario(
        modem=ModemFaults(landline=landline),
        android=AndroidFaults(),
        facts={"menu_dial_number": NUMBER},
    )
    with SimulatedShop(scenario, pty=False) as shop:
        path = tmp_path / "site.toml"
        path.write_text(shop.site, encoding="utf-8")
        site = load_site(path)
        probes = discover()
        plan = make_plan(site, probes)
        result = run_plan(plan, site, probes, budget_s=20.0)
        assert shop.modem
        assert shop.android
        assert shop.ups
        assert shop.printer
        modem, android = list(shop.modem.commands), list(shop.android.journal)
        ups, printed = list(shop.ups.journal), b"".join(shop.printer.journal)
    ran = {one.probe for one in result.outcomes if isinstance(one, Completed)}
    assert {"modem", "android", "power", "printer", "serial"} <= ran
    assert modem
    assert set(modem) <= SENT
    assert not [one for one in modem if one.startswith(("ATD", "ATH", "ATZ", "AT&", "+++"))]
    assert {line.split()[0] for line in ups} == {"LIST"}
    assert not [line for line in android if "reboot" in line or " put " in line]
    # Nothing cuts (GS V), opens a drawer (ESC p) or feeds, and no text is there to print.
    assert printed
    assert not [code for code in (b"\x1dV", b"\x1bp", b"\x1bd", b"\n", b"\x0c") if code in printed]
    assert not re.search(rb"[A-Za-z]{3}", printed)
    steps = {step.consent: step for line in plan.lines for step in line.steps}
    assert steps["dial"].targets == [NUMBER]
    assert not steps["dial"].allowed
