"""The command that says whether to train tasks together: advise."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from mtbench.errors import MtbenchError

from .common import Asked, about_suite, all_of, data_dir, load, results_folder, warn
from .run import about_executor
from .words import Command

about_arms = all_of(
    click.option(
        "--scenario", metavar="NAME",
        help="ask about what this one trains, with its towers, labels and training; default: the "
        "first of those with the most tasks",
    ),
    click.option(
        "--strategies", metavar="NAMES",
        help="weightings besides the tuned constant; default: uncertainty,imtl-g",
    ),
    click.option(
        "--trials", type=click.IntRange(1), metavar="N",
        help="trials of each arm; default: the suite's, or 8",
    ),
    click.option(
        "--margin", type=click.FloatRange(0), default=1.0, metavar="PERCENT", show_default=False,
        help="differences within so many percent of a metric do not matter; default: 1",
    ),
)  # fmt: skip
"""Which arms are run, and when they are alike."""


@click.command(cls=Command)
@about_suite
@results_folder("records go to DIR/<suite>-advise; default: results")
@about_arms
@about_executor
@data_dir
@click.option("--json", "as_json", is_flag=True, help="print it as JSON")
def advise(
    asked: Asked,
    *,
    scenario: str | None,
    strategies: str | None,
    trials: int | None,
    margin: float,
    as_json: bool,
) -> int:
    """`mtbench advise`."""
    from mtbench.api import run_suite  # noqa: PLC0415
    from mtbench.suite.advice import STRATEGIES, advice_suite  # noqa: PLC0415
    from mtbench.workers.agenda import Wanted  # noqa: PLC0415

    registry, suite = load(asked)
    names: Sequence[str] = STRATEGIES if strategies is None else _listed(strategies)
    arms = advice_suite(suite, registry, scenario=scenario, strategies=names, trials=trials)
    results = run_suite(arms, registry, asked.results, Wanted(shard=asked.shard))
    if asked.shard != (1, 1):
        warn(["part of the arms alone is run here: merge the parts, then ask again for the advice"])
        return 1 if results.failed else 0
    found = results.advice(margin=margin)
    print(json.dumps(found.values, indent=2, ensure_ascii=False) if as_json else found)
    return 1 if results.failed else 0


def _listed(names: str) -> list[str]:
    listed = [name.strip() for name in names.split(",")]
    if not all(listed):
        raise MtbenchError(f"--strategies {names}: expected names of weightings, such as a,b")
    return listed
