"""The clauses for baselines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from mtbench.data.interactions import Interactions
from mtbench.errors import DataError
from mtbench.plugin.baseline import Baseline, Fitted, Given

from .tiny import TinyDataset

GIVEN = get_args(Given)


def tiny_rows() -> tuple[Interactions, np.ndarray]:
    """Rows and their labels: pairs that are there twice, two queries and candidates without any."""
    tiny = TinyDataset().load().interactions
    rows = tiny.take(np.concatenate([np.arange(60), np.arange(5)]))
    rows = Interactions(rows.columns, tiny.num_queries + 2, tiny.num_candidates + 2)
    return rows, rows.columns["user_rating"].astype(np.float64)


def fitted(baseline: Baseline, given: Given, seed: int = 1) -> Fitted:
    """Fit the tiny rows for a task that wants this."""
    baseline.require()
    rows, labels = tiny_rows()
    return baseline.fit(rows, labels if given == "predictions" else None, seed)


ASKED = np.array([0, *range(9, -1, -1)])
"""The queries of the tiny rows, and one of them twice."""


def numbers(model: Any, given: Given, asked: np.ndarray = ASKED) -> np.ndarray:
    """What it gives for some queries and all candidates, `[asked, num_candidates]`."""
    asked, candidates = asked.astype(np.int32), np.arange(tiny_rows()[0].num_candidates)
    if given == "scores":
        return np.asarray(model.scores(asked))
    pairs = np.repeat(asked, len(candidates)), np.tile(candidates, len(asked)).astype(np.int32)
    return np.asarray(model.predictions(*pairs)).reshape(len(asked), -1)


def baseline_gives(baseline: Baseline) -> str | None:
    """It gives scores, predictions, or both, and what it fits has these methods."""
    gives = tuple(baseline.gives)
    if not gives or not set(gives) <= set(GIVEN) or len(set(gives)) < len(gives):
        return f"expected some of {', '.join(GIVEN)} in `gives`, found {list(gives)}"
    for given in gives:
        if not callable(getattr(fitted(baseline, given), given, None)):
            return f"`gives` names {given}, and what `fit` returns has no method of this name"
    return None


def baseline_numbers(baseline: Baseline) -> str | None:
    """Its numbers are finite, for all queries and candidates, those without a row included."""
    rows, _ = tiny_rows()
    for given in baseline.gives:
        found = numbers(fitted(baseline, given), given)
        expected = (len(ASKED), rows.num_candidates)
        if found.dtype.kind != "f" or found.shape != expected:
            shape = f"{found.dtype} {list(found.shape)}"
            return (
                f"{given} of {expected[0]} queries: expected float {list(expected)}, found {shape}"
            )
        if not np.isfinite(found).all():
            return f"{given}: a number is not finite"
    return None


def baseline_seed(baseline: Baseline) -> str | None:
    """A seed gives the same numbers again, whatever was fitted between; rows stay as they are."""
    for given in baseline.gives:
        baseline.require()
        (rows, labels), (before, labels_before) = tiny_rows(), tiny_rows()
        target = labels if given == "predictions" else None
        first = numbers(baseline.fit(rows, target, 1), given)
        fitted(baseline, given, seed=2)
        if not np.array_equal(first, numbers(fitted(baseline, given), given)):
            return f"{given}: one seed gives other numbers when it is fitted again"
        same = all(np.array_equal(rows.columns[name], x) for name, x in before.columns.items())
        if not same or not np.array_equal(labels, labels_before):
            return f"{given}: fitting changes the rows or their labels"
    return None


def baseline_asked(baseline: Baseline) -> str | None:
    """What a query is given does not depend on what is asked with it, but for rounding."""
    for given in baseline.gives:
        model = fitted(baseline, given)
        together = numbers(model, given).copy()
        alone = numbers(model, given, np.array([3]))
        difference = np.abs(together[ASKED == 3] - alone).max()
        if difference > 1e-5 * max(1.0, float(np.abs(together).max())):
            return f"{given}: query 3 alone is given other numbers than among others"
        if not np.array_equal(together, numbers(model, given)):
            return f"{given}: asking again gives other numbers"
    return None


def _unless_refused(clause: Callable[[Baseline], str | None]) -> Callable[[Any], str | None]:
    """A clause that holds where the baseline refuses, as one of a file that is not there."""

    @functools.wraps(clause)
    def holds(baseline: Baseline) -> str | None:
        try:
            baseline.require()
        except DataError as error:  # it has said so, and that is all
            return None if len(str(error).splitlines()) == 1 else "a refusal is not one line"
        return clause(baseline)

    return holds


BASELINE_CLAUSES: tuple[Callable[[Any], str | None], ...] = tuple(
    map(_unless_refused, (baseline_gives, baseline_numbers, baseline_seed, baseline_asked))
)
