"""Exact scoring on the test part, and losses on the validation part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mtbench.data.interactions import Interactions
from mtbench.plugin.view import TestView, together

if TYPE_CHECKING:
    from .model import MultiTaskModel


@dataclass(frozen=True)
class Scores:
    """What a model scored."""

    metrics: dict[str, dict[str, float]]
    """`{task: {metric: value}}`."""
    by_query: dict[str, np.ndarray]
    """`{"task/metric": [num_queries]}`, for the metrics that heads keep by query."""


def evaluate(
    model: MultiTaskModel,
    train: Interactions,
    test: Interactions,
    known: Interactions | None = None,
) -> Scores:
    """Score every task.

    Args:
        model: A trained model.
        train: What it was trained on.
        test: What to score it on: the test part, or between epochs the validation part.
        known: What a query has seen, which rankings can leave out; default: the training part.
    """
    test = together(test)
    views = {name: TestView(model, name, train, test, known) for name in model.heads}
    metrics = {name: head.evaluate(views[name]) for name, head in model.heads.items()}
    by_query = {
        f"{name}/{metric}": values
        for name, view in views.items()
        for metric, values in view.by_query.items()
    }
    return Scores(metrics, by_query)


def losses(model: MultiTaskModel, rows: Interactions, size: int) -> dict[str, float]:
    """The loss of each trained task, as in training but without dropout.

    A mean over batches of the size of training, in one random order that is always the same, by the
    number of rows that count: a loss over a batch's own candidates depends on both.

    Args:
        model: A model that is being trained.
        rows: The validation part.
        size: Of a batch.

    Returns:
        By task; one without a row that counts, or whose loss is not finite, is left out.
    """
    order = np.random.default_rng(0).permutation(len(rows))
    sums, numbers = dict.fromkeys(model.trained, 0.0), dict.fromkeys(model.trained, 0)
    for start in range(0, len(rows), size):
        found = model.losses_and_counts(rows.take(order[start : start + size]).columns)
        for name, (loss, count) in found.items():
            sums[name] += float(loss) * int(count) if int(count) else 0.0
            numbers[name] += int(count)
    means = {name: sums[name] / count for name, count in numbers.items() if count}
    return {name: mean for name, mean in means.items() if np.isfinite(mean)}
