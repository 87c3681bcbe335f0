"""The command that scores what another tool says: score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from mtbench.errors import MtbenchError, did_you_mean

from .common import PATH, Asked, about_suite, data_dir, load, output_format, results_folder, show
from .words import Command

READER = "from-file"
"""The baseline that reads them."""


@click.command(cls=Command)
@about_suite
@results_folder("the record goes to DIR/<suite>; default: results")
@output_format
@data_dir
@click.option(
    "--scores", "file", type=PATH, required=True, metavar="FILE",
    help="CSV, TSV or Parquet: a row for each pair, with the ids and a number",
)  # fmt: skip
@click.option("--name", required=True, help="what to call it in tables")
@click.option("--task", metavar="TASK", help="the task it is for; default: the only one it can be")
@click.option("--column", default="score", help="column with the numbers; default: score")
@click.option("--lowest-first", is_flag=True, help="low numbers are the best, as of ranks")
@click.option(
    "--seed-column", metavar="COLUMN", help="column with the seed of the split that a row is of"
)  # fmt: skip
def score(  # noqa: PLR0913 - options of the command
    asked: Asked,
    *,
    form: str,
    file: Path,
    name: str,
    task: str | None,
    column: str,
    lowest_first: bool,
    seed_column: str | None,
) -> int:
    """`mtbench score`."""
    from mtbench.api import run_suite  # noqa: PLC0415
    from mtbench.records.results import Results  # noqa: PLC0415
    from mtbench.workers.agenda import Wanted  # noqa: PLC0415

    registry, suite = load(asked)
    if name in suite.arms:
        raise MtbenchError(f"--name {name}: expected a name that the suite has not")
    wants = {key: each.wants for key, each in suite.tasks.items() if each.wants}
    if task is not None and task not in wants:
        raise MtbenchError(
            f"--task {task}: expected one that can be scored{did_you_mean(task, wants)}"
        )
    kinds = {wants[task]} if task else set(wants.values())
    if len(kinds) != 1:
        listed = ", ".join(f"{key} wants {what}" for key, what in wants.items())
        raise MtbenchError(f"expected --task, since tasks want different numbers ({listed})")
    given = registry.find("baseline", READER)(
        file=str(file),
        gives_as=kinds.pop(),
        column=column,
        lowest_first=lowest_first,
        seed_column=seed_column,
    )
    baselines = {**suite.baselines, name: given}  # which no worker would read from the suite
    here = registry.find("executor", "inline")()
    suite = replace(suite, baselines=baselines, tune=None, executor=here)
    results = run_suite(suite, registry, asked.results, Wanted([name]))
    show(Results.read(asked.results / suite.name), form)
    return 1 if results.failed else 0
