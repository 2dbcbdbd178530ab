"""Times one sign-on by hand: Enter at the key, Enter at the error or at success."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from posdiag.cli.output import tell
from posdiag.cli.questions import read_line
from posdiag.model.errors import SiteError
from posdiag.site.facts import parse_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from posdiag.model.observation import Value
    from posdiag.model.site import Site
    from posdiag.text.words import Words

ORIGIN = "stopwatch"
_YES = frozenset({"y", "yes", "ok", "是", "成功"})


def timed_sign_on(site: Site, words: Words, *, clock: Callable[[], float] = time.monotonic) -> Site:
    """Return the site with what a watched sign-on showed: its outcome, its seconds, the screen.

    Seconds are kept only where it failed: they are the time to the error.

    Args:
        site: merged.
        words: of the reader.
        clock: seconds that never step back.
    """
    tell(words("One sign-on, watched: press its key once, and answer every prompt at once."))
    read_line(words("Enter at the moment when the sign-on key is pressed ") + "> ")
    start_s = clock()
    read_line(words("Enter at the moment of the error or of success ") + "> ")
    seconds = clock() - start_s
    worked = read_line(words("Did it work? y or Enter for no ") + "> ").casefold() in _YES
    facts: dict[str, Value] = {"trial": "ok" if worked else "fails"}
    if not worked:
        facts["seconds_to_error"] = round(seconds, 1)
        facts |= _screen(words)
    tell(words("Timed: {seconds}", seconds=f"{seconds:.1f} s"))
    return msgspec.structs.replace(
        site,
        facts={**site.facts, **facts},
        fact_origins={**site.fact_origins, **dict.fromkeys(facts, ORIGIN)},
    )


def _screen(words: Words) -> dict[str, Value]:
    typed = read_line(words("What does the screen say? Enter skips ") + "> ")
    if not typed:
        return {}
    try:
        name, value = parse_fact(f"screen={typed}")
    except SiteError:
        return {}
    return {name: value}
