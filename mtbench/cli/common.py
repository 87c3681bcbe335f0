"""What the commands share: options, and the way from them to a suite and its runs."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtbench.errors import did_you_mean

from .words import Argument

if TYPE_CHECKING:
    from rich.console import Console

    from mtbench.plugin.registry import Registry
    from mtbench.records.results import Results
    from mtbench.suite.suite import Suite

Function = Callable[..., Any]
Shard = tuple[int, int]
"""Which part of how many."""

FORMATS = ("table", "markdown", "csv", "json")
"""Named here, since `report` would import rich for `--help`."""


class _Path(click.Path):
    """A path; what reads it says what is wrong with it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if "\0" in os.fspath(value):
            self.fail("expected a path, found a NUL in it", param, ctx)
        return super().convert(value, param, ctx)


PATH: Any = _Path(path_type=Path, readable=False)


@dataclass(frozen=True)
class Asked:
    """What a command about a suite was asked for."""

    suite: Path
    plugins: Sequence[Path] = ()
    overrides: Sequence[str] = ()
    seeds: str | None = None
    synthetic: bool = False
    scenarios: Sequence[str] = ()
    results: Path = Path("results")
    executor: str | None = None
    workers: str | None = None
    shard: Shard = (1, 1)
    no_plugins: bool = False


def about_suite(function: Function) -> Function:
    """Add the suite and the options that change it; they come as `asked`."""

    @functools.wraps(function)
    def collected(**given: Any) -> Any:
        names = [field.name for field in fields(Asked) if field.name in given]
        return function(Asked(**{name: given.pop(name) for name in names}), **given)

    return all_of(
        click.argument("suite", cls=Argument, type=PATH, metavar="SUITE", about="YAML file"),
        plugin_files,
        click.option(
            "-o", "overrides", multiple=True, metavar="KEY=VALUE",
            help="replace a value of the suite, such as train.epochs=5",
        ),
        click.option("--seeds", metavar="N", help="10 for seeds 0 to 9, or a list: 3,4 or [3]"),
        click.option(
            "--synthetic", is_flag=True,
            help="made-up data of the same shape, marked as such in records and reports",
        ),
        click.option(
            "--no-plugins", is_flag=True,
            help="refuse a suite that names plugin files: reading it would execute them",
        ),
    )(collected)  # fmt: skip


def about_runs(function: Function) -> Function:
    """Add what `about_suite` does, and which runs, and where their records lie."""
    return all_of(
        about_suite,
        click.option(
            "--scenario", "scenarios", multiple=True, metavar="NAME",
            help="only this scenario; may be repeated",
        ),
        results_folder("records go to DIR/<suite>; default: results"),
    )(function)  # fmt: skip


def all_of(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """One decorator of several, the first of them outermost."""
    return lambda function: functools.reduce(lambda f, d: d(f), reversed(decorators), function)


def _folders(_: click.Context, __: click.Parameter, incomplete: str) -> Any:
    """Let the shell complete the name of a folder."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415

    return [CompletionItem(incomplete, type="dir")]


def several_folders(name: str, metavar: str, about: str) -> Callable[[Function], Function]:
    """An argument that is any number of folders of records."""
    return click.argument(
        name, cls=Argument, nargs=-1, type=PATH, metavar=metavar, about=about,
        shell_complete=_folders,
    )  # fmt: skip


def results_folder(about: str) -> Callable[[Function], Function]:
    """The option `--results`."""
    return click.option(
        "--results", type=PATH, default="results", metavar="DIR", shell_complete=_folders,
        help=about,
    )  # fmt: skip


def folder(name: str, metavar: str, about: str = "") -> Callable[[Function], Function]:
    """An argument that is a folder of records."""
    return click.argument(
        name, cls=Argument, type=PATH, metavar=metavar, about=about, shell_complete=_folders
    )


def _one_of_the_formats(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if value not in FORMATS and not ctx.resilient_parsing:
        near = did_you_mean(value, FORMATS)
        raise click.UsageError(f"unknown {parameter.metavar} {value!r}{near}", ctx)
    return value


plugin_files = click.option(
    "-p", "plugins", multiple=True, type=PATH, metavar="FILE",
    help="Python file with further plugins",
)  # fmt: skip
output_format = click.option(
    "--format", "form", default="table", metavar="FORMAT", callback=_one_of_the_formats,
    shell_complete=lambda _, __, incomplete: [f for f in FORMATS if f.startswith(incomplete)],
    help=f"one of {', '.join(FORMATS)}",
)  # fmt: skip


def _use_data_dir(_: click.Context, __: click.Parameter, value: Path | None) -> None:
    if value:
        os.environ["TFDS_DATA_DIR"] = str(value)


data_dir = click.option(
    "--data-dir", type=PATH, metavar="DIR", expose_value=False, callback=_use_data_dir,
    shell_complete=_folders,
    help="tensorflow-datasets folder; default: $TFDS_DATA_DIR, or ~/tensorflow_datasets",
)  # fmt: skip


def kinds() -> Sequence[str]:
    """The kinds of components."""
    from mtbench.plugin.kinds import KINDS  # noqa: PLC0415

    return tuple(KINDS)


def all_kinds() -> str:
    """The kinds of components, in words."""
    *others, last = kinds()
    return f"{', '.join(others)} or {last}"


def console(stderr: bool = False) -> Console:
    """A console; a pipe gets lines wide enough not to be wrapped."""
    from mtbench.report import terminal  # noqa: PLC0415 - `--help` does without rich

    return terminal.console(sys.stderr if stderr else sys.stdout)


def registry_with(plugins: Iterable[Path]) -> Registry:
    """The installed plugins and those of `-p`."""
    from mtbench.plugin.registry import installed  # noqa: PLC0415

    registry = installed()
    for path in plugins:
        registry.load_file(path)
    return registry


def load(asked: Asked) -> tuple[Registry, Suite]:
    """The suite that was asked for, and the plugins it may use."""
    from mtbench.suite.reader import load_suite  # noqa: PLC0415

    registry = registry_with(asked.plugins)
    said = [f"executor={{name: {asked.executor}}}"] if asked.executor else []
    said += [f"executor.workers={asked.workers}"] if asked.workers else []
    suite = load_suite(
        asked.suite,
        registry,
        overrides=[*asked.overrides, *said],
        seeds=asked.seeds,
        synthetic=asked.synthetic,
        plugins=not asked.no_plugins,
    )
    warn(registry.problems)
    return registry, suite


def show(results: Results, form: str) -> None:
    """Print a report of results."""
    from mtbench import report  # noqa: PLC0415
    from mtbench.report.formats import table  # noqa: PLC0415

    summary = report.summarize(results)
    if form == "table":
        table(summary, console())
    else:
        sys.stdout.write(report.FORMATS[form](summary))


def warn(notes: Iterable[str]) -> None:
    """Print what a user should know, away from the output."""
    from mtbench.text import escaped  # noqa: PLC0415 - `--help` does without

    for note in notes:
        print(f"mtbench: warning: {escaped(note)}", file=sys.stderr)
