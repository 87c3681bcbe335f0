"""The records that count, by scenario and seed: those a report's means are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbench.errors import RecordError, did_you_mean

from .current import current

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A metric of a task."""

    task: str
    name: str
    higher_is_better: bool
    headline: bool

    @property
    def key(self) -> str:
        """`task/metric`."""
        return f"{self.task}/{self.name}"

    @property
    def sign(self) -> int:
        """1 where higher is better, −1 where lower is."""
        return 1 if self.higher_is_better else -1


@dataclass(frozen=True)
class Scenario:
    """A scenario and its runs that went well."""

    name: str
    tasks: tuple[str, ...]
    """Names of the trained tasks."""
    runs: Mapping[int, Record]
    """By seed, in the order of the seeds."""

    def values(self, metric: Metric, seeds: Sequence[int]) -> np.ndarray:
        """A metric's values, float64 `[len(seeds)]`."""
        runs = [self.runs[seed]["metrics"][metric.task][metric.name] for seed in seeds]
        return np.array(runs, np.float64)


@dataclass(frozen=True)
class Results:
    """What the records of a suite hold."""

    scenarios: Mapping[str, Scenario]
    """By name, in the order of the records; those with a run that went well."""
    metrics: tuple[Metric, ...]
    """In the suite's order."""

    def single(self, task: str) -> Scenario | None:
        """The first scenario that trains this task alone."""
        found = (s for s in self.scenarios.values() if s.tasks == (task,))
        return next(found, None)

    def scenario(self, name: str) -> Scenario:
        """Find a scenario.

        Raises:
            RecordError: There is none of that name.
        """
        if name not in self.scenarios:
            hint = did_you_mean(name, self.scenarios)
            raise RecordError(f"expected a scenario with results, found {name!r}{hint}")
        return self.scenarios[name]

    def choose(self, keys: Sequence[str] | None) -> tuple[Metric, ...]:
        """Find metrics by `task/metric`; None is for all headline metrics.

        Raises:
            RecordError: There is none of that name.
        """
        if keys is None:
            return tuple(metric for metric in self.metrics if metric.headline)
        known = {metric.key: metric for metric in self.metrics}
        for key in keys:
            if key not in known:
                raise RecordError(f"expected a metric, found {key!r}{did_you_mean(key, known)}")
        return tuple(known[key] for key in keys)


def select(records: Sequence[Record]) -> Results:
    """Keep the runs that count, see `current.current`, and went well.

    Args:
        records: Records of a suite, their scenarios in the order of the report.
    """
    if not records:
        return Results({}, ())
    good = [record for record in current(records)[0] if record["status"] == "ok"]
    runs: dict[str, dict[int, Record]] = {}
    for record in sorted(good, key=lambda record: int(record["seed"])):
        runs.setdefault(record["scenario"], {})[record["seed"]] = record
    tasks = {record["scenario"]: tuple(record["trained_tasks"]) for record in good}
    scenarios = {name: Scenario(name, trained, runs[name]) for name, trained in tasks.items()}
    info = good[-1]["metric_info"] if good else {}
    metrics = tuple(Metric(task, **metric) for task, listed in info.items() for metric in listed)
    return Results(scenarios, metrics)


def common_seeds(*scenarios: Scenario) -> list[int]:
    """The seeds that all the scenarios have a run of, in order."""
    return sorted(set[int].intersection(*(set(scenario.runs) for scenario in scenarios)))
