"""Which scenarios are compared in which metrics, as one family."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from mtbench.errors import RecordError
from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .comparison import Comparison, check_confidence, compare_values, correct

Pairs = Sequence[tuple[str, str]] | Literal["all"] | None
Triple = tuple[Metric, Scenario, Scenario]
SINGLE, FIRST, SECOND, RIVAL = (
    "its single task",
    "the first of several tasks",
    "best against second",
    "the strongest rival",
)
"""What a comparison is planned for."""


def compare_scenarios(
    results: Results,
    *,
    metrics: Sequence[str] | None = None,
    pairs: Pairs = None,
    confidence: float = 0.95,
) -> list[Comparison]:
    """Compare the scenarios of a suite, paired by seed, as one family of tests.

    Scenarios that have no seed in common are not compared, nor are scenarios in a metric of a task
    that one of them does not train.

    Args:
        results: Of a suite.
        metrics: `task/metric` names; default: the headline metrics, of planned comparisons those
            of `planned`.
        pairs: Names (a, b) of scenarios, b the one the comparison is about, where either may be a
            baseline; "all" for all scenarios. Default: those of `planned`.
        confidence: Of each interval; 1 − confidence is the level of the whole family.

    Returns:
        A comparison for each pair and metric, pair after pair.

    Raises:
        RecordError: A name is unknown, a pair has nothing in common, or `confidence` is none.
    """
    check_confidence(confidence)
    if pairs is None:
        return planned(results, metrics=metrics, confidence=confidence)
    return compare_family(results, metrics, pairs, partial(over_seeds, confidence=confidence))


def planned(
    results: Results, *, metrics: Sequence[str] | None = None, confidence: float = 0.95
) -> list[Comparison]:
    """The few comparisons that a suite is run for, corrected together: all that gets a verdict.

    In each metric, of the scenarios that train its task:

    - each scenario of several tasks with the scenario of that task alone, its twin;
    - each scenario of several tasks with a first one of the same tasks, such as a tuned constant:
      of those before it in the suite the one that differs least, of many the first;
    - the best mean with the second;
    - the best mean with the strongest baseline, without one with the strongest floor. Both were
      chosen by these results: where it is better its p-value is taken times the number of scenarios
      it is the best of, where it is worse times that of the baselines.

    A twin learns from the same labels; of several, it is the one that differs least in what the
    scenarios of the suite change. A pair that is planned twice is compared once.

    Args:
        results: Of a suite.
        metrics: `task/metric` names; default: the first headline metric of each task, of a suite
            with a main task of that one alone.
        confidence: Of each interval; 1 − confidence is the level of the whole family.

    Raises:
        RecordError: A name is unknown, or `confidence` is none.
    """
    check_confidence(confidence)
    found: dict[tuple[str, frozenset[str]], Comparison] = {}
    for metric in results.judged_metrics if metrics is None else results.choose(metrics):
        for one, why in _planned(results, metric, confidence):
            key = (metric.key, frozenset((one.a, one.b)))
            first = found.setdefault(key, one)
            found[key] = replace(first, why=(*first.why, why))
    return correct(found.values())


def _planned(
    results: Results, metric: Metric, confidence: float
) -> Iterator[tuple[Comparison, str]]:
    """What is planned of a metric, with its reasons."""
    trained = results.trained(metric)
    several = [one for one in trained if len(one.tasks) > 1]
    for n, b in enumerate(several):
        before = [one for one in several[:n] if one.tasks == b.tasks]
        for a, why in ((results.single(metric.task, b), SINGLE), (results.like(b, before), FIRST)):
            if a and a.has(metric) and common_seeds(a, b):
                yield over_seeds(metric, a, b, confidence), why
    if not trained:
        return
    best, *others = results.ranked(metric)
    second = next((one for one in others if common_seeds(one, best)), None)
    if second:
        yield over_seeds(metric, second, best, confidence), SECOND
    if rival := against_rival(results, metric, best, confidence):
        baselines = sum(one.has(metric) for one in results.baselines.values() if one.runs)
        among = len(trained) if rival.mean > 0 else max(baselines, 1)
        p = None if rival.p is None else min(1.0, among * rival.p)
        yield replace(rival, p=p), RIVAL


def against_rival(
    results: Results, metric: Metric, arm: Scenario, confidence: float = 0.95
) -> Comparison | None:
    """Compare a scenario with the strongest baseline, without one with the strongest floor."""
    baseline = results.strongest_baseline(metric)
    if baseline:
        return (
            over_seeds(metric, baseline, arm, confidence) if common_seeds(baseline, arm) else None
        )
    floor = results.strongest_floor(metric)
    return over_floor(metric, floor, arm, confidence) if floor else None


def over_floor(
    metric: Metric, floor: str, arm: Scenario, confidence: float = 0.95
) -> Comparison | None:
    """Compare a scenario with a floor on the same splits; None where no run has the floor."""
    values = arm.floor_values(metric, floor)
    if not values:
        return None
    return _compared(metric, floor, np.array([*values.values()]), arm, [*values], confidence)


def over_seeds(metric: Metric, a: Scenario, b: Scenario, confidence: float = 0.95) -> Comparison:
    """Compare b with a in a metric over the seeds they share, of which there is one."""
    seeds = common_seeds(a, b)
    return _compared(metric, a.name, a.values(metric, seeds), b, seeds, confidence)


def _compared(
    metric: Metric, a: str, values: np.ndarray, b: Scenario, seeds: Sequence[int], confidence: float
) -> Comparison:
    """Compare b with values of the same seeds; seeds of one split count as one, but not of all.

    Seeds that share a split share the luck of its test part: only where all do, so that the split
    is what the comparison is for, does each count for itself.
    """
    sides = values, b.values(metric, seeds)
    splits = [b.runs[seed].split for seed in seeds]
    different = len(set(splits))
    names = (metric.key, a, b.name)
    if 1 < different < len(seeds):
        _, group = np.unique(splits, return_inverse=True)
        left, right = (np.bincount(group, side) / np.bincount(group) for side in sides)
        return compare_values(
            left, right, names, metric.higher_is_better, confidence, over="splits"
        )
    share = b.runs[seeds[0]].scored_share if different > 1 else None
    return compare_values(*sides, names, metric.higher_is_better, confidence, test_share=share)


def with_best(
    results: Results, metric: Metric, told: Iterable[Comparison], confidence: float = 0.95
) -> list[Comparison]:
    """Each scenario, baseline and floor with the best scenario: to look at, not corrected.

    Args:
        results: Of a suite.
        metric: One of its metrics.
        told: Comparisons that are left out, since they are told already.
        confidence: Of each interval.

    Returns:
        In the order of the suite; a is the other, b the best.
    """
    trained = results.trained(metric)
    if not trained:
        return []
    best = results.ranked(metric)[0]
    others = [*trained, *(one for one in results.baselines.values() if one.has(metric))]
    pairs = {frozenset((one.a, one.b)) for one in told if one.metric == metric.key}
    found: list[Comparison | None] = [
        over_seeds(metric, other, best, confidence)
        for other in others
        if other is not best and common_seeds(other, best)
    ]
    floors = next(iter(best.runs.values())).floors.get(metric.task, {})
    found += [over_floor(metric, floor, best, confidence) for floor in floors]
    return [one for one in found if one and frozenset((one.a, one.b)) not in pairs]


def compare_family(
    results: Results,
    metrics: Sequence[str] | None,
    pairs: Pairs,
    compare: Callable[[Metric, Scenario, Scenario], Comparison],
) -> list[Comparison]:
    """Compare each pair in each of its metrics, and correct for their number.

    Args:
        results: Of a suite.
        metrics: As for `compare_scenarios`.
        pairs: As for `compare_scenarios`, but that None is for the pairs that `planned` has of
            scenarios.
        compare: Compares b with a in a metric.
    """
    chosen = results.choose(metrics)
    if pairs is None:
        arms, by_key = results.measured, {metric.key: metric for metric in chosen}
        triples = [
            (by_key[one.metric], arms[one.a], arms[one.b])
            for one in planned(results, metrics=[*by_key])
            if one.a in arms
        ]
    elif pairs == "all":
        both = itertools.combinations(results.measured.values(), 2)
        triples = [triple for a, b in both for triple in _shared(chosen, a, b)]
    else:
        triples = [triple for pair in pairs for triple in _named(results, chosen, *pair)]
    return correct(compare(*triple) for triple in triples)


def _shared(metrics: Sequence[Metric], a: Scenario, b: Scenario) -> Iterator[Triple]:
    """The metrics of tasks that both train, where they have a seed in common."""
    if common_seeds(a, b):
        for metric in metrics:
            if all(metric.task in one.tasks and one.has(metric) for one in (a, b)):
                yield metric, a, b


def _named(results: Results, metrics: Sequence[Metric], a: str, b: str) -> list[Triple]:
    """The comparisons of a pair that was asked for.

    Raises:
        RecordError: There are none.
    """
    first, second = results.scenario(a), results.scenario(b)
    if not common_seeds(first, second):
        raise RecordError(f"expected {a!r} and {b!r} with a seed in common, found none")
    found = list(_shared(metrics, first, second))
    if not found:
        keys = ", ".join(metric.key for metric in metrics)
        raise RecordError(f"expected {a!r} and {b!r} to train a task of {keys}, found none in both")
    return found
