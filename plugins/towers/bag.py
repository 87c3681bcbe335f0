"""What a query did at all: the bag of its history, as in SVD++ and in autoencoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import Draws, Histories


class Bag(mtbench.Tower):
    """The sum of vectors of the candidates in a query's training interactions.

    x_u = p_u + |N(u)|^−a Σ_{j ∈ N(u)} y_j: the query's side of SVD++ (Koren, KDD 2008, eq. 15),
    with a = ½. Without p_u it is the encoder of an autoencoder of a query's history (Liang et al.,
    WWW 2018); with `dropout`, which leaves candidates out of N(u) in training, of a denoising one.
    It says as much of a query that was never seen in training as of any other.
    """

    name = "bag"
    sides = ("query",)
    embedding_dim: int = Field(32, ge=1)
    """Length of the vectors."""
    with_id: bool = True
    """Whether there is p_u, a vector for each query."""
    exponent: float = Field(0.5, ge=0, le=1)
    """a: 0 for the sum, ½ as in SVD++, 1 for the mean."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of a query's candidates left out in each training step, the same ones for all of its
    rows; the others count more."""
    by_task: bool = False
    """A linear map of x_u for each task, the identity at first."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> BagTower:
        """Make the tables.

        Raises:
            MtbenchError: The number of candidates is not known.
        """
        return BagTower(self, features, tuple(tasks) if self.by_task else ())


class BagTower:
    """`{key: int32 [n]}` to float32 `[n, embedding_dim]`, or to one for each task.

    A batch has a query in many rows, and its history is long: it is summed once.
    """

    def __init__(self, options: Bag, features: mtbench.Features, tasks: tuple[str, ...]) -> None:
        self.key, self.options = features.key, options
        self.histories = Histories(options.name, features)
        self.adapt = self.histories.adapt
        num_queries = features.num_values[features.key]
        layers = tf.keras.layers
        self.table = layers.Embedding(features.num_other, options.embedding_dim)
        self.query_table = None
        if options.with_id:
            self.query_table = layers.Embedding(num_queries, options.embedding_dim)
        self.maps = {
            task: layers.Dense(options.embedding_dim, kernel_initializer="identity", use_bias=False)
            for task in tasks
        }
        self.draws = Draws()
        self.state = [self.draws.stream, self.draws.count, *self.histories.state]

    def __call__(self, features: Mapping[str, Any], training: bool = False) -> Any:
        """Look the histories up, and sum them: once for each query of the batch."""
        query, place = tf.unique(features[self.key])
        starts = tf.gather(self.histories.starts, query)
        ends = tf.gather(self.histories.starts, query + 1)
        rows = tf.ragged.range(starts, ends)
        vectors = self.table(tf.gather(self.histories.items, rows.flat_values))
        if training and self.options.dropout:
            kept = 1.0 - self.options.dropout
            drawn = self.draws.uniform([tf.shape(vectors)[0], 1])
            vectors *= tf.cast(drawn < kept, tf.float32) / kept
        total = tf.math.unsorted_segment_sum(vectors, rows.value_rowids(), tf.size(query))
        sizes = tf.cast(tf.maximum(ends - starts, 1), tf.float32)
        bag = total * sizes[:, tf.newaxis] ** -self.options.exponent
        if self.query_table:
            bag += self.query_table(query)
        if not self.maps:
            return tf.gather(bag, place)
        return {task: tf.gather(layer(bag), place) for task, layer in self.maps.items()}


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [Bag]
