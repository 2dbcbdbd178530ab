"""The search for the right way to speak to a host: what is tried, how often, and what never is."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from posdiag.link import framing_search
from posdiag.link.deadline import Deadline
from posdiag.link.framing_search import Outcome, candidates, search
from posdiag.link.politeness import HostAllowance
from posdiag.model.errors import CannotRun
from posdiag.model.observation import FailureKind, NotRunReason
from posdiag.model.site import Dialect, EchoSettings, Framing
from posdiag.simulate.host import DEFAULT_ECHO, HostFaults, SimulatedHost
from tests.probes.host_runs import HOME, PATIENT, QUICK, endpoint, site

ISO1987 = EchoSettings(dialect=Dialect.ISO1987, framing=Framing.ASCII4)
ALL = [
    EchoSettings(
        dialect=dialect,
        framing=framing,
        tpdu="6000030000" if dialect.packed else "",
        header="602200000000" if dialect is Dialect.UNIONPAY else "",
        test_tid="12345678",
        test_mid="123456789012345",
    )
    for dialect in Dialect
    for framing in (Framing.BINARY2, Framing.ASCII4)
]
Start = Callable[..., SimulatedHost]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing_search, "PAUSE_S", 0.01)


def _search(
    profile: EchoSettings,
    spoken: EchoSettings,
    facts: dict[str, object] | None = None,
    sources: dict[str, str] | None = None,
    budget_s: float = 30.0,
    **faults: object,
) -> tuple[list[Outcome], SimulatedHost]:
    host = SimulatedHost(HostFaults(**faults), spoken)  # type: ignore[arg-type]
    host.start()
    try:
        shop = site(
            endpoint(host), echo=profile, limits=msgspec.structs.replace(PATIENT, echo_s=0.5)
        )
        shop = msgspec.structs.replace(shop, facts=facts or {})
        acquirer = shop.acquirer
        assert acquirer is not None
        acquirer = msgspec.structs.replace(acquirer, sources=sources or {})
        found = list(
            search(
                shop,
                acquirer,
                acquirer.hosts[0],
                HOME,
                allowance=HostAllowance(),
                deadline=Deadline.after(budget_s),
            )
        )
        time.sleep(0.1)
    finally:
        host.stop()
    return found, host


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"framing": Framing.BCD2}, 'echo.framing = "bcd2"'),
        ({"framing": Framing.BINARY2_INCLUSIVE}, 'echo.framing = "binary2_inclusive"'),
        ({"framing": Framing.BINARY4}, 'echo.framing = "binary4"'),
        ({"tpdu": ""}, 'echo.tpdu = ""'),
        (
            {"dialect": Dialect.ISO1993, "framing": Framing.ASCII4, "tpdu": "", "header": ""},
            'echo.dialect = "iso1993", echo.header = "", echo.tpdu = "", echo.framing = "ascii4"',
        ),
    ],
)
def test_what_is_wrong_is_found(changes: dict[str, object], told: str) -> None:
    spoken = msgspec.structs.replace(DEFAULT_ECHO, **changes)
    found, host = _search(DEFAULT_ECHO, spoken)
    assert found[-1].failure is None
    assert found[-1].tried.change == told
    assert found[-1].tried.settings == spoken
    assert all(one.failure is not None for one in found[:-1])
    assert host.connects == len(found) <= 8


def test_a_wrong_dialect_of_an_iso_profile() -> None:
    spoken = EchoSettings(dialect=Dialect.HYPERCOM, framing=Framing.BINARY2, tpdu="6000030000")
    profile = msgspec.structs.replace(ISO1987, test_tid="12345678", test_mid="123456789012345")
    found, _ = _search(profile, spoken)
    assert found[-1].tried.settings.dialect is Dialect.HYPERCOM
    assert found[-1].response_code == "00"


def test_the_nii_of_the_menu_comes_early() -> None:
    first, second = candidates(DEFAULT_ECHO, nii="0117")[:2]
    assert (first.change, second.change) == ("", 'echo.tpdu = "6001170000"')


@pytest.mark.parametrize("settings", ALL)
def test_at_most_eight_each_once(settings: EchoSettings) -> None:
    found = candidates(settings, nii="0117")
    assert 5 <= len(found) <= 8
    assert len({one.settings for one in found}) == len(found)
    assert found[0] == (settings, "")


ASK_WITH_0800 = {Dialect.HYPERCOM, Dialect.ISO1987, Dialect.ISO1987_BCD}


@pytest.mark.parametrize("settings", ALL)
def test_never_0800_where_the_host_may_be_unionpays(settings: EchoSettings) -> None:
    speaks_0800 = settings.dialect in ASK_WITH_0800
    for one in candidates(settings):
        assert one.settings.dialect not in ASK_WITH_0800 or speaks_0800
    for one in candidates(settings, may_be_unionpay=True):
        assert one.settings.dialect not in ASK_WITH_0800


def test_what_goes_out_to_a_unionpay_host_that_never_understands() -> None:
    # It takes any frame and notes the type of each message that it can read.
    wrong = msgspec.structs.replace(DEFAULT_ECHO, header="602200000000", framing=Framing.BINARY3)
    found, host = _search(DEFAULT_ECHO, wrong)
    assert found[-1].failure is not None
    assert 5 <= len(found) <= 8
    assert host.connects == len(found)
    assert not [line for line in host.journal if "0800" in line]


def test_a_guessed_dialect_sends_no_0800() -> None:
    profile = msgspec.structs.replace(ISO1987, test_tid="12345678", test_mid="123456789012345")
    found, _ = _search(profile, DEFAULT_ECHO, sources={"echo.dialect": "assumption: a guess"})
    assert all(one.tried.settings.dialect not in ASK_WITH_0800 for one in found)
    assert found[-1].tried.settings.dialect is Dialect.UNIONPAY
    assert found[-1].failure is None


def test_two_resets_end_it() -> None:
    found, host = _search(DEFAULT_ECHO, DEFAULT_ECHO, reset_at_once=True)
    assert [one.failure.failure for one in found if one.failure] == [FailureKind.RESET] * 2
    assert host.connects == 2


def test_only_with_a_test_number() -> None:
    without = msgspec.structs.replace(DEFAULT_ECHO, test_tid="", test_mid="")
    with pytest.raises(CannotRun) as caught:
        _search(without, DEFAULT_ECHO)
    assert caught.value.reason is NotRunReason.NOT_DECLARED


def test_five_seconds_apart_and_inside_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(framing_search, "PAUSE_S", 5.0)
    monkeypatch.setattr("posdiag.link.framing_search.time.sleep", pauses.append)
    other = msgspec.structs.replace(DEFAULT_ECHO, framing=Framing.BINARY2_INCLUSIVE)
    found, _ = _search(DEFAULT_ECHO, other)
    assert [one for one in pauses if one == 5.0] == [5.0] * (len(found) - 1)
    with pytest.raises(CannotRun) as caught:
        _search(DEFAULT_ECHO, other, budget_s=4.0)
    assert caught.value.reason is NotRunReason.BUDGET_SPENT


def test_its_own_cap() -> None:
    host, allowance = "host.pos.example", HostAllowance()
    for _ in range(8):
        allowance.take_search_try(host)
    with pytest.raises(CannotRun) as caught:
        allowance.take_search_try(host)
    assert caught.value.reason is NotRunReason.POLITENESS_LIMIT
    # The run's own three echoes are untouched by it, its connects are not.
    for _ in range(3):
        allowance.take_echo(host)
    for _ in range(12):
        allowance.take_connect(host)
    with pytest.raises(CannotRun):
        allowance.take_connect(host)


def test_a_refused_connect_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = _search(DEFAULT_ECHO, DEFAULT_ECHO, refuse=True)
    assert {one.failure.failure for one in found if one.failure} == {FailureKind.REFUSED}
    assert QUICK.connect_s < 1
