"""The tables of results."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from mtbench import evidence
from mtbench.evidence import words
from mtbench.records.columns import COSTS
from mtbench.records.differing import changes_text
from mtbench.report.columns import SHORT, SHORT_LABELS, short_costs
from mtbench.report.summary import MetricColumn, Row, Stat

from .markup import Html, tag
from .tabular import cell, column, row_head, table, title_row, with_sweeps
from .view import View


def results(view: View) -> Html:
    """Every scenario, baseline and floor with the headline metrics, Δm and speed."""
    columns = _digits(view, view.headline)
    rows = with_sweeps(view.summary.scenarios, lambda row: _scenario(view, row, columns))
    width = len(columns) + 4
    rows += _titled(view, width, lambda row: _baseline(row, columns), view.summary.baselines)
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
        "Mean ± sample standard deviation over seeds. Below it, by how much it is better or worse "
        f"than the strongest {_rival(view)} on the same splits. Grey: the scenario was not "
        "trained for it. Floors are in italics. Step/ref.: the time of a training step in that of "
        "a small reference model beside it."
    )
    return table("results", caption, head, rows)


def _titled(
    view: View, width: int, cells: Callable[[Row], list[Html]], rows: Sequence[Row]
) -> list[tuple[str, list[Html]]]:
    """The baselines' rows between the titles of theirs and of the floors', where there are any."""
    if not rows:
        return []
    below = [title_row("floors", width)] if view.summary.floors else []
    return [title_row("baselines", width), *(("baseline", cells(row)) for row in rows), *below]


def _rival(view: View) -> str:
    return "baseline, or floor, that the head names," if view.summary.baselines else "floor"


def scenarios(view: View) -> Html:
    """What each scenario trains, how its tasks are weighed, and what else it changed."""
    if not view.summary.changes:
        return Html()
    head = [
        column(name, text=True) for name in ("scenario", "trained tasks", "weighting", "changes")
    ]
    caption = (
        "What each scenario trains, its strategy, and each option that is not as in most "
        "scenarios; of a sweep, what its points vary."
    )
    return table("changes", caption, head, with_sweeps(view.summary.scenarios, _changed))


def _changed(row: Row) -> list[Html]:
    texts = [", ".join(row.trained), row.weighting or "–"]
    made = changes_text(row.changes)
    each = [tag("div", f"{path} = {value}") for path, value in row.changes.items()]
    return [
        row_head(row.name, sweep=row.sweep),
        *(cell(text, value=text, text=True) for text in texts),
        cell(*each, value=made, text=True),
    ]


def all_metrics(view: View) -> Html:
    """Every metric of every task, and costs."""
    parts = []
    for n, task in enumerate(view.tasks):
        chosen = _digits(view, [c for c in view.summary.columns if c.key.startswith(f"{task}/")])
        head = [column("scenario", text=True), *(_metric_head(one) for one, _ in chosen)]
        rows = with_sweeps(view.rows, partial(_metrics, columns=chosen))
        for kind, arms in (("baseline", view.summary.baselines), ("floor", view.summary.floors)):
            rows += [
                (kind, _metrics(row, chosen, kind))
                for row in arms
                if any(one.key in row.metrics for one, _ in chosen)
            ]
        parts.append(table(f"metrics-{n}", f"All metrics of {task}.", head, rows))
    return tag("details", tag("summary", "All metrics and costs"), *parts, _costs(view))


def _costs(view: View) -> Html:
    head = [column("scenario", text=True)]
    head += [column(heading.label, better=heading.better) for _, heading in COSTS]
    rows = []
    for row in (*view.rows, *view.summary.baselines):
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
    kind = "baseline" if one.baseline else "floor"
    rival = tag("small", f"{kind}: {one.rival}") if one.rival else None
    *rest, last = metric.replace("_", " ").split(" ")
    name = [f"{word} " for word in rest], tag("span.together", f"{last} {arrow}")
    return column(task, tag("br"), name, rival, better=better)


def _scenario(view: View, row: Row, columns: Sequence[tuple[MetricColumn, int]]) -> list[Html]:
    if not row.metrics:
        return [
            row_head(row.name, sweep=row.sweep),
            cell("0", value=0),
            *(cell("failed", value=None) for _ in columns),
            *(cell("–", value=None) for _ in range(2)),
        ]
    return [
        row_head(row.name, sweep=row.sweep),
        cell(_seeds(row), value=_seeds(row)),
        *(metric_cell(row, *one) for one in columns),
        _gain(view.deltas.get(row.name)),
        _speed(row),
    ]


def _seeds(row: Row) -> int:
    return next((stat.n for stat in row.metrics.values()), 0)


def _speed(row: Row) -> Html:
    first, *others = short_costs(row)
    sorted_by = row.speed.get(SHORT[0][0].key)
    return cell(
        first,
        *(tag("small", other) for other in others),
        value=sorted_by.mean if sorted_by else None,
    )


def _baseline(row: Row, columns: Sequence[tuple[MetricColumn, int]]) -> list[Html]:
    return [
        row_head(row.name, tag("small", "baseline")),
        cell(_seeds(row), value=_seeds(row)),
        *(metric_cell(row, *one) for one in columns),
        cell("–", value=None),
        _speed(row),
    ]


def _floor(row: Row, columns: Sequence[tuple[MetricColumn, int]], rest: int) -> list[Html]:
    name, *cells = _metrics(row, columns)
    blank = [cell("", value=None) for _ in range(rest)]
    return [name, *blank[:1], *cells, *blank[1:]]


def _metrics(
    row: Row, columns: Sequence[tuple[MetricColumn, int]], kind: str | None = None
) -> list[Html]:
    label = tag("small", kind) if kind else None
    head = row_head(row.name, label, sweep=row.sweep)
    return [head, *(metric_cell(row, *one) for one in columns)]


def metric_cell(row: Row, one: MetricColumn, digits: int) -> Html:
    """A metric, and below it how far it is above the strongest baseline or floor."""
    stat, above = row.metrics.get(one.key), row.above(one)
    if stat is None:
        return cell("–", value=None)
    text = f"{stat.mean:.{digits}f}" + (f" ± {stat.sd:.{digits}f}" if stat.sd is not None else "")
    text = text.replace("-", "−")
    task = one.key.partition("/")[0]
    if row.trained and task not in row.trained:
        return cell(tag("span.untrained", text), value=stat.mean)
    if above is None:
        return cell(text, value=stat.mean)
    side = f"{abs(above):.{digits}f} {'better' if above > 0 else 'worse'}"
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
        tag("small", f"{task} {words.decimal(one.mean, 10, '+')}")
        for task, one in delta.per_task.items()
    ]
    return cell(mean, *interval, *each, value=delta.mean)
