"""What the records of a suite say: means and spreads over seeds, beside the floors."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbench.records.columns import COSTS
from mtbench.records.record import Data
from mtbench.records.results import Metric, Results, Scenario


@dataclass(frozen=True)
class Stat:
    """A number over seeds."""

    mean: float
    sd: float | None
    """Sample standard deviation, None for a single seed."""
    n: int


@dataclass(frozen=True)
class MetricColumn:
    """A metric, and the floor it has to beat."""

    key: str
    """`task/metric`."""
    higher_is_better: bool
    headline: bool
    floor: str | None
    """Name of the strongest floor: the best mean over all seeds."""


@dataclass(frozen=True)
class Row:
    """A scenario or a floor."""

    name: str
    metrics: Mapping[str, Stat]
    """By `task/metric`."""
    above_floor: Mapping[str, float]
    """By `task/metric`: mean over seeds of the difference from the strongest floor on the same
    split, positive where it is better. Empty for a floor."""
    speed: Mapping[str, Stat]
    """By the keys of `records.columns.COSTS`. Empty for a floor."""
    trained: tuple[str, ...] = ()
    """Names of the trained tasks."""


@dataclass(frozen=True)
class Summary:
    """A suite's results."""

    suite: str
    columns: tuple[MetricColumn, ...]
    scenarios: tuple[Row, ...]
    floors: tuple[Row, ...]
    notes: tuple[str, ...]
    """What a reader has to know: made-up data, failed runs, records left out."""
    data: str
    environment: str


def summarize(results: Results) -> Summary:
    """Summarise the results of a suite, of at least one record.

    What was left out is counted in the notes.
    """
    data = results.runs[-1].data if results.runs else None
    failed = [f"FAILED: {r.scenario} seed {r.seed}: {r.error}" for r in results.failed]
    said = (*results.problems, *results.left_out, *results.notes)
    columns = tuple(_column(results, metric) for metric in results.metrics)
    return Summary(
        results.suite,
        columns,
        tuple(_scenario(results, each, columns) for each in results.scenarios.values()),
        _floor_rows(results),
        (*(_data_notes(results, data) if data else ()), *said, *failed),
        _describe_data(data) if data else "",
        _describe_environment(results),
    )


def _stat(values: Sequence[float]) -> Stat:
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Stat(statistics.fmean(values), sd, len(values))


def _column(results: Results, metric: Metric) -> MetricColumn:
    """A metric with its strongest floor."""
    floors = [run.floors[metric.task] for run in results.runs]
    means = {
        floor: statistics.fmean(each[floor][metric.name] for each in floors)
        for floor in floors[-1]
        if all(metric.name in each[floor] for each in floors)
    }
    strongest = max(means, key=lambda name: metric.sign * means[name], default=None)
    return MetricColumn(metric.key, metric.higher_is_better, metric.headline, strongest)


def _scenario(results: Results, scenario: Scenario, columns: Sequence[MetricColumn]) -> Row:
    """Summarise a scenario over its seeds."""
    runs = scenario.runs.values()
    if not runs:
        return Row(scenario.name, {}, {}, {})
    metrics, above = {}, {}
    for metric, column in zip(results.metrics, columns, strict=True):
        values = [run.metrics[metric.task][metric.name] for run in runs]
        metrics[metric.key] = _stat(values)
        if column.floor:
            floors = [run.floors[metric.task][column.floor][metric.name] for run in runs]
            above[metric.key] = statistics.fmean(
                metric.sign * (value - floor) for value, floor in zip(values, floors, strict=True)
            )
    speed = {
        number.key: _stat(values)
        for number, _ in COSTS
        if (values := [value for run in runs if (value := number.read(run)) is not None])
    }
    return Row(scenario.name, metrics, above, speed, scenario.tasks)


def _floor_rows(results: Results) -> tuple[Row, ...]:
    """Summarise the floors, each split counted once."""
    rows: dict[str, dict[str, Stat]] = {}
    for metric in results.metrics:
        splits = [floors[metric.task] for floors in results.floors.values()]
        for floor in results.runs[-1].floors[metric.task]:
            values = [each[floor][metric.name] for each in splits if metric.name in each[floor]]
            if values:
                rows.setdefault(floor, {})[metric.key] = _stat(values)
    return tuple(Row(name, metrics, {}, {}) for name, metrics in rows.items())


def _data_notes(results: Results, data: Data) -> list[str]:
    """Say where the data was made up, and where the scores are not of the test part."""
    notes = []
    if results.question.stands_in_for:
        notes.append(f"SYNTHETIC DATA in place of {results.question.stands_in_for}")
    elif data.synthetic:
        notes.append("synthetic data")
    if results.question.evaluate_on == "validation":
        notes.append("scored on the VALIDATION part: the test part was not opened")
    return notes


def _describe_data(data: Data) -> str:
    validation = f"{data.validation:,} to validate, " if data.validation else ""
    return (
        f"{data.source}: {data.num_queries:,} queries, {data.num_candidates:,} candidates,"
        f" {data.train:,} interactions to train, {validation}{data.test:,} to test"
    )


def _describe_environment(results: Results) -> str:
    engine, machine = results.question.engine, results.newest.environment
    versions = ", ".join(f"{name} {version}" for name, version in engine.versions.items())
    return f"{versions}; Python {machine.python}; {machine.cpu}, {engine.threads} threads"
