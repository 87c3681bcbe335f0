"""What the records of a suite say: means and spreads over seeds, beside the floors."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtbench.records.current import current, newest

Record = Mapping[str, Any]


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
    """`train_examples_per_s`, `evaluate_examples_per_s`, `run_s`, `peak_memory_bytes` and
    `parameters`. Empty for a floor."""
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


def summarize(records: Sequence[Record], problems: Iterable[str] = ()) -> Summary:
    """Summarise records of one folder.

    Those that do not count, see `current.current`, are counted in the notes.

    Args:
        records: The records of a suite, at least one, their scenarios in the order of the report.
        problems: Further notes.
    """
    used, left_out = current(records)
    good = [r for r in used if r["status"] == "ok"]
    notes = [*problems, *left_out]
    for record in used:
        if record["status"] != "ok":
            error = record["error"]
            notes.append(
                f"FAILED: {record['scenario']} seed {record['seed']}: {error['type']}: "
                f"{error['message']}"
            )
    notes[:0] = _data_notes(good)
    columns = _columns(good)
    return Summary(
        used[0]["suite"],
        columns,
        tuple(
            _scenario(name, good, columns) for name in dict.fromkeys(r["scenario"] for r in used)
        ),
        _floor_rows(good, columns),
        tuple(notes),
        _describe_data(good),
        _describe_environment(newest(used)),
    )


def _stat(values: Sequence[float]) -> Stat:
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Stat(statistics.fmean(values), sd, len(values))


def _columns(records: Sequence[Record]) -> tuple[MetricColumn, ...]:
    """The metrics of the records, each with its strongest floor."""
    if not records:
        return ()
    columns = []
    for task, metrics in records[-1]["metric_info"].items():
        for metric in metrics:
            sign = 1 if metric["higher_is_better"] else -1
            means = {
                floor: statistics.fmean(r["floors"][task][floor][metric["name"]] for r in records)
                for floor in records[-1]["floors"][task]
                if all(metric["name"] in r["floors"][task][floor] for r in records)
            }
            strongest = max(means, key=lambda name: sign * means[name], default=None)
            columns.append(
                MetricColumn(
                    f"{task}/{metric['name']}",
                    metric["higher_is_better"],
                    metric["headline"],
                    strongest,
                )
            )
    return tuple(columns)


def _scenario(name: str, records: Sequence[Record], columns: Iterable[MetricColumn]) -> Row:
    """Summarise a scenario over its seeds."""
    own = [record for record in records if record["scenario"] == name]
    if not own:
        return Row(name, {}, {}, {})
    metrics, above = {}, {}
    for column in columns:
        task, metric = column.key.split("/", 1)
        metrics[column.key] = _stat([r["metrics"][task][metric] for r in own])
        if column.floor:
            sign = 1 if column.higher_is_better else -1
            above[column.key] = statistics.fmean(
                sign * (r["metrics"][task][metric] - r["floors"][task][column.floor][metric])
                for r in own
            )
    speed = {
        key: _stat(values)
        for key in ("train_examples_per_s", "evaluate_examples_per_s", "run_s")
        if (values := [s for r in own if (s := r["timings"].get(key)) is not None])
    }
    speed |= {
        key: _stat(values)
        for key in ("peak_memory_bytes", "parameters")
        if (values := [number for r in own if (number := r[key]) is not None])
    }
    return Row(name, metrics, above, speed, tuple(own[-1]["trained_tasks"]))


def _floor_rows(records: Sequence[Record], columns: Iterable[MetricColumn]) -> tuple[Row, ...]:
    """Summarise the floors, each split counted once."""
    splits = {record["seed"]: record["floors"] for record in records}
    rows: dict[str, dict[str, Stat]] = {}
    for column in columns:
        task, metric = column.key.split("/", 1)
        for floor in records[-1]["floors"][task]:
            own = [f[task][floor][metric] for f in splits.values() if metric in f[task][floor]]
            if own:
                rows.setdefault(floor, {})[column.key] = _stat(own)
    return tuple(Row(name, metrics, {}, {}) for name, metrics in rows.items())


def _data_notes(records: Sequence[Record]) -> list[str]:
    """Say where the data was made up, and where the scores are not of the test part."""
    notes = []
    for record in records[-1:]:
        if record["data"]["stands_in_for"]:
            notes.append(f"SYNTHETIC DATA in place of {record['data']['stands_in_for']}")
        elif record["data"]["synthetic"]:
            notes.append("synthetic data")
        if record["data"].get("evaluated_on") == "validation":
            notes.append("scored on the VALIDATION part: the test part was not opened")
    return notes


def _describe_data(records: Sequence[Record]) -> str:
    if not records:
        return ""
    data = records[-1]["data"]
    validation = f"{data['validation']:,} to validate, " if data.get("validation") else ""
    return (
        f"{data['source']}: {data['num_queries']:,} queries, {data['num_candidates']:,} candidates,"
        f" {data['train']:,} interactions to train, {validation}{data['test']:,} to test"
    )


def _describe_environment(record: Record) -> str:
    engine, machine = record["protocol"]["engine"], record["environment"]
    versions = ", ".join(f"{k} {v}" for k, v in engine.items() if k != "threads")
    return f"{versions}; Python {machine['python']}; {machine['cpu']}, {engine['threads']} threads"
