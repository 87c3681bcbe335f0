"""Predict the rating: a score of the two embeddings, on `tfrs.tasks.Ranking` or ordinal."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from pydantic import Field, field_validator

import mtbench
from mtbench.data import is_known, labelled, require_weights
from mtbench.kit import CumulativeLogits, PairScore, labels_of, reduced
from mtbench.metrics import Slice, bias_predictions, defined, in_parts, mae, mean_by_query, rmse

BLOCK = 65536
"""Examples predicted at once in evaluation."""


class Ranking(mtbench.Task):
    """Predict a number for a pair of query and candidate.

    Rows without a label (NaN) count neither in the loss nor in the metrics.
    """

    name = "ranking"
    scored_by = ("label", "slices", "metric_weight")
    hands = ("prediction", "representation")
    wants = "predictions"
    label: str = "user_rating"
    """Column to predict."""
    interaction: Literal["mlp", "dot"] = "mlp"
    """How the embeddings become a score: a network over both, or their dot product (matrix
    factorisation)."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Units of the network's hidden layers, ReLU each; one linear unit follows."""
    biases: bool = False
    """Add μ + b_u + b_i to the score (Koren et al., 2009): μ is the training part's mean, and a
    bias for each query and candidate is trained."""
    loss: Literal["mean_squared_error", "mean_absolute_error", "huber", "ordinal"] = (
        "mean_squared_error"
    )
    """Loss of `tf.keras.losses`; `ordinal`: negative log-likelihood of cumulative logits over
    `levels` (McCullagh, 1980), where the prediction is the expected level."""
    levels: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = (1.0, 2.0, 3.0, 4.0, 5.0)
    """The values a label can have, increasing; read by the loss `ordinal` alone."""
    l2: float = Field(0.0, ge=0, allow_inf_nan=False)
    """λ of the penalty λ (‖p_u‖² + ‖q_i‖² + b_u² + b_i²) that each example adds to its loss, p and
    q the embeddings (Koren et al., 2009, eq. 5)."""
    clip_predictions: bool = False
    """When scoring, move predictions into the range of the training part's labels."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the examples of a batch that have a label."""
    weight: str | None = None
    """Column with the weight of each row in the loss: one of weight 2 counts as two rows, one of 0
    as none; default: each counts alike. Metrics and baselines do not weigh, but for those of
    `metric_weight`."""
    metric_weight: str | None = None
    """Column with the weight of each test row in two further metrics, `rmse_weighted` and
    `mae_weighted`."""
    slices: tuple[Slice, ...] = ()
    """Report the errors of these test rows apart, too: those of popular candidates (that make 80 %
    of the training part) or of others, those of queries or candidates without a training row."""

    @field_validator("levels")
    @classmethod
    def _ordered(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if len(levels) < 2 or any(b <= a for a, b in itertools.pairwise(levels)):
            raise ValueError(f"expected at least two levels that increase, found {list(levels)}")
        return levels

    @property
    def likelihood(self) -> Literal["regression", "classification"]:  # type: ignore[override]
        """A Gaussian's, or the ordinal loss's distribution over levels."""
        return "classification" if self.loss == "ordinal" else "regression"

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """Root mean squared and mean absolute error; those of slices may be missing."""
        return (
            mtbench.Metric("rmse", higher_is_better=False, headline=True),
            mtbench.Metric("mae", higher_is_better=False),
            *(
                mtbench.Metric(f"{name}_weighted", higher_is_better=False)
                for name in (("rmse", "mae") if self.metric_weight else ())
            ),
            *(
                mtbench.Metric(f"{name}_{part}", higher_is_better=False, optional=True)
                for part in dict.fromkeys(self.slices)
                for name in ("rmse", "mae")
            ),
        )

    def needs(self) -> tuple[str, ...]:
        """The label, and weights."""
        return tuple(filter(None, (self.label, self.weight, self.metric_weight)))

    def learns_from(self) -> tuple[str, ...]:
        """The label."""
        return (self.label,)

    def build(self, num_queries: int, num_candidates: int) -> RankingHead:
        """Make the head; only the biases' sizes depend on the dataset."""
        return RankingHead(self, num_queries, num_candidates)

    def examples(self, train: mtbench.Interactions) -> tuple[mtbench.Interactions, np.ndarray]:
        """The rows with a label."""
        rows = labelled(train, self.label)
        return rows, rows.columns[self.label].astype(np.float64)

    def score(self, given: np.ndarray, part: mtbench.ScoredPart) -> dict[str, float]:
        """Errors of predictions over the test rows that have a label, summed in float64."""
        train, test = labelled(part.train, self.label), labelled(part.test, self.label)
        predictions = given[is_known(part.test.columns[self.label])]
        metrics, by_query = self.errors(train, test, predictions)
        part.by_query.update(by_query)
        return metrics

    def floors(
        self, train: mtbench.Interactions, test: mtbench.Interactions, known: mtbench.Interactions
    ) -> dict[str, dict[str, float]]:
        """Score the training part's mean, and the mean with a bias for each user and item."""
        train, test = labelled(train, self.label), labelled(test, self.label)
        mean = float(np.mean(train.columns[self.label], dtype=np.float64))
        floors = {
            "global mean": np.full(len(test), mean),
            "user+item bias": bias_predictions(train, test, self.label),
        }
        return {name: self.errors(train, test, values)[0] for name, values in floors.items()}

    def errors(
        self, train: mtbench.Interactions, test: mtbench.Interactions, predictions: np.ndarray
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Metrics, and the values of each by query, float64 `[num_queries]`.

        Args:
            train: Training rows with a label.
            test: Test rows with a label.
            predictions: One for each test row.
        """
        metrics: dict[str, float] = {}
        by_query: dict[str, np.ndarray] = {}
        difference = test.columns[self.label].astype(np.float64) - predictions
        for end, rows in in_parts(self.slices, train, test).items():
            of_part = errors(test.columns[self.label][rows], predictions[rows])
            metrics |= {name + end: value for name, value in of_part.items()}
            of_rows, whose = difference[rows], (test.query[rows], test.num_queries)
            by_query["rmse" + end] = np.sqrt(mean_by_query(of_rows**2, *whose))
            by_query["mae" + end] = mean_by_query(np.abs(of_rows), *whose)
        if self.metric_weight:
            require_weights(test, self.metric_weight)
            weights = test.columns[self.metric_weight]
            weighted = errors(test.columns[self.label], predictions, weights)
            metrics |= {f"{name}_weighted": value for name, value in weighted.items()}
        metrics = defined(metrics)
        return metrics, {name: by_query[name] for name in metrics if name in by_query}


class RankingHead:
    """A score of the embeddings of query and candidate, read as a number or as ordered levels."""

    def __init__(self, options: Ranking, num_queries: int, num_candidates: int) -> None:
        self.options = options
        sizes = (num_queries, num_candidates) if options.biases else (None, None)
        self.score = PairScore(options.units if options.interaction == "mlp" else None, *sizes)
        self.state = self.score.state
        self.range: Any = None
        if options.clip_predictions:
            self.range = tf.Variable([0.0, 0.0], trainable=False, name="range")
        self.ordinal: CumulativeLogits | None = None
        if options.loss == "ordinal":
            self.ordinal = CumulativeLogits(options.levels)
            self.state.append(self.ordinal.raw)
        else:
            total = tf.keras.losses.Reduction.SUM  # of which `loss` takes the mean
            loss = {"class_name": _KERAS[options.loss], "config": {"reduction": total}}
            self.task = tfrs.tasks.Ranking(loss=tf.keras.losses.get(loss))

    def adapt(self, train: mtbench.Interactions) -> None:
        """Set μ, or with the loss `ordinal`, whose thresholds do its work, those; and the range."""
        for column in (self.options.weight, self.options.metric_weight):
            require_weights(train, column)
        if self.ordinal or self.options.biases or self.range is not None:
            labels = labelled(train, self.options.label).columns[self.options.label]
            if self.range is not None:
                self.range.assign([labels.min(), labels.max()])
            if self.ordinal:
                self.ordinal.adapt(labels, self.options.label)
            elif self.options.biases:
                self.score.offset.assign(np.mean(labels, dtype=np.float64))

    def predict(self, batch: Any) -> Any:
        """Predictions, float32 `[batch]`."""
        prediction = self.hand_on(batch)["prediction"]
        if self.range is None:
            return prediction
        return tf.clip_by_value(prediction, self.range[0], self.range[1])

    def hand_on(self, batch: Any) -> dict[str, Any]:
        """Predictions before any are clipped, float32 `[batch]`, and what they were made of."""
        score, hidden = self.score.with_hidden(batch.query, batch.candidate)
        prediction = self.ordinal.expected(score) if self.ordinal else score
        return {"prediction": prediction, "representation": hidden}

    def counted(self, batch: Any) -> Any:
        """Number of rows that the loss is of, an integer scalar; None for all with a label."""
        if self.options.weight is None:
            return None
        _, weights = labels_of(batch, self.options.label, self.options.weight)
        return tf.math.count_nonzero(weights)

    def loss(self, batch: Any) -> Any:
        """Loss over the batch, scalar."""
        options = self.options
        labels, weights = labels_of(batch, options.label, options.weight)
        score = self.score(batch.query, batch.candidate)
        if self.ordinal:
            losses = self.ordinal.losses(labels, score)
            loss = reduced(losses, weights, options.reduction)
        else:
            # [batch, 1] each: Keras averages a loss over the last axis before it sums
            loss = self.task(
                labels=labels[:, tf.newaxis],
                predictions=score[:, tf.newaxis],
                sample_weight=weights,
                compute_metrics=False,
            )
            if options.reduction == "mean":
                loss = tf.math.divide_no_nan(loss, tf.reduce_sum(weights))
        if options.l2:
            norms = self.score.squared_norms(batch.query, batch.candidate)
            loss += options.l2 * reduced(norms, weights, options.reduction)
        return loss

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Errors over the whole test part, summed in float64."""
        parts = [self.predict(batch).numpy() for _, batch in view.batches(BLOCK)]
        return self.options.score(np.concatenate(parts), view)


_KERAS = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "huber": "Huber",
}


def errors(
    labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Root mean squared and mean absolute error, in float64."""
    return {
        "rmse": rmse(labels, predictions, weights),
        "mae": mae(labels, predictions, weights),
    }


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Ranking]
