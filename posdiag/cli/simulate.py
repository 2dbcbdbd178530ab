"""``posdiag simulate``: leaves a simulated shop running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from posdiag.cli import exits
from posdiag.cli.command import Command, argument, flag
from posdiag.cli.interruption import Interruption
from posdiag.cli.output import put_text, put_value, tell
from posdiag.cli.scenario_list import scenario_labels
from posdiag.cli.shop_process import ShopError, ShopProcess

if TYPE_CHECKING:
    from posdiag.text.words import Words

_LOOK_S = 0.2


def command(words: Words) -> click.Command:
    """Return the command."""
    return Command(
        words,
        "simulate",
        lambda scenario, no_pty, as_json: _simulate(
            words, scenario, no_pty=no_pty, as_json=as_json
        ),
        text=words(
            "Starts a simulated shop, prints the path of its site file and leaves it running "
            "until Ctrl-C, so that run or any other client can be pointed at it.\n\n"
            "SCENARIO is one of posdiag demo --list, or a .toml file."
        ),
        params=[
            argument("scenario", required=True),
            flag("--no-pty", words("Serial devices over TCP instead of pseudo terminals.")),
            flag("--json", words("Print one JSON document."), "as_json"),
        ],
    )


def _simulate(words: Words, scenario: str, *, no_pty: bool, as_json: bool) -> int:
    if scenario not in scenario_labels() and not scenario.endswith(".toml"):
        text = words("there is no scenario {name}: see posdiag demo --list", name=f'"{scenario}"')
        raise click.UsageError(text)
    with (
        Interruption() as interruption,
        ShopProcess(scenario, pty=not no_pty, interrupt=interruption.event) as shop,
    ):
        path = shop.site_file()
        if path is None:
            return exits.OK
        if as_json:
            put_value({"site": str(path)})
        else:
            put_text(f"{path}\n")
        tell(words("The shop is open until Ctrl-C: posdiag run {path}", path=path))
        while not interruption.event.wait(_LOOK_S):
            if not shop.is_running():
                raise ShopError(words("it ended by itself"))
    return exits.OK
