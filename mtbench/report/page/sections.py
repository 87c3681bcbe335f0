"""The tables of results."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mtbench import evidence
from mtbench.evidence import words
from mtbench.records.columns import COSTS
from mtbench.report.columns import SHORT, SHORT_LABELS, short_costs
from mtbench.report.summary import MetricColumn, Row, Stat

from .markup import Html, tag
from .tabular import cell, column, row_head, table
from .view import View


def results(view: View) -> Html:
    """Every scenario and floor with the headline metrics, Δm and speed."""
    columns = _digits(view, view.headline)
    rows = [("", _scenario(view, row, columns)) for row in view.summary.scenarios]
    rows += [("floor", _floor(row, columns, 3)) for row in view.summary.floors]
    head = [
        column("scenario", text=True),
        column("seeds", better="higher"),
        *(_metric_head(one) for one in view.headline),
        column("Δm %", tag("small", "against single tasks"), better="higher"),
        column(
            SHORT_LABELS[0],
            *(tag("small", label) for label in SHORT_LABELS[1:]),
            better=SHORT[0][1].better,
        ),
    ]
    caption = (
        "Mean ± sample standard deviation over seeds. Below it the mean difference from the "
        "strongest floor on the same splits, + is better. Floors are in italics."
    )
    return table("results", caption, head, rows)


def all_metrics(view: View) -> Html:
    """Every metric of every task, and costs."""
    parts = []
    for n, task in enumerate(view.tasks):
        chosen = _digits(view, [c for c in view.summary.columns if c.key.startswith(f"{task}/")])
        head = [column("scenario", text=True), *(_metric_head(one) for one, _ in chosen)]
        rows = [("", _metrics(row, chosen)) for row in view.rows]
        rows += [
            ("floor", _metrics(row, chosen))
            for row in view.summary.floors
            if any(one.key in row.metrics for one, _ in chosen)
        ]
        parts.append(table(f"metrics-{n}", f"All metrics of {task}.", head, rows))
    return tag("details", tag("summary", "All metrics and costs"), *parts, _costs(view))


def _costs(view: View) -> Html:
    head = [column("scenario", text=True)]
    head += [column(heading.label, better=heading.better) for _, heading in COSTS]
    rows = []
    for row in view.rows:
        stats = [(row.speed.get(number.key), heading.factor) for number, heading in COSTS]
        cells = [
            cell(_large(stat, factor), value=stat.mean if stat else None) for stat, factor in stats
        ]
        rows.append(("", [row_head(row.name), *cells]))
    return table("costs", "Speed and size, mean ± sd over runs.", head, rows)


def _large(stat: Stat | None, factor: float) -> str:
    if stat is None:
        return "–"
    digits = 0 if stat.mean * factor >= 100 else 2
    sd = f" ± {stat.sd * factor:,.{digits}f}" if stat.sd else ""
    return f"{stat.mean * factor:,.{digits}f}{sd}"


def _metric_head(one: MetricColumn) -> Html:
    task, _, metric = one.key.partition("/")
    arrow, better = ("↑", "higher") if one.higher_is_better else ("↓", "lower")
    floor = tag("small", f"floor: {one.floor}") if one.floor else None
    *rest, last = metric.replace("_", " ").split(" ")
    name = [f"{word} " for word in rest], tag("span.together", f"{last} {arrow}")
    return column(task, tag("br"), name, floor, better=better)


def _scenario(view: View, row: Row, columns: Sequence[tuple[MetricColumn, int]]) -> list[Html]:
    if not row.metrics:
        return [
            row_head(row.name),
            cell("0", value=0),
            *(cell("failed", value=None) for _ in columns),
            *(cell("–", value=None) for _ in range(2)),
        ]
    seeds = next(iter(row.metrics.values())).n
    first, *others = short_costs(row)
    sorted_by = row.speed.get(SHORT[0][0].key)
    return [
        row_head(row.name),
        cell(seeds, value=seeds),
        *(_metric(row, *one) for one in columns),
        _gain(view.deltas.get(row.name)),
        cell(
            first,
            *(tag("small", other) for other in others),
            value=sorted_by.mean if sorted_by else None,
        ),
    ]


def _floor(row: Row, columns: Sequence[tuple[MetricColumn, int]], rest: int) -> list[Html]:
    name, *cells = _metrics(row, columns)
    blank = [cell("", value=None) for _ in range(rest)]
    return [name, *blank[:1], *cells, *blank[1:]]


def _metrics(row: Row, columns: Sequence[tuple[MetricColumn, int]]) -> list[Html]:
    label = None if row.above_floor or row.speed else tag("small", "floor")
    return [row_head(row.name, label), *(_metric(row, *one) for one in columns)]


def _metric(row: Row, one: MetricColumn, digits: int) -> Html:
    stat, above = row.metrics.get(one.key), row.above_floor.get(one.key)
    if stat is None:
        return cell("–", value=None)
    text = f"{stat.mean:.{digits}f}" + (f" ± {stat.sd:.{digits}f}" if stat.sd is not None else "")
    text = text.replace("-", "−")
    if above is None:
        return cell(text, value=stat.mean)
    side = f"{above:+.{digits}f}".replace("-", "−")
    return cell(text, tag("small.good" if above > 0 else "small.bad", side), value=stat.mean)


def places(stats: Sequence[Stat]) -> int:
    """Decimals of a column, three to six: two figures of the middle spread.

    Of one seed they show three figures of the middle number.
    """
    scales = sorted(stat.sd or abs(stat.mean) / 10 for stat in stats)
    scale = scales[len(scales) // 2] if scales else 0.0
    return min(max(1 - math.floor(math.log10(scale)), 3), 6) if scale else 3


def _digits(view: View, columns: Sequence[MetricColumn]) -> list[tuple[MetricColumn, int]]:
    """Columns with their decimals."""
    return [(one, places([row.metrics[one.key] for row in view.rows])) for one in columns]


def _gain(delta: evidence.DeltaM | None) -> Html:
    if delta is None:
        return cell("–", value=None)
    scale = (delta.high - delta.low) / 2 if delta.low is not None and delta.high is not None else 0
    mean = words.decimal(delta.mean, scale or 10, "+")
    interval = [
        tag("small", f"[{words.decimal(delta.low, scale)}, {words.decimal(delta.high, scale)}]")
        for _ in range(1)
        if delta.low is not None and delta.high is not None
    ]
    each = [
        tag(
            "small.bad" if task in delta.negative_transfer else "small",
            f"{task} {words.decimal(one.mean, 10, '+')}",
            " negative transfer" if task in delta.negative_transfer else None,
        )
        for task, one in delta.per_task.items()
    ]
    return cell(mean, *interval, *each, value=delta.mean)
