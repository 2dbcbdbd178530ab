"""``posdiag run``: the whole chain at a real site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli import exits
from posdiag.cli.command import Command, Duration, flag, option
from posdiag.cli.diagnosing import How, diagnose_site, is_watched
from posdiag.cli.interruption import Interruption
from posdiag.cli.output import page_width, put_sheet, put_value
from posdiag.cli.questions import can_ask
from posdiag.cli.site_options import (
    STDIN,
    SiteChoices,
    allow_param,
    confirm_live_sign_on,
    output_params,
    read_site,
    site_params,
    skip_param,
    with_calendar,
)
from posdiag.cli.watching import watch_site

if TYPE_CHECKING:
    from posdiag.model.site import Site
    from posdiag.text.words import Words

_LEAST_WATCH_S, _MOST_WATCH_S = 1.0, 86_400.0


class RunChoices(SiteChoices, frozen=True, kw_only=True):
    """What was typed."""

    skip: tuple[str, ...]
    plan: bool
    stopwatch: bool
    no_save: bool
    no_input: bool
    as_json: bool
    verbose: int
    watch: float | None = None


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "run",
        lambda **typed: _run(words, msgspec.convert(typed, RunChoices)),
        text=words(
            "Measures what can be measured from this laptop, adds what a person saw, and prints "
            "the most likely causes with their fixes.\n\n"
            "SITE is a site file (posdiag site new). Without one, interface, gateway, names, "
            "clock and facts are measured, and what is missing is said."
        ),
        params=[
            *site_params(words),
            skip_param(words),
            allow_param(words),
            flag("--plan", words("Show what would be sent, and to whom; send nothing.")),
            option(
                "--watch",
                words("Repeat the run politely for so long: 90s, 10m, 2h. The worst round counts."),
                metavar="TIME",
                kind=Duration(words, _LEAST_WATCH_S, _MOST_WATCH_S),
            ),
            flag(
                "--stopwatch", words("Time one sign-on by hand first: Enter at key and at error.")
            ),
            flag("--no-save", words("Do not save the report.")),
            flag("--no-input", words("Ask nothing.")),
            *output_params(words),
        ],
    )


def _run(words: Words, choices: RunChoices) -> int:
    if choices.stopwatch and choices.no_input:
        raise click.UsageError(words("--stopwatch asks; it does not go with --no-input"))
    with Interruption() as interruption:
        site = read_site(choices, words)
        if choices.plan:
            return _show_plan(site, choices, words)
        confirm_live_sign_on(choices.allow, site, words)
        site = with_calendar(site, words)
        if choices.stopwatch:
            from posdiag.cli.stopwatch import timed_sign_on

            with interruption.raising():
                site = timed_sign_on(site, words)
        quiet = (
            choices.no_input
            or choices.as_json
            or STDIN in (choices.facts_file, choices.settings_file, choices.journal)
        )
        how = How(
            budget_s=choices.budget,
            skip=frozenset(choices.skip),
            consents=frozenset(choices.allow),
            asks=not quiet and can_ask(),
            saves=not choices.no_save,
            listens=not choices.as_json and is_watched(),
            as_json=choices.as_json,
            verbose=choices.verbose,
        )
        if choices.watch is not None:
            return watch_site(site, how, choices.watch, interruption, words)
        return diagnose_site(site, how, interruption, words)


def _show_plan(site: Site, choices: RunChoices, words: Words) -> int:
    from posdiag.engine.plan import make_plan
    from posdiag.probes import discover
    from posdiag.report.detail_lines import write_plan
    from posdiag.report.sheet import Sheet

    plan = make_plan(
        site, discover(), skip=frozenset(choices.skip), consents=frozenset(choices.allow)
    )
    if choices.as_json:
        put_value({"schema_version": 1, "plan": plan.lines})
        return exits.OK
    sheet = Sheet(page_width())
    write_plan(sheet, plan.lines, words)
    put_sheet(sheet)
    return exits.OK
