"""``posdiag demo``: the whole chain on a simulated shop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from posdiag.cli import exits
from posdiag.cli.command import Command, argument, flag, option
from posdiag.cli.diagnosing import How, diagnose_site
from posdiag.cli.interruption import Interrupted, Interruption
from posdiag.cli.output import page_width, put_sheet, put_value
from posdiag.cli.scenario_list import DEFAULT, HEALTHY, ScenarioLabel, scenario_labels
from posdiag.cli.shop_process import ShopProcess
from posdiag.cli.site_options import (
    BUDGET_S,
    budget_param,
    complaint_param,
    output_params,
    skip_param,
)

if TYPE_CHECKING:
    from posdiag.text.words import Words


class DemoChoices(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    scenario: str | None
    list: bool
    no_pty: bool
    complaint: str | None
    skip: tuple[str, ...]
    budget: float = BUDGET_S
    save: bool
    svg: str | None
    as_json: bool
    verbose: int


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "demo",
        lambda **typed: _demo(words, msgspec.convert(typed, DemoChoices)),
        text=words(
            "Starts a simulated shop with a fault, runs the same probes as at a real site, and "
            "prints the diagnosis. Needs no hardware, no network and no root.\n\n"
            "SCENARIO is one of --list, or a .toml file; without it: {default}.",
            default=DEFAULT,
        ),
        params=[
            argument("scenario"),
            flag("--list", words("List the scenarios and what each stands for.")),
            skip_param(words),
            complaint_param(words),
            budget_param(words),
            flag("--no-pty", words("Serial devices over TCP instead of pseudo terminals.")),
            flag("--save", words("Save the report, as run does.")),
            option("--svg", words("Write the verdict as a picture."), metavar="FILE"),
            *output_params(words),
        ],
    )


def _demo(words: Words, choices: DemoChoices) -> int:
    labels = scenario_labels()
    if choices.list:
        return _list(words, labels, as_json=choices.as_json)
    name = choices.scenario or DEFAULT
    if name not in labels and not name.endswith(".toml"):
        text = words("there is no scenario {name}: see posdiag demo --list", name=f'"{name}"')
        raise click.UsageError(text)
    # Nobody complains in a shop where all is well; a fault is shown as its complaint.
    complaint = choices.complaint or ("unknown" if name == HEALTHY else None)
    how = How(
        budget_s=choices.budget,
        skip=frozenset(choices.skip),
        saves=choices.save,
        as_json=choices.as_json,
        verbose=choices.verbose,
        picture=(Path(choices.svg), f"posdiag demo {name}") if choices.svg else None,
    )
    with (
        Interruption() as interruption,
        ShopProcess(name, pty=not choices.no_pty, interrupt=interruption.event) as shop,
    ):
        path = shop.site_file()
        if path is None:
            raise Interrupted(interruption.number)
        from posdiag.site import load_site

        site = load_site(path, complaint=complaint)
        return diagnose_site(site, how, interruption, words)


def _list(words: Words, labels: dict[str, ScenarioLabel], *, as_json: bool) -> int:
    if as_json:
        put_value([{"id": name, **msgspec.structs.asdict(one)} for name, one in labels.items()])
        return exits.OK
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    for name, label in labels.items():
        causes = ", ".join(label.causes)
        sheet.row(name, words.of(label.title), column=26, right=causes, right_role="quiet")
    put_sheet(sheet)
    return exits.OK
