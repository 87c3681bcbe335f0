"""Trade-offs between tasks: Pareto front, hypervolume, and strategies against a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from mtbench.records.results import Metric, Results
from mtbench.records.sweeps import sweep_of


@dataclass(frozen=True)
class Objective:
    """What a front has an axis for: the first headline metric of a task."""

    key: str
    """`task/metric`."""
    higher_is_better: bool
    reference: float | None
    """Mean over the splits of the strongest floor; None where the task has no floor."""


@dataclass(frozen=True)
class Point:
    """A scenario's means over its seeds."""

    scenario: str
    values: Mapping[str, float]
    """By `task/metric`, in the metric's unit."""
    n: int
    """Number of seeds."""
    on_front: bool
    """It trains the task of every objective, and no other such scenario is as good in all of them
    and better in one."""
    sweep: str | None
    """`joint` for a scenario `joint[weights.retrieval=3]`, else None."""


@dataclass(frozen=True)
class Sweep:
    """The scenarios of a sweep as one set, in the objectives of the tasks they train."""

    name: str
    members: tuple[str, ...]
    front: tuple[str, ...]
    """The members that no other member dominates."""
    hypervolume: float | None
    """What they dominate beyond the strongest floors; None where a task has no floor."""


@dataclass(frozen=True)
class SweepStanding:
    """A scenario against a sweep of the same tasks that it is no part of, by means alone."""

    scenario: str
    sweep: str
    dominated_by: tuple[str, ...]
    """The members that are as good in every objective and better in one."""
    dominates: tuple[str, ...]
    """The members it dominates."""
    members: int
    """Number of members of the sweep."""
    gain: float | None
    """What the scenario adds to the sweep's hypervolume: 0 where a member dominates it."""


@dataclass(frozen=True)
class Front:
    """The scenarios of a suite as points with one objective a task.

    Points are means: two of them may differ by noise, which `compare_scenarios` tells.
    """

    objectives: tuple[Objective, ...]
    points: tuple[Point, ...]
    hypervolume: float | None
    """Of the scenarios that train all tasks: what they dominate beyond the strongest floors, in the
    product of the objectives' units; None where there is no such scenario, or a task no floor."""
    sweeps: tuple[Sweep, ...]
    standings: tuple[SweepStanding, ...]
    """Every sweep against every other scenario that trains its tasks."""


def pareto(results: Results) -> Front:
    """Compute the Pareto front and the hypervolume of a suite's scenarios and of its sweeps.

    The reference point of a hypervolume is the strongest floors: a scenario that is worse than
    one of them adds nothing. A sweep is the scenarios `name[…]` of one name. A strategy that is
    compared with one is compared with tuned scalarisation, tuned by hindsight on the test part.

    Source: Zitzler and Thiele, Multiobjective evolutionary algorithms, 1999 (hypervolume).

    Args:
        results: Of a suite.
    """
    metrics = results.main_metrics
    if not metrics or not results.measured:
        return Front((), (), None, (), ())
    objectives = tuple(
        Objective(metric.key, metric.higher_is_better, _reference(results, metric))
        for metric in metrics
    )
    space = _Space(results, metrics, objectives)
    tasks = {metric.task for metric in metrics}
    whole = [name for name, scenario in results.measured.items() if tasks <= {*scenario.tasks}]
    on_front = space.front(whole)
    points = tuple(
        Point(name, space.means(name), len(scenario.runs), name in on_front, sweep_of(name))
        for name, scenario in results.measured.items()
    )
    sweeps, standings = [], []
    for name in dict.fromkeys(point.sweep for point in points if point.sweep):
        members = [point.scenario for point in points if point.sweep == name]
        tasks = set(results.measured[members[0]].tasks)
        within = space.of_tasks(tasks)
        volume = within.hypervolume(members)
        sweeps.append(Sweep(name, tuple(members), tuple(within.front(members)), volume))
        standings += [
            within.standing(point.scenario, sweeps[-1])
            for point in points
            if point.sweep != name and set(results.measured[point.scenario].tasks) == tasks
        ]
    volume = space.hypervolume(whole)
    return Front(objectives, points, volume, tuple(sweeps), tuple(standings))


def _reference(results: Results, metric: Metric) -> float | None:
    """The mean of the strongest floor, each split counted once."""
    floor = results.strongest_floor(metric)
    if floor is None:
        return None
    return fmean(floors[metric.task][floor][metric.name] for floors in results.floors.values())


class _Space:
    """The scenarios' means in some objectives, and as costs, of which less is better."""

    def __init__(
        self, results: Results, metrics: Sequence[Metric], objectives: Sequence[Objective]
    ) -> None:
        self._results, self._metrics, self._objectives = results, metrics, objectives
        signs = np.array([metric.sign for metric in metrics])
        floors = [one.reference for one in objectives if one.reference is not None]
        self._reference = -signs * floors if len(floors) == len(metrics) else None
        self._costs = {
            name: -signs * np.array(list(self.means(name).values())) for name in results.measured
        }

    def of_tasks(self, tasks: Iterable[str]) -> _Space:
        """The same with the objectives of these tasks alone."""
        kept = [row for row, metric in enumerate(self._metrics) if metric.task in set(tasks)]
        return _Space(
            self._results,
            [self._metrics[row] for row in kept],
            [self._objectives[row] for row in kept],
        )

    def means(self, name: str) -> dict[str, float]:
        """A scenario's mean over its seeds in every objective."""
        scenario = self._results.measured[name]
        return {
            metric.key: float(np.mean(scenario.values(metric, list(scenario.runs))))
            for metric in self._metrics
        }

    def front(self, names: Sequence[str]) -> list[str]:
        """Those that none of them dominates; of equal ones all."""
        if not names:
            return []
        import moocore  # noqa: PLC0415 - a third of a second

        costs = np.array([self._costs[name] for name in names])
        kept = moocore.is_nondominated(costs, keep_weakly=True)
        return [name for name, keep in zip(names, kept, strict=True) if keep]

    def hypervolume(self, names: Sequence[str]) -> float | None:
        """What they dominate beyond the reference."""
        if self._reference is None or not names:
            return None
        import moocore  # noqa: PLC0415 - a third of a second

        costs = np.array([self._costs[name] for name in names])
        return float(moocore.hypervolume(costs, ref=self._reference))

    def standing(self, name: str, sweep: Sweep) -> SweepStanding:
        """Compare a scenario with the members of a sweep."""
        members = sweep.members
        both = self.hypervolume([*members, name])
        alone = sweep.hypervolume
        return SweepStanding(
            name,
            sweep.name,
            tuple(member for member in members if self._dominates(member, name)),
            tuple(member for member in members if self._dominates(name, member)),
            len(members),
            None if both is None or alone is None else max(both - alone, 0.0),
        )

    def _dominates(self, name: str, other: str) -> bool:
        one, two = self._costs[name], self._costs[other]
        return bool(np.all(one <= two) and np.any(one < two))
