"""Which scenarios are compared in which metrics, as one family."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

from mtbench.errors import RecordError
from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .comparison import Comparison, check_confidence, compare_values, correct

Pairs = Sequence[tuple[str, str]] | Literal["all"] | None
Triple = tuple[Metric, Scenario, Scenario]


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
        metrics: `task/metric` names; default: the headline metrics.
        pairs: Names (a, b) of scenarios, b the one the comparison is about, where either may be a
            baseline; "all" for all scenarios. Default: every scenario of several tasks against the
            single-task scenario of each task, and against the first scenario of several tasks.
        confidence: Of each interval; 1 − confidence is the level of the whole family.

    Returns:
        A comparison for each pair and metric, pair after pair.

    Raises:
        RecordError: A name is unknown, a pair has nothing in common, or `confidence` is none.
    """
    check_confidence(confidence)
    compare = partial(compare_over_seeds, confidence=confidence)
    return compare_family(results, metrics, pairs, compare)


def compare_over_seeds(
    metric: Metric, a: Scenario, b: Scenario, confidence: float = 0.95
) -> Comparison:
    """Compare b with a in a metric over the seeds they share, of which there is one."""
    seeds = common_seeds(a, b)
    names = (metric.key, a.name, b.name)
    values = a.values(metric, seeds), b.values(metric, seeds)
    return compare_values(*values, names, metric.higher_is_better, confidence)


def compare_family(
    results: Results,
    metrics: Sequence[str] | None,
    pairs: Pairs,
    compare: Callable[[Metric, Scenario, Scenario], Comparison],
) -> list[Comparison]:
    """Compare each pair in each of its metrics, and correct for their number."""
    chosen = results.choose(metrics)
    if pairs is None:
        triples = list(_default(results, chosen))
    elif pairs == "all":
        both = itertools.combinations(results.measured.values(), 2)
        triples = [triple for a, b in both for triple in _shared(chosen, a, b)]
    else:
        triples = [triple for pair in pairs for triple in _named(results, chosen, *pair)]
    return correct(compare(*triple) for triple in triples)


def _default(results: Results, metrics: Sequence[Metric]) -> Iterator[Triple]:
    several = [s for s in results.measured.values() if len(s.tasks) > 1]
    for b in several:
        for metric in metrics:
            if single := results.single(metric.task, b):
                yield from _shared([metric], single, b)
        if b is not several[0]:
            yield from _shared(metrics, several[0], b)


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
