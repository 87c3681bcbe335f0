"""Predict the rating: a network over the two embeddings, on `tfrs.tasks.Ranking`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from pydantic import Field

import mtbench

BLOCK = 65536
"""Examples predicted at once in evaluation."""


class Ranking(mtbench.Task):
    """Predict a number for a pair of query and candidate."""

    name = "ranking"
    likelihood = "regression"
    label: str = "user_rating"
    """Column to predict."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Units of the hidden layers, ReLU each; one linear unit follows."""
    loss: Literal["mean_squared_error", "mean_absolute_error", "huber"] = "mean_squared_error"
    """Loss of `tf.keras.losses`."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the examples of a batch."""

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """Root mean squared and mean absolute error."""
        return (
            mtbench.Metric("rmse", higher_is_better=False, headline=True),
            mtbench.Metric("mae", higher_is_better=False),
        )

    def needs(self) -> tuple[str, ...]:
        """The label."""
        return (self.label,)

    def build(self, num_queries: int, num_candidates: int) -> RankingHead:
        """Make the network; its size does not depend on the dataset."""
        return RankingHead(self)

    def floors(
        self, train: mtbench.Interactions, test: mtbench.Interactions
    ) -> dict[str, dict[str, float]]:
        """Score the training part's mean, and the mean with a bias for each user and item."""
        mean = float(np.mean(train.columns[self.label], dtype=np.float64))
        labels = test.columns[self.label]
        return {
            "global mean": errors(labels, np.full(len(test), mean)),
            "user+item bias": errors(labels, bias_predictions(train, test, self.label)),
        }


class RankingHead:
    """A network over the concatenated embeddings of query and candidate."""

    def __init__(self, options: Ranking) -> None:
        self.label = options.label
        hidden = [tf.keras.layers.Dense(units, activation="relu") for units in options.units]
        self.network = [*hidden, tf.keras.layers.Dense(1)]
        reductions = tf.keras.losses.Reduction
        mean, total = reductions.SUM_OVER_BATCH_SIZE, reductions.SUM
        self.task = tfrs.tasks.Ranking(
            loss=tf.keras.losses.get(
                {
                    "class_name": _KERAS[options.loss],
                    "config": {"reduction": mean if options.reduction == "mean" else total},
                }
            )
        )

    def adapt(self, train: mtbench.Interactions) -> None:
        """Nothing of the head depends on the training part."""

    def predict(self, batch: Any) -> Any:
        """Predictions, float32 `[batch]`."""
        output = tf.concat([batch.query.expand(), batch.candidate.expand()], axis=1)
        for layer in self.network:
            output = layer(output)
        return tf.squeeze(output, axis=1)

    def loss(self, batch: Any) -> Any:
        """Loss over the batch, scalar."""
        labels, predictions = batch.columns[self.label], self.predict(batch)
        # [batch, 1] each: Keras averages a loss over the last axis before it reduces
        return self.task(
            labels=labels[:, tf.newaxis],
            predictions=predictions[:, tf.newaxis],
            compute_metrics=False,
        )

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Errors over the whole test part, summed in float64."""
        parts = [self.predict(batch).numpy() for _, batch in view.batches(BLOCK)]
        predictions, labels = np.concatenate(parts), view.test.columns[self.label]
        difference = labels.astype(np.float64) - predictions
        view.by_query["rmse"] = np.sqrt(view.mean_by_query(difference**2))
        view.by_query["mae"] = view.mean_by_query(np.abs(difference))
        return errors(labels, predictions)


_KERAS = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "huber": "Huber",
}


def errors(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Root mean squared and mean absolute error, in float64."""
    difference = labels.astype(np.float64) - predictions
    return {
        "rmse": float(np.sqrt(np.mean(difference**2))),
        "mae": float(np.mean(np.abs(difference))),
    }


def bias_predictions(
    train: mtbench.Interactions, test: mtbench.Interactions, label: str
) -> np.ndarray:
    """Predict μ + b_u + b_i (Koren, TKDD 2010, eq. 1), fitted by ten rounds of least squares.

    Alternately b_i = Σ (r − μ − b_u) / (10 + n_i) and b_u = Σ (r − μ − b_i) / (15 + n_u): the
    shrinkage that Surprise's `BaselineOnly` has made customary.

    Args:
        train: Ratings to fit.
        test: Ratings to predict; a user or item without a training row has bias 0.
        label: Column of the ratings.

    Returns:
        float64 `[len(test)]`.
    """
    labels = train.columns[label].astype(np.float64)
    mean = labels.mean()
    user, item = np.zeros(train.num_queries), np.zeros(train.num_candidates)
    users = np.bincount(train.query, minlength=train.num_queries)
    items = np.bincount(train.candidate, minlength=train.num_candidates)
    for _ in range(10):
        rest = labels - mean - user[train.query]
        item = np.bincount(train.candidate, rest, train.num_candidates) / (10 + items)
        rest = labels - mean - item[train.candidate]
        user = np.bincount(train.query, rest, train.num_queries) / (15 + users)
    return np.asarray(mean + user[test.query] + item[test.candidate])


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Ranking]
