"""The results of a suite: the records that count, by scenario and seed, and what to say of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Self

import numpy as np

from mtbench.errors import RecordError, did_you_mean

from . import asked, store
from .asked import Version
from .current import current, metrics_of, newest
from .differing import Changes, changes, tried
from .machines import machines
from .record import Answer, Question, Record, Values
from .sweeps import NumberSweep, number_sweeps


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
    """A scenario, or a baseline, and its runs that count."""

    name: str
    answer: Answer
    runs: Mapping[int, Record]
    """Those that went well by seed, in the order of the seeds."""
    failed: Mapping[int, Record]
    """Those that failed by seed, in the order of the records."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the trained tasks; of a baseline, those that it serves."""
        return self.answer.trained_tasks

    def has(self, metric: Metric) -> bool:
        """Whether each run has a value of a metric; a baseline has none of a task it serves not."""
        return all(metric.name in run.metrics.get(metric.task, {}) for run in self.runs.values())

    def values(self, metric: Metric, seeds: Sequence[int]) -> np.ndarray:
        """A metric's values, float64 `[len(seeds)]`."""
        runs = [self.runs[seed].metrics[metric.task][metric.name] for seed in seeds]
        return np.array(runs, np.float64)

    def floor_values(self, metric: Metric, floor: str) -> dict[int, float]:
        """What a floor reaches in a metric on the splits of the runs, by seed, where it is told."""
        told = {s: run.floors.get(metric.task, {}).get(floor, {}) for s, run in self.runs.items()}
        return {seed: of[metric.name] for seed, of in told.items() if metric.name in of}

    def mean(self, metric: Metric) -> float:
        """A metric's mean over all its seeds."""
        return float(self.values(metric, list(self.runs)).mean())


@dataclass(frozen=True)
class Results:
    """What the records of a suite hold, worked out once for all that reads them."""

    records: tuple[Record, ...]
    """Those that count, in the order given."""
    problems: tuple[str, ...] = ()
    """A line for each file that is no record."""
    left_out: tuple[str, ...] = ()
    """A line that counts the records that do not count, and one that names such metrics."""
    older: int = 0
    """Number of records of an older form, of all that were given."""
    given: int = 0
    """Number of records they were chosen from."""
    folder: Path | None = None
    """Where they lie, where that is known."""
    main: str | None = None
    """The task that the suite is about; None where it is about all of them."""

    @classmethod
    def of(
        cls,
        records: Sequence[Record],
        problems: Iterable[str] = (),
        version: Version | None = None,
    ) -> Self:
        """Choose the records that count, see `current.current`.

        Args:
            records: Records of one suite, their scenarios in the order of the report.
            problems: A line for each file that is no record.
            version: What they are to be of; default: the newest.
        """
        used, left_out = current(records, version) if records else ([], [])
        older = sum(record.upgraded for record in records)
        main = version.main if version else None
        said = (tuple(problems), tuple(left_out), older, len(records))
        return cls(tuple(used), *said, main=main)

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """Read the version of a folder of results that was last asked for.

        Args:
            folder: The folder; another version of it is `results/mine@NAME`.

        Raises:
            RecordError: The folder is absent or has no record, or no such version.
        """
        folder, name = asked.split(Path(folder))
        records, problems = store.read_folder(folder)
        found = asked.versions(store.suite_folder(folder), records)
        one = asked.chosen(folder, found, name)
        results = replace(cls.of(records, problems, one), folder=store.suite_folder(folder))
        if not (named := asked.told(folder, one, found, records)):
            return results
        first, *rest = results.left_out
        return replace(results, left_out=(f"{first}: {named}", *rest))

    @cached_property
    def changes(self) -> Mapping[str, Changes]:
        """What each scenario changed: by scenario and dotted path; see `differing.changes`."""
        arms = [(name, scenario.answer) for name, scenario in self.scenarios.items()]
        return dict(zip(self.scenarios, changes(arms), strict=True))

    @cached_property
    def number_sweeps(self) -> list[NumberSweep]:
        """The sweeps over one number, by all scenarios' answers."""
        answers = {name: scenario.answer for name, scenario in self.scenarios.items()}
        return number_sweeps({name: tried(answer) for name, answer in answers.items()}, answers)

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know besides what was left out."""
        return (*older_form(self.older), *machines(self.done))

    @cached_property
    def done(self) -> tuple[Record, ...]:
        """Those that went well, of scenarios and of baselines, in the order given."""
        return tuple(record for record in self.records if record.ok)

    @cached_property
    def runs(self) -> tuple[Record, ...]:
        """Those of scenarios that went well, in the order given."""
        return tuple(record for record in self.done if record.kind == "scenario")

    @cached_property
    def failed(self) -> tuple[Record, ...]:
        """Those that failed, of scenarios and of baselines, in the order given."""
        return tuple(record for record in self.records if not record.ok)

    @cached_property
    def newest(self) -> Record:
        """The record of the run that was started last; there has to be one."""
        return newest(self.records)

    @property
    def newest_of_scenarios(self) -> Record:
        """The same of the scenarios' records, unless there is none of a scenario."""
        return newest([r for r in self.records if r.kind == "scenario"] or self.records)

    @property
    def suite(self) -> str:
        """Name of the suite."""
        return self.newest.suite

    @property
    def question(self) -> Question:
        """What all of them answer."""
        return self.newest.question

    @cached_property
    def scenarios(self) -> Mapping[str, Scenario]:
        """By name, in the order of the records."""
        return _by_name(record for record in self.records if record.kind == "scenario")

    @cached_property
    def baselines(self) -> Mapping[str, Scenario]:
        """By name, in the order of the records; they are no scenarios, and nothing trained them."""
        return _by_name(record for record in self.records if record.kind == "baseline")

    @cached_property
    def measured(self) -> Mapping[str, Scenario]:
        """The scenarios with a run that went well."""
        return {name: scenario for name, scenario in self.scenarios.items() if scenario.runs}

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of the scenarios in the suite's order; where none has any, those of baselines."""
        info = metrics_of(self.done)
        return tuple(
            Metric(task, metric.name, metric.higher_is_better, metric.headline)
            for task, listed in info.items()
            for metric in listed
        )

    @cached_property
    def main_metrics(self) -> tuple[Metric, ...]:
        """The metric each task is judged by: its first headline metric, without one its first."""
        first: dict[str, Metric] = {}
        for metric in self.metrics:
            held = first.setdefault(metric.task, metric)
            if metric.headline and not held.headline:
                first[metric.task] = metric
        return tuple(first.values())

    @property
    def judged_metrics(self) -> tuple[Metric, ...]:
        """Those of `main_metrics` that verdicts are about: of the suite's main task, if it has one.

        Where nothing is known of that task, they are all.
        """
        of_main = tuple(metric for metric in self.main_metrics if metric.task == self.main)
        return of_main or self.main_metrics

    @cached_property
    def floors(self) -> Mapping[int, Mapping[str, Values]]:
        """By seed, which decides the split: `{task: {floor: {metric: value}}}`."""
        return {record.seed: record.floors for record in self.runs or self.done}

    def single(self, task: str, like: Scenario | None = None) -> Scenario | None:
        """The first scenario that trains this task alone.

        Args:
            task: Name of the task.
            like: One that has to learn it from the same labels; default: any will do.
        """
        alone = [s for s in self.measured.values() if s.tasks == (task,)]
        if not like:
            return next(iter(alone), None)
        wanted = like.answer.labels_of(task)
        return self.like(like, [s for s in alone if s.answer.labels_of(task) == wanted])

    def like(self, scenario: Scenario, others: Iterable[Scenario]) -> Scenario | None:
        """The scenario that differs least in what the suite's scenarios change, of many the first.

        The weighting's options do not count, as little as its name.
        """

        def distance(other: Scenario) -> int:
            sides = (self.changes[scenario.name].items(), self.changes[other.name].items())
            apart = {path for path, _ in sides[0] ^ sides[1]}
            return sum(not path.startswith("weighting.") for path in apart)

        return min(others, key=distance, default=None)

    def trained(self, metric: Metric) -> list[Scenario]:
        """The scenarios that train a metric's task and have the metric, in the suite's order."""
        return [s for s in self.measured.values() if metric.task in s.tasks and s.has(metric)]

    def ranked(self, metric: Metric) -> list[Scenario]:
        """Those of `trained`, the best mean over the seeds that all of them have first.

        Where they have none in common each counts by its own.
        """
        trained = self.trained(metric)
        seeds = common_seeds(*trained) if trained else []

        def mean(one: Scenario) -> float:
            return float(one.values(metric, seeds or list(one.runs)).mean())

        return sorted(trained, key=lambda one: -metric.sign * mean(one))

    def strongest_baseline(self, metric: Metric) -> Scenario | None:
        """The baseline with the best mean of a metric over its seeds; None where none has it."""
        having = [one for one in self.baselines.values() if one.runs and one.has(metric)]
        return max(having, key=lambda one: metric.sign * one.mean(metric), default=None)

    def strongest_floor(self, metric: Metric) -> str | None:
        """Name of the floor with the best mean of a metric, each split counted once."""
        splits = [floors.get(metric.task, {}) for floors in self.floors.values()]
        means = {
            name: fmean(floors[name][metric.name] for floors in splits)
            for name in splits[-1]
            if all(metric.name in floors.get(name, {}) for floors in splits)
        }
        return max(means, key=lambda name: metric.sign * means[name], default=None)

    def scenario(self, name: str) -> Scenario:
        """Find a scenario, or else a baseline.

        Raises:
            RecordError: There is none of that name with results.
        """
        arms = {key: arm for key, arm in self.baselines.items() if arm.runs} | {**self.measured}
        if name not in arms:
            hint = did_you_mean(name, arms)
            raise RecordError(f"expected a scenario with results, found {name!r}{hint}")
        return arms[name]

    def choose(self, keys: Sequence[str] | None) -> tuple[Metric, ...]:
        """Find metrics by `task/metric`; None is for all headline metrics.

        Raises:
            RecordError: There is none of that name.
        """
        if keys is None:
            return tuple(metric for metric in self.metrics if metric.headline)
        by_key = {metric.key: metric for metric in self.metrics}
        for key in keys:
            if key not in by_key:
                raise RecordError(f"expected a metric, found {key!r}{did_you_mean(key, by_key)}")
        return tuple(by_key[key] for key in keys)


def _by_name(records: Iterable[Record]) -> dict[str, Scenario]:
    """Scenarios, or baselines, in the order of their records."""
    listed = list(records)
    good: dict[str, dict[int, Record]] = {}
    for record in sorted(listed, key=lambda record: record.seed):
        if record.ok:
            good.setdefault(record.scenario, {})[record.seed] = record
    bad: dict[str, dict[int, Record]] = {}
    for record in listed:
        if not record.ok:
            bad.setdefault(record.scenario, {})[record.seed] = record
    answers = {record.scenario: record.answer for record in listed}
    return {
        name: Scenario(name, answer, good.get(name, {}), bad.get(name, {}))
        for name, answer in answers.items()
    }


def older_form(count: int) -> list[str]:
    """A line that counts the records of an older form, where there are any."""
    if count < 2:
        return ["1 record of an older form was read as such"] * count
    return [f"{count} records of an older form were read as such"]


def common_seeds(*scenarios: Scenario) -> list[int]:
    """The seeds that all the scenarios have a run of, in order."""
    return sorted(set[int].intersection(*(set(scenario.runs) for scenario in scenarios)))
