"""Commands about a suite: run, check, plan."""

from __future__ import annotations

from collections.abc import Sequence

import click

from mtbench.errors import MtbenchError

from .common import (
    Asked,
    Shard,
    about_runs,
    about_suite,
    all_of,
    data_dir,
    load,
    output_format,
    show,
)
from .complete import executors, observers
from .words import Command


def _shard(ctx: click.Context, parameter: click.Parameter, value: str) -> Shard:
    part, slash, of = value.partition("/")
    whole = slash and part.isdecimal() and of.isdecimal()
    if not (whole and 1 <= int(part) <= int(of)):
        raise click.UsageError(f"--shard {value}: expected I/N with 1 ≤ I ≤ N, such as 2/8", ctx)
    return int(part), int(of)


in_shards = click.option(
    "--shard", default="1/1", metavar="I/N", callback=_shard, show_default=False,
    help="only part I of N: whole scenarios where there are enough, else single runs",
)  # fmt: skip


about_executor = all_of(
    click.option(
        "--executor", metavar="NAME", shell_complete=executors,
        help="where runs are executed, in place of the suite's; default: processes",
    ),
    click.option("--workers", metavar="N", help="how many runs at a time: a number, or auto"),
    in_shards,
)  # fmt: skip
"""Where runs are executed, and which part of them."""


@click.command(cls=Command)
@about_runs
@about_executor
@output_format
@data_dir
@click.option("--force", is_flag=True, help="do again what is done")
@click.option("--save-models", is_flag=True, help="store weights beside the records")
@click.option(
    "--speed", is_flag=True,
    help="afterwards time the first seed of each scenario anew, no run beside another",
)  # fmt: skip
@click.option(
    "--track", multiple=True, metavar="NAME[:WHERE]", shell_complete=observers,
    help="let an observer be told of the runs; may be repeated",
)  # fmt: skip
def run(
    asked: Asked, form: str, force: bool, save_models: bool, speed: bool, track: Sequence[str]
) -> int:
    """`mtbench run`."""
    from mtbench.api import run_suite  # noqa: PLC0415
    from mtbench.workers.agenda import Wanted  # noqa: PLC0415

    registry, suite = load(asked)
    wanted = Wanted(
        asked.scenarios, again=force, models=save_models, speed=speed, shard=asked.shard
    )
    results = run_suite(suite, registry, asked.results, wanted, track=track)
    show(results, form)
    return 1 if results.failed else 0


@click.command(cls=Command)
@about_runs
@about_executor
@data_dir
@click.option("--force", is_flag=True, help="do again what is done")
def tune(asked: Asked, force: bool) -> int:
    """`mtbench tune`."""
    from mtbench.api import do  # noqa: PLC0415
    from mtbench.workers.agenda import Wanted  # noqa: PLC0415

    registry, suite = load(asked)
    if suite.tune is None:
        raise MtbenchError(f"{asked.suite}: has no `tune`, so there is nothing to choose")
    wanted = Wanted(asked.scenarios, trials_again=force, results=False, shard=asked.shard)
    for study, trials in do(suite, registry, asked.results / suite.name, wanted).trials.items():
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
@in_shards
def plan(asked: Asked) -> int:
    """`mtbench plan`."""
    from mtbench.workers.agenda import Wanted  # noqa: PLC0415
    from mtbench.workers.outlook import outlook  # noqa: PLC0415

    registry, suite = load(asked)
    folder = asked.results / suite.name
    found = outlook(suite, registry, folder, Wanted(asked.scenarios, shard=asked.shard))
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
