"""Commands that write files to start from: init, new plugin, new suite."""

from __future__ import annotations

from pathlib import Path

import click

from .common import PATH, all_kinds, registry_with
from .complete import data_for_a_suite, names_of_kinds
from .words import Argument, Command, Group

COMMANDS = {
    "plugin": ("new:plugin", "write a plugin that keeps the contract of its kind"),
    "suite": ("new:suite", "write a suite that runs in seconds"),
}


@click.group(cls=Group, table=COMMANDS)
def new() -> None:
    """`mtbench new`."""


@click.command(cls=Command)
@click.argument(
    "kind", cls=Argument, metavar="KIND", about=all_kinds, shell_complete=names_of_kinds
)
@click.argument(
    "file",
    cls=Argument,
    type=PATH,
    metavar="FILE",
    about="such as worst.py, which offers worst",
)
def plugin(kind: str, file: Path) -> int:
    """`mtbench new plugin`."""
    from mtbench.testing.new import write_plugin  # noqa: PLC0415

    print(write_plugin(kind, file, registry_with(())))
    return 0


@click.command(cls=Command)
@click.argument("file", cls=Argument, type=PATH, metavar="FILE", about="such as mine.yaml")
@click.option(
    "--data", default="synthetic", metavar="DATA", shell_complete=data_for_a_suite,
    help="synthetic, movielens, or your own CSV, TSV or Parquet file; default: synthetic",
)  # fmt: skip
def suite(file: Path, data: str) -> int:
    """`mtbench new suite`."""
    from mtbench.testing.new import write_suite  # noqa: PLC0415

    print(write_suite(file, data))
    return 0


@click.command(cls=Command)
@click.argument("file", cls=Argument, type=PATH, metavar="FILE", about="such as ratings.csv")
def init(file: Path) -> int:
    """`mtbench init`."""
    from mtbench.testing.new import init_suite  # noqa: PLC0415

    print(init_suite(file))
    return 0
