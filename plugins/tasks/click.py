"""Say whether a query takes a candidate: rated at all, or rated high. Sigmoid cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field, model_validator

import mtbench
from mtbench.data import is_known, labelled, require_weights
from mtbench.kit import (
    PairScore,
    Sampler,
    chosen,
    labels_of,
    reduced,
    repeated,
    unseen,
    weights_of,
)
from mtbench.metrics import bias_logits, positive_rate, predictions

BLOCK = 65536
"""Examples scored at once in evaluation."""
STREAM = 20_251
"""Seed of the negatives of the test part: one for all models, runs and floors."""


class Click(mtbench.Task):
    """Predict the probability that a pair of query and candidate is a positive.

    Without `threshold` every row is a positive, and for each one `negatives_per_positive`
    candidates are drawn that its query has no row with: for training anew in each step, among what
    is in no training row of the query; for the part that is scored once, among what is in no row of
    it that is known or scored, from a seed that is always the same, so that all models of a split
    are scored on the same pairs.
    """

    name = "click"
    likelihood = "classification"
    hands = ("logit", "representation")
    threshold: float | None = Field(None, allow_inf_nan=False)
    """A row is a positive if its label is at least this, else a negative; a row without a label
    does not count. Default: all rows are positives, negatives are drawn."""
    label: str = "user_rating"
    """Column that `threshold` is about."""
    negatives_per_positive: int = Field(4, ge=1)
    """Negatives drawn for each row, in training and in scoring."""
    negatives: Literal["uniform", "popularity"] = "uniform"
    """How they are drawn from the catalogue: each candidate alike, or by its popularity."""
    popularity_exponent: float = Field(1.0, ge=0, allow_inf_nan=False)
    """With `negatives: popularity` a candidate with n training rows is drawn in proportion to n to
    the power of it."""
    interaction: Literal["mlp", "dot"] = "mlp"
    """How the embeddings become a logit: a network over both, or their dot product."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (256, 128)
    """Units of the network's hidden layers, ReLU each; one linear unit follows."""
    biases: bool = False
    """Add the logit of the share of positives, and a trained bias of query and candidate."""
    l2: float = Field(0.0, ge=0, allow_inf_nan=False)
    """λ of the penalty λ (‖p_u‖² + ‖q_i‖² + b_u² + b_i²) that each pair adds to its loss, p and q
    the embeddings."""
    reduction: Literal["mean", "sum"] = "mean"
    """Over the pairs of a batch."""
    weight: str | None = None
    """Column with the weight in the loss of each row, and of the negatives drawn for it: one of
    weight 2 counts as two rows, one of 0 as none; default: each counts alike. Metrics do not
    weigh."""

    @model_validator(mode="after")
    def _of_the_mode(self) -> Click:
        for option in ("negatives_per_positive", "negatives", "popularity_exponent"):
            if self.threshold is not None and getattr(self, option) != _default(option):
                raise ValueError(f"expected {option} without threshold, found both")
        if self.negatives == "uniform" and self.popularity_exponent != 1.0:
            raise ValueError("expected popularity_exponent with negatives popularity")
        return self

    @property
    def exponent(self) -> float:
        """Negatives are drawn in proportion to the number of training rows to the power of it."""
        return self.popularity_exponent if self.negatives == "popularity" else 0.0

    def metrics(self) -> tuple[mtbench.Metric, ...]:
        """Of the order: AUC, and AUC within queries; of the probabilities: log loss, calibration.

        The first are missing where the part has positives or negatives alone.
        """
        return (
            mtbench.Metric("auc", higher_is_better=True, headline=True, optional=True),
            mtbench.Metric("gauc", higher_is_better=True, optional=True),
            mtbench.Metric("log_loss", higher_is_better=False, headline=True),
            mtbench.Metric("calibration_error", higher_is_better=False),
        )

    def needs(self) -> tuple[str, ...]:
        """The label, where there is a threshold, and weights."""
        return (*self.learns_from(), *([self.weight] if self.weight else []))

    def learns_from(self) -> tuple[str, ...]:
        """The label, where there is a threshold."""
        return () if self.threshold is None else (self.label,)

    def check(self, rows: mtbench.Interactions) -> None:
        """Refuse a threshold that no label reaches, or that all do."""
        if self.threshold is None:
            return
        positive = self.positives(labelled(rows, self.label))
        if positive.all() or not positive.any():
            none, way_out = ("below", "raise it") if positive.all() else ("of at least", "lower it")
            raise mtbench.DataError(
                f"expected a {self.label} {none} the threshold {self.threshold:g} in some rows, "
                f"found none in {len(positive)}: {way_out}"
                + ("; without one all rows are positives" if positive.all() else "")
            )

    def build(self, num_queries: int, num_candidates: int) -> ClickHead:
        """Make the head."""
        return ClickHead(self, num_queries, num_candidates)

    def positives(self, rows: mtbench.Interactions) -> np.ndarray:
        """Whether each of some labelled rows is a positive, bool `[n]`; without a threshold all."""
        if self.threshold is None:
            return np.ones(len(rows), bool)
        return np.asarray(rows.columns[self.label] >= self.threshold)

    def rate(self, train: mtbench.Interactions) -> float:
        """Share of positives, one row of either kind added, so that it is neither 0 nor 1."""
        if self.threshold is None:
            return 1.0 / (1.0 + self.negatives_per_positive)
        return positive_rate(self.positives(labelled(train, self.label)))

    def floors(
        self, train: mtbench.Interactions, test: mtbench.Interactions, known: mtbench.Interactions
    ) -> dict[str, dict[str, float]]:
        """Score the training part's rate, and the logits that popularity or biases give."""
        pairs, rate = self.pairs(train, test, known), self.rate(train)
        constant = np.full(len(pairs.query), np.log(rate / (1 - rate)))
        if self.threshold is None:
            name, logits = "popularity", self.popularity_logits(train)[pairs.candidate]
        else:
            train = labelled(train, self.label)
            logits = bias_logits(train, self.positives(train), pairs.query, pairs.candidate)
            name = "user+item bias"
        return {"constant rate": pairs.score(constant), name: pairs.score(logits)}

    def pairs(
        self, train: mtbench.Interactions, test: mtbench.Interactions, known: mtbench.Interactions
    ) -> Pairs:
        """The pairs to score: the labelled rows, or all rows and negatives, always the same ones.

        Arguments as for `floors`.
        """
        if self.threshold is not None:
            rows = np.flatnonzero(is_known(test.columns[self.label]))
            test = test.take(rows)
            return Pairs(test.query, test.candidate, self.positives(test), rows, test.num_queries)
        order = np.argsort(test.query, kind="stable")  # whatever order it comes in
        test = test.take(order)
        counts = np.bincount(train.candidate, minlength=train.num_candidates)
        query = np.repeat(test.query, self.negatives_per_positive)
        weights, rng = counts.astype(np.float64) ** self.exponent, np.random.default_rng(STREAM)
        drawn, is_unseen = unseen(query, weights, (known, test), rng)
        return Pairs(
            np.concatenate([test.query, query[is_unseen]]),
            np.concatenate([test.candidate, drawn[is_unseen]]),
            np.arange(len(test) + is_unseen.sum()) < len(test),
            np.concatenate([order, np.repeat(order, self.negatives_per_positive)[is_unseen]]),
            test.num_queries,
        )

    def popularity_logits(self, train: mtbench.Interactions) -> np.ndarray:
        """The logits ln p_i − ln (K q_i), float64 `[num_candidates]`.

        With K negatives for each positive, a candidate's pairs have p_i positives for K q_i
        negatives: p_i is its share of the training part, one row added to each, q_i of the draws.
        """
        counts = np.bincount(train.candidate, minlength=train.num_candidates) + 1.0
        draws = counts**self.exponent
        odds = (counts / counts.sum()) / (draws / draws.sum())
        return np.asarray(np.log(odds) - np.log(self.negatives_per_positive))


def _default(option: str) -> Any:
    return Click.model_fields[option].default


@dataclass(frozen=True)
class Pairs:
    """Pairs of query and candidate to score."""

    query: np.ndarray
    """int `[n]`."""
    candidate: np.ndarray
    """int `[n]`."""
    positive: np.ndarray
    """bool `[n]`."""
    row: np.ndarray
    """Test row whose context each has, int `[n]`."""
    num_queries: int

    def score(self, logits: np.ndarray) -> dict[str, float]:
        """The metrics of their logits, `[n]`."""
        found = predictions.of_logits(self.positive, logits)
        gauc = predictions.gauc(self.positive, logits, self.query, self.num_queries)
        return predictions.defined({"auc": found["auc"], "gauc": gauc, **found})

    def by_query(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """The AUC and the mean loss of each query's pairs."""
        losses = predictions.log_losses(self.positive, logits)
        return {
            "gauc": predictions.auc_by_query(self.positive, logits, self.query, self.num_queries),
            "log_loss": predictions.mean_by_query(losses, self.query, self.num_queries),
        }


class ClickHead:
    """A logit of the embeddings of query and candidate."""

    def __init__(self, options: Click, num_queries: int, num_candidates: int) -> None:
        self.options = options
        sizes = (num_queries, num_candidates) if options.biases else (None, None)
        self.score = PairScore(options.units if options.interaction == "mlp" else None, *sizes)
        self.state = self.score.state
        if options.threshold is None:
            self.sampler = Sampler(num_candidates, options.exponent)
            self.state += self.sampler.state

    def adapt(self, train: mtbench.Interactions) -> None:
        """Set the offset of the biases, and what each query has."""
        require_weights(train, self.options.weight)
        if self.options.biases:
            rate = self.options.rate(train)
            self.score.offset.assign(np.log(rate / (1 - rate)))
        if self.options.threshold is None:
            self.sampler.adapt(train)

    def counted(self, batch: Any) -> Any:
        """Number of rows that the loss is of, an integer scalar; None for all that learn."""
        options = self.options
        if options.weight is None:
            return None
        weights = weights_of(batch, options.weight)
        if options.threshold is not None:
            _, weights = labels_of(batch, options.label, options.weight)
        return tf.math.count_nonzero(weights)

    def loss(self, batch: Any) -> Any:
        """Loss over the batch, scalar."""
        options = self.options
        pairs = [(batch.query, batch.candidate)]
        if options.threshold is None:
            number = options.negatives_per_positive
            negative, negative_weights = self.sampler.from_catalogue(batch, number)
            pairs.append((repeated(batch.query, number), negative))
            weights = weights_of(batch, options.weight)
            targets = tf.concat([tf.ones_like(weights), tf.zeros_like(negative_weights)], 0)
            weights = tf.concat([weights, tf.repeat(weights, number) * negative_weights], 0)
        else:
            labels, weights = labels_of(batch, options.label, options.weight)
            targets = tf.cast(labels >= options.threshold, tf.float32)
        logits = tf.concat([self.score(*pair) for pair in pairs], 0)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        if options.l2:
            norms = [self.score.squared_norms(*pair) for pair in pairs]
            losses += options.l2 * tf.concat(norms, 0)
        return reduced(losses, weights, options.reduction)

    def hand_on(self, batch: Any) -> dict[str, Any]:
        """The logit of each pair, float32 `[batch]`, and what it was made of, `[batch, dim]`."""
        logit, hidden = self.score.with_hidden(batch.query, batch.candidate)
        return {"logit": logit, "representation": hidden}

    def evaluate(self, view: mtbench.TestView) -> dict[str, float]:
        """Metrics over the pairs of the part that is scored."""
        pairs = self.options.pairs(view.train, view.test, view.known)
        parts = []
        for start in range(0, len(pairs.row), BLOCK):
            block = slice(start, start + BLOCK)
            left = chosen(view.askers, view.query_embeddings, view.request[pairs.row[block]])
            everything = np.arange(len(view.catalogue))
            right = chosen(everything, view.catalogue, pairs.candidate[block])
            parts.append(self.score(left, right).numpy())
        logits = np.concatenate(parts)
        metrics = pairs.score(logits)
        by_query = pairs.by_query(logits)
        view.by_query.update({name: v for name, v in by_query.items() if name in metrics})
        return metrics


@mtbench.hookimpl
def mtbench_tasks() -> list[type[mtbench.Task]]:
    """Offer the task."""
    return [Click]
