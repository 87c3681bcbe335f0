"""Commands about a suite: run, check, plan."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mtbench.errors import MtbenchError

from .common import (
    Asked,
    about_runs,
    about_suite,
    data_dir,
    load,
    output_format,
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
    from mtbench.api import run_suite  # noqa: PLC0415

    registry, suite = load(asked)
    results = run_suite(
        suite, registry, asked.scenarios, asked.results,
        track=track, force=force, save_models=save_models,
    )  # fmt: skip
    show(results, form)
    return 1 if results.failed else 0


@click.command(cls=Command)
@about_runs
@data_dir
@click.option("--force", is_flag=True, help="do again what is done")
def tune(asked: Asked, force: bool) -> int:
    """`mtbench tune`."""
    from mtbench.runs.stages import Stages  # noqa: PLC0415
    from mtbench.tune.run import tune_all  # noqa: PLC0415
    from mtbench.tune.tuner import Tuner  # noqa: PLC0415

    registry, suite = load(asked)
    if suite.tune is None:
        raise MtbenchError(f"{asked.suite}: has no `tune`, so there is nothing to choose")
    tuner = Tuner(suite, registry, asked.results / suite.name, asked.scenarios)
    for study, trials in tune_all(tuner, Stages(registry.identity), force=force).items():
        for line in study.told(trials):
            print(line)
    return 0


@click.command(cls=Command)
@about_suite
def check(asked: Asked) -> int:
    """`mtbench check`."""
    _, suite = load(asked)
    for component in (suite.dataset, suite.split):
        if any(component.paths()):  # other data may be on another machine
            component.require()
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
    from mtbench.tune.run import outlook  # noqa: PLC0415

    registry, suite = load(asked)
    found = outlook(suite, registry, asked.scenarios, asked.results)
    for study, trials in found.trials.items():
        state = "done " if len(trials) == study.size else "to do"
        print(f"{state}  {len(trials):3} of {study.size} trials  {study.title}")
    for run in found.plan:
        state = "to do" if run.id in found.todo else "done "
        print(f"{state}  {run.id}  {run.scenario}  seed {run.seed}")
    print(found.summary)
    if time := found.time:
        print(time)
    return 0
