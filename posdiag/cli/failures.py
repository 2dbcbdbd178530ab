"""What a command says where it comes to no verdict: lines on standard error, one document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import posdiag
from posdiag.cli import exits
from posdiag.cli.command import refusal_words
from posdiag.cli.interruption import Interrupted
from posdiag.cli.output import put_document, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from posdiag.model.errors import Mistake
    from posdiag.text.words import Words


def usage(error: click.UsageError, words: Words, *, as_json: bool) -> int:
    """Tell why a command line is wrong."""
    why = refusal_words(error, words)
    if as_json:
        _document(why, exits.USAGE)
    tell(words("posdiag: {why}", why=why))
    command = error.ctx.command_path if error.ctx else "posdiag"
    tell(words("{command} --help says what can be typed.", command=command))
    return exits.USAGE


def failed(error: Exception, words: Words, *, as_json: bool) -> int:
    """Tell every mistake of a wrong input, or that posdiag itself failed."""
    from posdiag.cli.mistake_words import mistake_words
    from posdiag.cli.shop_process import ShopError
    from posdiag.model.errors import InputError, KnowledgeError

    if isinstance(error, InputError):
        if as_json:
            _document(str(error), exits.WRONG_FILE, error.mistakes)
        for mistake in error.mistakes:
            tell(mistake_words(mistake, words))
        return exits.WRONG_FILE
    if isinstance(error, ShopError):
        why = words("the simulated shop did not start: {why}", why=error)
        if as_json:
            _document(why, exits.IO_FAILED)
        tell(words("posdiag: {why}", why=why))
        return exits.IO_FAILED
    from posdiag.engine.attempt import frames

    # Of our own data the text says where it is wrong; others may quote a peer or a person.
    what = str(error) if isinstance(error, KnowledgeError) else type(error).__name__
    if as_json:
        _document(what, exits.OUR_BUG)
    tell(words("posdiag stopped on a bug of its own: {error}", error=what))
    tell("\n".join(f"  {frame}" for frame in frames(error.__traceback__)))
    return exits.OUR_BUG


def interrupted(signalled: BaseException, *, as_json: bool) -> int:
    """Leave after a signal that came before or after a run."""
    from signal import SIGINT

    code = exits.BY_SIGNAL + SIGINT
    if isinstance(signalled, Interrupted):
        code = signalled.exit_code
    if as_json:
        _document("interrupted", code, interrupted=True)
    return code


def _document(
    text: str, code: int, mistakes: Sequence[Mistake] = (), *, interrupted: bool = False
) -> None:
    import msgspec

    from posdiag.model.report import End
    from posdiag.report.json_document import encode, error_report

    report = error_report(text, code, posdiag_version=posdiag.__version__, mistakes=mistakes)
    if interrupted:
        report = msgspec.structs.replace(report, end=End.INTERRUPTED, error="")
    put_document(encode(report))
