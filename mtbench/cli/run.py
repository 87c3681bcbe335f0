"""Commands about a suite: run, check, plan."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .common import (
    Asked,
    about_runs,
    about_suite,
    data_dir,
    load,
    output_format,
    planned,
    show,
)
from .complete import observers
from .words import Command


@click.command(cls=Command)
@about_runs
@output_format
@data_dir
@click.option("--force", is_flag=True, help="do again what is done")
@click.option("--save-models", is_flag=True, help="store weights beside the records")
@click.option(
    "--track", multiple=True, metavar="NAME[:WHERE]", shell_complete=observers,
    help="let an observer be told of the runs; may be repeated",
)  # fmt: skip
def run(asked: Asked, form: str, force: bool, save_models: bool, track: Sequence[str]) -> int:
    """`mtbench run`."""
    from mtbench.runs.api import run_plan  # noqa: PLC0415

    registry, plan, folder = planned(asked)
    results = run_plan(plan, registry, folder, track=track, force=force, save_models=save_models)
    show(results, form)
    return 1 if results.failed else 0


@click.command(cls=Command)
@about_suite
def check(asked: Asked) -> int:
    """`mtbench check`."""
    _, suite = load(asked)
    runs = len(suite.arms) * len(suite.seeds)
    sizes = f"{len(suite.scenarios)} scenarios × {len(suite.seeds)} seeds"
    if suite.baselines:
        arms = f"{len(suite.scenarios)} scenarios and {len(suite.baselines)} baselines"
        sizes = f"({arms}) × {len(suite.seeds)} seeds"
    print(f"{asked.suite}: valid; {sizes} = {runs} runs")
    return 0


@click.command(cls=Command)
@about_runs
def plan(asked: Asked) -> int:
    """`mtbench plan`."""
    from mtbench.runs.plan import pending  # noqa: PLC0415

    _, runs, folder = planned(asked)
    todo = {run.id for run in pending(runs, folder)}
    for run in runs:
        state = "to do" if run.id in todo else "done "
        print(f"{state}  {run.id}  {run.scenario}  seed {run.seed}")
    print(f"{len(runs)} runs, {len(runs) - len(todo)} done in {folder}")
    return 0
