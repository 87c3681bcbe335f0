"""A summary as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mtbench.records.columns import COSTS
from mtbench.records.differing import changes_text
from mtbench.records.sweeps import point_of

from .columns import costs, distance, number_text, seeds_text
from .summary import MetricColumn, Row, Summary


def markdown(summary: Summary) -> str:
    """Every metric as a Markdown table, a row a scenario, baseline or floor."""
    said = [f"> **{line}**" for line in (*summary.answer, *summary.notes)]
    lines = [f"# {summary.suite}", "", *said, ""]
    if summary.changes:
        lines += [*_scenarios(summary), ""]
    for task in dict.fromkeys(column.key.split("/")[0] for column in summary.columns):
        columns = [column for column in summary.columns if column.key.startswith(f"{task}/")]
        lines += [f"## {task}", "", *_metrics(summary, columns), ""]
    if summary.why:
        lines += ["## pairs of tasks", "", *(f"- {sentence}." for sentence in summary.why), ""]
    arms = (*summary.scenarios, *summary.baselines)
    lines += [
        "## throughput and size",
        "",
        *_rows(
            ["scenario", *(heading.label for _, heading in COSTS)],
            [[row.name, *costs(row)] for row in arms],
        ),
        "",
        f"Data: {summary.data}",
        "",
        f"Environment: {summary.environment}",
        "",
    ]
    rival = "floor"
    if summary.baselines:
        rival = "baseline that the head names, or where it names none the strongest floor,"
    lines.append(
        "mean ± sd over seeds; in brackets by how much it is better or worse than the strongest "
        f"{rival} on the same splits."
    )
    return "\n".join(lines) + "\n"


def _scenarios(summary: Summary) -> list[str]:
    """What each scenario trains, how its tasks are weighed, and what it changed."""
    head = ["scenario", "trained tasks", "weighting", "changes"]
    rows = _with_sweeps(
        summary.scenarios,
        lambda row: [", ".join(row.trained), row.weighting or "–", changes_text(row.changes)],
        len(head),
    )
    return ["## scenarios", "", *_rows(head, rows, right=False)]


def _metrics(summary: Summary, columns: Sequence[MetricColumn]) -> list[str]:
    """The metrics of a task: scenarios, then baselines, then floors."""

    def cells(row: Row) -> list[str]:
        return [seeds_text(row), *(_with_rival(row, column) for column in columns)]

    def having(rows: Iterable[Row]) -> list[list[str]]:
        return [
            [row.name, *cells(row)]
            for row in rows
            if not row.metrics or any(column.key in row.metrics for column in columns)
        ]

    head = ["scenario", "seeds", *map(_head, columns)]
    rows = _with_sweeps(summary.scenarios, cells, len(head))
    baselines, floors = having(summary.baselines), having(summary.floors)
    if not baselines:
        return _rows(head, [*rows, *floors])
    titles = [[f"*{title}*", *[""] * (len(head) - 1)] for title in ("baselines", "floors")]
    return _rows(head, [*rows, titles[0], *baselines, titles[1], *floors])


def _head(column: MetricColumn) -> str:
    """`rmse ↓`, with the name of the strongest baseline where there is one."""
    against = f" (vs {column.baseline})" if column.baseline else ""
    return f"{column.key.partition('/')[2]} {'↑' if column.higher_is_better else '↓'}{against}"


def _with_sweeps(
    scenarios: Iterable[Row], cells: Callable[[Row], list[str]], width: int
) -> list[list[str]]:
    """Rows of scenarios, the points of a sweep below a row with its name."""
    rows: list[list[str]] = []
    before = None
    for row in scenarios:
        if row.sweep and row.sweep != before:
            rows.append([f"*{row.sweep}*", *[""] * (width - 1)])
        before = row.sweep
        rows.append([point_of(row.name) if row.sweep else row.name, *cells(row)])
    return rows


def _with_rival(row: Row, column: MetricColumn) -> str:
    above = row.above(column)
    text = number_text(row.metrics.get(column.key))
    return text if above is None else f"{text} ({distance(above)[0]})"


def _rows(head: list[str], rows: Iterable[Iterable[str]], *, right: bool = True) -> list[str]:
    """A table; its columns but the first stand at the right, unless they are text."""
    ruler = ["---", *("---:" if right else "---" for _ in head[1:])]
    lines = [head, ruler, *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
