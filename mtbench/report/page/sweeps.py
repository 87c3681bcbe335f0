"""Sweeps over one number: each headline metric as a curve, and the numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence

from mtbench.records.sweeps import NumberSweep
from mtbench.report.summary import MetricColumn, Row

from .looks import Axis, figures, metric_label
from .markup import Html, tag
from .panels import figure
from .sections import metric_cell, places
from .svg import Canvas
from .sweepplot import Curve, Panel, draw
from .tabular import cell, column, row_head, table
from .view import View

FEW = 4
"""Scenarios beside a sweep that are drawn as lines across; more of them would hide it."""


def figures_of(view: View, canvas: Canvas) -> Html:
    """Every headline metric against the number of each sweep that is over one."""
    groups: dict[tuple[str, ...], list[NumberSweep]] = {}
    for sweep in view.results.number_sweeps:
        groups.setdefault(sweep.paths, []).append(sweep)
    parts = []
    for number, sweeps in enumerate(groups.values()):
        panels = [made for one in view.headline if (made := _panel(view, one, sweeps))]
        if not panels:
            continue
        drawn = [
            figure(
                f"{panel.axis.label} over {panel.number}" + (" (log scale)" if panel.log else ""),
                draw(canvas, panel, view.looks),
            )
            for panel in panels
        ]
        parts.append(tag("div", tag("div.plots", *drawn), _numbers(view, number, sweeps)))
    if not parts:
        return Html()
    text = (
        "Means over seeds against the number that a sweep is over; the band is ± sd. Lines across: "
        "other scenarios of the same tasks where they are few, and the strongest "
        f"{'baseline, or else floor' if view.summary.baselines else 'floor'} (dashed)."
    )
    return tag("div", tag("p.note", text), *parts)


def _panel(view: View, one: MetricColumn, sweeps: Sequence[NumberSweep]) -> Panel | None:
    """The sweeps that train a metric's task; None where none of them has two points."""
    task, rows = one.key.partition("/")[0], {row.name: row for row in view.rows}
    axis = view.axis(one.key)
    spreads = {spread.scenario: spread for spread in axis.spreads}
    curves: list[Curve] = []
    trained: set[frozenset[str]] = set()
    for sweep in sweeps:
        points = {number: name for name, number in sweep.points.items() if name in rows}
        tasks = {frozenset(rows[name].trained) for name in points.values()}
        if len(points) > 1 and all(task in each for each in tasks):
            curves.append(Curve(sweep.name, {n: spreads[name] for n, name in points.items()}))
            trained |= tasks
    if not curves:
        return None
    others = [
        spreads[row.name]
        for row in view.rows
        if not row.sweep and frozenset(row.trained) in trained
    ]
    beside = others if len(others) <= FEW else []
    shown = [spread for curve in curves for spread in curve.points.values()] + beside
    shown_axis = Axis(axis.label, axis.higher_is_better, axis.floors, shown, axis.baselines)
    return Panel(sweeps[0].label, shown_axis, curves, beside)


def _numbers(view: View, number: int, sweeps: Sequence[NumberSweep]) -> Html:
    """The table of what is drawn, for who does not see it and for who wants the numbers."""
    rows_of = {row.name: row for row in view.rows}
    points = [
        (sweep, value, rows_of[name])
        for sweep in sweeps
        for name, value in sweep.points.items()
        if name in rows_of
    ]
    columns = [
        (one, places([row.metrics[one.key] for _, _, row in points])) for one in view.headline
    ]
    head = [
        column("sweep", text=True),
        column(sweeps[0].label),
        column("seeds", better="higher"),
        *(
            column(metric_label(one.key), better="higher" if one.higher_is_better else "lower")
            for one, _ in columns
        ),
    ]
    rows = [("", _row(sweep, value, row, columns)) for sweep, value, row in points]
    caption = f"The points of {' and '.join(sweep.name for sweep in sweeps)}, mean ± sd over seeds."
    made = table(f"sweep-{number}", caption, head, rows)
    return tag("details", tag("summary", "The numbers of these curves"), made)


def _row(
    sweep: NumberSweep, value: float, row: Row, columns: Sequence[tuple[MetricColumn, int]]
) -> list[Html]:
    seeds = next(iter(row.metrics.values())).n
    return [
        row_head(sweep.name),
        cell(figures(value), value=value),
        cell(seeds, value=seeds),
        *(metric_cell(row, *one) for one in columns),
    ]
