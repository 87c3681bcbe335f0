"""Candidates that a query has no interaction with, drawn inside a training step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.data.interactions import Interactions
from mtbench.metrics.seen import Seen
from mtbench.plugin.batch import Batch, Embedded

from .draws import Draws

Tensor = Any
ROUNDS = 4
"""How often a negative is drawn again before its pair is left out."""
_END = np.iinfo(np.int64).max


class Sampler:
    """Draws negatives: for each example of a batch candidates that its query has not.

    What a query has in the training part is drawn again, and so is the example's own candidate. The
    numbers are a function of the run's seed and of how many training steps there were, both kept in
    variables; outside of training they are those of the last step.

    Args:
        num_candidates: Number of candidates.
        exponent: A candidate with n training rows is drawn in proportion to n^exponent: 0 for a
            uniform distribution.
        exclude_seen: Whether to draw again what the query has in the training part.

    Attributes:
        state: The variables, for the head to keep as an attribute of its own.
    """

    def __init__(self, num_candidates: int, exponent: float, exclude_seen: bool = True) -> None:
        self._size, self._exponent = num_candidates, exponent
        uniform = np.arange(1, num_candidates + 1) / num_candidates
        self._cumulative = tf.Variable(uniform, trainable=False, name="cumulative")
        self._draws = Draws()
        self.state = [self._cumulative, self._draws.stream, self._draws.count]
        self._seen: Any = None
        if exclude_seen:
            nothing = tf.constant([_END], tf.int64)
            self._seen = tf.Variable(nothing, trainable=False, name="seen", shape=[None])
            self.state.append(self._seen)

    def adapt(self, train: Interactions) -> None:
        """Take the distribution, and what each query has seen, from the training part."""
        counts = np.bincount(train.candidate, minlength=train.num_candidates)
        weights = np.cumsum(counts.astype(np.float64) ** self._exponent)
        self._cumulative.assign(weights / weights[-1])
        if self._seen is not None:
            pairs = np.unique(train.query.astype(np.int64) * self._size + train.candidate)
            self._seen.assign(np.append(pairs, _END))

    def from_catalogue(self, batch: Batch, number: int) -> tuple[Embedded, Tensor]:
        """Draw from all candidates.

        Args:
            batch: The batch; its catalogue is embedded.
            number: How many negatives for each example.

        Returns:
            Negatives, `number` for the first example, then for the second …; and their weights,
            float32 `[batch · number]`, 1 or, where none was found, 0.
        """
        drawn = tf.searchsorted(self._cumulative, self._uniform(batch, number), side="right")
        drawn = tf.minimum(tf.reshape(drawn, [-1, ROUNDS]), self._size - 1)
        choice, weights = self._first_unseen(batch, drawn, number)
        rows = tf.gather(drawn, choice, batch_dims=1)
        return chosen(tf.range(self._size), batch.catalogue(), rows), weights

    def from_batch(self, batch: Batch, number: int) -> tuple[Embedded, Tensor]:
        """Draw from the candidates of the batch's examples; arguments as for `from_catalogue`."""
        candidate = batch.candidate
        size = tf.size(candidate.rows)
        drawn = self._uniform(batch, number) * tf.cast(size, tf.float64)
        examples = tf.minimum(tf.cast(tf.reshape(drawn, [-1, ROUNDS]), tf.int32), size - 1)
        positions = tf.gather(candidate.rows, examples)
        choice, weights = self._first_unseen(batch, tf.gather(candidate.ids, positions), number)
        rows = tf.gather(positions, choice, batch_dims=1)
        return chosen(candidate.ids, candidate.embeddings, rows), weights

    def _uniform(self, batch: Batch, number: int) -> Tensor:
        """Numbers from 0 to 1, exclusive, float64 `[batch · number · ROUNDS]`."""
        shape = [tf.size(batch.query.rows) * number * ROUNDS]
        return tf.cast(self._draws.uniform(shape, batch.everything.training), tf.float64)

    def _first_unseen(self, batch: Batch, drawn: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Choose among the candidates drawn for a negative.

        Args:
            batch: The batch.
            drawn: int32 `[batch · number, ROUNDS]`.
            number: How many negatives for each example.

        Returns:
            The place of the first that its query has not, int32 `[batch · number]`, and 1 where
            there is one, else 0, float32.
        """
        positives = tf.gather(batch.candidate.ids, batch.candidate.rows)
        wrong = drawn == tf.repeat(positives, number)[:, tf.newaxis]
        if self._seen is not None:
            queries = tf.gather(batch.query.ids, batch.query.rows)
            pairs = tf.repeat(tf.cast(queries, tf.int64) * self._size, number)[:, tf.newaxis]
            pairs = tf.reshape(pairs + tf.cast(drawn, tf.int64), [-1])
            has = tf.gather(self._seen, tf.searchsorted(self._seen, pairs)) == pairs
            wrong |= tf.reshape(has, tf.shape(drawn))
        choice = tf.argmin(tf.cast(wrong, tf.int32), axis=1, output_type=tf.int32)
        return choice, tf.cast(~tf.reduce_all(wrong, axis=1), tf.float32)


def unseen(
    query: np.ndarray, weights: np.ndarray, rows: Sequence[Interactions], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a candidate for each query that it has in none of some rows.

    Args:
        query: int `[n]`, a query may be there many times.
        weights: float `[num_candidates]`, in proportion to which a candidate is drawn.
        rows: What queries have.
        rng: Where randomness comes from.

    Returns:
        The candidates, int64 `[n]`, and whether one was found, bool `[n]`: after a hundred draws a
        query is taken to have all there are.
    """
    cumulative = np.cumsum(weights) / np.sum(weights)
    drawn, again = np.zeros(len(query), np.int64), np.arange(len(query))
    for _ in range(100):
        tried = np.searchsorted(cumulative, rng.random(len(again)), side="right")
        drawn[again] = np.minimum(tried, len(weights) - 1)
        has = [Seen.of(part).contains(query[again], drawn[again]) for part in rows]
        again = again[np.any(has, axis=0)]
        if not len(again):
            break
    is_unseen = np.ones(len(query), bool)
    is_unseen[again] = False
    return drawn, is_unseen


def repeated(side: Embedded, number: int) -> Embedded:
    """Each example so many times, one after the other."""
    return chosen(side.ids, side.embeddings, tf.repeat(side.rows, number))


def chosen(ids: Tensor, embeddings: Tensor, rows: Tensor) -> Embedded:
    """Rows of a table, `grouped` in that they are gathered from it.

    Args:
        ids: int32 `[n]`.
        embeddings: float32 `[n, embedding_dim]`.
        rows: int32 `[examples]`, which of these each example has.
    """
    counts = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, tf.size(ids))
    return Embedded(ids, embeddings, rows, counts, True)
