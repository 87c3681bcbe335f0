"""Commands about folders of records: report, compare, gate, export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mtbench.errors import MtbenchError

from .common import PATH, folder, output_format, several_folders, show, warn
from .complete import scenarios_of_a
from .words import Argument, Command

anyway = click.option("--anyway", is_flag=True, help="compare different data and protocols too")


@click.command(cls=Command)
@folder("records", "DIR", "such as results/ml100k, or results/ml100k@NAME for another version")
@output_format
@click.option("--html", type=PATH, metavar="FILE", help="write a page instead")
def report(records: Path, form: str, html: Path | None) -> int:
    """`mtbench report`."""
    from mtbench.records import store  # noqa: PLC0415
    from mtbench.records.results import Results  # noqa: PLC0415

    results = Results.read(records)
    if html is None:
        show(results, form)
        if form == "csv":  # which has no place for them
            warn((*results.problems, *results.notes))
        return 0
    from mtbench.report.page.page import page  # noqa: PLC0415

    text = page(results)
    store.put(html, lambda stream: stream.write(text.encode()))
    print(f"{html}: {results.given} records")
    return 0


@click.command(cls=Command)
@folder("a", "A", "folder of records")
@several_folders("others", "[B]...", "others, each compared with A")
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", shell_complete=scenarios_of_a,
    help="only this scenario; of one folder, compare those named with the first of them",
)  # fmt: skip
@anyway
@click.option("--all", "every_metric", is_flag=True, help="all metrics of all tasks")
def compare(
    a: Path, others: Sequence[Path], scenarios: Sequence[str], anyway: bool, every_metric: bool
) -> int:
    """`mtbench compare`."""
    from mtbench.regress import compare as regress  # noqa: PLC0415
    from mtbench.regress import several  # noqa: PLC0415

    if len(others) == 1 and not scenarios:
        two = regress.compare(a, others[0], anyway=anyway, every_metric=every_metric)
        sys.stdout.write(regress.to_text(two))
        return 0
    if others:
        found = several.compare_folders(
            [a, *others], scenarios=scenarios, anyway=anyway, every_metric=every_metric
        )
    else:
        found = several.compare_scenarios(a, scenarios, every_metric=every_metric)
    sys.stdout.write(several.to_text(found))
    return 0


def spell_out(words: Sequence[str]) -> list[str]:
    """Turn `gate`'s options for any metric into one that click knows.

    `--max-rmse-increase 0.01` and `--max-rmse-increase=0.01` become `--max rmse-increase=0.01`.
    """
    given, found = list(words), []
    while given:
        word = given.pop(0)
        if words[0] == "gate" and word.startswith("--max-"):
            name, equals, value = word.removeprefix("--max-").partition("=")
            if not equals and given and not given[0].startswith("--"):
                value, equals = given.pop(0), "="
            found += ["--max", f"{name}{equals}{value}"]
        else:
            found.append(word)
    return found


class _Gate(Command):
    """A command with an option for every metric there may be."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spell_out(["gate", *args])[1:])


@click.command(cls=_Gate)
@folder("baseline", "BASELINE", "folder of records to hold to")
@folder("current", "CURRENT", "folder of records to be held to it")
@anyway
@click.option(
    "--max", "limited", multiple=True, metavar="LIMIT=VALUE",
    help="rmse-increase=0.01, top_100_seen_removed-decrease=0.01, slowdown=1.3 or "
    "memory-growth=1.2; also --max-rmse-increase 0.01; default: every headline metric "
    "and slowdown",
)  # fmt: skip
@click.option("--limits", type=PATH, metavar="FILE", help="limits, as YAML")
@click.option(
    "--strict", is_flag=True, help="what the results do not settle is a breach as well"
)  # fmt: skip
def gate(
    baseline: Path,
    current: Path,
    *,
    limited: Sequence[str],
    limits: Path | None,
    anyway: bool,
    strict: bool,
) -> int:
    """`mtbench gate`."""
    from mtbench.regress import gate as regress  # noqa: PLC0415

    outcome = regress.gate(
        baseline, current, limits=limits, options=limited, anyway=anyway, strict=strict
    )
    sys.stdout.write(outcome.to_text())
    return outcome.exit_code


@click.command(cls=Command)
@folder("records", "DIR", "such as results/ml100k, or results/ml100k@NAME for another version")
@click.argument(
    "target", cls=Argument, type=PATH, metavar="FILE", about=".parquet or .csv"
)  # fmt: skip
@click.option("--runs", is_flag=True, help="a row a run: times, sizes, options")
@click.option("--by-query", is_flag=True, help="a row for each run, metric and user, with its id")
@click.option("--every", is_flag=True, help="records of other versions too")
def export(records: Path, target: Path, *, runs: bool, by_query: bool, every: bool) -> int:
    """`mtbench export`."""
    from mtbench.records import tables  # noqa: PLC0415

    if runs and by_query:
        raise MtbenchError("expected --runs or --by-query, found both")
    warn(tables.export(records, target, runs=runs, by_query=by_query, every=every))
    return 0
