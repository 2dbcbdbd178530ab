"""Commands whose help and refusals are in the reader's language and stand in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, LiteralString, NoReturn

import click

if TYPE_CHECKING:
    from posdiag.report.sheet import Sheet
    from posdiag.text.words import Words

    # Older versions of click have no type parameter here.
    _WordType = click.ParamType[str]
    _NumberType = click.ParamType[float]
else:
    _WordType = _NumberType = click.ParamType

_COLUMN = 26
LANGUAGES = ("en", "zh")


class OneOf(_WordType):
    """A closed list of words."""

    name = "choice"

    def __init__(self, words: Words, choices: Sequence[str], more: Sequence[str] = ()) -> None:
        """Take the list.

        Args:
            words: of the refusal.
            choices: what may be typed.
            more: may be typed too, but is not listed.
        """
        self.words = words
        self.choices = tuple(choices)
        self._more = tuple(more)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the word, or refuse it."""
        if value in self.choices or value in self._more:
            return str(value)
        from difflib import get_close_matches

        words = self.words
        wish = words("one of {choices}", choices=", ".join(self.choices))
        near = get_close_matches(str(value), [*self.choices, *self._more], 1)
        if near:
            wish = words("{wish}, did you mean {near}?", wish=wish, near=near[0])
        text = words("expected {expected}, found {found}", expected=wish, found=f'"{value}"')
        raise click.BadParameter(text, ctx, param)


class Seconds(_NumberType):
    """A number of seconds."""

    name = "seconds"

    def __init__(self, words: Words, least: float, most: float) -> None:
        """Take the range, both ends included."""
        self._words, self._least, self._most = words, least, most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it."""
        words = self._words
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        if self._least <= number <= self._most:
            return number
        wish = words(
            "a number of seconds from {least} to {most}",
            least=f"{self._least:g}",
            most=f"{self._most:g}",
        )
        text = words("expected {expected}, found {found}", expected=wish, found=f'"{value}"')
        raise click.BadParameter(text, ctx, param)


class Duration(_NumberType):
    """How long: seconds, or a number with s, m or h behind it."""

    name = "duration"
    _UNITS: Mapping[str, float] = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

    def __init__(self, words: Words, least_s: float, most_s: float) -> None:
        """Take the range, both ends included."""
        self._words, self._least_s, self._most_s = words, least_s, most_s

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds, or refuse it."""
        words = self._words
        text = str(value).strip().lower()
        unit = text.lstrip("0123456789.")
        try:
            seconds = float(text.removesuffix(unit)) * self._UNITS[unit]
        except (ValueError, KeyError):
            seconds = float("nan")
        if self._least_s <= seconds <= self._most_s:
            return seconds
        wish = words(
            "a duration such as 60s or 10m, from {least} to {most} seconds",
            least=f"{self._least_s:g}",
            most=f"{self._most_s:g}",
        )
        raise click.BadParameter(
            words("expected {expected}, found {found}", expected=wish, found=f'"{value}"'),
            ctx,
            param,
        )


class _Explained:
    """The help page; shared by commands and groups of commands."""

    words: Words
    summary: str

    def listed(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """Return headings with commands and what they do; empty where there are none."""
        return ()


def help_page(command: click.Command, ctx: click.Context, words: Words) -> Sheet:
    """Return the help of a command as a page."""
    from posdiag.cli.output import page_width
    from posdiag.report.sheet import Sheet

    sheet = Sheet(page_width())
    pieces = " ".join(command.collect_usage_pieces(ctx))
    usage = words("Usage: {usage}", usage=f"{ctx.command_path} {pieces}")
    sheet.paragraph(usage, hang=7)
    sheet.blank()
    for paragraph in (command.help or "").split("\n\n"):
        sheet.paragraph(paragraph)
        sheet.blank()
    listed = command.listed() if isinstance(command, _Explained) else ()
    for heading, entries in listed:
        _write_entries(sheet, heading, entries)
    options = [param for param in command.get_params(ctx) if isinstance(param, click.Option)]
    records = [param.get_help_record(ctx) for param in options]
    _write_entries(sheet, words("Options"), [record for record in records if record])
    return sheet


def _write_entries(sheet: Sheet, heading: str, entries: Sequence[tuple[str, str]]) -> None:
    from posdiag.text.width import display_width

    sheet.blank()
    sheet.paragraph(heading, "title")
    for name, text in entries:
        if display_width(name) > _COLUMN - 4:
            sheet.line(("  ", ""), (name, "label"))
            sheet.row("", text, column=_COLUMN)
        else:
            sheet.row(name, text, column=_COLUMN, indent=2)


def _show_help(ctx: click.Context, _param: click.Parameter, value: object) -> None:
    if value and not ctx.resilient_parsing:
        from posdiag.cli.output import put_sheet

        command = ctx.command
        if isinstance(command, _Explained):
            put_sheet(help_page(command, ctx, command.words))
        ctx.exit(0)


def common_options(words: Words) -> list[click.Parameter]:
    """Return the options that every command has."""
    return [
        click.Option(
            ["--lang"],
            type=OneOf(words, LANGUAGES),
            metavar="en|zh",
            expose_value=False,
            help=words("Language; else that of the system."),
        ),
        click.Option(
            ["-h", "--help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_help,
            help=words("Show this page."),
        ),
    ]


class Command(_Explained, click.Command):
    """One command."""

    def __init__(
        self,
        words: Words,
        name: str,
        callback: Callable[..., int],
        *,
        text: str,
        params: Sequence[click.Parameter] = (),
    ) -> None:
        """Take what it does.

        Args:
            words: of its help.
            name: as typed.
            callback: returns the exit code.
            text: what it does; paragraphs are parted by an empty line.
            params: its own options and arguments.
        """
        self.words = words
        super().__init__(
            name,
            callback=callback,
            help=text,
            params=[*params, *common_options(words)],
            add_help_option=False,
            options_metavar=words("[OPTIONS]"),
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take arguments apart; one too many is refused in the reader's language."""
        words = self.words
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            extra = " ".join(map(str, rest))
            raise click.UsageError(words("one argument too many: {extra}", extra=extra), ctx)
        return rest


Loader = Callable[["Words", str], click.Command | None]


class CommandGroup(_Explained, click.Group):
    """Several commands; each is loaded when it is used."""

    def __init__(
        self,
        words: Words,
        name: str,
        *,
        text: str,
        commands: Sequence[tuple[str, Mapping[str, str]]],
        load: Loader,
        params: Sequence[click.Parameter] = (),
        alone: Callable[[], int] | None = None,
    ) -> None:
        """Take the commands.

        Args:
            words: of its help.
            name: as typed.
            text: what it is for.
            commands: per heading: name and what it does (message ids).
            load: returns a command by its name.
            params: its own options.
            alone: what it does without a command; None: it wants one.
        """
        self.words = words
        self._headings = commands
        self._load = load
        super().__init__(
            name,
            callback=lambda: None,
            help=text,
            params=[*params, *common_options(words)],
            add_help_option=False,
            invoke_without_command=True,
            options_metavar=words("[OPTIONS]"),
            subcommand_metavar=words("COMMAND ..."),
        )
        self._alone = alone

    def listed(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """Return headings with commands and what they do."""
        words = self.words
        return [
            (words(heading), [(name, words(text)) for name, text in commands.items()])
            for heading, commands in self._headings
        ]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        del ctx
        return [name for _, commands in self._headings for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of that name."""
        del ctx
        return self._load(self.words, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names."""
        command = self.get_command(ctx, args[0])
        if command is None:
            self._refuse(ctx, args[0])
        return args[0], command, args[1:]

    def _refuse(self, ctx: click.Context, name: str) -> NoReturn:
        from difflib import get_close_matches

        words = self.words
        known = self.list_commands(ctx)
        near = get_close_matches(name, known, 1)
        wish = words("one of {choices}", choices=", ".join(known))
        if near:
            wish = words("{wish}, did you mean {near}?", wish=wish, near=near[0])
        text = words("expected {expected}, found {found}", expected=wish, found=f'"{name}"')
        raise click.UsageError(text, ctx)

    def invoke(self, ctx: click.Context) -> int:
        """Run the named command, or what the group does alone, and return the exit code."""
        words = self.words
        if not ctx._protected_args:  # noqa: SLF001  (click has no other way to ask)
            if self._alone is None:
                raise click.UsageError(words("a command is missing"), ctx)
            return self._alone()
        return int(super().invoke(ctx) or 0)


def refusal_words(error: click.UsageError, words: Words) -> str:
    """Return why a command line is wrong, in one line; click's own texts are English only."""
    if isinstance(error, click.NoSuchOption):
        text = words("there is no option {option}", option=error.option_name)
        if error.possibilities:
            near = ", ".join(error.possibilities)
            text = words("{wish}, did you mean {near}?", wish=text, near=near)
        return text
    if isinstance(error, click.BadOptionUsage):
        return words("{option}: a value is missing, or one too many", option=error.option_name)
    if isinstance(error, click.MissingParameter):
        name = error.param.human_readable_name if error.param else ""
        return words("{name} is missing", name=name)
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[0] if error.param.opts else error.param.human_readable_name
        return f"{name}: {error.message}"
    return error.message


def flag(name: str, text: str, *more: str) -> click.Option:
    """Return an option without a value."""
    return click.Option([name, *more], is_flag=True, help=text)


def option(
    name: str,
    text: str,
    *more: str,
    metavar: LiteralString = "",
    kind: OneOf | Seconds | Duration | None = None,
    repeat: bool = False,
    default: object = None,
) -> click.Option:
    """Return an option with a value.

    Args:
        name: ``--budget``, also with the parameter's own name behind it.
        text: what it does.
        more: further names.
        metavar: what stands for the value in the help.
        kind: None: any text.
        repeat: it may be given several times.
        default: of an option that is not given.
    """
    return click.Option(
        [name, *more],
        metavar=metavar or None,
        type=kind or click.STRING,
        multiple=repeat,
        default=() if repeat else default,
        help=text,
    )


def argument(name: LiteralString, *, required: bool = False) -> click.Argument:
    """Return an argument, shown as its name in capitals."""
    return click.Argument([name], required=required, type=click.STRING)
