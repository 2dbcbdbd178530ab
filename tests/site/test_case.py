from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from posdiag.model.observation import Part
from posdiag.model.site import (
    AcquirerProfile,
    Complaint,
    LaptopAt,
    LinkClass,
    Site,
    TerminalProfile,
    YesNo,
)
from posdiag.site.case import case_of, path_shared

TITLE = {"en": "a", "zh": "b"}


def terminal(link: str = "eth", **keys: object) -> TerminalProfile:
    return msgspec.convert(
        {"id": "t", "title": TITLE, "link_class": link, "sources": {}, **keys}, TerminalProfile
    )


def acquirer(**keys: object) -> AcquirerProfile:
    base: dict[str, Any] = {
        "id": "a",
        "title": TITLE,
        "reach": "public",
        "hosts": [
            {"role": "tms", "address": "tms.bank.test", "port": 1},
            {"address": "pos.bank.test", "port": 7003},
            {"role": "backup", "address": "192.0.2.8", "port": 7004},
        ],
        "echo": {"dialect": "unionpay", "framing": "binary2", "tpdu": "6000210000"},
        "sources": {},
    }
    return msgspec.convert({**base, **keys}, AcquirerProfile)


def site(**keys: object) -> Site:
    return msgspec.convert(keys, Site)


def test_the_case_of_nothing() -> None:
    case = case_of(Site())
    assert case.link_class is None
    assert case.signon_needs_card is case.path_shared is YesNo.UNKNOWN
    assert case.expected == {}
    assert case.timer_s is None
    assert (case.complaint_kind, case.complaint_outcome) == ("sign_on", "failed")


def test_what_the_profiles_say() -> None:
    whole = Site(
        terminal=terminal("cell", signon_needs_card="no", signon_needs_printer="yes"),
        acquirer=acquirer(),
        tid="00001234",
        mid="104110045110012",
        simulated=True,
    )
    case = case_of(whole, confirmed_visits=7)
    assert case.link_class is LinkClass.CELL
    assert (case.signon_needs_card, case.signon_needs_printer) == (YesNo.NO, YesNo.YES)
    assert case.dialect == "unionpay"
    assert (case.timer_s, case.confirmed_visits, case.simulated) == (60.0, 7, True)
    assert case.expected == {
        "host": "pos.bank.test",
        "port": "7003",
        "tpdu": "6000210000",
        "nii": "0021",
        "tid": "00001234",
        "mid": "104110045110012",
    }


@pytest.mark.parametrize(
    ("menu_host", "host", "port"),
    [
        ("POS.bank.test.", "pos.bank.test", "7003"),
        ("other.bank.test", "pos.bank.test", "7003"),
        ("192.0.2.8", "192.0.2.8", "7004"),
        # A number says nothing about a name.
        ("192.0.2.99", None, "7003"),
    ],
)
def test_the_host_that_the_menu_is_compared_with(
    menu_host: str, host: str | None, port: str
) -> None:
    case = case_of(Site(acquirer=acquirer(), facts={"menu_host": menu_host}))
    assert (case.expected.get("host"), case.expected["port"]) == (host, port)


def test_a_guess_of_a_generic_profile_is_not_expected_of_a_menu() -> None:
    guessed = acquirer(sources={"echo.tpdu": "assumption: the usual form"})
    assert "nii" not in case_of(Site(acquirer=guessed)).expected
    assert case_of(Site(acquirer=guessed, simulated=True)).expected["nii"] == "0021"

    blank = acquirer(hosts=[{"address": "", "port": 443}])
    assert case_of(Site(acquirer=blank)).expected.keys() == {"tpdu", "nii"}


def test_the_timer_of_the_menu_goes_before_the_familys() -> None:
    assert case_of(Site(terminal=terminal(), facts={"menu_timer": 15.0})).timer_s == 15.0
    assert case_of(Site(facts={"menu_timer": 15.0})).timer_s == 15.0


def test_shared_parts_are_those_of_shared_devices() -> None:
    shop = site(
        devices=[
            {"kind": "printer", "port": "COM3", "part": "till_printer", "shared": True},
            {"kind": "ups", "port": "h:3493", "part": "counter_ups"},
            {"kind": "serial", "port": "COM4", "part": "till_printer", "shared": True},
        ]
    )
    assert case_of(shop).shared_parts == [Part.TILL_PRINTER]


@pytest.mark.parametrize(
    ("link", "at", "shared"),
    [
        ("eth", "terminal_cable", "yes"),
        ("eth", "same_lan", "yes"),
        ("eth", "same_wifi", "unknown"),
        ("eth", "terminal_sim", "no"),
        ("wifi", "same_wifi", "yes"),
        ("wifi", "same_lan", "unknown"),
        ("bt", "same_wifi", "yes"),
        ("android", "same_wifi", "yes"),
        ("android", "same_lan", "unknown"),
        ("android", "terminal_sim", "yes"),
        ("cell", "terminal_sim", "yes"),
        ("cell", "same_lan", "no"),
        ("cell", "unknown", "unknown"),
        ("dial", "same_lan", "no"),
        ("dial", "unknown", "no"),
        ("eth", "hotspot", "no"),
        ("eth", "elsewhere", "no"),
        ("eth", "unknown", "unknown"),
    ],
)
def test_whether_the_laptop_shares_the_terminals_path(link: str, at: str, shared: str) -> None:
    shop = Site(terminal=terminal(link), laptop_at=LaptopAt(at))
    assert path_shared(shop) == shared


def test_every_place_has_an_answer_for_every_link() -> None:
    for at in LaptopAt:
        said = path_shared(Site(laptop_at=at))
        for link in LinkClass:
            simulated = Site(terminal=terminal(link), laptop_at=at, simulated=True)
            assert path_shared(simulated) is said
            if at in {LaptopAt.HOTSPOT, LaptopAt.ELSEWHERE}:
                assert path_shared(Site(terminal=terminal(link), laptop_at=at)) is YesNo.NO


@pytest.mark.parametrize(
    ("failed", "now", "elsewhen"),
    [(9, 9, False), (9, 10, False), (9, 11, True), (23, 0, False), (0, 22, True), (9, None, False)],
)
def test_a_complaint_of_another_hour(failed: int, now: int | None, *, elsewhen: bool) -> None:
    assert case_of(Site(facts={"failed_hour": failed}), now_hour=now).complaint_elsewhen is elsewhen
    complaint = Complaint(hour=failed)
    assert case_of(Site(complaint=complaint), now_hour=now).complaint_elsewhen is elsewhen


def test_a_complaint_of_now_is_of_now() -> None:
    assert not case_of(Site(), now_hour=3).complaint_elsewhen


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
