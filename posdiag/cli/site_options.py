"""The options that say which site: the same for every command that measures."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli.command import OneOf, Seconds, argument, flag, option
from posdiag.model.observation import Part
from posdiag.model.site import ComplaintKind, ComplaintOutcome, Device, DeviceKind, LaptopAt

if TYPE_CHECKING:
    from posdiag.model.site import Site
    from posdiag.text.words import Words

BUDGET_S = 20.0
_LEAST_S, _MOST_S = 0.1, 3600.0
ECHO_LIVE = "echo-live-tid"
"""Consent to send an echo test with the terminal's own number."""
SIGN_ON_LIVE = "sign-on-live"
"""Consent to sign on as the terminal itself."""
CALENDAR_S = 8.0
"""Seconds to fetch a maintenance calendar."""
STDIN = "-"


class SiteChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed about a site and its measurement."""

    site: str | None = None
    terminal: str | None = None
    acquirer: str | None = None
    laptop_at: str | None = None
    interface: str | None = None
    settings: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    facts_file: str | None = None
    complaint: str | None = None
    cards: str | None = None
    swipe: bool = False
    inventory: str | None = None
    tid: str | None = None
    host_status: str | None = None
    profile_dirs: tuple[str, ...] = ()
    budget: float = BUDGET_S
    allow: tuple[str, ...] = ()


def site_params(words: Words) -> list[click.Parameter]:
    """Return the options that say which site."""
    return [
        argument("site"),
        option("--terminal", words("Terminal's profile: an id or a .toml file."), metavar="ID"),
        option("--acquirer", words("Acquirer's profile: an id or a .toml file."), metavar="ID"),
        option(
            "--at",
            words("Where the laptop is plugged in: {choices}.", choices=", ".join(LaptopAt)),
            "laptop_at",
            metavar="PLACE",
            kind=OneOf(words, [*LaptopAt]),
        ),
        option(
            "--set",
            words("Any value of the site or its profiles, by its dotted key; may be repeated."),
            "settings",
            metavar="KEY=VALUE",
            repeat=True,
        ),
        option(
            "--fact",
            words("What a person saw (posdiag schema --facts); may be repeated."),
            "facts",
            metavar="NAME=VALUE",
            repeat=True,
        ),
        option("--facts", words("File of facts; - reads them."), "facts_file", metavar="FILE"),
        option("--interface", words("Interface that the path is measured on."), metavar="NAME"),
        complaint_param(words),
        *_card_params(words),
        option("--inventory", words("Table of terminals; with --id."), metavar="FILE"),
        option("--id", words("Terminal number in the inventory."), "tid", metavar="TID"),
        option(
            "--host-status",
            words("What the acquirer says of its host: as_of, state, until (TOML or JSON)."),
            metavar="FILE",
        ),
        option(
            "--profile-dir",
            words("Folder of further profiles; may be repeated."),
            "profile_dirs",
            metavar="FOLDER",
            repeat=True,
        ),
        budget_param(words),
    ]


def _card_params(words: Words) -> list[click.Parameter]:
    """Return the options that ask for the laptop's own readers."""
    return [
        option(
            "--cards",
            words("Cards to read in the laptop's card reader, the one in question first."),
            metavar="NUMBER",
            kind=OneOf(words, ["1", "2", "3", "4", "5"]),
        ),
        flag("--swipe", words("Wait for one swipe of a card; it is not shown.")),
    ]


def complaint_param(words: Words) -> click.Option:
    """Return the option that says what fails."""
    kinds = [kind for kind in ComplaintKind if kind is not ComplaintKind.UNKNOWN]
    pairs = [f"{kind}/{outcome}" for kind in ComplaintKind for outcome in ComplaintOutcome]
    return option(
        "--complaint",
        words("What fails: sign_on, transaction or signature; none where all is well, or unknown."),
        metavar="KIND",
        kind=OneOf(words, [*kinds, "none", "unknown"], pairs),
    )


def budget_param(words: Words) -> click.Option:
    """Return the option that says how long the probes may take together."""
    return option(
        "--budget",
        words("Seconds for all probes together (20)."),
        metavar="SECONDS",
        kind=Seconds(words, _LEAST_S, _MOST_S),
        default=BUDGET_S,
    )


def skip_param(words: Words) -> click.Option:
    """Return the option that leaves probes out."""
    from posdiag.probes import discover

    return option(
        "--skip",
        words("A probe to leave out; may be repeated."),
        metavar="PROBE",
        kind=OneOf(words, list(discover())),
        repeat=True,
    )


def allow_param(words: Words) -> click.Option:
    """Return the option that consents to what is not done by itself."""
    return option(
        "--allow",
        words("Consent to one thing: {choices}.", choices=", ".join(_consents())),
        metavar="STEP",
        kind=OneOf(words, _consents()),
        repeat=True,
    )


def _consents() -> list[str]:
    from posdiag.probes import discover

    wanted = [name for probe in discover().values() for name in probe.wants_consent]
    steps = [step.consent for probe in discover().values() for step in probe.steps]
    return list(dict.fromkeys([ECHO_LIVE, *wanted, *steps]))


def confirm_live_sign_on(allow: tuple[str, ...], site: Site, words: Words) -> None:
    """Have the terminal number typed again where a sign-on with it was consented to.

    Raises:
        click.UsageError: nobody sits there, or another number was typed.
    """
    from posdiag.cli.questions import can_ask

    if SIGN_ON_LIVE not in allow:
        return
    if not site.tid:
        raise click.UsageError(words("--allow sign-on-live needs the terminal number in the site"))
    if not can_ask():
        raise click.UsageError(
            words("--allow sign-on-live wants the terminal number typed again, at a terminal")
        )
    question = words(
        "This signs on as the terminal and replaces its working keys. Type its number again: "
    )
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip() != site.tid:
        raise click.UsageError(words("that is not the terminal number of the site"))


def output_params(words: Words) -> list[click.Parameter]:
    """Return the options on what is printed."""
    return [
        flag("--json", words("Print one JSON document."), "as_json"),
        click.Option(
            ["-v", "--verbose"], count=True, help=words("Show all findings; -vv every observation.")
        ),
    ]


def read_site(choices: SiteChoices, words: Words) -> Site:
    """Return the site that was typed.

    Raises:
        click.UsageError: options that do not go together.
        InputError: a file or a value is wrong.
    """
    from posdiag.site import load_site
    from posdiag.site.inventory import row_as_site

    if (choices.inventory is None) != (choices.tid is None):
        raise click.UsageError(words("--inventory and --id go together"))
    if choices.inventory is not None and choices.site is not None:
        raise click.UsageError(words("either a site file or --inventory"))
    if choices.swipe and choices.facts_file == STDIN:
        raise click.UsageError(words("--swipe and --facts - both read standard input"))
    if choices.inventory is not None and choices.tid is not None:
        read = partial(row_as_site, Path(choices.inventory), choices.tid)
    else:
        read = partial(load_site, None if choices.site is None else Path(choices.site))
    site = read(
        terminal=choices.terminal,
        acquirer=choices.acquirer,
        laptop_at=choices.laptop_at,
        interface=choices.interface,
        settings=choices.settings,
        facts=choices.facts,
        facts_file=None if choices.facts_file is None else Path(choices.facts_file),
        complaint=choices.complaint,
        profile_dirs=[Path(folder) for folder in choices.profile_dirs],
        stdin=sys.stdin,
    )
    return _with_status(_with_readers(site, choices), choices)


def _with_status(site: Site, choices: SiteChoices) -> Site:
    """Return the site with what the acquirer said of its host."""
    if choices.host_status is None:
        return site
    from posdiag.site.maintenance import read_host_status

    status = read_host_status(Path(choices.host_status))
    return msgspec.structs.replace(site, host_status=status)


def _with_readers(site: Site, choices: SiteChoices) -> Site:
    """Return the site with the laptop's own readers that options ask for."""
    devices = list(site.devices)
    own: list[tuple[DeviceKind, str]] = []
    if choices.cards and not any(one.kind is DeviceKind.CARD_READER for one in devices):
        own.append((DeviceKind.CARD_READER, "pcsc"))
    if choices.swipe:
        own.append((DeviceKind.STRIPE_READER, "keyboard"))
    devices += [Device(kind=kind, port=port, part=Part.LAPTOP) for kind, port in own]
    cards = int(choices.cards) if choices.cards else site.cards
    return msgspec.structs.replace(site, devices=devices, cards=cards)


def with_calendar(site: Site, words: Words) -> Site:
    """Return the site with the maintenance calendar that its acquirer has on the web.

    One that cannot be had or read is a warning: nothing else depends on it.
    """
    from posdiag.cli.output import tell
    from posdiag.link.deadline import Deadline
    from posdiag.link.fetch_text import fetch_text
    from posdiag.model.errors import CannotRun, LinkError, SiteError
    from posdiag.site import calendar, maintenance

    acquirer = site.acquirer
    if acquirer is None or not acquirer.maintenance_calendar.startswith("https://"):
        return site
    url, deadline = acquirer.maintenance_calendar, Deadline.after(CALENDAR_S)
    try:
        text = fetch_text(site, url, deadline, most=calendar.MOST_BYTES, ca_file=None)
        acquirer = maintenance.with_calendar(acquirer, text, file=url)
    except (CannotRun, LinkError, SiteError) as error:
        what = words("the maintenance calendar cannot be read: {why}", why=str(error))
        tell(words("warning: {what}", what=what))
        return site
    return msgspec.structs.replace(site, acquirer=acquirer)
