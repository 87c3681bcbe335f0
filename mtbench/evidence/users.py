"""Paired comparison over users, of what one model each does for every one of them.

The test is Student's t, not Wilcoxon's: the claim is about the mean over users, and that is what t
tests, while the signed ranks of values with many ties, as hits are, tell of another quantity. In
evaluations of retrieval t, bootstrap and permutation tests agree and Wilcoxon's misleads (Smucker,
Allan and Carterette, A comparison of statistical significance tests for information retrieval
evaluation, CIKM 2007). The interval is the bootstrap's percentiles over users, seeded.

It says how sure one can be for other users of *these* trained models. It does not know how another
seed would have trained them: for a claim about a scenario, compare seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtbench.errors import RecordError
from mtbench.records.record import Record
from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .comparison import Comparison, check_confidence, compare_values, correct
from .families import Pairs, compare_family

_DRAWS_AT_ONCE = 2**22


def compare_users(
    values_a: np.ndarray,
    values_b: np.ndarray,
    names: tuple[str, str, str] = ("metric", "a", "b"),
    higher_is_better: bool = True,
    *,
    confidence: float = 0.95,
    resamples: int = 1999,
) -> Comparison:
    """Compare what two models do for the same users: bootstrap interval, paired t test.

    Args:
        values_a: Values of a, float `[users]`, or `[seeds, users]`: averaged over seeds first. NaN
            where a user has none; users without a value on either side are left out.
        values_b: Values of b for the same users, of the same shape.
        names: `task/metric` and the names of a and b.
        higher_is_better: Direction of the metric.
        confidence: Of the interval, from 0.5 to below 1.
        resamples: Number of bootstrap samples.

    Raises:
        RecordError: The shapes differ, there is no user in both, or `confidence` is none.
    """
    check_confidence(confidence)
    a, b = _shared(np.asarray(values_a, np.float64), np.asarray(values_b, np.float64), names[0])
    by_t = replace(compare_values(a, b, names, higher_is_better, confidence), over="users")
    if by_t.p is None or not by_t.sd:
        return correct([by_t])[0]
    low, high = _bootstrap((b - a) * (1 if higher_is_better else -1), confidence, resamples)
    return replace(by_t, low=low, high=high)


def _shared(a: np.ndarray, b: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """The users with values on both sides, `[users]` each, averaged over the seeds they share."""
    if a.shape != b.shape or a.ndim not in (1, 2):
        raise RecordError(
            f"expected values of the same users, found shapes {a.shape} and {b.shape}"
        )
    a, b = (_over_seeds(np.where(np.isnan(a + b), np.nan, values)) for values in (a, b))
    both = ~np.isnan(a)
    if not both.any():
        raise RecordError(f"expected users with a value of {metric} on both sides, found none")
    return a[both], b[both]


def _over_seeds(values: np.ndarray) -> np.ndarray:
    """Mean over seeds of those a user has a value in, `[users]`; NaN for a user without any."""
    values = np.atleast_2d(values)
    counts = np.sum(~np.isnan(values), axis=0)
    return np.asarray(np.nansum(values, axis=0) / np.where(counts, counts, np.nan))


def _bootstrap(found: np.ndarray, confidence: float, resamples: int) -> tuple[float, float]:
    from scipy import stats  # noqa: PLC0415 - half a second

    result = stats.bootstrap(
        (found,),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        batch=max(1, _DRAWS_AT_ONCE // len(found)),
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def compare_scenarios_over_users(
    results: Results,
    users: Mapping[str, Mapping[str, Any]],
    *,
    metrics: Sequence[str] | None = None,
    pairs: Pairs = None,
    confidence: float = 0.95,
) -> list[Comparison]:
    """Compare the scenarios of a suite over users, each user's values averaged over seeds.

    Args:
        results: As for `compare_scenarios`, which says what is compared.
        users: By run id and `task/metric`: float `[users]`, the same users in every run.
        metrics: `task/metric` names; default: those headline metrics that all runs have by user.
        pairs: As for `compare_scenarios`.
        confidence: Of each interval; 1 − confidence is the level of the whole family.

    Raises:
        RecordError: As `compare_scenarios` and `compare_users`, or a run lacks values by user.
    """
    check_confidence(confidence)
    if metrics is None:
        ids = [run.run_id for run in results.runs]
        keys = [metric.key for metric in results.choose(None)]
        metrics = [key for key in keys if all(key in users.get(run, {}) for run in ids)]

    def compare(metric: Metric, a: Scenario, b: Scenario) -> Comparison:
        seeds = common_seeds(a, b)
        values = [_stacked(users, metric.key, [s.runs[seed] for seed in seeds]) for s in (a, b)]
        names = (metric.key, a.name, b.name)
        higher = metric.higher_is_better
        return compare_users(values[0], values[1], names, higher, confidence=confidence)

    return compare_family(results, metrics, pairs, compare)


def _stacked(
    users: Mapping[str, Mapping[str, Any]], key: str, runs: Sequence[Record]
) -> np.ndarray:
    """A metric's values of some runs by user, `[runs, users]`."""
    by_run = [users.get(run.run_id, {}).get(key) for run in runs]
    for run, values in zip(runs, by_run, strict=True):
        if values is None:
            where = f"{run.scenario} seed {run.seed}"
            raise RecordError(f"expected values of {key} by user, found none for {where}")
    if len({len(values) for values in by_run if values is not None}) > 1:
        raise RecordError(f"expected {key} of the same users for every seed, found other numbers")
    return np.stack([np.asarray(values, np.float64) for values in by_run])
