"""What simple models reach: each task's best scenario against the strongest baseline or floor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .comparison import Comparison
from .families import RIVAL


@dataclass(frozen=True)
class Standing:
    """The scenarios that train a task against the strongest simple model."""

    metric: Metric
    rival: str
    """The baseline with the best mean, without one the floor."""
    kind: Literal["baseline", "floor"]
    best: Comparison
    """The scenario with the best mean against it."""
    below: tuple[str, ...]
    """Scenarios with a mean over the same seeds that is not better."""
    trained: int
    """Number of scenarios that train the task and have results."""


def against_rivals(results: Results, planned: Iterable[Comparison]) -> list[Standing]:
    """Hold the scenarios of each task to its strongest baseline, without one to its floor.

    Args:
        results: Of a suite.
        planned: The comparisons of `evidence.planned`, which judge the best scenario.

    Returns:
        One for each main metric that has such a rival, in the suite's order.
    """
    judged = {one.metric: one for one in planned if RIVAL in one.why}
    found = []
    for metric in results.judged_metrics:
        if metric.key not in judged:
            continue
        best, trained = judged[metric.key], results.trained(metric)
        baseline = results.strongest_baseline(metric)
        below = [one.name for one in trained if _lead(results, metric, one, best.a) <= 0]
        kind: Literal["baseline", "floor"] = "baseline" if baseline else "floor"
        found.append(Standing(metric, best.a, kind, best, tuple(below), len(trained)))
    return found


def _lead(results: Results, metric: Metric, arm: Scenario, rival: str) -> float:
    """By how much a mean is better than the rival's over the seeds they share, or else over all."""
    if rival in results.baselines:
        baseline = results.baselines[rival]
        seeds = common_seeds(arm, baseline)
        theirs = baseline.values(metric, seeds or list(baseline.runs))
        ours = arm.values(metric, seeds or list(arm.runs))
    else:
        floors = arm.floor_values(metric, rival)
        theirs, ours = np.array([*floors.values()]), arm.values(metric, [*floors])
    return float(metric.sign * (ours.mean() - theirs.mean()))
