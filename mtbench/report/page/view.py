"""What a page shows, worked out once from the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from mtbench import evidence
from mtbench.records.current import metrics_of
from mtbench.records.record import Record
from mtbench.records.results import Results
from mtbench.report.summary import MetricColumn, Row, Summary, summarize

from .looks import Axis, Look, Spread, choose, metric_label


@dataclass(frozen=True)
class View:
    """A suite's results and what they allow one to say."""

    results: Results
    summary: Summary
    explored: Sequence[evidence.Comparison]
    """Scenarios and baselines against the best of each headline metric, but for what was planned;
    they have no verdict."""
    deltas: Mapping[str, evidence.DeltaM]
    """By scenario."""
    front: evidence.Front
    looks: Mapping[str, Look]

    @property
    def rows(self) -> list[Row]:
        """The scenarios with a run that went well."""
        return [row for row in self.summary.scenarios if row.metrics]

    @property
    def headline(self) -> list[MetricColumn]:
        """The headline metrics."""
        return self.summary.headline

    @property
    def planned(self) -> Sequence[evidence.Comparison]:
        """The few comparisons that have a verdict, one family."""
        return self.summary.planned

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(metrics_of(self.results.done))

    @property
    def reference(self) -> Row | None:
        """What costs are relative to: the first scenario of several tasks, or the first of all."""
        several = [row for row in self.rows if len(row.trained) > 1]
        return next(iter(several or self.rows), None)

    @property
    def seeds(self) -> list[int]:
        """The seeds of the runs that went well."""
        return sorted({run.seed for run in self.results.runs})

    def values(self, scenario: str, read: Callable[[Record], float | None]) -> list[float]:
        """What `read` finds in each run of a scenario, by seed, without the Nones."""
        runs = self.results.scenarios[scenario].runs.values()
        return [float(value) for run in runs if (value := read(run)) is not None]

    def axis(self, key: str) -> Axis:
        """A metric with every scenario's values, and baselines and floors, the strongest first."""
        column = next(column for column in self.summary.columns if column.key == key)
        task, _, metric = key.partition("/")
        spreads = [
            Spread(
                row.name,
                tuple(self.values(row.name, lambda run: run.metrics[task][metric])),
                task in row.trained,
            )
            for row in self.rows
        ]
        floors, baselines = (
            _means(rows, column) for rows in (self.summary.floors, self.summary.baselines)
        )
        return Axis(metric_label(key), column.higher_is_better, floors, spreads, baselines)


def _means(rows: Iterable[Row], column: MetricColumn) -> dict[str, float]:
    """Means of floors or baselines, the strongest first."""
    sign = -1 if column.higher_is_better else 1
    means = {row.name: row.metrics[column.key].mean for row in rows if column.key in row.metrics}
    return dict(sorted(means.items(), key=lambda item: sign * item[1]))


def look_at(results: Results) -> View:
    """Work out what a page shows of results, of at least one record."""
    summary = summarize(results)
    deltas = {delta.scenario: delta for delta in evidence.delta_m(results)}
    front = evidence.pareto(results)
    names = [row.name for row in summary.scenarios]
    return View(
        results,
        summary,
        [
            one
            for metric in results.choose(None)
            for one in evidence.with_best(results, metric, summary.planned)
        ],
        deltas,
        front,
        choose(names, _important(results, summary, deltas, front)),
    )


def _important(
    results: Results, summary: Summary, deltas: Mapping[str, evidence.DeltaM], front: evidence.Front
) -> list[str]:
    """Names of scenarios, first those a reader looks for among many.

    A single-task scenario of each task, the first of several tasks, the best of each headline
    metric, then by Δm those on the front, then the others.
    """
    rows = [row for row in summary.scenarios if row.metrics]
    single = {row.trained[0]: row.name for row in reversed(rows) if len(row.trained) == 1}
    several = [row.name for row in rows if len(row.trained) > 1]
    best = [
        row.name
        for column in summary.columns
        if column.headline and (row := best_row(results, rows, column))
    ]
    gain = {name: delta.mean for name, delta in deltas.items()}
    by_gain = sorted(several, key=lambda name: -gain.get(name, -1e9))
    fronts = {point.scenario for point in front.points if point.on_front}
    return [
        *list(reversed(single.values()))[:3],
        *several[:1],
        *best,
        *(name for name in by_gain if name in fronts),
        *by_gain,
    ]


def best_row(results: Results, rows: Iterable[Row], column: MetricColumn) -> Row | None:
    """The best mean of a metric among the scenarios that were trained for it."""
    ranked = results.ranked(results.choose([column.key])[0])
    names = [one.name for one in ranked[:1]]
    return next((row for row in rows if row.name in names), None)
