"""Exact scoring on the test part: what heads need for it, and ranks over the whole catalogue."""

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
