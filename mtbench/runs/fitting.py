"""A baseline in a run: fitted for each task it serves, and scored by the task's own metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from mtbench.plugin.baseline import Fitted
from mtbench.plugin.view import ScoredPart
from mtbench.suite.setup import Setup

from .stages import Divided, Stages


def fit_and_score(
    setup: Setup, seed: int, stages: Stages, parts: Divided, results: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Fit a setup's baseline with the scored part out of reach, and score it.

    Args:
        setup: One of a baseline.
        seed: Of all that is random in it.
        stages: Have the data.
        parts: Of the seed.
        results: Get the metrics and how long it took.

    Returns:
        `{"task/metric": [num_queries]}`.
    """
    assert setup.baseline is not None  # noqa: S101 - the caller has looked
    fitted, spent = {}, time.perf_counter()
    data = stages.data(setup)
    with data.interactions.sealed(), parts.test.sealed():
        for name in setup.trained:
            rows, labels = setup.tasks[name].examples(parts.train)
            fitted[name] = setup.baseline.fit_named(
                rows, labels, seed, (data.query, data.candidate)
            )
    spent = time.perf_counter() - spent
    results["timings"]["train_s"] = spent
    return _score(setup, fitted, parts, results)


def _score(
    setup: Setup, fitted: Mapping[str, Fitted], parts: Divided, results: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Score what was fitted for each task, and return the values by query."""
    seen, scored = parts.scored(setup)
    started = time.perf_counter()
    metrics: dict[str, dict[str, float]] = {}
    by_query: dict[str, np.ndarray] = {}
    for name, model in fitted.items():
        part = ScoredPart(parts.train, scored, seen)
        task = setup.tasks[name]
        give: Any = getattr(model, task.wants or "", None)
        if give is None:
            raise TypeError(f"{setup.scenario!r}: what `fit` returned has no {task.wants!r}")
        if task.wants == "predictions":
            give = np.asarray(give(part.test.query, part.test.candidate))
        metrics[name] = task.score(give, part)
        by_query |= {f"{name}/{metric}": values for metric, values in part.by_query.items()}
    seconds = time.perf_counter() - started
    results["metrics"] = metrics
    results["timings"] |= {
        "evaluate_s": seconds,
        "evaluate_examples_per_s": len(scored) / seconds,
    }
    return by_query
