"""Scenarios that a strong simple model beats: each task's against its strongest baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .comparison import Comparison


@dataclass(frozen=True)
class Shortfall:
    """The scenarios that train a task and have a worse mean than the strongest baseline."""

    metric: str
    """`task/metric`."""
    baseline: str
    """The one with the best mean."""
    below: tuple[str, ...]
    """Scenarios with a mean that is worse, or equal."""
    trained: int
    """Number of scenarios that train the task and have results."""
    best: Comparison | None
    """The scenario with the best mean against the baseline, where they share a seed."""


def shortfalls(results: Results, planned: Iterable[Comparison]) -> list[Shortfall]:
    """Find where scenarios are below the strongest baseline of a task that they train, by means.

    Args:
        results: Of a suite.
        planned: The comparisons of `evidence.planned`, which judge the best scenario.

    Returns:
        One for each main metric in which there are such scenarios, in the suite's order.
    """
    judged = {(one.metric, one.a, one.b): one for one in planned}
    told = []
    for metric in results.main_metrics:
        baseline, trained = results.strongest_baseline(metric), results.trained(metric)
        if not baseline or not trained:
            continue

        def is_below(one: Scenario, metric: Metric = metric, rival: Scenario = baseline) -> bool:
            shared = common_seeds(one, rival)
            seeds = [(shared or list(side.runs)) for side in (one, rival)]
            means = [s.values(metric, n).mean() for s, n in zip((one, rival), seeds, strict=True)]
            return bool(metric.sign * (means[0] - means[1]) <= 0)

        below = tuple(one.name for one in trained if is_below(one))
        best = max(trained, key=lambda one: metric.sign * one.mean(metric))
        if below:
            against = judged.get((metric.key, baseline.name, best.name))
            told.append(Shortfall(metric.key, baseline.name, below, len(trained), against))
    return told
