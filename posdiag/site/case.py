"""What the diagnosis must know about a site, as values."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import msgspec

from posdiag.model.knowledge import Case
from posdiag.model.observation import Part
from posdiag.model.site import (
    AcquirerProfile,
    Complaint,
    HostEndpoint,
    HostRole,
    LaptopAt,
    LinkClass,
    SignOnShape,
    Site,
    TerminalTimers,
    YesNo,
)
from posdiag.site.facts import nii_of
from posdiag.site.profile_rules import ASSUMPTION, source_of

_SAID: Mapping[LaptopAt, YesNo] = {
    LaptopAt.TERMINAL_CABLE: YesNo.YES,
    LaptopAt.SAME_LAN: YesNo.YES,
    LaptopAt.SAME_WIFI: YesNo.YES,
    LaptopAt.TERMINAL_SIM: YesNo.YES,
    LaptopAt.HOTSPOT: YesNo.NO,
    LaptopAt.ELSEWHERE: YesNo.NO,
    LaptopAt.UNKNOWN: YesNo.UNKNOWN,
}
"""Whether the laptop shares the terminal's path, by the word alone."""

# Where the word does not fit the terminal's own link. "unknown" is trusted by half: router and
# line are the same, the hop before them is another one.
_BY_LINK: Mapping[LinkClass, Mapping[LaptopAt, YesNo]] = {
    LinkClass.ETH: {LaptopAt.SAME_WIFI: YesNo.UNKNOWN, LaptopAt.TERMINAL_SIM: YesNo.NO},
    LinkClass.WIFI: {
        LaptopAt.TERMINAL_CABLE: YesNo.UNKNOWN,
        LaptopAt.SAME_LAN: YesNo.UNKNOWN,
        LaptopAt.TERMINAL_SIM: YesNo.NO,
    },
    LinkClass.BT: {
        LaptopAt.TERMINAL_CABLE: YesNo.UNKNOWN,
        LaptopAt.SAME_LAN: YesNo.UNKNOWN,
        LaptopAt.TERMINAL_SIM: YesNo.UNKNOWN,
    },
    # An Android terminal can use the cable of its base, Wi-Fi or a SIM card.
    LinkClass.ANDROID: {LaptopAt.SAME_LAN: YesNo.UNKNOWN},
    LinkClass.CELL: {
        LaptopAt.TERMINAL_CABLE: YesNo.NO,
        LaptopAt.SAME_LAN: YesNo.NO,
        LaptopAt.SAME_WIFI: YesNo.NO,
    },
    # A laptop is never on a modem's telephone call.
    LinkClass.DIAL: dict.fromkeys(LaptopAt, YesNo.NO),
}


def case_of(site: Site, *, now_hour: int | None = None, confirmed_visits: int = 0) -> Case:
    """Return the case of a site.

    Args:
        site: merged.
        now_hour: local hour of the day, 0 to 23; None: the complaint counts as of now.
        confirmed_visits: visits behind the priors.
    """
    terminal, acquirer = site.terminal, site.acquirer
    complaint = complaint_of(site)
    timers = terminal.timers if terminal else TerminalTimers()
    shape = acquirer.sign_on if acquirer else SignOnShape()
    return Case(
        link_class=terminal.link_class if terminal else None,
        signon_needs_card=terminal.signon_needs_card if terminal else YesNo.UNKNOWN,
        signon_needs_printer=terminal.signon_needs_printer if terminal else YesNo.UNKNOWN,
        complaint_kind=str(complaint.kind),
        complaint_outcome=str(complaint.outcome),
        complaint_elsewhen=_elsewhen(complaint, now_hour),
        dialect=acquirer.echo.dialect.family if acquirer else "",
        expected=expected_of(site),
        shared_parts=shared_parts(site),
        path_shared=path_shared(site),
        timer_s=timer_of(site),
        timers=timers_of(site),
        simulated=site.simulated,
        confirmed_visits=confirmed_visits,
        syn_waits_s=syn_waits(timers),
        name_waits_s=tuple(timers.dns_try_s * tries for tries in range(timers.dns_tries)),
        least_rto_s=timers.least_rto_s,
        service_sigma=shape.service_sigma,
        messages=shape.messages,
    )


def syn_waits(timers: TerminalTimers) -> tuple[float, ...]:
    """Return when the terminal sends a SYN, over all connects that it makes in a row.

    Args:
        timers: of the terminal's family.
    """
    within = [wait for wait in timers.syn_waits_s if wait < timers.connect_s]
    attempts = range(timers.attempts)
    return tuple(attempt * timers.connect_s + wait for attempt in attempts for wait in within)


def complaint_of(site: Site) -> Complaint:
    """Return the complaint, with the hour that a person gave as a fact where it has none."""
    hour = site.facts.get("failed_hour")
    if site.complaint.hour is not None or isinstance(hour, bool) or not isinstance(hour, int):
        return site.complaint
    return Complaint(kind=site.complaint.kind, outcome=site.complaint.outcome, hour=hour)


def _elsewhen(complaint: Complaint, now_hour: int | None) -> bool:
    """Return whether the complaint is of another hour: more than one away, around midnight too."""
    if complaint.hour is None or now_hour is None:
        return False
    apart = abs(complaint.hour - now_hour) % 24
    return min(apart, 24 - apart) > 1


def expected_of(site: Site) -> dict[str, str]:
    """Return what the acquirer's sheet and the site say that the terminal's menu should show.

    Assumptions of a generic profile are left out: a menu that differs from a guess is no finding.
    ``nii`` is bytes 1 and 2 of the TPDU as 4 digits, the form in which ``fact.menu_nii`` is kept.

    Args:
        site: merged; a simulated one is as its profile says.
    """
    expected = {}
    acquirer = site.acquirer
    host = _host_in_menu(site)
    if acquirer and host:
        if _comparable(host.address, site.facts.get("menu_host")):
            expected["host"] = host.address
        expected["port"] = str(host.port)
    tpdu = acquirer.echo.tpdu if acquirer else ""
    if acquirer and tpdu and _is_known(site, acquirer, "echo.tpdu"):
        expected["tpdu"] = tpdu
        expected["nii"] = nii_of(tpdu)
    if acquirer:
        sheet = acquirer.menu
        said = {"apn": sheet.apn, "dial_number": sheet.dial_number, "attempts": sheet.attempts}
        expected |= {key: str(value) for key, value in said.items() if value}
    if site.tid:
        expected["tid"] = site.tid
    if site.mid:
        expected["mid"] = site.mid
    return expected


def _is_known(site: Site, acquirer: AcquirerProfile, key: str) -> bool:
    return site.simulated or not source_of(acquirer.sources, key).startswith(ASSUMPTION)


def _host_in_menu(site: Site) -> HostEndpoint | None:
    """Return the host that the menu names if it names one of the acquirer's, else the first."""
    hosts = [
        host
        for host in (site.acquirer.hosts if site.acquirer else [])
        if host.address and host.role is not HostRole.TMS
    ]
    seen = site.facts.get("menu_host")
    named = [host for host in hosts if isinstance(seen, str) and _same(host.address, seen)]
    first = [host for host in hosts if host.role is HostRole.PRIMARY]
    return next(iter(named or first or hosts), None)


def _same(address: str, other: str) -> bool:
    return address.strip().rstrip(".").lower() == other.strip().rstrip(".").lower()


def _comparable(address: str, seen: object) -> bool:
    """Return whether two addresses can be told apart: a name says nothing about a number."""
    return not isinstance(seen, str) or _is_number(address) == _is_number(seen)


def _is_number(address: str) -> bool:
    try:
        ip_address(address.strip())
    except ValueError:
        return False
    return True


def shared_parts(site: Site) -> list[Part]:
    """Return the parts whose devices the terminal shares with others, in the site's order."""
    return list(dict.fromkeys(device.part for device in site.devices if device.shared))


def path_shared(site: Site) -> YesNo:
    """Return whether the laptop sees the terminal's own path to the host.

    ``same_lan`` and ``same_wifi`` hold where the terminal's link is of that kind; ``unknown`` means
    half trusted. A simulated site is trusted: the word alone counts.

    Args:
        site: merged.
    """
    said = _SAID[site.laptop_at]
    if site.simulated or site.terminal is None:
        return said
    return _BY_LINK[site.terminal.link_class].get(site.laptop_at, said)


def timer_of(site: Site) -> float | None:
    """Return the terminal's wait for an answer: in force, else its menu's, else the default."""
    for name in ("effective_timer", "menu_timer"):
        seen = site.facts.get(name)
        if isinstance(seen, int | float) and not isinstance(seen, bool):
            return float(seen)
    return site.terminal.timers.response_s if site.terminal else None


def timers_of(site: Site) -> TerminalTimers | None:
    """Return the waits of the terminal's steps: the family's, with what its menu says in them."""
    if site.terminal is None:
        return None
    timers = site.terminal.timers
    attempts = site.facts.get("menu_attempts")
    if isinstance(attempts, int) and not isinstance(attempts, bool):
        timers = msgspec.structs.replace(timers, attempts=attempts)
    return msgspec.structs.replace(timers, response_s=timer_of(site) or timers.response_s)
