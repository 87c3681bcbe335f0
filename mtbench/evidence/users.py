"""Comparison over seeds and users, both as samples: for other users, and other trained models.

A metric by user is a quantity of its own: the mean over users of each user's RMSE is not the RMSE
of all rows. So its name says `by user`, and a page has no verdict on it beside that of the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtbench.errors import RecordError
from mtbench.records.record import Record
from mtbench.records.results import Metric, Results, Scenario, common_seeds

from .changes import MIN_PAIRS, ROUNDING, Change
from .comparison import Comparison, check_confidence, compare_values, correct
from .families import Pairs, compare_family


def compare_users(
    values_a: np.ndarray,
    values_b: np.ndarray,
    names: tuple[str, str, str] = ("metric", "a", "b"),
    higher_is_better: bool = True,
    *,
    confidence: float = 0.95,
) -> Comparison:
    """Compare what two scenarios do for the same users, seeds and users crossed.

    d_su = μ + S_s + U_u + E_su: the model of seed s differs by S_s for all users, user u by U_u in
    all seeds. The squared error of the mean of all d is at most var_s(d_s·)/n_s + var_u(d_·u)/n_u,
    the sum of what either sample alone would have; it is judged by t with Satterthwaite's degrees
    of freedom. Users alone are no replicates of training: a test over them takes the luck of one
    model's initial weights for a property of its scenario.

    Source: Owen, The pigeonhole bootstrap, 2007, sections 2 and 3 (the variance of a mean of
    crossed random effects, and that the sum is conservative); Satterthwaite, An approximate
    distribution of estimates of variance components, 1946.

    Args:
        values_a: Values of a, float `[seeds, users]`. NaN where a user has none; users without a
            value on either side are left out.
        values_b: Values of b for the same seeds and users, of the same shape.
        names: `task/metric` and the names of a and b.
        higher_is_better: Direction of the metric.
        confidence: Of the interval, from 0.5 to below 1.

    Raises:
        RecordError: The shapes differ, there is no user in both, or `confidence` is none.
    """
    check_confidence(confidence)
    a, b = np.asarray(values_a, np.float64), np.asarray(values_b, np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise RecordError(
            f"expected values of the same seeds and users, found shapes {a.shape} and {b.shape}"
        )
    missing = np.isnan(a + b)
    kept = ~missing.all(axis=0)
    if not kept.any() or missing.all(axis=1).any():
        raise RecordError(
            f"expected users with a value of {names[0]} on both sides in every seed, found none"
        )
    a, b = (np.where(missing, np.nan, values)[:, kept] for values in (a, b))
    metric, *arms = names
    over_seeds = compare_values(
        np.nanmean(a, axis=1),
        np.nanmean(b, axis=1),
        (f"{metric} by user", arms[0], arms[1]),
        higher_is_better,
        confidence,
        over="seeds and users",
    )
    change = over_seeds.change
    if not np.all(np.abs(b - a)[~np.isnan(b)] <= ROUNDING * np.abs(b)[~np.isnan(b)]):
        change = _crossed(change, np.nanmean(b - a, axis=0))
    low, high = change.interval(confidence) or (None, None)
    crossed = (change.error, change.df)
    told = replace(over_seeds, p=change.p, low=low, high=high, effect=None, crossed=crossed)
    return correct([told])[0]


def _crossed(seeds: Change, by_user: np.ndarray) -> Change:
    """The change over seeds, with the error and degrees of freedom of seeds and users crossed."""
    if not seeds.df or len(by_user) < MIN_PAIRS:
        return replace(seeds, df=0, error=math.inf)
    parts = [seeds.error**2, float(np.var(by_user, ddof=1)) / len(by_user)]
    df = sum(parts) ** 2 / sum(
        part**2 / (n - 1) for part, n in zip(parts, (seeds.n_a, len(by_user)), strict=True)
    )
    return replace(seeds, error=math.sqrt(sum(parts)), df=df)


def compare_scenarios_over_users(
    results: Results,
    users: Mapping[str, Mapping[str, Any]],
    *,
    metrics: Sequence[str] | None = None,
    pairs: Pairs = None,
    confidence: float = 0.95,
) -> list[Comparison]:
    """Compare the scenarios of a suite over seeds and users, for claims about other users.

    Args:
        results: As for `compare_scenarios`, which says what is compared.
        users: By run id and `task/metric`: float `[users]`, the same users in every run; such as
            `records.read_by_query` reads.
        metrics: `task/metric` names; default: those headline metrics that all runs have by user.
        pairs: As for `compare_scenarios`.
        confidence: Of each interval; 1 − confidence is the level of the whole family.

    Returns:
        Comparisons of `task/metric by user`.

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
