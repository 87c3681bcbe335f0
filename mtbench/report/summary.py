"""What the records of a suite say: means and spreads over seeds, beside the floors."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mtbench import evidence
from mtbench.records.columns import COSTS
from mtbench.records.differing import Changes
from mtbench.records.record import Data
from mtbench.records.results import Metric, Results, Scenario, common_seeds
from mtbench.records.sweeps import grouped

from .oddities import constant_notes, oddity_notes
from .tuning import budget


@dataclass(frozen=True)
class Stat:
    """A number over seeds."""

    mean: float
    sd: float | None
    """Sample standard deviation, None for a single seed."""
    n: int


@dataclass(frozen=True)
class MetricColumn:
    """A metric, and the floor and the baseline it has to beat."""

    key: str
    """`task/metric`."""
    higher_is_better: bool
    headline: bool
    floor: str | None
    """Name of the strongest floor: the best mean over all seeds."""
    baseline: str | None = None
    """Name of the strongest baseline: the best mean over its seeds."""

    @property
    def rival(self) -> str | None:
        """What scenarios are shown against: the strongest baseline, without one the floor."""
        return self.baseline or self.floor


@dataclass(frozen=True)
class Row:
    """A scenario, a baseline or a floor."""

    name: str
    metrics: Mapping[str, Stat]
    """By `task/metric`."""
    above_floor: Mapping[str, float]
    """By `task/metric`: mean over seeds of the difference from the strongest floor on the same
    split, positive where it is better. Empty for a baseline or a floor."""
    speed: Mapping[str, Stat]
    """By the keys of `records.columns.COSTS`. Empty for a floor."""
    trained: tuple[str, ...] = ()
    """Names of the trained tasks; of a baseline, those that it serves."""
    above_baseline: Mapping[str, float] = field(default_factory=dict)
    """The same against the strongest baseline, over the seeds that both have."""
    weighting: str | None = None
    """Name of the strategy."""
    changes: Changes = field(default_factory=dict)
    """By dotted path, what it does otherwise than most scenarios."""
    sweep: str | None = None
    """Name of the sweep that it is one of several points of."""

    def above(self, column: MetricColumn) -> float | None:
        """How far it is above the column's rival, None where nothing tells."""
        against = self.above_baseline if column.baseline else self.above_floor
        return against.get(column.key)


@dataclass(frozen=True)
class Summary:
    """A suite's results."""

    suite: str
    columns: tuple[MetricColumn, ...]
    scenarios: tuple[Row, ...]
    """In the order of the records, the points of a sweep together."""
    floors: tuple[Row, ...]
    notes: tuple[str, ...]
    """What a reader has to know: made-up data, failed runs, records left out."""
    data: str
    environment: str
    baselines: tuple[Row, ...] = ()
    answer: tuple[str, ...] = ()
    """Sentences: whether training together helped, and which scenarios simple baselines beat."""
    planned: tuple[evidence.Comparison, ...] = ()
    """The comparisons that have a verdict."""
    why: tuple[str, ...] = ()
    """Sentences: how pairs of tasks bear on each other, where runs were looked at."""
    basis: str = ""
    """What varied from seed to seed, and so what intervals are about; sentences."""

    @property
    def changes(self) -> bool:
        """Whether scenarios differ in more than tasks and strategy."""
        return any(row.changes for row in self.scenarios)

    @property
    def headline(self) -> list[MetricColumn]:
        """The headline metrics."""
        return [column for column in self.columns if column.headline]


def summarize(results: Results) -> Summary:
    """Summarise the results of a suite, of at least one record.

    What was left out is counted in the notes.
    """
    done = results.runs or results.done
    data = done[-1].data if done else None
    failed = [f"FAILED: {r.scenario} seed {r.seed}: {r.error}" for r in results.failed]
    said = (*results.problems, *results.left_out, *results.notes)
    columns = tuple(_column(results, metric) for metric in results.metrics)
    sweeps = grouped(results.scenarios)
    planned = evidence.planned(results)
    return Summary(
        results.suite,
        columns,
        tuple(_scenario(results, name, sweep, columns) for name, sweep in sweeps.items()),
        _floor_rows(results),
        (
            *_main_note(results),
            *(_data_notes(results, data) if data else ()),
            *budget(results),
            *said,
            *failed,
        ),
        _describe_data(data) if data else "",
        _describe_environment(results),
        tuple(_arm(results, each, columns) for each in results.baselines.values()),
        tuple(evidence.answer_sentences(results, planned)),
        tuple(planned),
        tuple(evidence.pair_sentences(evidence.task_pairs(results))),
        evidence.basis(results),
    )


def _main_note(results: Results) -> list[str]:
    """Say which task the suite is about, if it is about one."""
    if results.judged_metrics == results.main_metrics:
        return []
    return [f"main task: {results.main}; verdicts and Δm are about it alone"]


def _stat(values: Sequence[float]) -> Stat:
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Stat(statistics.fmean(values), sd, len(values))


def _column(results: Results, metric: Metric) -> MetricColumn:
    """A metric with its strongest floor and baseline."""
    baseline = results.strongest_baseline(metric)
    return MetricColumn(
        metric.key,
        metric.higher_is_better,
        metric.headline,
        results.strongest_floor(metric),
        baseline.name if baseline else None,
    )


def _scenario(
    results: Results, name: str, sweep: str | None, columns: Sequence[MetricColumn]
) -> Row:
    """Summarise a scenario over its seeds, and say what it changed."""
    scenario = results.scenarios[name]
    weighting = scenario.answer.weighting
    row = replace(
        _arm(results, scenario, columns),
        trained=scenario.tasks,
        weighting=weighting.name if weighting else None,
        changes=results.changes[name],
        sweep=sweep,
    )
    above: dict[str, dict[str, float]] = {"floor": {}, "baseline": {}}
    for metric, column in zip(results.metrics, columns, strict=True):
        floors = scenario.floor_values(metric, column.floor) if column.floor else {}
        if floors:
            above["floor"][metric.key] = _above(scenario, metric, floors)
        rival = results.baselines[column.baseline] if column.baseline else None
        if rival and (seeds := common_seeds(rival, scenario)):
            values = dict(zip(seeds, rival.values(metric, seeds).tolist(), strict=True))
            above["baseline"][metric.key] = _above(scenario, metric, values)
    return replace(row, above_floor=above["floor"], above_baseline=above["baseline"])


def _above(scenario: Scenario, metric: Metric, others: Mapping[int, float]) -> float:
    """Mean difference from others by seed, positive where the scenario is better."""
    values = scenario.values(metric, list(others)).tolist()
    return statistics.fmean(
        metric.sign * (value - other) for value, other in zip(values, others.values(), strict=True)
    )


def _arm(results: Results, arm: Scenario, columns: Sequence[MetricColumn]) -> Row:
    """Summarise a scenario or a baseline over its seeds, in the metrics it has."""
    runs = arm.runs.values()
    metrics = {
        column.key: _stat(arm.values(metric, list(arm.runs)).tolist())
        for metric, column in zip(results.metrics, columns, strict=True)
        if runs and arm.has(metric)
    }
    speed = {
        number.key: _stat(values)
        for number, _ in COSTS
        if (values := [value for run in runs if (value := number.read(run)) is not None])
    }
    return Row(arm.name, metrics, {}, speed, arm.tasks)


def _floor_rows(results: Results) -> tuple[Row, ...]:
    """Summarise the floors, each split counted once."""
    rows: dict[str, dict[str, Stat]] = {}
    for metric in results.metrics:
        splits = [floors.get(metric.task, {}) for floors in results.floors.values()]
        for floor in (results.runs or results.done)[-1].floors.get(metric.task, {}):
            values = [
                each[floor][metric.name] for each in splits if metric.name in each.get(floor, {})
            ]
            if values:
                rows.setdefault(floor, {})[metric.key] = _stat(values)
    return tuple(Row(name, metrics, {}, {}) for name, metrics in rows.items())


def _data_notes(results: Results, data: Data) -> list[str]:
    """Say where data was made up or odd, and where the scores are not of the test part."""
    notes = []
    if results.question.stands_in_for:
        notes.append(f"SYNTHETIC DATA in place of {results.question.stands_in_for}")
    elif data.synthetic:
        notes.append("synthetic data")
    if results.question.evaluate_on == "validation":
        notes.append("scored on the VALIDATION part: the test part was not opened")
    by_seed = {run.seed: run.data for run in results.runs or results.done if run.data}
    return [
        *notes,
        *oddity_notes(by_seed, results.question.evaluate_on),
        *constant_notes(_values(results)),
    ]


def _values(results: Results) -> dict[str, list[float]]:
    """By metric the values of all runs and floors, where there are both."""
    values = {}
    for metric in results.metrics:
        of_runs = [run.metrics.get(metric.task, {}) for run in results.done]
        tasks = [floors.get(metric.task, {}) for floors in results.floors.values()]
        of_floors = [floor for task in tasks for floor in task.values()]
        found = [
            [e[metric.name] for e in each if metric.name in e] for each in (of_runs, of_floors)
        ]
        if all(found):
            values[metric.key] = [*found[0], *found[1]]
    return values


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
