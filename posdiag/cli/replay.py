"""``posdiag replay``: diagnoses again from a saved report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli.command import Command, argument
from posdiag.cli.diagnosing import deliver
from posdiag.cli.site_options import output_params

if TYPE_CHECKING:
    from posdiag.text.words import Words


class ReplayChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    report: str
    as_json: bool
    verbose: int


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "replay",
        lambda **typed: _replay(words, msgspec.convert(typed, ReplayChoices)),
        text=words(
            "Diagnoses again from a saved report; nothing is measured.\n\n"
            "REPORT is a file, or last for the newest saved one."
        ),
        params=[argument("report", required=True), *output_params(words)],
    )


def _replay(words: Words, choices: ReplayChoices) -> int:
    from posdiag.engine.replay import replay
    from posdiag.knowledge import load_knowledge
    from posdiag.report.json_document import decode
    from posdiag.store.saved_reports import read_document

    document, path = read_document(choices.report)
    report = replay(decode(document, file=path), load_knowledge())
    deliver(report, words, as_json=choices.as_json, verbose=choices.verbose)
    return report.exit_code
