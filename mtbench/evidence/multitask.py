"""Δm: what training several tasks together gains or costs against training each alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .changes import MIN_PAIRS
from .comparison import check_confidence
from .formulas import t_beyond


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval."""

    mean: float
    low: float | None
    """None for fewer than 3 seeds, as `high`."""
    high: float | None


@dataclass(frozen=True)
class DeltaM:
    """A scenario of several tasks against the single-task scenarios, in percent, + is better."""

    scenario: str
    per_task: Mapping[str, Estimate]
    """By trained task: mean over its headline metrics of the relative gain."""
    mean: float
    """Mean over the tasks."""
    low: float | None
    """Interval of `mean`; None for fewer than 3 seeds, as `high`."""
    high: float | None
    n: int
    """Number of seeds that the scenario and all its single-task scenarios have."""
    left_out: tuple[str, ...] = ()
    """`task/metric` of those whose single-task value is 0 for a seed: nothing is relative to it."""
    confidence: float = 0.95


def delta_m(results: Results, confidence: float = 0.95) -> list[DeltaM]:
    """Compute Δm of every scenario of several tasks, over the seeds it shares with the baselines.

    Δm = 100 / T Σ_i ± (M_i − B_i) / |B_i|, B_i of the scenario that trains task i alone, from
    the same labels and with the same seed; + for a metric of which more is better, else −. It is
    computed for each seed; the interval is Student's t over seeds. Of a suite with a main task it
    is that task's gain alone, of the scenarios that train it.

    Source: Maninis, Radosavovic and Kokkinos, Attentive single-tasking of multiple tasks, CVPR
    2019, section 5 (there over tasks with one metric each; here a task's headline metrics are
    averaged first).

    Args:
        results: Of a suite.
        confidence: Of the intervals, from 0.5 to below 1.

    Returns:
        One for each scenario of several tasks which all have a single-task scenario and a headline
        metric that is not 0 there, and a seed that all these have.

    Raises:
        RecordError: `confidence` is none.
    """
    check_confidence(confidence)
    found = [
        _delta(results, scenario, judged, confidence)
        for scenario in results.measured.values()
        if len(scenario.tasks) > 1 and (judged := _judged(results, scenario))
    ]
    return [delta for delta in found if delta]


def _judged(results: Results, scenario: Scenario) -> list[str]:
    """The tasks of a scenario that Δm is about."""
    if results.main not in {metric.task for metric in results.metrics}:
        return list(scenario.tasks)
    return [task for task in scenario.tasks if task == results.main]


def _delta(
    results: Results, scenario: Scenario, tasks: Sequence[str], confidence: float
) -> DeltaM | None:
    singles = {task: results.single(task, scenario) for task in tasks}
    alone = {task: single for task, single in singles.items() if single}
    seeds = common_seeds(scenario, *alone.values())
    if len(alone) < len(singles) or not seeds:
        return None
    gains: dict[str, np.ndarray] = {}
    left_out: list[str] = []
    for task, single in alone.items():
        relative = []
        for metric in results.choose(None):
            if metric.task != task:
                continue
            base = single.values(metric, seeds)
            if np.all(base != 0):
                relative.append(_gain(metric, scenario.values(metric, seeds), base))
            else:
                left_out.append(metric.key)
        if not relative:
            return None
        gains[task] = np.mean(relative, axis=0)
    per_task = {task: estimate(values, confidence) for task, values in gains.items()}
    overall = estimate(np.mean(list(gains.values()), axis=0), confidence)
    return DeltaM(
        scenario.name,
        per_task,
        overall.mean,
        overall.low,
        overall.high,
        len(seeds),
        tuple(left_out),
        confidence,
    )


def _gain(metric: Metric, values: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Relative gain in percent, `[seeds]`."""
    return np.asarray(100 * metric.sign * (values - base) / np.abs(base))


def estimate(values: np.ndarray, confidence: float) -> Estimate:
    """Mean and t interval of values over seeds."""
    mean, n = float(np.mean(values)), len(values)
    if n < MIN_PAIRS:
        return Estimate(mean, None, None)
    half = t_beyond((1 - confidence) / 2, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half)
