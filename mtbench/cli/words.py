"""Commands in our form: help on every word, one line for a wrong one, no option cut short."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from mtbench.errors import did_you_mean, nearest


class Argument(click.Argument):
    """A positional argument with help of its own, which may be made when it is asked for."""

    def __init__(
        self, *declarations: Any, about: str | Callable[[], str] = "", **attributes: Any
    ) -> None:
        super().__init__(*declarations, **attributes)
        self.about = about

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Its word and what it is."""
        about = self.about if isinstance(self.about, str) else self.about()
        return (self.metavar or "").strip("[]"), about


class _Form(click.Command):
    """What commands and groups have in common."""

    def __init__(self, name: str | None = None, **attributes: Any) -> None:
        settings = {"help_option_names": ["-h", "--help"]}
        super().__init__(name, context_settings=settings, **attributes)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """`usage: mtbench run [OPTIONS] SUITE`."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix="usage: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Arguments, which click leaves out before 8.5, and options."""
        for heading, kind in (("arguments", click.Argument), ("options", click.Option)):
            parameters = [p for p in self.get_params(ctx) if isinstance(p, kind)]
            rows = [row for p in parameters if (row := p.get_help_record(ctx))]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option that prints this, in the tone of the others."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "show this message and exit"
        return option

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, saying in our words what is wrong with them."""
        given = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            text = self._unknown(ctx, given, error.option_name)
            raise click.UsageError(text, ctx.find_root()) from None
        except click.BadOptionUsage as error:
            expected = "one argument" if error.option_name in self.takers(ctx) else "no argument"
            text = f"argument {error.option_name}: expected {expected}"
            raise click.UsageError(text, ctx) from None
        except click.MissingParameter as error:
            arguments = [p for p in self.params if isinstance(p, click.Argument) and p.required]
            first = next((i for i, p in enumerate(arguments) if p is error.param), 0)
            names = ", ".join(p.metavar or "" for p in arguments[first:])
            text = f"the following arguments are required: {names}"
            raise click.UsageError(text, ctx) from None

    def takers(self, ctx: click.Context) -> set[str]:
        """The options that take a value."""
        options = (p for p in self.get_params(ctx) if isinstance(p, click.Option))
        return {word for option in options if not option.is_flag for word in option.opts}

    def _unknown(self, ctx: click.Context, given: Sequence[str], name: str) -> str:
        """What to say of an option that there is not: it, its value if any, the nearest one."""
        at = next((i for i, word in enumerate(given) if _names(word, name)), None)
        words = [name] if at is None else [given[at]]
        name = words[0].partition("=")[0]
        known = {word for p in self.get_params(ctx) for word in p.opts if word.startswith("-")}
        near = nearest(name, known)
        if at is not None and words == [name] and near in self.takers(ctx):
            words += given[at + 1 : at + 2]
        return f"unrecognized arguments: {' '.join(words)}{did_you_mean(name, known)}"


class Command(_Form):
    """A command."""

    allow_extra_args = True  # to be refused below

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what click would take: an option for the value of another one."""
        if ctx.resilient_parsing:  # of what is being typed
            return super().parse_args(ctx, args)
        takers, words = self.takers(ctx), iter(tuple(args))
        for word in words:
            if word == "--":
                break
            if word in ctx.help_option_names:  # before what may be wrong with the rest
                args = [word]
                break
            if word in takers and _like_an_option(next(words, "")):
                raise click.UsageError(f"argument {word}: expected one argument", ctx)
        rest = super().parse_args(ctx, args)
        if rest:
            raise click.UsageError(f"unrecognized arguments: {' '.join(rest)}", ctx.find_root())
        return rest


class Group(_Form, click.Group):
    """Commands that are imported when they are run, or asked for their own help.

    Args:
        table: For each command its function, `file:function` beside this file, and what it does.
        attributes: click's.
    """

    def __init__(self, table: Mapping[str, tuple[str, str]], **attributes: Any) -> None:
        super().__init__(subcommand_metavar="COMMAND ...", **attributes)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name."""
        if cmd_name not in self.table:
            return None
        where, about = self.table[cmd_name]
        file, _, function = where.partition(":")
        module = importlib.import_module(f".{file}", __package__)
        command: click.Command = getattr(module, function)
        command.help = command.short_help = about
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, none of which is imported for it, and the options."""
        with formatter.section("commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self.table.items()])
        super().format_options(ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a line without a command."""
        if not ctx.resilient_parsing and all(word == "--" for word in args):
            raise click.UsageError("the following arguments are required: COMMAND", ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args[0] not in self.table and not ctx.resilient_parsing:
            near = did_you_mean(args[0], self.table)
            raise click.UsageError(f"unknown COMMAND {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)


def _names(word: str, option: str) -> bool:
    """Whether a word of the command line is this option, with or without a value."""
    long = option.startswith("--")
    return word.partition("=")[0] == option if long else word.startswith(option)


def _like_an_option(word: str) -> bool:
    """Whether a word stands for an option rather than a value, as argparse has it.

    `-3` and `-x of several words` are values; any other may be given as `--option=-x`.
    """
    name = word.partition("=")[0]
    is_number = re.fullmatch(r"-\d+|-\d*\.\d+", word)
    return len(name) > 1 and name.startswith("-") and " " not in name and not is_number
