"""``posdiag probe``: one probe alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli import exits
from posdiag.cli.command import Command, Duration, OneOf, flag, option
from posdiag.cli.diagnosing import How, measure_shown
from posdiag.cli.interruption import Interruption
from posdiag.cli.output import page_width, put_sheet, put_value
from posdiag.cli.site_options import (
    BUDGET_S,
    SiteChoices,
    allow_param,
    confirm_live_sign_on,
    output_params,
    read_site,
    site_params,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posdiag.model.observation import ProbeOutcome
    from posdiag.probes.probe import Probe, ProbeContext, ProbeYield
    from posdiag.text.words import Words

WATCH_SLACK_S = 10.0
"""After the watch: time for what is asked once at its end."""


SEARCH_BUDGET_S = 150.0
"""A search takes longer: eight tries, five seconds apart, each up to eight seconds."""


class ProbeChoices(SiteChoices, frozen=True, kw_only=True):
    """What was typed."""

    probe: str
    try_framings: bool
    watch: float | None = None
    as_json: bool
    verbose: int


def command(words: Words) -> click.Command:
    """Return the command."""
    from posdiag.probes import discover

    names = list(discover())
    watching = ", ".join(name for name, probe in discover().items() if probe.watch)
    return Command(
        words,
        "probe",
        lambda **typed: _probe(words, msgspec.convert(typed, ProbeChoices)),
        text=words(
            "Runs one probe and prints what it saw; nothing is concluded from it.\n\n"
            "PROBE is one of {names}. SITE is a site file; without one, this laptop alone.\n\n"
            "Exit codes: 0 it ran, 3 it could not, 70 it stopped on a bug.",
            names=", ".join(names),
        ),
        params=[
            click.Argument(["probe"], type=OneOf(words, names), metavar="PROBE"),
            *site_params(words),
            allow_param(words),
            flag(
                "--try-framings",
                words(
                    "Look for the length prefix, TPDU or dialect that the host understands: up to "
                    "8 echo tests with the test number, 5 s apart (probe host)."
                ),
            ),
            option(
                "--watch",
                words("Watch for so long instead of looking once; {names} can.", names=watching),
                metavar="60s",
                kind=Duration(words, 1, 86400),
            ),
            *output_params(words),
        ],
    )


def _probe(words: Words, choices: ProbeChoices) -> int:
    from posdiag.probes import discover

    if choices.try_framings and choices.probe != "host":
        raise click.UsageError(words("--try-framings goes with the probe host"))
    with Interruption() as interruption:
        site = read_site(choices, words)
        confirm_live_sign_on(choices.allow, site, words)
        probe, budget_s = discover()[choices.probe], choices.budget
        consents = frozenset(choices.allow)
        if choices.try_framings:
            from posdiag.link.framing_search import CONSENT

            consents |= {CONSENT}
            budget_s = SEARCH_BUDGET_S if budget_s == BUDGET_S else budget_s
        if choices.watch is not None:
            probe = _watching(probe, choices.watch, words)
            budget_s = max(budget_s, choices.watch + WATCH_SLACK_S)
        probes = {probe.name: probe}
        how = How(budget_s=budget_s, consents=consents)
        found = measure_shown(site, probes, how, interruption, words)
        code = interruption.exit_code or _exit_code(found.outcomes[0])
        if choices.as_json:
            put_value(found)
            return code
        from posdiag.report.observations_table import observations_sheet
        from posdiag.report.what_next import write_after_sign_on

        sheet = observations_sheet(found.outcomes, language=words.language, width=page_width())
        write_after_sign_on(sheet, found.outcomes, words)
        put_sheet(sheet)
        return code


def _watching(probe: Probe, seconds: float, words: Words) -> Probe:
    """Return the probe as one that watches.

    Raises:
        click.UsageError: it has nothing to watch.
    """
    watch = probe.watch
    if watch is None:
        raise click.UsageError(words("{probe} cannot watch", probe=probe.name))

    def run(context: ProbeContext) -> Iterator[ProbeYield]:
        return watch(context, seconds)

    return dataclasses.replace(probe, run=run)


def _exit_code(outcome: ProbeOutcome) -> int:
    from posdiag.model.observation import Completed, Crashed

    if isinstance(outcome, Completed):
        return exits.OK
    return exits.OUR_BUG if isinstance(outcome, Crashed) else exits.CANNOT_SAY
