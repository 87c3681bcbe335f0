"""Scenarios that a strong simple model beats: each against the strongest baseline."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

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
    """Scenarios that have too few seeds to be judged, and no better mean."""
    trained: int
    """Number of scenarios that train the task and have results."""


def strongest_baseline(results: Results, metric: Metric) -> Scenario | None:
    """The baseline with the best mean of a metric over its seeds; None where none has it."""
    having = [one for one in results.baselines.values() if one.runs and one.has(metric)]

    def strength(one: Scenario) -> float:
        return metric.sign * statistics.fmean(one.values(metric, list(one.runs)))

    return max(having, key=strength, default=None)


def shortfalls(results: Results, confidence: float = 0.95) -> list[Shortfall]:
    """Find where scenarios are below the strongest baseline of a task that they train.

    Paired by seed and judged as all comparisons are: each scenario against the strongest baseline
    in each headline metric, as one family.

    Args:
        results: Of a suite.
        confidence: 1 − confidence is the level of the whole family.

    Returns:
        One for each headline metric in which there are such scenarios, in the suite's order.
    """
    compare = partial(compare_over_seeds, confidence=confidence)
    rivals = {metric: strongest_baseline(results, metric) for metric in results.choose(None)}
    arms = results.measured.values()
    judged = correct(
        compare(metric, rival, arm)
        for metric, rival in rivals.items()
        for arm in arms
        if rival and metric.task in arm.tasks and arm.has(metric) and common_seeds(rival, arm)
    )
    by_metric: Mapping[str, list[Comparison]] = {
        metric.key: [one for one in judged if one.metric == metric.key] for metric in rivals
    }
    told = []
    for metric, rival in rivals.items():
        found = by_metric[metric.key]
        below = tuple(one.b for one in found if one.verdict == "worse")
        unjudged = [one for one in found if one.p_adjusted is None and one.verdict != "identical"]
        not_above = tuple(one.b for one in unjudged if one.mean <= 0)
        if rival and (below or not_above):
            trained = sum(metric.task in arm.tasks for arm in arms)
            told.append(Shortfall(metric.key, rival.name, below, not_above, trained))
    return told
