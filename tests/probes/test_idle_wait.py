"""A connection that rests: still good, closed by the host, forgotten on the way, cut."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import msgspec
import pytest

from posdiag.engine.plan import make_plan
from posdiag.link.deadline import Deadline
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import Failed, FailureKind, Measured, NotRunReason, Observation
from posdiag.model.site import NetworkSettings, Reach, Site
from posdiag.probes.idle_wait import PROBE
from posdiag.probes.probe import ProbeContext
from tests.probes.host_runs import PATIENT, StartHost, endpoint, site
from tests.probes.line_runs import shop_line, site_of
from tests.testbed.linkemu import ROOT
from tests.testbed.needs import needs_links

NAME = "idle_wait.first_answer"


def rested(shop: Site, rest_s: float = 1.0, budget_s: float = 10) -> Observation:
    shop = msgspec.structs.replace(shop, network=NetworkSettings(idle_s=rest_s))
    context = ProbeContext(shop, Deadline.after(budget_s), HostAllowance())
    (seen,) = PROBE.run(context)
    assert isinstance(seen, Observation)
    return seen


@pytest.mark.parametrize("tls", [False, True])
def test_the_host_still_answers(start_host: StartHost, tls: bool) -> None:
    host = start_host(tls=tls)
    seen = rested(site(endpoint(host)))
    assert isinstance(seen.result, Measured)
    assert isinstance(seen.result.value, float)
    assert seen.result.value < 0.9, "the rest is not part of the answer's time"
    assert seen.end_s - seen.start_s >= 1.0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"close_at_once": True}, FailureKind.CLOSED),
        ({"reset_at_once": True}, FailureKind.RESET),
        ({"close_after_request": True}, FailureKind.CLOSED),
    ],
)
def test_the_host_hangs_up(
    start_host: StartHost, fault: dict[str, object], kind: FailureKind
) -> None:
    seen = rested(site(endpoint(start_host(**fault))))
    assert isinstance(seen.result, Failed)
    assert seen.result.failure is kind


def test_silence_after_the_rest(start_host: StartHost) -> None:
    limits = msgspec.structs.replace(PATIENT, echo_s=0.3)
    seen = rested(site(endpoint(start_host(accept_silent=True)), limits=limits))
    assert isinstance(seen.result, Failed)
    assert seen.result.failure is FailureKind.SILENT


def test_a_rest_that_the_budget_cuts_says_nothing(start_host: StartHost) -> None:
    with pytest.raises(CannotRun) as caught:
        rested(site(endpoint(start_host())), rest_s=60, budget_s=0.3)
    assert caught.value.reason is NotRunReason.BUDGET_SPENT


@needs_links
def test_a_translation_that_forgot_the_connection(tmp_path: Path) -> None:
    with shop_line("iw") as line:
        text = site_of(line).replace("[network]\n", "[network]\nidle_s = 3.0\n")
        text = text.replace('"acquirer.limits.echo_s" = 10.0', '"acquirer.limits.echo_s" = 2.0')
        path = tmp_path / "site.toml"
        path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "posdiag", "probe", "idle_wait", str(path), "--json"]
        child = line.links["lan"].popen(
            "a", [*command, "--allow", "idle-wait"], stdout=-1, text=True, cwd=ROOT
        )
        for _ in range(500):  # connected, TLS done
            if line.links["core"].stats()["ba"].get("rx", 0) >= 6:
                break
            time.sleep(0.02)
        line.links["core"].set("ab", ports={str(line.ports["host"]): "drop"})
        assert child.stdout is not None
        with child.stdout:
            document = json.loads(child.stdout.read())
        (seen,) = document["outcomes"][0]["observations"]
    assert (seen["name"], seen["result"]["failure"]) == (NAME, "silent")


def test_consent_and_place(start_host: StartHost) -> None:
    shop = site(endpoint(start_host()))
    plan = make_plan(shop, {"idle_wait": PROBE})
    assert plan.lines[0].left_out == NotRunReason.CONSENT_REQUIRED
    assert plan.left_out["idle_wait"].detail == "--allow idle-wait"  # type: ignore[union-attr]
    allowed = make_plan(shop, {"idle_wait": PROBE}, consents=frozenset({"idle-wait"}))
    assert allowed.lines[0].left_out == ""
    with pytest.raises(CannotRun) as caught:
        rested(site(endpoint(start_host()), reached=Reach.PRIVATE_APN))
    assert caught.value.reason is NotRunReason.NOT_REACHABLE_FROM_HERE
