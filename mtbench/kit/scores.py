"""Scores of pairs of query and candidate, and batches in which some rows do not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from mtbench.plugin.batch import Embedded

Tensor = Any


class PairScore:
    """μ + b_u + b_i + f(p_u, q_i): f a network over both embeddings, or their dot product.

    The biases are those of Koren, Bell and Volinsky (Matrix factorization techniques for
    recommender systems, IEEE Computer, 2009, eq. 4); with the dot product it is their model.

    Args:
        units: Units of the network's hidden layers, ReLU each, before one linear unit; None for
            the dot product.
        num_queries: Number of queries; None for no b_u.
        num_candidates: Number of candidates; None for no b_i.

    Attributes:
        state: The layers and variables, for the head to keep as an attribute of its own.
        offset: μ, not trained; 0 until a head's `adapt` sets it; None without biases.
    """

    def __init__(
        self,
        units: Sequence[int] | None,
        num_queries: int | None = None,
        num_candidates: int | None = None,
    ) -> None:
        self.network: list[Any] | None = None
        if units is not None:
            hidden = [tf.keras.layers.Dense(size, activation="relu") for size in units]
            self.network = [*hidden, tf.keras.layers.Dense(1)]
        self._query_bias = _zeros(num_queries, "query_bias")
        self._candidate_bias = _zeros(num_candidates, "candidate_bias")
        biases = [b for b in (self._query_bias, self._candidate_bias) if b is not None]
        self.offset: Any = None
        if biases:
            self.offset = tf.Variable(0.0, trainable=False, name="offset")
            biases.append(self.offset)
        self.state = [*(self.network or []), *biases]

    def __call__(self, query: Embedded, candidate: Embedded) -> Tensor:
        """The score of each example, float32 `[batch]`."""
        return self.with_hidden(query, candidate)[0]

    def with_hidden(self, query: Embedded, candidate: Embedded) -> tuple[Tensor, Tensor]:
        """The score of each example, float32 `[batch]`, and what it is a sum of, `[batch, dim]`.

        That is the network's last hidden layer, or the products p_u q_i, element by element.
        """
        left, right = query.expand(), candidate.expand()
        if self.network is None:
            hidden = left * right
            score = tf.reduce_sum(hidden, axis=1)
        else:
            hidden = tf.concat([left, right], axis=1)
            for layer in self.network[:-1]:
                hidden = layer(hidden)
            score = tf.squeeze(self.network[-1](hidden), axis=1)
        for bias, side in self._biases(query, candidate):
            score += tf.gather(tf.gather(bias, side.ids), side.rows)
        return (score if self.offset is None else score + self.offset), hidden

    def squared_norms(self, query: Embedded, candidate: Embedded) -> Tensor:
        """‖p_u‖² + ‖q_i‖² + b_u² + b_i² of each example, float32 `[batch]`."""
        return squared_norm(query, self._query_bias) + squared_norm(candidate, self._candidate_bias)

    def _biases(self, query: Embedded, candidate: Embedded) -> list[tuple[Any, Embedded]]:
        pairs = ((self._query_bias, query), (self._candidate_bias, candidate))
        return [(bias, side) for bias, side in pairs if bias is not None]


class DotScore:
    """p_u · q_i + b_i, or its cosine instead of the product, as one product of two vectors.

    Args:
        normalize: Whether the embeddings are divided by their norms.
        num_candidates: Number of candidates; None for no b_i.

    Attributes:
        state: The variables, for the head to keep as an attribute of its own.
    """

    def __init__(self, normalize: bool = False, num_candidates: int | None = None) -> None:
        self._normalize = normalize
        self._bias = _zeros(num_candidates, "candidate_bias")
        self.state = [] if self._bias is None else [self._bias]

    def queries(self, embeddings: Tensor) -> Tensor:
        """Vectors of queries: p, or (p, 1). float32 `[n, dim]` of `[n, embedding_dim]`."""
        vectors = self._normalized(embeddings)
        if self._bias is None:
            return vectors
        return tf.concat([vectors, tf.ones_like(vectors[:, :1])], axis=1)

    def candidates(self, embeddings: Tensor, ids: Tensor | None = None) -> Tensor:
        """Vectors of candidates: q, or (q, b).

        Args:
            embeddings: float32 `[n, embedding_dim]`.
            ids: int32 `[n]`; None where they are all there are.
        """
        vectors = self._normalized(embeddings)
        if self._bias is None:
            return vectors
        bias = self._bias if ids is None else tf.gather(self._bias, ids)
        return tf.concat([vectors, bias[:, tf.newaxis]], axis=1)

    def query(self, side: Embedded) -> Embedded:
        """The queries with their vectors in place of their embeddings."""
        return _with(side, self.queries(side.embeddings))

    def candidate(self, side: Embedded) -> Embedded:
        """The candidates with their vectors in place of their embeddings."""
        return _with(side, self.candidates(side.embeddings, side.ids))

    def squared_norms(self, query: Embedded, *candidates: Embedded) -> Tensor:
        """‖p_u‖² + Σ ‖q_i‖² + b_i² of each example, float32 `[batch]`, whatever is normalized."""
        return squared_norm(query) + sum(squared_norm(side, self._bias) for side in candidates)

    def _normalized(self, embeddings: Tensor) -> Tensor:
        return tf.math.l2_normalize(embeddings, axis=1) if self._normalize else embeddings


def _with(side: Embedded, embeddings: Tensor) -> Embedded:
    if embeddings is side.embeddings:
        return side
    return Embedded(side.ids, embeddings, side.rows, side.counts, side.grouped)


def _zeros(size: int | None, name: str) -> Any:
    return None if size is None else tf.Variable(tf.zeros([size]), name=name)


def squared_norm(side: Embedded, bias: Any = None) -> Tensor:
    """‖p‖² + b² of each example, float32 `[batch]`; `bias` is None or has a b for each id."""
    norms = tf.reduce_sum(side.embeddings**2, axis=1)
    if bias is not None:
        norms += tf.gather(bias, side.ids) ** 2
    return tf.gather(norms, side.rows)
