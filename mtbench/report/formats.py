"""A summary as text: a table in the terminal, Markdown, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mtbench.records.columns import COSTS

from .columns import SHORT_LABELS, costs, number_text, short_costs
from .summary import MetricColumn, Row, Summary


def table(summary: Summary, console: Console) -> None:
    """Print the headline metrics, floors and throughput for a terminal of 80 columns or more."""
    columns = [column for column in summary.columns if column.headline]
    numbers = {_seeds(row) for row in summary.scenarios}
    varies = len(numbers) > 1
    count = numbers.pop() if not varies else ""
    over = "seeds" if varies else f"{count} seed{'' if count == '1' else 's'}"
    grid = Table(
        title=f"{escape(summary.suite)}: mean ± sd over {over}",
        title_justify="left",
        box=box.HORIZONTALS,
        pad_edge=False,
    )
    grid.add_column("scenario", overflow="fold")
    if varies:
        grid.add_column("seeds", justify="right")
    for column in columns:
        grid.add_column(_heading(column), justify="right", overflow="fold")
    grid.add_column("\n".join(SHORT_LABELS), justify="right", overflow="fold")
    for row in summary.scenarios:
        seeds = [_seeds(row)] if varies else []
        cells = [_cell(row, column) for column in columns]
        grid.add_row(escape(row.name), *seeds, *cells, "\n".join(short_costs(row)))
    grid.add_section()
    grid.add_row("floors", style="dim")
    for row in summary.floors:
        cells = [number_text(row.metrics.get(column.key)) for column in columns]
        grid.add_row(f"  {escape(row.name)}", *([""] if varies else []), *cells, "", style="dim")
    console.print(grid)
    for note in summary.notes:
        style = "red bold" if note.startswith(("FAILED", "SYNTHETIC")) else "yellow"
        console.print(escape(note), style=style, soft_wrap=True)
    if any(row.above_floor for row in summary.scenarios):
        text = (
            "Second line of a cell: above (+) or below (−) the strongest floor, named in the head."
        )
        console.print(text, style="dim", soft_wrap=True)
    console.print(escape(summary.data), style="dim", soft_wrap=True)


def notebook(summary: Summary) -> str:
    """The terminal's table as HTML, for a notebook."""
    shown = Console(record=True, file=io.StringIO(), width=120, highlight=False)
    table(summary, shown)
    style = "white-space:pre;overflow-x:auto;line-height:normal;font-family:monospace"
    return shown.export_html(inline_styles=True, code_format=f'<pre style="{style}">{{code}}</pre>')


def markdown(summary: Summary) -> str:
    """Every metric as a Markdown table, a row a scenario or floor."""
    lines = [f"# {summary.suite}", "", *(f"> **{note}**" for note in summary.notes), ""]
    for task in dict.fromkeys(column.key.split("/")[0] for column in summary.columns):
        columns = [column for column in summary.columns if column.key.startswith(f"{task}/")]
        head = [
            f"{column.key.partition('/')[2]} {'↑' if column.higher_is_better else '↓'}"
            for column in columns
        ]
        lines += [
            f"## {task}",
            "",
            *_markdown_rows(
                ["scenario", "seeds", *head],
                [
                    [row.name, _seeds(row), *(_with_floor(row, column) for column in columns)]
                    for row in (*summary.scenarios, *summary.floors)
                    if not row.metrics or any(column.key in row.metrics for column in columns)
                ],
            ),
            "",
        ]
    lines += [
        "## throughput and size",
        "",
        *_markdown_rows(
            ["scenario", *(heading.label for _, heading in COSTS)],
            [[row.name, *costs(row)] for row in summary.scenarios],
        ),
        "",
        f"Data: {summary.data}",
        "",
        f"Environment: {summary.environment}",
        "",
    ]
    lines.append(
        "mean ± sd over seeds; in brackets the mean difference from the strongest floor "
        "on the same splits, + is better."
    )
    return "\n".join(lines) + "\n"


def to_csv(summary: Summary) -> str:
    """One line for each scenario or floor and metric."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["suite", "kind", "name", "metric", "mean", "sd", "seeds", "floor", "above_floor"]
    )
    floors = {column.key: column.floor for column in summary.columns}
    for kind, rows in (("scenario", summary.scenarios), ("floor", summary.floors)):
        for row in rows:
            for key, stat in (*row.metrics.items(), *row.speed.items()):
                above = row.above_floor.get(key)
                floor = floors.get(key) if above is not None else None
                writer.writerow(
                    [summary.suite, kind, row.name, key, stat.mean, stat.sd, stat.n, floor, above]
                )
    return stream.getvalue()


def to_json(summary: Summary) -> str:
    """The whole summary."""
    return json.dumps(asdict(summary), indent=2) + "\n"


FORMATS: dict[str, Callable[[Summary], str]] = {
    "markdown": markdown,
    "csv": to_csv,
    "json": to_json,
}
"""Formats besides the terminal's table."""


def _heading(column: MetricColumn) -> str:
    """`retrieval`, `top 100 seen`, `kept ↑`, `vs popularity`."""
    task, _, metric = column.key.partition("/")
    arrow = "↑" if column.higher_is_better else "↓"
    name = textwrap.wrap(f"{metric.replace('_', ' ')} {arrow}", 14)
    floor = [f"vs {column.floor}"] if column.floor else []
    return escape("\n".join([task, *name, *floor]))


def _seeds(row: Row) -> str:
    stats = list(row.metrics.values())
    return str(stats[0].n) if stats else "0"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _cell(row: Row, column: MetricColumn) -> str:
    """A metric and its distance from the floor."""
    above = row.above_floor.get(column.key)
    if above is None:
        return number_text(row.metrics.get(column.key))
    colour = "green" if above > 0 else "red"
    return f"{number_text(row.metrics[column.key])}\n[{colour}]{_signed(above)}[/{colour}]"


def _with_floor(row: Row, column: MetricColumn) -> str:
    above = row.above_floor.get(column.key)
    text = number_text(row.metrics.get(column.key))
    return text if above is None else f"{text} ({_signed(above)})"


def _markdown_rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
