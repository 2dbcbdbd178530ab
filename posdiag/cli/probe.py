"""``posdiag probe``: one probe alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli import exits
from posdiag.cli.command import Command, OneOf, flag
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
    from posdiag.model.observation import ProbeOutcome
    from posdiag.text.words import Words


SEARCH_BUDGET_S = 150.0
"""A search takes longer: eight tries, five seconds apart, each up to eight seconds."""


class ProbeChoices(SiteChoices, frozen=True, kw_only=True):
    """What was typed."""

    probe: str
    try_framings: bool
    as_json: bool
    verbose: int


def command(words: Words) -> click.Command:
    """Return the command."""
    from posdiag.probes import discover

    names = list(discover())
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
        probes = {choices.probe: discover()[choices.probe]}
        budget_s, consents = choices.budget, frozenset(choices.allow)
        if choices.try_framings:
            from posdiag.link.framing_search import CONSENT

            consents |= {CONSENT}
            budget_s = SEARCH_BUDGET_S if budget_s == BUDGET_S else budget_s
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


def _exit_code(outcome: ProbeOutcome) -> int:
    from posdiag.model.observation import Completed, Crashed

    if isinstance(outcome, Completed):
        return exits.OK
    return exits.OUR_BUG if isinstance(outcome, Crashed) else exits.CANNOT_SAY
