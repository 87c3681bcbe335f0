"""Scenarios that a strong simple model beats: each against the strongest baseline."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .comparison import Comparison, correct
from .families import compare_over_seeds


@dataclass(frozen=True)
class Shortfall:
    """The scenarios that train a task and are below the strongest baseline in a metric of it."""

    metric: str
    """`task/metric`."""
    baseline: str
    """The one with the best mean."""
    below: tuple[str, ...]
    """Scenarios that are worse by the verdict."""
    not_above: tuple[str, ...]
    """Scenarios that cannot be judged, since they have too few seeds or are equal in each, and have
    no better mean."""
    trained: int
    """Number of scenarios that train the task and have results."""


def strongest_baseline(results: Results, metric: Metric) -> Scenario | None:
    """The baseline with the best mean of a metric over its seeds; None where none has it."""
    having = [one for one in results.baselines.values() if one.runs and one.has(metric)]

    def strength(one: Scenario) -> float:
        return metric.sign * statistics.fmean(one.values(metric, list(one.runs)))

    return max(having, key=strength, default=None)


def against_baselines(results: Results, confidence: float = 0.95) -> list[Comparison]:
    """Compare each scenario with the strongest baseline of each task that it trains.

    Paired by seed, in the headline metrics, as one family of tests.

    Args:
        results: Of a suite.
        confidence: Of each interval; 1 − confidence is the level of the whole family.
    """
    rivals = {metric: strongest_baseline(results, metric) for metric in results.choose(None)}
    return correct(
        compare_over_seeds(metric, rival, arm, confidence)
        for metric, rival in rivals.items()
        for arm in results.measured.values()
        if rival and metric.task in arm.tasks and arm.has(metric) and common_seeds(rival, arm)
    )


def shortfalls(results: Results, confidence: float = 0.95) -> list[Shortfall]:
    """Find where scenarios are below the strongest baseline of a task that they train.

    Args:
        results: Of a suite.
        confidence: As for `against_baselines`, by which they are judged.

    Returns:
        One for each headline metric in which there are such scenarios, in the suite's order.
    """
    by_metric: dict[tuple[str, str], list[Comparison]] = {}
    for one in against_baselines(results, confidence):
        by_metric.setdefault((one.metric, one.a), []).append(one)
    told = []
    for (metric, baseline), compared in by_metric.items():
        below = tuple(one.b for one in compared if one.verdict == "worse")
        unjudged = [one for one in compared if one.verdict in ("too few seeds", "identical")]
        not_above = tuple(one.b for one in unjudged if one.mean <= 0)
        if below or not_above:
            task = metric.partition("/")[0]
            trained = sum(task in arm.tasks for arm in results.measured.values())
            told.append(Shortfall(metric, baseline, below, not_above, trained))
    return told
